// uses: metadata
/* What our library's methods are called and what they are. */
#include "metadata_support.h"

static struct opened patterns, corelib;

static int set_up(void **state)
{
    (void)state;
    open_file(&patterns, patterns_file("portable/Patterns.dll"));
    open_file(&corelib, framework_file("System.Private.CoreLib.dll"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_file(&patterns);
    close_file(&corelib);
    return 0;
}

static void check_print(const char *type, const char *method, enum metadata_name_style style,
                        const char *expected)
{
    struct buffer text;
    buffer_init(&text, 0);
    mdToken token = find_method(&patterns.image, type, method);
    if (style == METADATA_NAME_PARAMS) {
        metadata_method_print_result(&patterns.image, token, &text);
        buffer_append_text(&text, " ");
    }
    metadata_method_print(&patterns.image, token, style, &text);
    assert_string_equal(buffer_text(&text), expected);
    buffer_release(&text);
}

static void full_names_with_all_types(void **state)
{
    (void)state;
    static const struct {
        const char *type, *method, *text;
    } cases[] = {
        {"Shop.OrderService", "Place",
         "int Shop.OrderService.Place(Order order, CancellationToken token)"},
        {"Shop.OrderService", "PlaceAsync", "Task<int> Shop.OrderService.PlaceAsync(Order order)"},
        {"Shop.OrderService", "Map", "IEnumerable<T> Shop.OrderService.Map<T>(Func<Order, T> map)"},
        {"Shop.OrderService", "Tuple",
         "(int, string) Shop.OrderService.Tuple((int, string) pair, (int, (byte, char)) nested)"},
        {"Shop.OrderService", "Longer",
         "long Shop.OrderService.Longer((int, int, int, int, int, int, int, int, long) nine)"},
        {"Shop.OrderService", "Reference",
         "ref int Shop.OrderService.Reference(ref int value, out string text, in decimal amount, "
         "ref readonly long big)"},
        {"Shop.OrderService", "ReadOnly",
         "ref readonly int Shop.OrderService.ReadOnly(int[] values)"},
        {"Shop.OrderService", "Pointers",
         "void* Shop.OrderService.Pointers(byte* bytes, int** deep, delegate*<int, string, void> "
         "call, delegate* unmanaged<int> native)"},
        {"Shop.OrderService", "Arrays",
         "int[][,] Shop.OrderService.Arrays(int[] one, int[,,] cube, string[][] jagged, "
         "List<int?>[] lists)"},
        {"Shop.OrderService", "Optional",
         "int? Shop.OrderService.Optional(int? number, DateTime? time, Order order, string text)"},
        {"Shop.OrderService", "Primitives",
         "void Shop.OrderService.Primitives(bool a, char b, sbyte c, byte d, short e, ushort f, "
         "int g, uint h, long i, ulong j, float k, double l, string m, object n, nint o, nuint p, "
         "decimal q, object r)"},
        {"Shop.OrderService+Outer`1+Inner`1", "Both",
         "Task<U> Shop.OrderService+Outer<T>+Inner<U>.Both<V>(U value, V other)"},
        {"Shop.OrderService+Outer`1+Inner`1", "Other",
         "OrderService+Outer<T>+Inner<string>+Value "
         "Shop.OrderService+Outer<T>+Inner<U>.Other(OrderService+Outer<int>+Inner<T> other)"},
        {"Shop.Order", "op_Addition", "Order Shop.Order.op_Addition(Order a, Order b)"},
        {"Shop.Order", ".ctor", "void Shop.Order..ctor(int id)"},
        {"Shop.Check", "Invoke", "bool Shop.Check.Invoke(Order order, ref int count)"},
        {"Rootless+Nested", "Run", "void Rootless+Nested.Run()"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_print(cases[i].type, cases[i].method, METADATA_NAME_PARAMS, cases[i].text);
}

static void shorter_styles(void **state)
{
    (void)state;
    check_print("Shop.OrderService", "Place", METADATA_NAME_PLAIN, "Shop.OrderService.Place");
    check_print("Shop.OrderService", "Place", METADATA_NAME_TYPES,
                "Shop.OrderService.Place(Order, CancellationToken)");
    check_print("Shop.OrderService", "Reference", METADATA_NAME_TYPES,
                "Shop.OrderService.Reference(ref int, out string, in decimal, ref readonly long)");
}

static void compiled_methods_have_their_source_names(void **state)
{
    (void)state;
    check_print("Shop.OrderService+<>c", "<Lambdas>b__18_0", METADATA_NAME_PLAIN,
                "Shop.OrderService.Lambdas+lambda");
    check_print("Shop.OrderService", "<Locals>g__Inner|19_0", METADATA_NAME_TYPES,
                "Shop.OrderService.Locals+Inner(int)");
    check_print("Shop.OrderService+<PlaceAsync>d__10", "MoveNext", METADATA_NAME_TYPES,
                "Shop.OrderService.PlaceAsync(Order)");
    check_print("Shop.OrderService+<PlaceAsync>d__11", "MoveNext", METADATA_NAME_TYPES,
                "Shop.OrderService.PlaceAsync(Order, int)");
    /* An async lambda in a closure: its MoveNext leads to the lambda, that to the method. */
    check_print("Shop.OrderService+<>c__DisplayClass18_0+<<Lambdas>b__2>d", "MoveNext",
                METADATA_NAME_PLAIN, "Shop.OrderService.Lambdas+lambda");
    check_print("Shop.OrderService", "<get_Title>b__22_0", METADATA_NAME_PLAIN,
                "Shop.OrderService.get_Title+lambda");
}

static void file_local_types_lose_their_mangling(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    struct buffer text;
    bool found = false;
    buffer_init(&text, 0);
    for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_TypeDef); row++) {
        buffer_clear(&text);
        metadata_type_print_name(image, token_make(CLR_TABLE_TypeDef, row), &text);
        found |= strcmp(buffer_text(&text), "Shop.Hidden") == 0;
    }
    assert_true(found);
    buffer_release(&text);
}

static struct metadata_method describe(const char *type, const char *name)
{
    struct metadata_method method;
    struct error error;
    mdToken token = find_method(&patterns.image, type, name);
    assert_int_equal(metadata_method_describe(&patterns.image, token, &method, &error), STATUS_OK);
    return method;
}

static void kinds_and_state_machines(void **state)
{
    (void)state;
    static const struct {
        const char *type, *method;
        enum metadata_method_kind kind;
        const char *builder;
    } cases[] = {
        {"Shop.OrderService", "Place", METADATA_METHOD_PLAIN, NULL},
        {"Shop.OrderService", "PlaceAsync", METADATA_METHOD_ASYNC,
         "System.Runtime.CompilerServices.AsyncTaskMethodBuilder`1"},
        {"Shop.OrderService", "NameAsync", METADATA_METHOD_ASYNC,
         "System.Runtime.CompilerServices.AsyncValueTaskMethodBuilder`1"},
        {"Shop.OrderService", "Fire", METADATA_METHOD_ASYNC,
         "System.Runtime.CompilerServices.AsyncVoidMethodBuilder"},
        {"Shop.OrderService", "GetEnumerator", METADATA_METHOD_ITERATOR, NULL},
        {"Shop.OrderService", "Map", METADATA_METHOD_ITERATOR, NULL},
        {"Shop.OrderService", "Stream", METADATA_METHOD_ASYNC_ITERATOR,
         "System.Runtime.CompilerServices.AsyncIteratorMethodBuilder"},
        {"Shop.OrderService+Outer`1+Inner`1", "Both", METADATA_METHOD_ASYNC,
         "System.Runtime.CompilerServices.AsyncTaskMethodBuilder`1"},
        {"Shop.OrderService+<>c__DisplayClass18_0", "<Lambdas>b__2", METADATA_METHOD_ASYNC,
         "System.Runtime.CompilerServices.AsyncTaskMethodBuilder`1"},
        {"Shop.Repository`1", "FindAsync", METADATA_METHOD_ASYNC,
         "System.Runtime.CompilerServices.AsyncTaskMethodBuilder`1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct metadata_method method = describe(cases[i].type, cases[i].method);
        struct buffer builder;
        mdToken field;
        buffer_init(&builder, 0);
        assert_int_equal(method.kind, cases[i].kind);
        assert_int_equal(method.move_next != mdTokenNil, method.kind != METADATA_METHOD_PLAIN);
        assert_int_equal(metadata_builder(&patterns.image, method.state_machine, &builder, &field),
                         cases[i].builder != NULL);
        if (cases[i].builder)
            assert_string_equal(buffer_text(&builder), cases[i].builder);
        if (method.move_next != mdTokenNil) {
            assert_int_equal(metadata_kickoff(&patterns.image, method.move_next), method.token);
            assert_int_equal(metadata_kickoff(&patterns.image, method.state_machine), method.token);
        }
        buffer_release(&builder);
    }
}

/* Every state machine of the framework is somebody's, and finds back. */
static void kickoffs_of_the_framework(void **state)
{
    (void)state;
    const struct metadata_image *image = &corelib.image;
    uint32_t async = 0, iterators = 0;
    for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_MethodDef); row++) {
        struct metadata_method method;
        assert_int_equal(
            metadata_method_describe(image, token_make(CLR_TABLE_MethodDef, row), &method, NULL),
            STATUS_OK);
        async += method.kind == METADATA_METHOD_ASYNC;
        iterators += method.kind == METADATA_METHOD_ITERATOR;
        if (method.kind != METADATA_METHOD_PLAIN)
            assert_int_equal(metadata_kickoff(image, method.move_next), method.token);
    }
    assert_true(async > 50 && iterators > 10);
}

static void properties_of_methods(void **state)
{
    (void)state;
    struct metadata_method method = describe("Shop.OrderService", "Place");
    assert_true(method.has_il && !method.is_static && !method.generic_method);
    assert_false(method.generic_type || method.value_type || method.is_constructor);
    assert_true(describe("Shop.Order", "op_Addition").is_static);
    assert_true(describe("Shop.Order", ".ctor").is_constructor);
    assert_true(describe("Shop.Order", ".cctor").is_static_constructor);
    assert_true(describe("Shop.Money", "ToString").value_type);
    assert_true(describe("Shop.Repository`1", "FindAsync").generic_type);
    assert_true(describe("Shop.OrderService", "Map").generic_method);
    method = describe("Shop.OrderService", "getpid");
    assert_true(method.is_pinvoke && !method.has_il);
    method = describe("Shop.Check", "Invoke");
    assert_true(method.is_runtime && !method.has_il);
    method = describe("Shop.IOrders", "Place");
    assert_true(method.is_abstract && !method.has_il);
    assert_true(describe("Shop.IOrders", "Describe").has_il); /* a default implementation */
    assert_int_equal(describe("Shop.Order", "get_Id").accessor, METADATA_ACCESSOR_GET);
    assert_int_equal(describe("Shop.Order", "set_Id").accessor, METADATA_ACCESSOR_SET);
    assert_int_equal(describe("Shop.Order", "add_Changed").accessor, METADATA_ACCESSOR_ADD);
    assert_int_equal(describe("Shop.OrderService", "Shop.IOrders.get_Region").accessor,
                     METADATA_ACCESSOR_GET);
    assert_int_equal(describe("Shop.Order", "Raise").accessor, METADATA_ACCESSOR_NONE);
    struct error error;
    assert_int_equal(metadata_method_describe(&patterns.image, 0x06ffffff, &method, &error),
                     STATUS_NOT_FOUND);
    assert_int_equal(metadata_method_describe(&patterns.image, 0x02000001, &method, &error),
                     STATUS_NOT_FOUND);
}

static void generated_names_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum metadata_generated kind;
        const char *source, *local;
    } cases[] = {
        {"Place", METADATA_GENERATED_NONE, "Place", ""},
        {"<Place>b__0_1", METADATA_GENERATED_LAMBDA, "Place", ""},
        {"<Place>b__3", METADATA_GENERATED_LAMBDA, "Place", ""},
        {"<Place>g__Check|0_0", METADATA_GENERATED_LOCAL, "Place", "Check"},
        {"<<Main>$>g__Check|0_0", METADATA_GENERATED_LOCAL, "<Main>$", "Check"},
        {"<.ctor>b__4_0", METADATA_GENERATED_LAMBDA, ".ctor", ""},
        {"<PlaceAsync>d__5", METADATA_GENERATED_STATE_MACHINE, "PlaceAsync", ""},
        {"<FindAsync>d__2`1", METADATA_GENERATED_STATE_MACHINE, "FindAsync", ""},
        {"<<Place>b__0_0>d", METADATA_GENERATED_STATE_MACHINE, "<Place>b__0_0", ""},
        {"<Customer>k__BackingField", METADATA_GENERATED_BACKING_FIELD, "Customer", ""},
        {"<Id>i__Field", METADATA_GENERATED_BACKING_FIELD, "Id", ""},
        {"<order>5__2", METADATA_GENERATED_HOISTED, "order", ""},
        {"<region>P", METADATA_GENERATED_PARAMETER, "region", ""},
        {"<>c", METADATA_GENERATED_CLOSURE, "<>c", ""},
        {"<>c__DisplayClass0_0", METADATA_GENERATED_CLOSURE, "<>c__DisplayClass0_0", ""},
        {"<>c__3`1", METADATA_GENERATED_CLOSURE, "<>c__3`1", ""},
        {"<>4__this", METADATA_GENERATED_THIS, "<>4__this", ""},
        {"<>1__state", METADATA_GENERATED_STATE, "<>1__state", ""},
        {"<>t__builder", METADATA_GENERATED_BUILDER, "<>t__builder", ""},
        {"<>2__current", METADATA_GENERATED_CURRENT, "<>2__current", ""},
        {"<Main>$", METADATA_GENERATED_TOP_LEVEL, "Main", ""},
        {"<Main>", METADATA_GENERATED_OTHER, "<Main>", ""},
        {"<>u__1", METADATA_GENERATED_OTHER, "<>u__1", ""},
        {"<Clone>$", METADATA_GENERATED_OTHER, "<Clone>$", ""},
        {"<unclosed", METADATA_GENERATED_OTHER, "<unclosed", ""},
        {"<", METADATA_GENERATED_OTHER, "<", ""},
        {"", METADATA_GENERATED_NONE, "", ""},
        {"VB$StateMachine_5_PlaceAsync", METADATA_GENERATED_STATE_MACHINE, "PlaceAsync", ""},
        {"VB$StateMachine_5_Find`1", METADATA_GENERATED_STATE_MACHINE, "Find", ""},
        {"$VB$Local_order", METADATA_GENERATED_HOISTED, "order", ""},
        {"$VB$ResumableLocal_order$0", METADATA_GENERATED_HOISTED, "order", ""},
        {"$VB$Me", METADATA_GENERATED_THIS, "$VB$Me", ""},
        {"_Lambda$__1-0", METADATA_GENERATED_OTHER, "_Lambda$__1-0", ""},
        {"_Closure$__1-0", METADATA_GENERATED_CLOSURE, "_Closure$__1-0", ""},
        {"_customer", METADATA_GENERATED_NONE, "_customer", ""},
        {"Value", METADATA_GENERATED_NONE, "Value", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct metadata_generated_name name = metadata_generated_parse(cases[i].name);
        assert_int_equal(name.kind, cases[i].kind);
        assert_int_equal(name.source_length, strlen(cases[i].source));
        assert_memory_equal(name.source, cases[i].source, name.source_length);
        assert_int_equal(name.local_length, strlen(cases[i].local));
        assert_memory_equal(name.local, cases[i].local, name.local_length);
    }
}

static void fields_have_their_source_names(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    mdToken order = metadata_find_type_text(image, "Shop.Order");
    mdToken service = metadata_find_type_text(image, "Shop.OrderService");
    mdToken customer = metadata_find_source_field(image, order, "Customer", 8);
    assert_string_equal(
        metadata_cell_text(image, CLR_TABLE_Field, token_rid(customer), METADATA_FIELD_NAME),
        "<Customer>k__BackingField");
    assert_int_equal(metadata_find_source_field(image, order, "Total", 5),
                     metadata_find_field(image, order, "Total"));
    assert_int_equal(metadata_find_source_field(image, service, "region", 6),
                     metadata_find_field(image, service, "<region>P"));
    assert_int_equal(metadata_find_source_field(image, order, "Custome", 7), mdTokenNil);
    const char *start;
    size_t length;
    assert_true(metadata_field_source_name("<>4__this", &start, &length));
    assert_int_equal(length, 4);
    assert_memory_equal(start, "this", 4);
    assert_false(metadata_field_source_name("<>u__1", &start, &length));
    assert_int_equal(length, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_names_with_all_types),
        cmocka_unit_test(shorter_styles),
        cmocka_unit_test(compiled_methods_have_their_source_names),
        cmocka_unit_test(file_local_types_lose_their_mangling),
        cmocka_unit_test(kinds_and_state_machines),
        cmocka_unit_test(kickoffs_of_the_framework),
        cmocka_unit_test(properties_of_methods),
        cmocka_unit_test(generated_names_are_taken_apart),
        cmocka_unit_test(fields_have_their_source_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
