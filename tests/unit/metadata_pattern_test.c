// uses: metadata
/* Patterns as users write and paste them, against our library and CoreLib. */
#include "metadata_support.h"

#include <time.h>

#include "base_map.h"
#include "base_text.h"
#include "metadata_pattern.h"

static struct opened patterns, corelib;
static struct metadata_pdb pdb;
static uint8_t *pdb_bytes;

static int set_up(void **state)
{
    (void)state;
    size_t length;
    open_file(&patterns, patterns_file("portable/Patterns.dll"));
    open_file(&corelib, framework_file("System.Private.CoreLib.dll"));
    pdb_bytes = read_whole_file(patterns_file("portable/Patterns.pdb"), &length);
    assert_int_equal(metadata_pdb_open(&pdb, pdb_bytes, length, NULL), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_file(&patterns);
    close_file(&corelib);
    free(pdb_bytes);
    return 0;
}

struct collected {
    const struct metadata_image *image;
    struct buffer text;
    mdToken last;
    size_t count;
    size_t most;
};

static bool collect(void *context, mdToken method)
{
    struct collected *collected = context;
    assert_true(method > collected->last); /* in token order, each once */
    collected->last = method;
    if (collected->count++ > 0)
        buffer_append_text(&collected->text, "; ");
    metadata_method_print(collected->image, method, METADATA_NAME_TYPES, &collected->text);
    return collected->count < collected->most;
}

/* What the pattern finds, joined by "; ". */
static struct metadata_pattern_result match(const char *text, const struct metadata_image *image,
                                            struct collected *collected)
{
    struct arena arena;
    struct error error;
    const struct metadata_pattern *pattern;
    struct metadata_pattern_result result;
    memset(collected, 0, sizeof(*collected));
    collected->image = image;
    collected->most = SIZE_MAX;
    buffer_init(&collected->text, 0);
    arena_init(&arena, 0);
    error_init(&error);
    if (metadata_pattern_parse(text, &arena, &pattern, &error))
        fail_msg("%s: %s", text, error.message);
    assert_string_equal(metadata_pattern_text(pattern), text);
    metadata_pattern_match(pattern, image, &pdb, collect, collected, &result);
    /* The quick look never denies what the long one finds. */
    struct map words;
    map_init(&words);
    if (!metadata_pattern_may_match(pattern, image, &words))
        assert_int_equal(result.methods + result.types, 0);
    map_release(&words);
    assert_int_equal(result.methods, collected->count);
    if (collected->count > 0 && !collected->text.failed)
        assert_true(metadata_pattern_matches(pattern, image, &pdb, collected->last));
    arena_release(&arena);
    return result;
}

static void expect(const char *text, const char *methods)
{
    struct collected collected;
    match(text, &patterns.image, &collected);
    if (strcmp(buffer_text(&collected.text), methods) != 0)
        fail_msg("'%s' finds '%s', not '%s'", text, buffer_text(&collected.text), methods);
    buffer_release(&collected.text);
}

#define PLACE       "Shop.OrderService.Place(Order, CancellationToken)"
#define PLACE_ASYNC "Shop.OrderService.PlaceAsync(Order)"
#define PLACE_TIMES "Shop.OrderService.PlaceAsync(Order, int)"

static void names_and_their_suffixes(void **state)
{
    (void)state;
    expect("Shop.OrderService.Place", PLACE);
    expect("OrderService.Place", PLACE);
    expect("  OrderService.Place\n", PLACE);
    expect("Service.Place", "");
    expect("Shop.Place", "");
    expect("OrderService.place", "");
    expect("Shop.OrderService.PlaceAsync", PLACE_ASYNC "; " PLACE_TIMES);
    expect("Raise", "Shop.Order.Raise()");
    expect("Rootless.Run", "Rootless.Run(string)");
    expect("Hidden.Secret", "Shop.Hidden.Secret()");
}

static void wildcards(void **state)
{
    (void)state;
    expect("Shop.*.Pl*ce", "Shop.IOrders.Place(Order); "
                           "Shop.OrderService.Shop.IOrders.Place(Order); " PLACE);
    expect("Shop.Order.Ra*", "Shop.Order.Raise()");
    expect("Shop.**.Get", "Shop.OrderService+Outer<T>+Inner<U>+Value.Get()");
    expect("**.Secret", "Shop.Hidden.Secret()");
    expect("Shop.**Repository.Find", "Shop.Repository<T>.Find(int); Shop.Repository<T>.Find<TKey>("
                                     "TKey, Func<T, TKey>); Shop.OrderRepository.Find(int)");
    expect("Shop.Rep*.Clear", "Shop.Repository.Clear()");
    expect("Nowhere.**", "");
    expect("Rootless.**", "Rootless.Run(string); Rootless..ctor(); Rootless+Nested.Run(); "
                          "Rootless+Nested..ctor()");
    expect("Money.*", "Shop.Money..ctor(decimal); Shop.Money.get_Amount(); Shop.Money.ToString(); "
                      "Shop.Money.op_UnaryNegation(Money)");
}

static void generic_arity(void **state)
{
    (void)state;
    expect("Repository.Clear", "Shop.Repository.Clear()");
    expect("Repository.Find", "Shop.Repository<T>.Find(int); Shop.Repository<T>.Find<TKey>(TKey, "
                              "Func<T, TKey>)");
    expect("**.Repository<*>.Find<*>", "Shop.Repository<T>.Find<TKey>(TKey, Func<T, TKey>)");
    expect("Repository`1.Find[TKey]", "Shop.Repository<T>.Find<TKey>(TKey, Func<T, TKey>)");
    expect("Repository<>.FindAsync", "Shop.Repository<T>.FindAsync(Predicate<T>)");
    expect("Repository<Order>.FindAsync", "Shop.Repository<T>.FindAsync(Predicate<T>)");
    expect("Repository<**>.FindAsync", "Shop.Repository<T>.FindAsync(Predicate<T>)");
    expect("Repository<,>.FindAsync", "");
    expect("Repository<**>.Clear", "");
}

static void nested_types(void **state)
{
    (void)state;
    expect("Rootless+Nested.Run", "Rootless+Nested.Run()");
    expect("Rootless.Nested.Run", "Rootless+Nested.Run()");
    expect("Nested.Run", "Rootless+Nested.Run()");
    expect("Shop+Order.Raise", ""); /* Shop is a namespace, not a type */
    expect("OrderService+Outer<T>+Inner<U>.Both",
           "Shop.OrderService+Outer<T>+Inner<U>.Both<V>(U, V)");
    expect("Outer.Inner+Value.Get", "Shop.OrderService+Outer<T>+Inner<U>+Value.Get()");
}

static void special_methods(void **state)
{
    (void)state;
    expect("Order..ctor", "Shop.Order..ctor(int)");
    expect("Shop.Order..cctor", "Shop.Order..cctor()");
    expect("Rootless+Nested..ctor", "Rootless+Nested..ctor()");
    expect("Order.get_Id", "Shop.Order.get_Id()");
    expect("Order.op_Addition", "Shop.Order.op_Addition(Order, Order)");
    expect("Order.Id", "Shop.Order.get_Id(); Shop.Order.set_Id(int)");
    expect("Order.Changed",
           "Shop.Order.add_Changed(EventHandler); Shop.Order.remove_Changed(EventHandler)");
    expect("Order.Item", "Shop.Order.get_Item(int)");
    expect("Order.this[]", "Shop.Order.get_Item(int)");
    expect("Order.Total", ""); /* a field */
    expect("IOrders.Describe", "Shop.IOrders.Describe()");
    expect("Uses.Twice", "Shop.Uses.Twice(Order)");
}

static void explicit_implementations(void **state)
{
    (void)state;
    expect("OrderService.Load", "Shop.OrderService.Shop.IStore<Shop.Order>.Load(int)");
    expect("OrderService.IOrders.Place", "Shop.OrderService.Shop.IOrders.Place(Order)");
    expect("OrderService.Shop.IOrders.Place", "Shop.OrderService.Shop.IOrders.Place(Order)");
    expect("OrderService.IStore<Order>.Load",
           "Shop.OrderService.Shop.IStore<Shop.Order>.Load(int)");
    expect("OrderService.Region",
           "Shop.OrderService.get_Region(); Shop.OrderService.Shop.IOrders.get_Region()");
    /* The interface's own method: not the implementations in other types. */
    expect("IOrders.Place", "Shop.IOrders.Place(Order)");
}

static void parameters(void **state)
{
    (void)state;
    expect("OrderService.PlaceAsync(Order)", PLACE_ASYNC);
    expect("OrderService.PlaceAsync(Shop.Order, int)", PLACE_TIMES);
    expect("OrderService.PlaceAsync(Order order, System.Int32 times)", PLACE_TIMES);
    expect("OrderService.PlaceAsync(Order, ..)", PLACE_ASYNC "; " PLACE_TIMES);
    expect("OrderService.PlaceAsync(..)", PLACE_ASYNC "; " PLACE_TIMES);
    expect("OrderService.PlaceAsync(*)", PLACE_ASYNC);
    expect("OrderService.PlaceAsync()", "");
    expect("OrderService.PlaceAsync(rder)", "");
    expect("Order.Raise()", "Shop.Order.Raise()");
    expect("OrderService.Tuple((int, string), (int, (byte, char)))",
           "Shop.OrderService.Tuple((int, string), (int, (byte, char)))");
    expect("OrderService.Tuple((int, int), *)", "");
    expect("OrderService.Longer((int, int, int, int, int, int, int, int, long))",
           "Shop.OrderService.Longer((int, int, int, int, int, int, int, int, long))");
    expect("OrderService.Reference(ref int, out string, in decimal, ref readonly long)",
           "Shop.OrderService.Reference(ref int, out string, in decimal, ref readonly long)");
    expect("OrderService.Reference(int, ..)", "");
    expect("OrderService.Pointers(byte*, int**, ..)",
           "Shop.OrderService.Pointers(byte*, int**, delegate*<int, string, void>, delegate* "
           "unmanaged<int>)");
    expect("OrderService.Arrays(int[], int[,,], string[][], List<int?>[])",
           "Shop.OrderService.Arrays(int[], int[,,], string[][], List<int?>[])");
    expect("OrderService.Arrays(int[], int[,], ..)", "");
    expect("OrderService.Arrays(int[], int[,,], string[][], List<string>[])", "");
    expect("OrderService.Optional(int?, System.DateTime?, Order?, string)",
           "Shop.OrderService.Optional(int?, DateTime?, Order, string)");
    expect("OrderService.Optional(int, ..)", "");
    expect("OrderService.Optional(Nullable<int>, Nullable`1, ..)",
           "Shop.OrderService.Optional(int?, DateTime?, Order, string)");
    expect("Repository.Find(TKey, Func<T, TKey>)",
           "Shop.Repository<T>.Find<TKey>(TKey, Func<T, TKey>)");
    expect("Inner.Other(Outer<int>+Inner<T>)",
           "Shop.OrderService+Outer<T>+Inner<U>.Other(OrderService+Outer<int>+Inner<T>)");
    expect("Inner.Other(Outer.Inner<T>)",
           "Shop.OrderService+Outer<T>+Inner<U>.Other(OrderService+Outer<int>+Inner<T>)");
    expect("Inner.Other(Outer+Inner<U>)", "");
}

static void modules(void **state)
{
    (void)state;
    struct collected collected;
    expect("Patterns.dll!Order.Raise", "Shop.Order.Raise()");
    expect("patterns!Order.Raise", "Shop.Order.Raise()");
    expect("P*!Order.Raise()", "Shop.Order.Raise()");
    struct metadata_pattern_result result =
        match("Other.dll!Order.Raise", &patterns.image, &collected);
    assert_true(result.excluded && result.methods == 0 && !result.elsewhere);
    buffer_release(&collected.text);
    struct arena arena;
    const struct metadata_pattern *pattern;
    arena_init(&arena, 0);
    assert_int_equal(metadata_pattern_parse("App.dll!A.B", &arena, &pattern, NULL), STATUS_OK);
    assert_true(metadata_pattern_allows_module(pattern, "/srv/app/App.dll"));
    assert_true(metadata_pattern_allows_module(pattern, "App"));
    assert_true(metadata_pattern_allows_module(pattern, "C:\\app\\app.DLL"));
    assert_false(metadata_pattern_allows_module(pattern, "/App.dll/Other.dll"));
    arena_release(&arena);
}

static void lambdas_and_local_functions(void **state)
{
    (void)state;
    char text[128];
    expect("OrderService.Lambdas+lambda", "Shop.OrderService.Lambdas+lambda(Order); "
                                          "Shop.OrderService.Lambdas+lambda(Order); "
                                          "Shop.OrderService.Lambdas+lambda()");
    expect("OrderService.Locals+Inner", "Shop.OrderService.Locals+Inner(int)");
    expect("OrderService.Locals+St*", "Shop.OrderService.Locals+Static(int)");
    expect("OrderService.Locals+*",
           "Shop.OrderService.Locals+Inner(int); Shop.OrderService.Locals+Static(int)");
    expect("**.OrderService.Lo*s+*",
           "Shop.OrderService.Locals+Inner(int); Shop.OrderService.Locals+Static(int)");
    expect("Shop.**+Inner", "Shop.OrderService.Locals+Inner(int)");
    expect("**+Inner", "Shop.OrderService.Locals+Inner(int)");
    expect("OrderService.Locals+lambda", "");
    expect("LocalAsync+Wait(int)", "Shop.OrderService.LocalAsync+Wait(int)");
    expect("OrderService.Title+lambda", "Shop.OrderService.get_Title+lambda()");
    expect("Other.Locals+Inner", "");
    snprintf(text, sizeof(text), "OrderService.Lambdas+lambda@%u", source_line("closed lambda"));
    expect(text, "Shop.OrderService.Lambdas+lambda(Order)");
    snprintf(text, sizeof(text), "OrderService.Lambdas+lambda@%u", source_line("async lambda"));
    expect(text, "Shop.OrderService.Lambdas+lambda()");
    expect("OrderService.Lambdas+lambda@1", "");
}

static void top_level_statements(void **state)
{
    (void)state;
    expect("Program.Main", "Program.Main(string[])");
    expect("Program.M*", "Program.Main(string[])");
    expect("Program.Main+lambda", "Program.Main+lambda(int)");
    expect("Program.Main+Check", "Program.Main+Check(int)");
    expect("at Program.<Main>$(String[] args) in /src/Program.cs:line 2", "Program.Main(string[])");
    expect("at Program.<<Main>$>g__Check|0_1(Int32 value)", "Program.Main+Check(int)");
    expect("Program.cs:3", "Program.Main(string[])");
    expect("Program.cs:5", "Program.Main+Check(int)");
}

static void compiled_code_is_not_matched_by_accident(void **state)
{
    (void)state;
    struct collected collected;
    match("**", &patterns.image, &collected);
    assert_null(strstr(buffer_text(&collected.text), "+lambda"));
    assert_null(strstr(buffer_text(&collected.text), "Locals+"));
    assert_null(strchr(buffer_text(&collected.text), '$'));
    assert_null(strstr(buffer_text(&collected.text), "SetStateMachine"));
    buffer_release(&collected.text);
    expect("**.MoveNext", "");
}

static void stack_trace_lines(void **state)
{
    (void)state;
    expect("   at Shop.OrderService.Place(Order order, CancellationToken token) in "
           "/src/Orders.cs:line 45",
           PLACE);
    expect("at Shop.OrderService.PlaceAsync(Order order, Int32 times)", PLACE_TIMES);
    expect("at OrderService.Place(Order order, CancellationToken token)", ""); /* whole names */
    expect("at Shop.OrderService.<PlaceAsync>d__10.MoveNext()", PLACE_ASYNC);
    expect("at Shop.OrderService.<PlaceAsync>d__11.MoveNext() in /src/Orders.cs:line 9",
           PLACE_TIMES);
    /* The number of another build: by the name. */
    expect("at Shop.OrderService.<PlaceAsync>d__99.MoveNext()", PLACE_ASYNC "; " PLACE_TIMES);
    expect("at Shop.OrderService.GetEnumerator()+MoveNext()", "Shop.OrderService.GetEnumerator()");
    expect("at Shop.OrderService.<>c.<Lambdas>b__18_0(Order order)",
           "Shop.OrderService.Lambdas+lambda(Order)");
    expect("at Shop.OrderService.<>c__DisplayClass18_0.<<Lambdas>b__2>d.MoveNext()",
           "Shop.OrderService.Lambdas+lambda()");
    expect("at Shop.OrderService.<Locals>g__Inner|19_0(Int32 left)",
           "Shop.OrderService.Locals+Inner(int)");
    expect("at Shop.OrderService.Outer`1.Inner`1.Both[V](U value, V other)",
           "Shop.OrderService+Outer<T>+Inner<U>.Both<V>(U, V)");
    expect("at Shop.OrderService.Shop.IOrders.Place(Order order)",
           "Shop.OrderService.Shop.IOrders.Place(Order)");
    expect("at Shop.Order..ctor(Int32 id)", "Shop.Order..ctor(int)");
    expect("at Shop.OrderService.Reference(Int32& value, String& text, Decimal& amount, Int64& "
           "big)",
           "Shop.OrderService.Reference(ref int, out string, in decimal, ref readonly long)");
    /* Parameters that fit no overload: the name counts. */
    expect("at Shop.OrderService.Tuple(Something pair)",
           "Shop.OrderService.Tuple((int, string), (int, (byte, char)))");
    expect("Shop.OrderService.Place(Order order, CancellationToken token) in /s/Orders.cs:line 4",
           PLACE);
    expect("Patterns.dll!Shop.OrderService.Place(Shop.Order order, "
           "System.Threading.CancellationToken token) Line 75\tC#",
           PLACE);
    expect("Patterns!Shop.OrderService.PlaceAsync(class Shop.Order,int32)", PLACE_TIMES);
}

static void file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *method;
    } cases[] = {
        {"place", PLACE},
        {"place async", PLACE_ASYNC},
        {"iterator", "Shop.OrderService.GetEnumerator()"},
        {"simple lambda", "Shop.OrderService.Lambdas+lambda(Order)"},
        {"async lambda", "Shop.OrderService.Lambdas+lambda()"},
        {"local function", "Shop.OrderService.Locals+Inner(int)"},
        {"default member", "Shop.IOrders.Describe()"},
        {"nothing", ""},
    };
    char text[128];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "Orders.cs:%u", source_line(cases[i].line));
        expect(text, cases[i].method);
        snprintf(text, sizeof(text), "library/Orders.cs:line %u", source_line(cases[i].line));
        expect(text, cases[i].method);
    }
    struct collected collected;
    struct metadata_pattern_result result = match("Orders.cs:9999", &patterns.image, &collected);
    assert_true(result.types == 1 && result.methods == 0 && !result.elsewhere);
    result = match("rders.cs:75", &patterns.image, &collected);
    assert_true(result.types == 0 && result.elsewhere);
}

static void lines_need_symbols(void **state)
{
    (void)state;
    struct arena arena;
    struct collected collected = {.image = &patterns.image};
    const struct metadata_pattern *pattern;
    struct metadata_pattern_result result;
    arena_init(&arena, 0);
    assert_int_equal(metadata_pattern_parse("Orders.cs:75", &arena, &pattern, NULL), STATUS_OK);
    assert_true(metadata_pattern_needs_lines(pattern));
    metadata_pattern_match(pattern, &patterns.image, NULL, collect, &collected, &result);
    assert_true(result.no_lines && result.methods == 0);
    assert_int_equal(metadata_pattern_parse("A.B+lambda@7", &arena, &pattern, NULL), STATUS_OK);
    assert_true(metadata_pattern_needs_lines(pattern));
    assert_int_equal(metadata_pattern_parse("A.B", &arena, &pattern, NULL), STATUS_OK);
    assert_false(metadata_pattern_needs_lines(pattern));
    arena_release(&arena);
}

static void what_may_be_elsewhere(void **state)
{
    (void)state;
    struct collected collected;
    assert_true(match("Other.Service.Run", &patterns.image, &collected).elsewhere);
    assert_false(match("Shop.OrderService.Run", &patterns.image, &collected).elsewhere);
    assert_true(match("Shop.*.Run", &patterns.image, &collected).elsewhere);
    assert_false(match("Shop.OrderService.Place", &patterns.image, &collected).elsewhere);
    buffer_release(&collected.text);
    assert_true(match("NoSuch.Place+lambda", &patterns.image, &collected).elsewhere);
    assert_false(match("OrderService.Place+lambda", &patterns.image, &collected).elsewhere);
}

static void a_callback_can_stop(void **state)
{
    (void)state;
    struct arena arena;
    struct collected collected = {.image = &patterns.image, .most = 3};
    const struct metadata_pattern *pattern;
    arena_init(&arena, 0);
    buffer_init(&collected.text, 0);
    assert_int_equal(metadata_pattern_parse("**", &arena, &pattern, NULL), STATUS_OK);
    metadata_pattern_match(pattern, &patterns.image, NULL, collect, &collected, NULL);
    assert_int_equal(collected.count, 3);
    buffer_release(&collected.text);
    arena_release(&arena);
}

static void mistakes_have_a_column_and_a_hint(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t column;
    } cases[] = {
        {"", 0},
        {"   ", 3},
        {"a..b", 2},
        {".a", 0},
        {"a.", 2},
        {"  a..b", 4},
        {"!a.b", 0},
        {"m!", 2},
        {"a.b(int", 3},
        {"a.b)", 3},
        {"a.b(int,,int)", 8},
        {"a.b(int ..)", 7},
        {"a.b(List<int)", 4},
        {"List<T.Add", 0},
        {"a b", 1},
        {"a.b+", 4},
        {"a.b+lambda@", 10},
        {"a.b+lambda@x", 10},
        {"a.x**y.b", 3},
        {"at a.b(int", 6},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct error error;
        const struct metadata_pattern *pattern;
        arena_init(&arena, 0);
        error_init(&error);
        assert_int_equal(metadata_pattern_parse(cases[i].text, &arena, &pattern, &error),
                         STATUS_USAGE);
        if (error.offset != cases[i].column)
            fail_msg("'%s': column %d, not %d (%s)", cases[i].text, (int)error.offset,
                     (int)cases[i].column, error.message);
        assert_true(error.message[0] && error.hint[0]);
        arena_release(&arena);
    }
}

static void many_parts_are_refused(void **state)
{
    (void)state;
    char text[METADATA_PATTERN_MAX_TEXT + 2];
    struct arena arena;
    struct error error;
    const struct metadata_pattern *pattern;
    arena_init(&arena, 0);
    size_t length = 0;
    for (int i = 0; i < METADATA_PATTERN_MAX_PARTS; i++)
        text_append(text, sizeof(text), &length, i ? ".a" : "a");
    assert_int_equal(metadata_pattern_parse(text, &arena, &pattern, &error), STATUS_OK);
    text_append(text, sizeof(text), &length, ".a");
    assert_int_equal(metadata_pattern_parse(text, &arena, &pattern, &error), STATUS_USAGE);
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    assert_int_equal(metadata_pattern_parse(text, &arena, &pattern, &error), STATUS_USAGE);
    arena_release(&arena);
}

static void nearest(const char *text, const char *expected)
{
    struct arena arena;
    struct buffer names;
    const struct metadata_pattern *pattern;
    const struct metadata_image *images[] = {&patterns.image, &corelib.image};
    arena_init(&arena, 0);
    buffer_init(&names, 0);
    assert_int_equal(metadata_pattern_parse(text, &arena, &pattern, NULL), STATUS_OK);
    metadata_pattern_nearest(pattern, images, 2, 3, &names);
    assert_string_equal(buffer_text(&names), expected);
    buffer_release(&names);
    arena_release(&arena);
}

static void nearest_names(void **state)
{
    (void)state;
    nearest("Shop.OrderServce.Place", PLACE ", Shop.OrderService.Shop.IOrders.Place(Order)");
    nearest("Shop.OrderService.PlaceAsnc", PLACE_ASYNC ", " PLACE_TIMES ", " PLACE);
    nearest("Shp.Order.Rise", "Shop.Order.Raise()");
    nearest("shop.order.raise", "Shop.Order.Raise()");
    nearest("System.String.IsNulOrEmpty", "System.String.IsNullOrEmpty(string)");
    nearest("Order.Raise(int)", "Shop.Order.Raise()");
    nearest("Utterly.Different.Thing", "");
    nearest("**", "");
}

/* Sanitizers cost several times the work itself. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MOST_MS 400
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MOST_MS 400
#endif
#endif
#ifndef MOST_MS
#define MOST_MS 20
#endif

static bool count_only(void *context, mdToken method)
{
    (void)method;
    ++*(size_t *)context;
    return true;
}

/* Milliseconds of this thread: a busy machine must not fail the test. */
static double spent(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void the_framework_is_matched_fast(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t least, most;
    } cases[] = {
        {"System.String.Concat", 5, 100}, {"**.List<*>.Get*", 3, 100},
        {"System.**", 30000, 100000},     {"Concat", 5, 1000},
        {"*.*", 30000, 100000},           {"System.*.NoSuchMethodAnywhere", 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double best = 1e9;
        struct arena arena;
        const struct metadata_pattern *pattern;
        arena_init(&arena, 0);
        assert_int_equal(metadata_pattern_parse(cases[i].text, &arena, &pattern, NULL), STATUS_OK);
        for (int round = 0; round < 5; round++) {
            size_t count = 0;
            double from = spent();
            metadata_pattern_match(pattern, &corelib.image, NULL, count_only, &count, NULL);
            double ms = spent() - from;
            best = ms < best ? ms : best;
            assert_true(count >= cases[i].least && count <= cases[i].most);
        }
        print_message("%-30s %.2f ms\n", cases[i].text, best);
        assert_true(best < MOST_MS);
        arena_release(&arena);
    }
}

static void most_images_are_ruled_out(void **state)
{
    static const struct {
        const char *pattern;
        bool may;
    } cases[] = {
        {"System.String.IsNullOrEmpty", true},
        {"List<T>.Add", true},
        {"System.*.Nothing", true},
        {"**.Nothing", true},
        {"Strin.IsNullOrEmpty", false},
        {"Shop.OrderService.Place", false},
        {"IEnumerable<T>.GetEnumerator", true},
        {"Shop.*.Place", false},
        {"Nothing", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct map words;
        const struct metadata_pattern *pattern;
        arena_init(&arena, 0);
        map_init(&words);
        assert_int_equal(metadata_pattern_parse(cases[i].pattern, &arena, &pattern, NULL),
                         STATUS_OK);
        for (int again = 0; again < 2; again++)
            assert_int_equal(metadata_pattern_may_match(pattern, &corelib.image, &words),
                             cases[i].may);
        map_release(&words);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_images_are_ruled_out),
        cmocka_unit_test(names_and_their_suffixes),
        cmocka_unit_test(wildcards),
        cmocka_unit_test(generic_arity),
        cmocka_unit_test(nested_types),
        cmocka_unit_test(special_methods),
        cmocka_unit_test(explicit_implementations),
        cmocka_unit_test(parameters),
        cmocka_unit_test(modules),
        cmocka_unit_test(lambdas_and_local_functions),
        cmocka_unit_test(top_level_statements),
        cmocka_unit_test(compiled_code_is_not_matched_by_accident),
        cmocka_unit_test(stack_trace_lines),
        cmocka_unit_test(file_and_line),
        cmocka_unit_test(lines_need_symbols),
        cmocka_unit_test(what_may_be_elsewhere),
        cmocka_unit_test(a_callback_can_stop),
        cmocka_unit_test(mistakes_have_a_column_and_a_hint),
        cmocka_unit_test(many_parts_are_refused),
        cmocka_unit_test(nearest_names),
        cmocka_unit_test(the_framework_is_matched_fast),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
