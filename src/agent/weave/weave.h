/*
 * weave: a method body in, the same body with a probe out.
 *
 * Works on bytes and metadata only: it never calls the runtime. What it needs from there
 * (tokens for signatures, types and members in the method's module) it asks through
 * struct weave_tokens. One call weaves one probe; several probes on a method are several
 * calls, each on the result of the one before (the outermost is woven last).
 * Runs inside GetReJITParameters on a thread of the target, and in tests on any thread.
 *
 * What comes out: enter code in front of the body, the body in a try with a filter (returns
 * 0; keeps the exception in a local) inside a try with a fault, every `ret` a `leave` to one
 * exit behind it, locals appended to the method's own. Nothing inside the body is changed but
 * ret, branch lengths, `tail.` where allowed, and the calls that complete an async method.
 * Clauses that exist stay innermost. Where no exit is wanted (count, on enter) there is no try;
 * an async method has the fault alone (its exceptions go into the Task), its MoveNext neither,
 * an iterator's MoveNext the filter alone, which tells at once: its own fault block disposes.
 *
 * WEAVE_REPLACE is the one kind that changes what a method does: nothing of the body is left, and
 * a literal is returned (out parameters get their default). It is woven first, so that probes see
 * the calls and what they give now.
 *
 * Byrefs are handed over as they are: an address that is not 0 may still be none (CoreLib
 * makes references to address 1 for empty spans), so the recorder looks before it reads.
 *
 * Woven calls are `calli` with an unmanaged cdecl signature carrying
 * CallConvSuppressGCTransition, the entry point's address as ldc.i8: clr-facts.md, section 3.
 * Every address of something of the target passed to native code comes from a pinned local,
 * which is cleared behind the call (section 13, the GC rule).
 */
#ifndef WEAVE_H
#define WEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"

/* From room metadata. */
struct metadata_image;

/* How a value of a declared type is handed to the recorder; the same numbers as
 * recorder_capture.h's enum capture_pass. */
enum weave_pass {
    WEAVE_PASS_SCALAR = 1,    /* bool, char, integers, native ints, pointers: conv to i8/u8 */
    WEAVE_PASS_DOUBLE = 2,    /* r4, r8: as the bits of a double, through a local */
    WEAVE_PASS_REFERENCE = 3, /* class, string, object, arrays, generic class */
    WEAVE_PASS_ADDRESS = 4,   /* value types, T: their address; byrefs: the address they hold */
};

enum weave_source {
    WEAVE_ARGUMENT = 1, /* index: argument number, `this` being 0 in instance methods */
    WEAVE_RESULT = 2, /* the value returned (exit only); async: the builder's SetResult argument */
    WEAVE_FIELD = 3,  /* iterators, at start: a field of the state machine; token says which */
};

struct weave_value {
    enum weave_source source;
    uint16_t index;
    uint32_t token;       /* WEAVE_FIELD: FieldDef in the method's own type */
    enum weave_pass pass; /* what weave_pass_of() says of the declared type */
};

enum weave_kind {
    WEAVE_COUNT = 1,       /* recorder_count at entry */
    WEAVE_ENTER,           /* recorder_enter at entry only */
    WEAVE_CALL,            /* enter, return, throw */
    WEAVE_ASYNC_KICKOFF,   /* the async method itself: enter; suspended key before its return */
    WEAVE_ASYNC_MOVE_NEXT, /* its state machine's MoveNext: first, completion */
    WEAVE_ITERATOR_MOVE_NEXT,
    WEAVE_ITERATOR_DISPOSE, /* ends an enumeration that was left early */
    WEAVE_REPLACE,          /* the whole body becomes: return `literal` */
    WEAVE_COUNT_LINE,       /* recorder_count in front of one instruction */
    WEAVE_ENTER_LINE,       /* recorder_enter there, with the arguments as they are then */
};

/* What a replaced body returns; whoever asks has checked that the method returns just that. */
enum weave_literal_kind {
    WEAVE_LITERAL_NOTHING = 1, /* void */
    WEAVE_LITERAL_DEFAULT,     /* of any type: zero bytes; null for references */
    WEAVE_LITERAL_INT32,       /* bool, char, integers up to 32 bits, enums of these: bits */
    WEAVE_LITERAL_INT64,
    WEAVE_LITERAL_NATIVE, /* nint, nuint: bits, widened by their sign */
    WEAVE_LITERAL_FLOAT,  /* bits of the float */
    WEAVE_LITERAL_DOUBLE, /* bits of the double */
    WEAVE_LITERAL_DECIMAL,
    WEAVE_LITERAL_STRING,
};

struct weave_literal {
    enum weave_literal_kind kind;
    bool nullable; /* the method returns Nullable<T>, and the literal is its T */
    uint64_t bits; /* DECIMAL: the lower 64 of its 96 bits */
    uint32_t high;
    uint8_t scale;
    bool negative;
    const uint16_t *units;
    uint32_t unit_count;
};

/* Addresses of the recorder's entry points (recorder.h), so that tests can give their own. */
struct weave_entry_points {
    const void *enter;
    const void *stage;
    const void *return_;
    const void *throw_;
    const void *count;
    const void *suspended_key_wanted;
    const void *suspended;
    const void *async_first;
    const void *async_return;
    const void *async_throw;
    const void *iterator_start;
    const void *iterator_next;
    const void *iterator_throw;
};

/* Tokens in the scope of the method's module. Each function answers the same token for the
 * same question (the implementer caches). Implemented by recompile over IMetaDataEmit, in
 * tests over a table. */
struct weave_tokens {
    void *context;
    /* A StandAloneSig token for a signature blob (calli or locals). */
    enum status (*signature)(void *context, const uint8_t *blob, size_t length, uint32_t *token,
                             struct error *error);
    /* A TypeRef (TypeDef inside System.Private.CoreLib) to a public type of the core library. */
    enum status (*core_type)(void *context, const char *name_space, const char *name,
                             uint32_t *token, struct error *error);
    /* A MemberRef (MethodDef inside System.Private.CoreLib) to a method of such a type. */
    enum status (*core_method)(void *context, uint32_t type, const char *name,
                               const uint8_t *signature, size_t length, uint32_t *token,
                               struct error *error);
    /* The blob of a StandAloneSig that is not in the image, because it was added while the
     * program runs (the locals of a body that was woven before): through IMetaDataImport's
     * GetSigFromToken. Borrowed until weave_method returns. NULL: there are none such. */
    enum status (*signature_blob)(void *context, uint32_t token, const uint8_t **blob,
                                  size_t *length, struct error *error);
    /* For WEAVE_REPLACE only. A TypeSpec for a type's signature bytes. */
    enum status (*type_spec)(void *context, const uint8_t *blob, size_t length, uint32_t *token,
                             struct error *error);
    /* A MemberRef to a method of a TypeSpec. */
    enum status (*member)(void *context, uint32_t parent, const char *name,
                          const uint8_t *signature, size_t length, uint32_t *token,
                          struct error *error);
    /* A token for ldstr. */
    enum status (*user_string)(void *context, const uint16_t *units, size_t count, uint32_t *token,
                               struct error *error);
};

struct weave_request {
    const struct metadata_image
        *image;          /* of the method's module: names and signatures behind tokens */
    uint32_t method;     /* MethodDef token */
    const uint8_t *body; /* header, code, sections: as the runtime gives it */
    size_t body_length;
    enum weave_kind kind;
    uint64_t handle; /* recorder.h */
    const struct weave_entry_points *entry_points;
    const struct weave_tokens *tokens;
    uint32_t enter_count;
    /* Kinds that have no such moment do not look. Refused at entry: `this` of a constructor. */
    const struct weave_value *enter;
    uint32_t exit_count; /* read at return and throw, numbered alike: RESULT stands last, and is
                            0 at a throw */
    const struct weave_value *exit;
    bool drop_tail; /* allow to drop `tail.` under exits; else such methods are refused */
    /* ASYNC_MOVE_NEXT, and ASYNC_KICKOFF of async void: offset of the Task reference in the
     * builder */
    uint32_t task_offset;
    /* COUNT_LINE, ENTER_LINE: offset of the instruction in `body`. Every way to it is seen, and
     * what is on the stack there stays. `line_nearest`: an offset at which none begins, or in
     * front of which no code may stand, means the nearest before it; else it is refused. */
    uint32_t line;
    bool line_nearest;
    const struct weave_literal *literal; /* REPLACE */
};

/* One pair of the IL map: an offset of the body given, and where it stands now. */
struct weave_map_entry {
    uint32_t old_offset;
    uint32_t new_offset;
};

struct weave_result {
    struct buffer body;          /* with header, ready for SetILFunctionBody */
    struct weave_map_entry *map; /* ascending; malloc'd */
    size_t map_count;
};

/* Weaves. On any failure *result is empty and *error says why (STATUS_UNSUPPORTED: this
 * method cannot carry such a probe; STATUS_MALFORMED: the body breaks the rules). The result
 * has been checked structurally (il_check) before it is handed out. */
enum status weave_method(const struct weave_request *request, struct weave_result *result,
                         struct error *error);
void weave_result_release(struct weave_result *result);

/* How a value whose signature type begins with this element is passed; byref: the element
 * ELEMENT_TYPE_BYREF itself. 0: it cannot be shown (void, typed references). */
enum weave_pass weave_pass_of(uint8_t element_type, bool generic_instance_is_value_type);

/* STATUS_OK, or why a method can never carry a probe whatever its body (weave_never.def): what
 * woven code itself reaches, JIT helpers, exception dispatch; the reason speaks of "it" and
 * wants the method's name in front. `type` without its namespace,
 * nested types as Outer+Inner with the namespace of Outer. The names count, whatever the
 * module: ask for methods of System.Private.CoreLib only. */
enum status weave_never(const char *name_space, const char *type, const char *method,
                        struct error *error);

#endif
