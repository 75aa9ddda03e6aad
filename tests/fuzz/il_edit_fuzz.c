// uses: il clr base
/*
 * Random edits of any body: the first four bytes seed them, the rest is the body. Whatever
 * the edits, nothing faults; and code that does nothing, put in anywhere in the ways that
 * il_body.h calls right, never turns a body that passes il_check into one that does not.
 */
#include <stdlib.h>
#include <string.h>

#include "clr_flags.h"
#include "il_body.h"
#include "il_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static struct il_instruction *any(struct il_body *body, uint32_t *seed)
{
    struct il_instruction *at = body->first;
    for (uint32_t steps = next(seed) % (body->count < 64 ? body->count : 64); steps && at->next;)
        at = at->next, steps--;
    return at;
}

static bool follows_tail_call(const struct il_instruction *at)
{
    const struct il_instruction *call = at->previous;
    return at->opcode == CEE_RET && call && call->previous &&
           il_opcode_info(call->previous->opcode)->flow == IL_FLOW_PREFIX;
}

/* nop, or ldc.i4; pop: they change nothing. */
static void insert_idle(struct il_body *body, uint32_t *seed)
{
    struct il_instruction *where = il_with_prefixes(any(body, seed));
    if (follows_tail_call(where))
        return;
    if (next(seed) & 1) {
        il_insert_before(body, where, il_code(CEE_NOP), IL_MOVE_ALL);
    } else {
        il_insert_before(body, where, il_code_ldc_i4((int32_t)next(seed)), IL_MOVE_ALL);
        il_insert_before(body, where, il_code(CEE_POP), IL_STAY);
    }
}

static void insert_anything(struct il_body *body, uint32_t *seed)
{
    struct il_instruction *where = any(body, seed), *other = any(body, seed);
    enum il_move move = (enum il_move)(next(seed) & 3);
    switch (next(seed) % 7) {
    case 0:
        il_insert_before(body, where, il_code_branch(CEE_BRTRUE, other), move);
        break;
    case 1:
        il_insert_after(body, where, il_code_branch(CEE_LEAVE_S, other));
        break;
    case 2:
        il_append(body, il_code(CEE_ENDFINALLY));
        break;
    case 3:
        il_replace(body, where, il_code_ldarg(next(seed) & 0x1ff));
        break;
    case 4: {
        struct il_instruction *table = il_insert_switch_before(body, where, 2, move);
        for (uint32_t i = 0; i < (next(seed) & 3); i++)
            il_set_switch_target(body, table, i, other);
        break;
    }
    case 5: {
        struct il_clause clause = {.flags = next(seed) & 7,
                                   .try_first = where,
                                   .try_end = other,
                                   .handler_first = other,
                                   .filter_first = next(seed) & 1 ? where : NULL,
                                   .handler_end = next(seed) & 1 ? NULL : any(body, seed)};
        il_add_clause(body, &clause);
        break;
    }
    default:
        il_insert_before(body, where, (struct il_code){.opcode = (uint16_t)next(seed)}, move);
    }
}

static void run(struct il_body *body)
{
    struct buffer buffer;
    struct il_body again;
    buffer_init(&buffer, 0);
    enum status verdict = il_check(body, NULL, NULL);
    if (il_body_write(body, &buffer, NULL) == STATUS_OK &&
        il_body_parse(&again, buffer.data, buffer.length, NULL) == STATUS_OK) {
        must(again.count == body->count);
        must(il_check(&again, NULL, NULL) == verdict);
        il_body_release(&again);
    } else {
        must(verdict != STATUS_OK);
    }
    buffer_release(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct il_body body;
    uint32_t seed;
    if (size < sizeof(seed))
        return 0;
    memcpy(&seed, data, sizeof(seed));
    if (il_body_parse(&body, data + sizeof(seed), size - sizeof(seed), NULL) != STATUS_OK)
        return 0;
    bool good = il_check(&body, NULL, NULL) == STATUS_OK;
    for (uint32_t edits = next(&seed) % 16; edits; edits--)
        insert_idle(&body, &seed);
    must(!good || il_check(&body, NULL, NULL) == STATUS_OK);
    for (uint32_t edits = next(&seed) % 16; edits; edits--)
        insert_anything(&body, &seed);
    run(&body);
    il_body_release(&body);
    return 0;
}
