// uses: output wire clr jansson
/* Any bytes as types (messages with a u16 length before each, up to a zero length), the rest as
 * the values of a record: written within bounds, and JSON that jansson reads. */
#include <jansson.h>
#include <stdlib.h>

#include "output_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_types(struct types *types, struct reader *reader)
{
    for (;;) {
        uint16_t length = reader_u16(reader);
        if (length == 0 || length > reader_left(reader))
            return;
        types_add(types, reader_window(reader, reader->position, length), NULL);
        reader_skip(reader, length);
    }
}

static void write_all(struct types *types, const struct value_list *list, bool json)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct buffer out;
        struct value_writer writer = {.out = &out,
                                      .types = types,
                                      .list = list,
                                      .json = json,
                                      .depth = 1 + i % 4,
                                      .budget = 2000};
        buffer_init(&out, 0);
        value_write(&writer, &list->items[i], NULL);
        if (json) {
            json_t *parsed =
                json_loadb((const char *)out.data, out.length,
                           JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
            if (!parsed)
                abort();
            json_decref(parsed);
        }
        buffer_release(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct value_list list;
    struct types types;
    struct reader reader;
    types_init(&types);
    reader_init(&reader, data, size);
    take_types(&types, &reader);
    size_t left = reader_left(&reader);
    const uint8_t *values = reader_bytes(&reader, left);
    value_list_parse(&list, values, values ? left : 0);
    value_list_need_types(&list, &types);
    if (list.count > 24)
        list.count = 24;
    for (uint32_t i = 0; i < list.count; i++) /* what was cut off has no links */
        if (list.items[i].first_child >= list.count || list.items[i].next_child >= list.count)
            list.items[i].first_child = list.items[i].next_child = 0;
    write_all(&types, &list, false);
    write_all(&types, &list, true);
    types_release(&types);
    return 0;
}
