// uses: metadata
/* Rows, heaps and look-ups, on CoreLib and on our library. */
#include "metadata_support.h"

#include "clr_flags.h"

static struct opened corelib, patterns;

static int set_up(void **state)
{
    (void)state;
    open_file(&corelib, framework_file("System.Private.CoreLib.dll"));
    open_file(&patterns, patterns_file("portable/Patterns.dll"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_file(&corelib);
    close_file(&patterns);
    return 0;
}

static void outside_reads_as_nothing(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    uint32_t types = metadata_row_count(image, CLR_TABLE_TypeDef);
    assert_int_equal(metadata_cell(image, CLR_TABLE_TypeDef, 0, METADATA_TYPE_DEF_NAME), 0);
    assert_int_equal(metadata_cell(image, CLR_TABLE_TypeDef, types + 1, METADATA_TYPE_DEF_NAME), 0);
    assert_int_equal(metadata_cell(image, 0x50, 1, 0), 0);
    assert_int_equal(metadata_cell(image, CLR_TABLE_TypeDef, 1, 8), 0);
    assert_int_equal(metadata_row_count(image, 0x70), 0);
    assert_string_equal(metadata_string(image, 0x7fffffff), "");
    assert_string_equal(metadata_string(image, (uint32_t)image->strings.length), "");
    struct reader blob = metadata_blob(image, 0x7fffffff);
    assert_int_equal(reader_left(&blob), 0);
    blob = metadata_user_string(image, 0x70ffffff);
    assert_int_equal(reader_left(&blob), 0);
    assert_null(metadata_guid(image, 0));
    assert_null(metadata_guid(image, 1000));
    assert_false(metadata_token_exists(image, token_make(CLR_TABLE_TypeDef, types + 1)));
    assert_false(metadata_token_exists(image, mdtTypeDef));
    assert_int_equal(metadata_owner(image, 0x06ffffff), mdTokenNil);
}

/* Every method lies in the run of the type that metadata_owner names, once. */
static void check_owners(const struct metadata_image *image)
{
    uint32_t seen = 0;
    for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_TypeDef); row++) {
        mdToken type = token_make(CLR_TABLE_TypeDef, row);
        struct metadata_rows rows = metadata_type_methods(image, type);
        for (mdToken method; (method = metadata_rows_next(image, &rows)) != mdTokenNil; seen++)
            assert_int_equal(metadata_owner(image, method), type);
        rows = metadata_type_fields(image, type);
        for (mdToken field; (field = metadata_rows_next(image, &rows)) != mdTokenNil;)
            assert_int_equal(metadata_owner(image, field), type);
        if (row % 16 != 0)
            continue;
        rows = metadata_type_properties(image, type);
        for (mdToken property; (property = metadata_rows_next(image, &rows)) != mdTokenNil;)
            assert_int_equal(metadata_owner(image, property), type);
    }
    assert_int_equal(seen, metadata_row_count(image, CLR_TABLE_MethodDef));
}

static void owners(void **state)
{
    (void)state;
    check_owners(&corelib.image);
    check_owners(&patterns.image);
}

static uint32_t count_rows(const struct metadata_image *image, struct metadata_rows rows,
                           uint64_t *sum)
{
    uint32_t count = 0;
    for (mdToken token; (token = metadata_rows_next(image, &rows)) != mdTokenNil; count++)
        *sum = *sum * 31 + token;
    return count;
}

/* Look-ups in an image that does not say its tables are sorted walk, and find the same. */
static void unsorted_tables_give_the_same(void **state)
{
    (void)state;
    static struct metadata_image unsorted;
    const struct metadata_image *image = &patterns.image;
    unsorted = *image;
    for (uint32_t i = 0; i < METADATA_TABLE_COUNT; i++)
        unsorted.tables[i].sorted = false;
    for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_TypeDef); row++) {
        mdToken type = token_make(CLR_TABLE_TypeDef, row);
        uint64_t a = 0, b = 0;
        assert_int_equal(count_rows(image, metadata_attributes(image, type), &a),
                         count_rows(&unsorted, metadata_attributes(&unsorted, type), &b));
        count_rows(image, metadata_generic_params(image, type), &a);
        count_rows(&unsorted, metadata_generic_params(&unsorted, type), &b);
        count_rows(image, metadata_type_interfaces(image, type), &a);
        count_rows(&unsorted, metadata_type_interfaces(&unsorted, type), &b);
        assert_true(a == b);
        assert_int_equal(metadata_enclosing(image, type), metadata_enclosing(&unsorted, type));
    }
}

/* The same image with its table stream called #-, as edit-and-continue writes it. */
static void an_uncompressed_stream_reads_alike(void **state)
{
    (void)state;
    static struct metadata_image renamed;
    uint8_t *copy = malloc(patterns.length);
    memcpy(copy, patterns.bytes, patterns.length);
    uint8_t *name = memmem(copy + patterns.image.root.base, 256, "#~", 3);
    assert_non_null(name);
    name[1] = '-';
    assert_int_equal(metadata_image_open(&renamed, copy, patterns.length, false, NULL), STATUS_OK);
    assert_true(renamed.uncompressed);
    check_owners(&renamed);
    assert_int_equal(metadata_find_type_text(&renamed, "Shop.Order"),
                     metadata_find_type_text(&patterns.image, "Shop.Order"));
    free(copy);
}

/* Runs of methods that overlap or lead outside: each row is walked within the table. */
static void runs_that_lie(void **state)
{
    (void)state;
    static struct metadata_image broken;
    const struct metadata_image *image = &patterns.image;
    const struct metadata_table *types = &image->tables[CLR_TABLE_TypeDef];
    size_t column = types->data.base + types->offset[METADATA_TYPE_DEF_METHODS];
    uint8_t *copy = malloc(patterns.length);
    memcpy(copy, patterns.bytes, patterns.length);
    for (uint32_t row = 0; row < types->rows; row++) {
        copy[column + row * types->row_size] = row % 2 ? 0xff : 1;
        copy[column + row * types->row_size + 1] = row % 2 ? 0xff : 0;
    }
    assert_int_equal(metadata_image_open(&broken, copy, patterns.length, false, NULL), STATUS_OK);
    for (uint32_t row = 1; row <= types->rows; row++) {
        struct metadata_rows rows =
            metadata_type_methods(&broken, token_make(CLR_TABLE_TypeDef, row));
        for (mdToken method; (method = metadata_rows_next(&broken, &rows)) != mdTokenNil;)
            assert_true(metadata_token_exists(&broken, method));
    }
    free(copy);
}

static void nested_types(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    mdToken value = metadata_find_type_text(image, "Shop.OrderService+Outer`1+Inner`1+Value");
    assert_int_not_equal(value, mdTokenNil);
    mdToken inner = metadata_enclosing(image, value);
    assert_int_equal(inner, metadata_find_type_text(image, "Shop.OrderService+Outer`1+Inner`1"));
    mdToken service = metadata_enclosing(image, metadata_enclosing(image, inner));
    assert_int_equal(service, metadata_find_type_text(image, "Shop.OrderService"));
    assert_int_equal(metadata_enclosing(image, service), mdTokenNil);
    uint64_t sum = 0;
    struct metadata_rows rows = metadata_type_nested(image, inner);
    assert_int_equal(count_rows(image, rows, &sum), 2); /* Value and the state machine of Both */
}

static void parameters_and_generics(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    mdToken place = find_method(image, "Shop.OrderService", "Place");
    assert_string_equal(metadata_param_name(image, place, 1), "order");
    assert_string_equal(metadata_param_name(image, place, 2), "token");
    assert_string_equal(metadata_param_name(image, place, 3), "");
    mdToken both = find_method(image, "Shop.OrderService+Outer`1+Inner`1", "Both");
    uint64_t sum = 0;
    assert_int_equal(count_rows(image, metadata_generic_params(image, both), &sum), 1);
    assert_int_equal(
        count_rows(image, metadata_generic_params(image, metadata_owner(image, both)), &sum), 2);
}

static void accessors_of_properties_and_events(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    mdToken order = metadata_find_type_text(image, "Shop.Order");
    struct metadata_rows rows = metadata_type_properties(image, order);
    mdToken id = metadata_rows_next(image, &rows);
    assert_string_equal(
        metadata_cell_text(image, CLR_TABLE_Property, token_rid(id), METADATA_PROPERTY_NAME), "Id");
    struct metadata_rows accessors = metadata_accessors(image, id);
    mdToken semantics = metadata_rows_next(image, &accessors);
    mdToken getter = metadata_cell_token(image, CLR_TABLE_MethodSemantics, token_rid(semantics),
                                         METADATA_METHOD_SEMANTICS_METHOD);
    assert_string_equal(
        metadata_cell_text(image, CLR_TABLE_MethodDef, token_rid(getter), METADATA_METHOD_DEF_NAME),
        "get_Id");
    uint32_t row = metadata_method_semantics(image, find_method(image, "Shop.Order", "set_Id"));
    assert_int_equal(
        metadata_cell(image, CLR_TABLE_MethodSemantics, row, METADATA_METHOD_SEMANTICS_SEMANTICS),
        msSetter);
    rows = metadata_type_events(image, order);
    mdToken changed = metadata_rows_next(image, &rows);
    assert_string_equal(
        metadata_cell_text(image, CLR_TABLE_Event, token_rid(changed), METADATA_EVENT_NAME),
        "Changed");
    assert_int_equal(metadata_owner(image, changed), order);
    uint64_t sum = 0;
    assert_int_equal(count_rows(image, metadata_accessors(image, changed), &sum), 2);
    assert_int_equal(metadata_method_semantics(image, find_method(image, "Shop.Order", "Raise")),
                     0);
}

static void imports_and_constants(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    uint32_t row = metadata_method_import(image, find_method(image, "Shop.OrderService", "getpid"));
    assert_string_equal(metadata_cell_text(image, CLR_TABLE_ImplMap, row, METADATA_IMPL_MAP_NAME),
                        "getpid");
    assert_int_equal(
        metadata_method_import(image, find_method(image, "Shop.OrderService", "Place")), 0);
    mdToken state_type = metadata_find_type_text(image, "Shop.OrderState");
    uint32_t paid = metadata_constant(image, metadata_find_field(image, state_type, "Paid"));
    struct reader value =
        metadata_cell_blob(image, CLR_TABLE_Constant, paid, METADATA_CONSTANT_VALUE);
    assert_int_equal(reader_i32(&value), 5);
}

static void user_strings(void **state)
{
    (void)state;
    /* The first entry of #US is the empty one; "default" of Describe stands somewhere behind. */
    const struct metadata_image *image = &patterns.image;
    bool found = false;
    for (uint32_t at = 1; at < image->user_strings.length; at++) {
        struct reader text = metadata_user_string(image, mdtString | at);
        found |= reader_left(&text) == 14 && memcmp(text.data, "d\0e\0f\0a\0u\0l\0t\0", 14) == 0;
    }
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_reads_as_nothing),
        cmocka_unit_test(owners),
        cmocka_unit_test(unsorted_tables_give_the_same),
        cmocka_unit_test(an_uncompressed_stream_reads_alike),
        cmocka_unit_test(runs_that_lie),
        cmocka_unit_test(nested_types),
        cmocka_unit_test(parameters_and_generics),
        cmocka_unit_test(accessors_of_properties_and_events),
        cmocka_unit_test(imports_and_constants),
        cmocka_unit_test(user_strings),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
