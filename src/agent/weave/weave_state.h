/*
 * weave_state: what one call of weave_method knows while it works, and the small steps that
 * all kinds of probes are made of. Private to the room.
 *
 * Failure is sticky, as in il_body: weave_fail keeps the first reason, later steps go on
 * emitting into a body that will be thrown away, and weave_method looks once at the end.
 */
#ifndef WEAVE_STATE_H
#define WEAVE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "clr_element.h"
#include "clr_token.h"
#include "il_body.h"
#include "metadata_image.h"
#include "metadata_signature.h"
#include "weave.h"

/* As in recorder.h, which this room does not see. */
#define WEAVE_MAX_VALUES   96
#define WEAVE_STAGE_VALUES 5

#define WEAVE_NO_LOCAL   UINT32_MAX
#define WEAVE_MAX_TOKENS 24

/* A token asked for in this call, and what a call of it does to the stack. */
struct weave_known {
    mdToken token;
    uint32_t arguments;
    bool returns;
};

/* Locals of one type that are handed out by number, made when first asked for. */
struct weave_pool {
    uint32_t count;
    uint32_t index[WEAVE_MAX_VALUES + 1];
};

struct weave {
    const struct weave_request *request;
    enum status status; /* the first failure */
    struct error error;
    struct arena arena;
    struct il_body il;

    /* The method. */
    mdToken type; /* TypeDef that owns it */
    struct meta_signature signature;
    const struct meta_type *result; /* what `ret` takes, without modifiers; NULL: nothing */
    bool returns_value; /* so does `ret`; `result` may be changed to what a builder takes */
    bool has_this;
    bool value_this; /* `this` is a byref to a value type */
    bool constructor;

    /* The body as given. */
    struct il_instruction *first;
    struct il_instruction *last;
    uint32_t returns; /* `ret` instructions */
    bool jumps;       /* holds `jmp` */
    bool tails;       /* holds `tail.` */

    /* Locals: the method's own, then ours. */
    uint32_t own_locals;
    uint32_t local_count;
    struct buffer local_types; /* the types of all of them, one behind the other */
    struct weave_pool objects; /* pinned object */
    struct weave_pool byrefs;  /* pinned uint8& */
    struct weave_pool doubles;
    uint32_t call_local; /* the call's number; WEAVE_NO_LOCAL: none yet, as all below */
    uint32_t key_local;
    uint32_t result_local;
    uint32_t exception_local; /* pinned object */
    uint32_t task_local;

    /* What an async or iterator body calls its own fields. */
    mdToken state_field;
    mdToken builder_field;

    uint32_t known_count;
    struct weave_known known[WEAVE_MAX_TOKENS];
    struct {
        mdToken token;
        uint8_t returns;
        uint8_t count;
    } calls[WEAVE_MAX_TOKENS];
    uint32_t call_count;
    mdToken call_conv_cdecl;
    mdToken call_conv_suppress;
    mdToken task_get_id;
};

/* Keeps the first failure; answers the status kept. */
enum status weave_fail(struct weave *weave, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* For what has filled an error of its own. */
enum status weave_fail_with(struct weave *weave, enum status status, const struct error *error);

/* ---- where code goes ------------------------------------------------------------------ */

/* A place in front of an instruction, or at the end of the body (where == NULL). */
struct weave_point {
    struct weave *weave;
    struct il_instruction *where;
    enum il_move move;            /* of the next instruction emitted; then IL_STAY */
    struct il_instruction *first; /* emitted here; NULL: none yet */
};

struct weave_point weave_before(struct weave *weave, struct il_instruction *where,
                                enum il_move move);
struct weave_point weave_at_end(struct weave *weave);
struct il_instruction *weave_emit(struct weave_point *point, struct il_code code);
struct il_instruction *weave_emit_op(struct weave_point *point, enum il_opcode opcode);
void weave_emit_long(struct weave_point *point, int64_t value);
/* A branch whose target is set later. */
struct il_instruction *weave_emit_branch(struct weave_point *point, enum il_opcode opcode,
                                         struct il_instruction *target);

/* ---- locals (weave_locals.c) ------------------------------------------------------------ */

/* Reads the method's own local signature. */
void weave_locals_open(struct weave *weave);
/* Adds one; `type` are signature bytes. */
uint32_t weave_local_new(struct weave *weave, const uint8_t *type, size_t length);
uint32_t weave_local_long(struct weave *weave, uint32_t *local);
uint32_t weave_local_result(struct weave *weave, const struct meta_type *type);
uint32_t weave_local_exception(struct weave *weave);
uint32_t weave_pool_object(struct weave *weave, uint32_t number);
uint32_t weave_pool_byref(struct weave *weave, uint32_t number);
uint32_t weave_pool_double(struct weave *weave, uint32_t number);
/* Gives the body its new local signature, where locals were added. */
void weave_locals_close(struct weave *weave);

/* ---- tokens (weave_signature.c) ----------------------------------------------------------- */

/* A StandAloneSig for an unmanaged call without GC transition: `count` parameters int64. */
mdToken weave_call_token(struct weave *weave, uint8_t returns, uint32_t count);
/* What the tenant's tokens answered, checked: bit n of `tables`: a token of table n will do. */
mdToken weave_taken(struct weave *weave, enum status status, const struct error *error,
                    mdToken token, uint32_t tables, const char *what);
mdToken weave_core_type(struct weave *weave, const char *name_space, const char *name);
/* System.Threading.Tasks.Task::get_Id */
mdToken weave_task_get_id(struct weave *weave);
/* System.Runtime.CompilerServices.RuntimeHelpers::GetHashCode(object) */
mdToken weave_get_hash_code(struct weave *weave);
/* System.Decimal::.ctor(int, int, int, bool, byte) */
mdToken weave_decimal_new(struct weave *weave);
/* .ctor(!0) of an instance of System.Nullable`1: its TypeSpec */
mdToken weave_nullable_new(struct weave *weave, mdToken type);
/* Appends a TypeDefOrRef token in a signature's coding, and a compressed number. */
void weave_append_type_token(struct buffer *blob, mdToken token);
void weave_append_compressed(struct buffer *blob, uint32_t value);

/* il_effects.call: the context is the struct weave. */
struct il_call;
bool weave_effect(void *context, uint32_t opcode, mdToken token, struct il_call *call);

/* ---- calls of the recorder (weave_call.c) --------------------------------------------------- */

enum weave_entry {
    WEAVE_ENTRY_COUNT,
    WEAVE_ENTRY_ENTER,
    WEAVE_ENTRY_RETURN,
    WEAVE_ENTRY_THROW,
    WEAVE_ENTRY_THROW_UNKNOWN, /* without the exception object */
    WEAVE_ENTRY_KEY_WANTED,
    WEAVE_ENTRY_SUSPENDED,
    WEAVE_ENTRY_ASYNC_FIRST,
    WEAVE_ENTRY_ASYNC_RETURN,
    WEAVE_ENTRY_ASYNC_THROW,
    WEAVE_ENTRY_ITERATOR_START,
    WEAVE_ENTRY_ITERATOR_NEXT,
    WEAVE_ENTRY_ITERATOR_END,
    WEAVE_ENTRY_ITERATOR_THROW,
};

struct weave_values {
    const struct weave_value *list;
    uint32_t count;
    bool thrown; /* there is no result: zero in its place */
};

/* Loads the values (staging those that do not fit), the fixed arguments, and calls. What the
 * entry point returns is then kept: in call_local for ENTER and ASYNC_FIRST, on the stack for
 * KEY_WANTED. Then clears all that was pinned. `values` may be NULL. */
void weave_call(struct weave_point *point, enum weave_entry which,
                const struct weave_values *values);

/* ---- values (weave_value.c) ------------------------------------------------------------------ */

/* How many pinned locals of each kind the values so far of one call have taken. */
struct weave_pins {
    uint32_t objects;
    uint32_t byrefs;
};

/* Says what is wrong with a value of the request; to be called before code is emitted. */
void weave_values_check(struct weave *weave, const struct weave_value *values, uint32_t count,
                        bool at_entry);
/* Pushes the value as an int64. `slot`: its place among those that are on the stack at once. */
void weave_value_push(struct weave_point *point, const struct weave_value *value, bool thrown,
                      uint32_t slot, struct weave_pins *pins);
void weave_pins_clear(struct weave_point *point, const struct weave_pins *pins);

/* ---- fields of state machines (weave_field.c) ---------------------------------------------------
 */

/* Fields that the C# compiler and the Visual Basic one give every state machine. */
enum weave_machine_field {
    WEAVE_FIELD_STATE,
    WEAVE_FIELD_BUILDER,
};

/* True where that is the field's name in one of the two. */
bool weave_field_is(const char *name, enum weave_machine_field field);
/* Finds how the body names such a field of its own type: the token of the first instruction
 * that uses it; nil: it does not. */
mdToken weave_field_of_machine(struct weave *weave, enum weave_machine_field field);
/* The token by which code of this method names a FieldDef of its own type: itself, or, where
 * the type is generic, a MemberRef to it on the type's own instantiation. Nil: there is none. */
mdToken weave_field_reference(struct weave *weave, mdToken field);
const struct meta_type *weave_field_type(struct weave *weave, mdToken field);

/* ---- the kinds ----------------------------------------------------------------------------------
 */

/* weave_exits.c */
void weave_count(struct weave *weave);
void weave_enter(struct weave *weave);
void weave_calls(struct weave *weave);
/* Refuses what cannot have exits; drops `tail.` where allowed. */
void weave_exits_prepare(struct weave *weave);
/* Every `ret` of the body becomes (stloc result) leave. */
void weave_exits_redirect(struct weave *weave, struct il_instruction *exit);
/* Around the body, at its end: filter that keeps the exception in exception_local (`thrown`,
 * where given, is called there, for the recorder to be told in the first pass). */
struct weave_guard {
    struct il_instruction *filter;
    struct il_instruction *handler;
    struct il_instruction *fault;
    struct il_instruction *leave; /* of the filter's handler: its target is the exit */
};
void weave_guard_filter(struct weave *weave, struct weave_guard *guard, bool tell);
void weave_guard_fault(struct weave *weave, struct weave_guard *guard, enum weave_entry entry,
                       const struct weave_values *values);
/* Sets clauses and branches; `exit` is the first instruction behind the handlers. */
void weave_guard_close(struct weave *weave, struct weave_guard *guard, struct il_instruction *exit);
/* ldloc result; ret */
void weave_emit_return(struct weave_point *point);

/* weave_line.c */
void weave_count_line(struct weave *weave);
void weave_enter_line(struct weave *weave);

/* weave_async.c */
void weave_kickoff(struct weave *weave);
void weave_async_move_next(struct weave *weave);
/* weave_iterator.c */
void weave_iterator_move_next(struct weave *weave);
void weave_iterator_dispose(struct weave *weave);
/* weave_replace.c */
void weave_replace(struct weave *weave);

#endif
