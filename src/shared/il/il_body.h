/*
 * il_body: a method body in memory, to be changed (ECMA-335 II.25.4 and III).
 *
 * Parsing turns bytes into a list of instructions in which branch targets, switch targets
 * and clause boundaries are instructions, not offsets: so code goes in anywhere. Writing
 * computes the offsets anew.
 *
 *     struct il_body body;
 *     status = il_body_parse(&body, bytes, length, &error);
 *     il_insert_before(&body, body.first, il_code_integer(CEE_LDC_I8, address), IL_STAY);
 *     ...
 *     il_stack_compute(&body, &effects, &error);             // il_stack.h
 *     il_check(&body, &effects, &error);                     // il_check.h
 *     il_body_write(&body, &buffer, &error);
 *     il_body_release(&body);
 *
 * Owner: the body owns its instructions and clauses, in an arena of its own. They keep
 * their address until il_body_release: pointers to them stay valid whatever is inserted.
 *
 * Failure is sticky: when memory or IL_MAX_INSTRUCTIONS runs out, or an opcode
 * is not one, `failed` is set, every
 * further edit does nothing and returns the body's spare instruction (never NULL), and
 * il_body_write refuses. So a weaver emits without checking and checks once, at the end.
 *
 * Not for two threads at once.
 */
#ifndef IL_BODY_H
#define IL_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "base_error.h"
#include "clr_token.h"
#include "il_opcode.h"

#define IL_MAX_INSTRUCTIONS 65536u
#define IL_MAX_CODE         (1u << 20)
#define IL_MAX_CLAUSES      4096u
#define IL_MAX_STACK        65535u

/* instruction.original of inserted code. */
#define IL_INSERTED UINT32_MAX
/* instruction.depth before it is computed, and of code that is never reached. */
#define IL_DEPTH_UNKNOWN (-1)

struct il_instruction;

struct il_switch {
    uint32_t count;
    struct il_instruction *targets[];
};

struct il_instruction {
    struct il_instruction *next; /* NULL: the last */
    struct il_instruction *previous;
    uint16_t opcode;   /* enum il_opcode; short branches become long with the first layout */
    bool is_target;    /* a branch or switch may lead here (kept by the functions below) */
    int32_t depth;     /* of the stack before it: il_stack_compute, il_check */
    uint32_t original; /* offset in the parsed code; IL_INSERTED */
    uint32_t offset;   /* in the code as last parsed, written or laid out */
    union {
        int64_t integer;               /* I1 U1 I4 I8 VAR1 VAR2; R4 R8: the bits */
        mdToken token;                 /* METHOD .. TOKEN */
        struct il_instruction *target; /* BRANCH1 BRANCH4; NULL: not set yet */
        struct il_switch *table;       /* SWITCH */
    };
};

/* One row of the table of protected blocks. A boundary `end` is the first instruction behind
 * the block; NULL stands for the end of the body, as it is at the moment. */
struct il_clause {
    struct il_clause *next; /* in the order of the table: inner ones first */
    uint32_t flags;         /* COR_ILEXCEPTION_CLAUSE_x (clr_flags.h) */
    struct il_instruction *try_first;
    struct il_instruction *try_end;
    struct il_instruction *filter_first; /* FILTER only; the block ends where the handler begins */
    struct il_instruction *handler_first;
    struct il_instruction *handler_end;
    mdToken type; /* the class caught; catch only */
};

struct il_body {
    struct il_instruction *first; /* NULL: no code yet */
    struct il_instruction *last;
    struct il_clause *clauses;
    uint32_t count; /* instructions */
    uint32_t clause_count;
    uint32_t max_stack; /* as parsed; il_stack_compute or il_stack_raise keep it right */
    mdToken locals;     /* StandAloneSig; mdTokenNil: none */
    bool init_locals;
    bool failed;
    bool was_tiny;      /* the header that was parsed */
    size_t parsed_size; /* bytes of the whole parsed body, header and clauses included */
    uint32_t code_size; /* as last parsed, written or laid out */
    struct arena arena;
    struct il_instruction spare; /* what edits return once they failed */
};

/* ---- life ------------------------------------------------------------------------- */

/* An empty body with max_stack 8. */
void il_body_init(struct il_body *body);

/* Reads the body that begins at `bytes`; what stands behind it (up to length) is not looked
 * at. Linear in the length. On failure *body is empty and needs no release. Offsets in
 * errors count from `bytes`. STATUS_MALFORMED, STATUS_LIMIT, STATUS_MEMORY. */
enum status il_body_parse(struct il_body *body, const void *bytes, size_t length,
                          struct error *error);

void il_body_release(struct il_body *body);

/* ---- code to insert: values, nothing is allocated ----------------------------------- */

struct il_code {
    uint16_t opcode;
    union {
        int64_t integer;
        mdToken token;
        struct il_instruction *target;
    };
};

static inline struct il_code il_code(enum il_opcode opcode)
{
    return (struct il_code){.opcode = (uint16_t)opcode};
}

/* I1 U1 I4 I8 VAR1 VAR2, and the bits of R4 R8. */
static inline struct il_code il_code_integer(enum il_opcode opcode, int64_t value)
{
    return (struct il_code){.opcode = (uint16_t)opcode, .integer = value};
}

static inline struct il_code il_code_token(enum il_opcode opcode, mdToken token)
{
    return (struct il_code){.opcode = (uint16_t)opcode, .token = token};
}

/* Branches and leave. The target may be NULL and set later by il_set_target. */
static inline struct il_code il_code_branch(enum il_opcode opcode, struct il_instruction *target)
{
    return (struct il_code){.opcode = (uint16_t)opcode, .target = target};
}

/* The shortest form for the index or value. */
struct il_code il_code_ldarg(uint32_t index);
struct il_code il_code_ldarga(uint32_t index);
struct il_code il_code_starg(uint32_t index);
struct il_code il_code_ldloc(uint32_t index);
struct il_code il_code_ldloca(uint32_t index);
struct il_code il_code_stloc(uint32_t index);
struct il_code il_code_ldc_i4(int32_t value);

/* ---- edits ------------------------------------------------------------------------ */

/* What code that goes in before an instruction does to those who refer to the instruction. */
enum il_move {
    IL_STAY = 0,          /* branches skip the new code; a block that begins there does not hold it,
                             one that ends there does: it belongs to what stands before it */
    IL_MOVE_BRANCHES = 1, /* branches and switches run through the new code */
    IL_MOVE_CLAUSES = 2,  /* blocks that began there begin with it, those that ended end
                             before it: it belongs to what stands behind it */
    IL_MOVE_ALL = 3,
};

/* Insert one instruction and return it. To insert several in order before X, insert each
 * before X with IL_STAY, but the first with the move that is wanted. A NULL `where` is
 * il_append. Where X has prefixes (constrained. and such), X must be il_with_prefixes(X). */
struct il_instruction *il_insert_before(struct il_body *body, struct il_instruction *where,
                                        struct il_code code, enum il_move move);
/* Nobody's boundary moves but those that stand behind `where`: the new code belongs to the
 * blocks of `where`, and branches to what follows skip it. */
struct il_instruction *il_insert_after(struct il_body *body, struct il_instruction *where,
                                       struct il_code code);
/* At the very end, outside of every block that exists: ends that were NULL become it. */
struct il_instruction *il_append(struct il_body *body, struct il_code code);
/* Puts other code in the place of one instruction, which keeps its address, its place, its
 * original offset and whoever branches to it. (To drop one: CEE_NOP.) */
struct il_instruction *il_replace(struct il_body *body, struct il_instruction *instruction,
                                  struct il_code code);

/* Of a branch or leave. */
void il_set_target(struct il_body *body, struct il_instruction *branch,
                   struct il_instruction *target);
/* A switch with `count` targets that are not set yet (index < count). */
struct il_instruction *il_insert_switch_before(struct il_body *body, struct il_instruction *where,
                                               uint32_t count, enum il_move move);
void il_set_switch_target(struct il_body *body, struct il_instruction *instruction, uint32_t index,
                          struct il_instruction *target);

/* The first of the prefixes of an instruction, or the instruction itself. */
struct il_instruction *il_with_prefixes(struct il_instruction *instruction);

/* Copies *clause (but its `next`) into the table, behind all that it must come after:
 * blocks inside its try block and earlier clauses of the very same try block, and before
 * those that enclose it, as ECMA-335 I.12.4.2.5 demands. Boundaries may be changed later
 * through the returned clause; NULL once the body failed. */
struct il_clause *il_add_clause(struct il_body *body, const struct il_clause *clause);

/* ---- the way back ----------------------------------------------------------------- */

/* Sets the offset of every instruction and code_size, as il_body_write will write them; short
 * branches become long ones. Done by every function that needs offsets. */
void il_body_layout(struct il_body *body);

/* Bytes of one instruction as written, branches long. */
uint32_t il_instruction_size(const struct il_instruction *instruction);

/* Appends the body; its parts are aligned as counted from its own first byte:
 * fat header, long branches, fat clauses. STATUS_BUG where a target is not set or a
 * boundary is out of order, STATUS_LIMIT over IL_MAX_CODE, STATUS_MEMORY. */
enum status il_body_write(struct il_body *body, struct buffer *buffer, struct error *error);

/* Where the instructions of the original went: laid out like the runtime's COR_IL_MAP. */
struct il_map_entry {
    uint32_t old_offset;
    uint32_t new_offset;
    int32_t accurate; /* always 1 */
};

/* Appends one struct il_map_entry for each original instruction, in the order of the new
 * offsets, which il_body_write must have set. Woven code in front of an instruction is
 * mapped by the entry before it. Returns the number of entries; 0 also when the buffer failed. */
uint32_t il_map_append(const struct il_body *body, struct buffer *buffer);

#endif
