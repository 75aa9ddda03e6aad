// uses: metadata
/* A whole image (or a bare metadata root) of any bytes: opened, walked, printed, matched. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "metadata_names.h"
#include "metadata_pattern.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"

#define MOST_ROWS 400 /* per table: an input may claim millions of rows of few bytes */

static uint32_t rows_of(const struct metadata_image *image, uint32_t table)
{
    uint32_t rows = metadata_row_count(image, table);
    return rows < MOST_ROWS ? rows : MOST_ROWS;
}

static void walk_tables(const struct metadata_image *image)
{
    for (uint32_t table = 0; table < METADATA_TABLE_COUNT; table++)
        for (uint32_t row = 1; row <= rows_of(image, table); row++)
            for (uint32_t column = 0; column < METADATA_MAX_COLUMNS; column++) {
                metadata_cell_token(image, table, row, column);
                (void)strlen(metadata_cell_text(image, table, row, column));
                struct reader blob = metadata_cell_blob(image, table, row, column);
                reader_bytes(&blob, reader_left(&blob));
            }
}

static void walk_types(const struct metadata_image *image, struct buffer *text)
{
    for (uint32_t row = 1; row <= rows_of(image, CLR_TABLE_TypeDef); row++) {
        mdToken type = token_make(CLR_TABLE_TypeDef, row);
        metadata_type_print_name(image, type, text);
        metadata_enum_print(image, type, 3, text);
        metadata_attribute_find(image, type, "System.FlagsAttribute");
        metadata_owner(image, token_make(CLR_TABLE_Property, row));
        metadata_owner(image, token_make(CLR_TABLE_Event, row));
        metadata_owner(image, token_make(CLR_TABLE_Field, row));
        struct metadata_rows events = metadata_type_events(image, type);
        metadata_rows_next(image, &events);
        struct metadata_rows properties = metadata_type_properties(image, type);
        metadata_rows_next(image, &properties);
        buffer_clear(text);
    }
    for (uint32_t row = 1; row <= rows_of(image, CLR_TABLE_TypeSpec); row++) {
        struct metadata_scope scope = {mdtTypeDef | 1, mdtMethodDef | 1};
        metadata_token_print(image, token_make(CLR_TABLE_TypeSpec, row), scope,
                             METADATA_PRINT_NAMESPACE, text);
        buffer_clear(text);
    }
    for (uint32_t row = 1; row <= rows_of(image, CLR_TABLE_MemberRef); row++) {
        struct metadata_member member;
        metadata_member_read(image, token_make(CLR_TABLE_MemberRef, row), &member, NULL);
    }
}

static void walk_methods(const struct metadata_image *image, struct buffer *text)
{
    for (uint32_t row = 1; row <= rows_of(image, CLR_TABLE_MethodDef); row++) {
        struct metadata_method method;
        struct reader body;
        struct error error;
        mdToken token = token_make(CLR_TABLE_MethodDef, row);
        metadata_method_describe(image, token, &method, &error);
        metadata_method_print(image, token, METADATA_NAME_PARAMS, text);
        metadata_method_print_result(image, token, text);
        mdToken field;
        metadata_builder(image, method.state_machine, text, &field);
        if (metadata_image_body(image, method.rva, &body, &error) == STATUS_OK)
            reader_bytes(&body, reader_left(&body));
        buffer_clear(text);
    }
}

static bool keep_going(void *context, mdToken method)
{
    (void)method;
    return ++*(int *)context < 1000;
}

static void match(const struct metadata_image *image, struct buffer *text)
{
    static const char *const patterns[] = {
        "Shop.OrderService.Place", "**.*<*>.Find(int, ..)", "*.Lambdas+*",
        "at Shop.OrderService.<PlaceAsync>d__10.MoveNext()", "Order.Total"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct arena arena;
        const struct metadata_pattern *pattern;
        int count = 0;
        arena_init(&arena, 1 << 20);
        if (metadata_pattern_parse(patterns[i], &arena, &pattern, NULL) == STATUS_OK) {
            metadata_pattern_match(pattern, image, NULL, keep_going, &count, NULL);
            metadata_pattern_nearest(pattern, &image, 1, 3, text);
        }
        arena_release(&arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct metadata_image image;
    struct metadata_debug debug;
    struct error error;
    struct buffer text;
    if (size < 1 || size > 1 << 20)
        return 0;
    enum status status = data[0] & 2
                             ? metadata_image_open_root(&image, data + 1, size - 1, &error)
                             : metadata_image_open(&image, data + 1, size - 1, data[0] & 1, &error);
    if (status)
        return 0;
    buffer_init(&text, 1 << 22);
    metadata_image_debug(&image, &debug);
    walk_tables(&image);
    walk_types(&image, &text);
    walk_methods(&image, &text);
    if (metadata_row_count(&image, CLR_TABLE_TypeDef) < 10 * MOST_ROWS)
        match(&image, &text);
    buffer_release(&text);
    return 0;
}
