// uses: metadata
/* Signatures by hand, malformed ones, and those of the framework as C# text. */
#include "metadata_support.h"

#include "metadata_signature.h"

static struct opened corelib;
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    open_file(&corelib, framework_file("System.Private.CoreLib.dll"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_file(&corelib);
    return 0;
}

static int before(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int after(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct reader blob_of(const uint8_t *bytes, size_t length)
{
    struct reader reader;
    reader_init(&reader, bytes, length);
    reader.base = 1000;
    return reader;
}

#define BLOB(...) blob_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void a_method_by_hand(void **state)
{
    (void)state;
    struct meta_signature signature;
    /* instance void (int, ref string, !!0[]) with one type parameter */
    assert_int_equal(
        metadata_signature_method(BLOB(0x30, 1, 3, 0x01, 0x08, 0x10, 0x0e, 0x1d, 0x1e, 0), &arena,
                                  &signature, NULL),
        STATUS_OK);
    assert_int_equal(signature.convention,
                     IMAGE_CEE_CS_CALLCONV_HASTHIS | IMAGE_CEE_CS_CALLCONV_GENERIC);
    assert_int_equal(signature.generic_count, 1);
    assert_int_equal(signature.parameter_count, 3);
    assert_int_equal(signature.required_count, 3);
    assert_int_equal(signature.result->element, ELEMENT_TYPE_VOID);
    assert_int_equal(signature.parameters[1]->element, ELEMENT_TYPE_BYREF);
    assert_int_equal(signature.parameters[1]->inner->element, ELEMENT_TYPE_STRING);
    assert_int_equal(signature.parameters[2]->inner->element, ELEMENT_TYPE_MVAR);
    assert_int_equal(signature.parameters[2]->raw_length, 3);
    assert_int_equal(signature.parameters[2]->raw[0], 0x1d);
}

static void a_vararg_call_site(void **state)
{
    (void)state;
    struct meta_signature signature;
    assert_int_equal(metadata_signature_standalone(BLOB(0x05, 2, 0x08, 0x0e, 0x41, 0x08), &arena,
                                                   &signature, NULL),
                     STATUS_OK);
    assert_int_equal(signature.required_count, 1);
    assert_int_equal(signature.parameter_count, 2);
}

static void locals_with_pins_and_modifiers(void **state)
{
    (void)state;
    struct meta_signature signature;
    /* pinned ref byte, modopt(typeref 1) int, int[3,]: rank 2, one size, no bounds */
    assert_int_equal(metadata_signature_locals(
                         BLOB(0x07, 3, 0x45, 0x10, 0x05, 0x20, 0x05, 0x08, 0x14, 0x08, 2, 1, 3, 0),
                         &arena, &signature, NULL),
                     STATUS_OK);
    assert_int_equal(signature.parameters[0]->element, ELEMENT_TYPE_PINNED);
    assert_int_equal(metadata_type_plain(signature.parameters[0])->element, ELEMENT_TYPE_BYREF);
    assert_int_equal(signature.parameters[1]->element, ELEMENT_TYPE_CMOD_OPT);
    assert_int_equal(signature.parameters[1]->token, 0x01000001);
    assert_int_equal(metadata_type_plain(signature.parameters[1])->element, ELEMENT_TYPE_I4);
    assert_int_equal(signature.parameters[2]->number, 2);
}

static void generic_instances_and_functions(void **state)
{
    (void)state;
    struct meta_type *type;
    /* class typedef 2 <string, !1>, then a function pointer int(void*) */
    assert_int_equal(
        metadata_signature_type(BLOB(0x15, 0x12, 0x08, 2, 0x0e, 0x13, 1), &arena, &type, NULL),
        STATUS_OK);
    assert_int_equal(type->inner->token, 0x02000002);
    assert_int_equal(type->argument_count, 2);
    assert_int_equal(type->arguments[1]->number, 1);
    assert_int_equal(
        metadata_signature_type(BLOB(0x1b, 0, 1, 0x08, 0x0f, 0x01), &arena, &type, NULL),
        STATUS_OK);
    assert_int_equal(type->function->result->element, ELEMENT_TYPE_I4);
    assert_int_equal(type->function->parameters[0]->inner->element, ELEMENT_TYPE_VOID);
}

static void expect_offset(struct reader blob, int64_t offset)
{
    struct meta_signature signature;
    struct error error;
    error_init(&error);
    assert_int_equal(metadata_signature_standalone(blob, &arena, &signature, &error),
                     STATUS_MALFORMED);
    assert_int_equal(error.offset, 1000 + offset);
}

static void malformed_signatures_say_where(void **state)
{
    (void)state;
    expect_offset(BLOB(0x20), 1);                               /* no count */
    expect_offset(BLOB(0x20, 5, 0x01), 1);                      /* five parameters in one byte */
    expect_offset(BLOB(0x20, 1, 0x01, 0x77), 3);                /* no such element */
    expect_offset(BLOB(0x20, 1, 0x01, 0x12), 4);                /* a class without its token */
    expect_offset(BLOB(0x20, 1, 0x01, 0x12, 0x03), 4);          /* a tag that names no table */
    expect_offset(BLOB(0x20, 1, 0x01, 0x12, 0x00), 4);          /* a nil token */
    expect_offset(BLOB(0x20, 0, 0x01, 0x08), 3);                /* something behind its end */
    expect_offset(BLOB(0x20, 1, 0x01, 0x15, 0x08, 0), 4);       /* an instance of int */
    expect_offset(BLOB(0x0d, 0), 0);                            /* no such kind */
    expect_offset(BLOB(0x20, 1, 0x01, 0x14, 0x08, 0, 0, 0), 5); /* an array of rank 0 */
}

static void depth_is_bounded(void **state)
{
    (void)state;
    uint8_t deep[4096];
    struct meta_type *type;
    struct error error;
    memset(deep, ELEMENT_TYPE_SZARRAY, sizeof(deep));
    assert_int_equal(metadata_signature_type(blob_of(deep, sizeof(deep)), &arena, &type, &error),
                     STATUS_MALFORMED);
    assert_int_equal(error.offset, 1000 + METADATA_MAX_TYPE_DEPTH);
}

/* Nested claims of many parts would multiply; together they may not exceed the bytes. */
static void memory_is_bounded_by_the_blob(void **state)
{
    (void)state;
    uint8_t bomb[60000];
    size_t at = 0;
    struct meta_type *type;
    struct error error;
    memset(bomb, ELEMENT_TYPE_I4, sizeof(bomb));
    for (int i = 0; i < 60; i++) {
        const uint8_t level[] = {ELEMENT_TYPE_GENERICINST, ELEMENT_TYPE_CLASS, 4, 0xc0, 0, 0xe0, 0};
        memcpy(bomb + at, level, sizeof(level));
        at += sizeof(level);
    }
    assert_int_equal(metadata_signature_type(blob_of(bomb, sizeof(bomb)), &arena, &type, &error),
                     STATUS_MALFORMED);
    assert_true(arena.total <= 1 << 20);
}

static void forget(void)
{
    arena_release(&arena);
    arena_init(&arena, 1 << 20);
}

static void every_signature_of_the_framework_parses(void **state)
{
    (void)state;
    const struct metadata_image *image = &corelib.image;
    struct error error;
    static const struct {
        uint32_t table, column;
    } standalone[] = {{CLR_TABLE_MethodDef, METADATA_METHOD_DEF_SIGNATURE},
                      {CLR_TABLE_MemberRef, METADATA_MEMBER_REF_SIGNATURE},
                      {CLR_TABLE_StandAloneSig, METADATA_STAND_ALONE_SIG_SIGNATURE},
                      {CLR_TABLE_Field, METADATA_FIELD_SIGNATURE}};
    for (size_t i = 0; i < sizeof(standalone) / sizeof(standalone[0]); i++)
        for (uint32_t row = 1; row <= metadata_row_count(image, standalone[i].table); row++) {
            struct meta_signature signature;
            if (metadata_signature_standalone(
                    metadata_cell_blob(image, standalone[i].table, row, standalone[i].column),
                    &arena, &signature, &error))
                fail_msg("%s row %u: %s", clr_table_name(standalone[i].table), row, error.message);
            forget();
        }
    for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_TypeSpec); row++) {
        struct meta_type *type;
        assert_int_equal(metadata_signature_type(metadata_cell_blob(image, CLR_TABLE_TypeSpec, row,
                                                                    METADATA_TYPE_SPEC_SIGNATURE),
                                                 &arena, &type, &error),
                         STATUS_OK);
        forget();
    }
    for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_MethodSpec); row++) {
        struct meta_signature signature;
        assert_int_equal(
            metadata_signature_instantiation(metadata_cell_blob(image, CLR_TABLE_MethodSpec, row,
                                                                METADATA_METHOD_SPEC_INSTANTIATION),
                                             &arena, &signature, &error),
            STATUS_OK);
        forget();
    }
    for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_Property); row++) {
        struct meta_signature signature;
        assert_int_equal(
            metadata_signature_property(
                metadata_cell_blob(image, CLR_TABLE_Property, row, METADATA_PROPERTY_SIGNATURE),
                &arena, &signature, &error),
            STATUS_OK);
        forget();
    }
}

/* The text of the framework's methods, to the letter. */
static void framework_methods_print(void **state)
{
    (void)state;
    static const struct {
        const char *type, *method, *text;
    } cases[] = {
        {"System.String", "IsNullOrEmpty", "bool System.String.IsNullOrEmpty(string value)"},
        {"System.String", "get_Chars", "char System.String.get_Chars(int index)"},
        {"System.Int32", "TryParse", "bool System.Int32.TryParse(string s, out int result)"},
        {"System.Collections.Generic.List`1", "Find",
         "T System.Collections.Generic.List<T>.Find(Predicate<T> match)"},
        {"System.Collections.Generic.List`1", "ConvertAll",
         "List<TOutput> System.Collections.Generic.List<T>.ConvertAll<TOutput>(Converter<T, "
         "TOutput> converter)"},
        {"System.Collections.Generic.Dictionary`2", "TryGetValue",
         "bool System.Collections.Generic.Dictionary<TKey, TValue>.TryGetValue(TKey key, out "
         "TValue value)"},
        {"System.Collections.Generic.Dictionary`2", "GetEnumerator",
         "Dictionary<TKey, TValue>+Enumerator System.Collections.Generic.Dictionary<TKey, "
         "TValue>.GetEnumerator()"},
        {"System.Span`1", "get_Item", "ref T System.Span<T>.get_Item(int index)"},
        {"System.ReadOnlySpan`1", "get_Item",
         "ref readonly T System.ReadOnlySpan<T>.get_Item(int index)"},
        {"System.Math", "DivRem", "int System.Math.DivRem(int a, int b, out int result)"},
        {"System.Decimal", "op_Addition",
         "decimal System.Decimal.op_Addition(decimal d1, decimal d2)"},
        {"System.Nullable`1", "get_HasValue", "bool System.Nullable<T>.get_HasValue()"},
        {"System.GC", "Collect", "void System.GC.Collect(int generation)"},
        {"System.Threading.Interlocked", "Increment",
         "int System.Threading.Interlocked.Increment(ref int location)"},
    };
    struct buffer text;
    buffer_init(&text, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mdToken method = find_method(&corelib.image, cases[i].type, cases[i].method);
        buffer_clear(&text);
        metadata_method_print_result(&corelib.image, method, &text);
        buffer_append_text(&text, " ");
        metadata_method_print(&corelib.image, method, METADATA_NAME_PARAMS, &text);
        assert_string_equal(buffer_text(&text), cases[i].text);
    }
    buffer_release(&text);
}

static void with_namespaces(void **state)
{
    (void)state;
    const struct metadata_image *image = &corelib.image;
    struct meta_signature signature;
    struct buffer text;
    buffer_init(&text, 0);
    mdToken method = find_method(image, "System.Collections.Generic.List`1", "ConvertAll");
    struct metadata_scope scope = {metadata_owner(image, method), method};
    assert_int_equal(metadata_method_signature(image, method, &arena, &signature, NULL), STATUS_OK);
    metadata_type_print(image, signature.parameters[0], scope, METADATA_PRINT_NAMESPACE, &text);
    assert_string_equal(buffer_text(&text), "System.Converter<T, TOutput>");
    buffer_clear(&text);
    scope.type = scope.method = mdTokenNil;
    metadata_type_print(image, signature.parameters[0], scope, METADATA_PRINT_SHORT, &text);
    assert_string_equal(buffer_text(&text), "Converter<!0, !!0>");
    buffer_clear(&text);
    metadata_token_print(image, metadata_find_type_text(image, "System.Int32"), scope,
                         METADATA_PRINT_NAMESPACE, &text);
    assert_string_equal(buffer_text(&text), "int");
    buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_method_by_hand, before, after),
        cmocka_unit_test_setup_teardown(a_vararg_call_site, before, after),
        cmocka_unit_test_setup_teardown(locals_with_pins_and_modifiers, before, after),
        cmocka_unit_test_setup_teardown(generic_instances_and_functions, before, after),
        cmocka_unit_test_setup_teardown(malformed_signatures_say_where, before, after),
        cmocka_unit_test_setup_teardown(depth_is_bounded, before, after),
        cmocka_unit_test_setup_teardown(memory_is_bounded_by_the_blob, before, after),
        cmocka_unit_test_setup_teardown(every_signature_of_the_framework_parses, before, after),
        cmocka_unit_test_setup_teardown(framework_methods_print, before, after),
        cmocka_unit_test_setup_teardown(with_namespaces, before, after),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
