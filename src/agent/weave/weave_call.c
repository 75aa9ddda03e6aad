/* Calls of the recorder's entry points: what stands in recorder.h, as one table. */
#include "weave_state.h"

#include <stddef.h>

/* What an entry point takes in front of the values. */
enum fixed {
    FIXED_NONE = 0,
    FIXED_HANDLE,
    FIXED_CALL,      /* call_local */
    FIXED_KEY,       /* key_local */
    FIXED_EXCEPTION, /* exception_local */
    FIXED_ZERO,
    FIXED_MORE, /* result_local: the bool of MoveNext */
};

enum kept {
    KEEP_NOTHING,
    KEEP_CALL, /* in call_local */
    KEEP_ON_STACK,
};

struct entry {
    size_t address; /* offset within struct weave_entry_points */
    uint8_t returns;
    uint8_t kept;
    uint8_t values; /* that go as arguments; the others are staged */
    uint8_t fixed[4];
};

#define AT(name) offsetof(struct weave_entry_points, name)

static const struct entry entries[] = {
    [WEAVE_ENTRY_COUNT] = {AT(count), ELEMENT_TYPE_VOID, KEEP_NOTHING, 0, {FIXED_HANDLE}},
    [WEAVE_ENTRY_ENTER] = {AT(enter), ELEMENT_TYPE_I8, KEEP_CALL, 5, {FIXED_HANDLE}},
    [WEAVE_ENTRY_RETURN] =
        {AT(return_), ELEMENT_TYPE_VOID, KEEP_NOTHING, 4, {FIXED_HANDLE, FIXED_CALL}},
    [WEAVE_ENTRY_THROW] = {AT(throw_),
                           ELEMENT_TYPE_VOID,
                           KEEP_NOTHING,
                           3,
                           {FIXED_HANDLE, FIXED_CALL, FIXED_EXCEPTION}},
    [WEAVE_ENTRY_THROW_UNKNOWN] =
        {AT(throw_), ELEMENT_TYPE_VOID, KEEP_NOTHING, 3, {FIXED_HANDLE, FIXED_CALL, FIXED_ZERO}},
    [WEAVE_ENTRY_KEY_WANTED] =
        {AT(suspended_key_wanted), ELEMENT_TYPE_I4, KEEP_ON_STACK, 0, {FIXED_HANDLE, FIXED_CALL}},
    [WEAVE_ENTRY_SUSPENDED] =
        {AT(suspended), ELEMENT_TYPE_VOID, KEEP_NOTHING, 0, {FIXED_HANDLE, FIXED_CALL, FIXED_KEY}},
    [WEAVE_ENTRY_ASYNC_FIRST] = {AT(async_first), ELEMENT_TYPE_I8, KEEP_CALL, 0, {FIXED_HANDLE}},
    [WEAVE_ENTRY_ASYNC_RETURN] = {AT(async_return),
                                  ELEMENT_TYPE_VOID,
                                  KEEP_NOTHING,
                                  2,
                                  {FIXED_HANDLE, FIXED_CALL, FIXED_KEY}},
    [WEAVE_ENTRY_ASYNC_THROW] = {AT(async_throw),
                                 ELEMENT_TYPE_VOID,
                                 KEEP_NOTHING,
                                 0,
                                 {FIXED_HANDLE, FIXED_CALL, FIXED_KEY, FIXED_EXCEPTION}},
    [WEAVE_ENTRY_ITERATOR_START] =
        {AT(iterator_start), ELEMENT_TYPE_VOID, KEEP_NOTHING, 4, {FIXED_HANDLE, FIXED_KEY}},
    [WEAVE_ENTRY_ITERATOR_NEXT] = {AT(iterator_next),
                                   ELEMENT_TYPE_VOID,
                                   KEEP_NOTHING,
                                   0,
                                   {FIXED_HANDLE, FIXED_KEY, FIXED_MORE}},
    [WEAVE_ENTRY_ITERATOR_END] = {AT(iterator_next),
                                  ELEMENT_TYPE_VOID,
                                  KEEP_NOTHING,
                                  0,
                                  {FIXED_HANDLE, FIXED_KEY, FIXED_ZERO}},
    [WEAVE_ENTRY_ITERATOR_THROW] = {AT(iterator_throw),
                                    ELEMENT_TYPE_VOID,
                                    KEEP_NOTHING,
                                    0,
                                    {FIXED_HANDLE, FIXED_KEY, FIXED_EXCEPTION}},
};

static void emit_calli(struct weave_point *point, const void *address, uint8_t returns,
                       uint32_t count)
{
    weave_emit_long(point, (int64_t)(uintptr_t)address);
    weave_emit_op(point, CEE_CONV_I);
    mdToken token = weave_call_token(point->weave, returns, count);
    weave_emit(point, il_code_token(CEE_CALLI, token));
}

static void emit_fixed(struct weave_point *point, uint8_t fixed)
{
    struct weave *weave = point->weave;
    switch (fixed) {
    case FIXED_HANDLE:
        weave_emit_long(point, (int64_t)weave->request->handle);
        break;
    case FIXED_CALL:
        weave_emit(point, il_code_ldloc(weave_local_long(weave, &weave->call_local)));
        break;
    case FIXED_KEY:
        weave_emit(point, il_code_ldloc(weave_local_long(weave, &weave->key_local)));
        break;
    case FIXED_EXCEPTION:
        weave_emit(point, il_code_ldloc(weave_local_exception(weave)));
        weave_emit_op(point, CEE_CONV_I);
        weave_emit_op(point, CEE_CONV_U8);
        break;
    case FIXED_MORE:
        weave_emit(point, il_code_ldloc(weave->result_local));
        weave_emit_op(point, CEE_CONV_U8);
        break;
    default:
        weave_emit_long(point, 0);
        break;
    }
}

static void push_values(struct weave_point *point, const struct weave_values *values,
                        uint32_t first, uint32_t count, struct weave_pins *pins)
{
    for (uint32_t i = 0; i < count; i++)
        weave_value_push(point, &values->list[first + i], values->thrown, i, pins);
}

/* Values that the call itself cannot carry go first, five at a time. What they point to stays
 * pinned until the call. */
static void stage_values(struct weave_point *point, const struct weave_values *values,
                         uint32_t direct, struct weave_pins *pins)
{
    const void *address = point->weave->request->entry_points->stage;
    for (uint32_t first = direct; first < values->count; first += WEAVE_STAGE_VALUES) {
        uint32_t left = values->count - first;
        uint32_t count = left < WEAVE_STAGE_VALUES ? left : WEAVE_STAGE_VALUES;
        weave_emit_long(point, first);
        push_values(point, values, first, count, pins);
        emit_calli(point, address, ELEMENT_TYPE_VOID, 1 + count);
    }
}

void weave_call(struct weave_point *point, enum weave_entry which,
                const struct weave_values *values)
{
    static const struct weave_values none;
    struct weave *weave = point->weave;
    const struct entry *entry = &entries[which];
    if (!values)
        values = &none;
    struct weave_pins pins = {0, 0};
    stage_values(point, values, entry->values, &pins);
    uint32_t count = 0;
    for (; count < 4 && entry->fixed[count] != FIXED_NONE; count++)
        emit_fixed(point, entry->fixed[count]);
    uint32_t direct = values->count < entry->values ? values->count : entry->values;
    push_values(point, values, 0, direct, &pins);
    const void *address;
    const char *table = (const char *)weave->request->entry_points;
    address = *(const void *const *)(const void *)(table + entry->address);
    emit_calli(point, address, entry->returns, count + direct);
    if (entry->kept == KEEP_CALL)
        weave_emit(point, il_code_stloc(weave_local_long(weave, &weave->call_local)));
    for (uint32_t i = 0; i < 4; i++) {
        if (entry->fixed[i] == FIXED_EXCEPTION) {
            weave_emit_op(point, CEE_LDNULL);
            weave_emit(point, il_code_stloc(weave_local_exception(weave)));
        }
    }
    weave_pins_clear(point, &pins);
}
