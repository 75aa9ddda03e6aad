// uses: r2r
/* Callers found by their IL, against what the sources say. */
#include "r2r_support.h"

struct found {
    const struct metadata_image *image;
    struct buffer names;
    size_t sites;
};

static bool found_caller(void *context, mdToken caller, size_t position)
{
    struct found *found = context;
    (void)position;
    found->sites++;
    metadata_method_print(found->image, caller, METADATA_NAME_PLAIN, &found->names);
    buffer_append_text(&found->names, "\n");
    return true;
}

/* All tokens of the image that name the callee, ascending. */
static size_t tokens_of(const struct metadata_image *image, const struct r2r_callee *callee,
                        mdToken *tokens, size_t most)
{
    static const uint32_t tables[] = {CLR_TABLE_MethodDef, CLR_TABLE_MemberRef,
                                      CLR_TABLE_MethodSpec};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        for (uint32_t row = 1; row <= metadata_row_count(image, tables[i]); row++)
            if (count < most && r2r_callee_matches(callee, image, token_make(tables[i], row)))
                tokens[count++] = token_make(tables[i], row);
    return count;
}

static size_t callers_of(const struct metadata_image *image, const struct r2r_callee *callee,
                         struct found *found)
{
    mdToken tokens[64];
    size_t unreadable = 1;
    *found = (struct found){.image = image};
    buffer_init(&found->names, 0);
    size_t count = tokens_of(image, callee, tokens, 64);
    r2r_callers_walk(image, tokens, count, found_caller, found, &unreadable);
    assert_int_equal(unreadable, 0);
    return count;
}

static void expect(const struct opened *in, const struct opened *of, const char *type,
                   const char *name, const char *callers)
{
    struct r2r_callee callee;
    struct found found;
    assert_int_equal(
        r2r_callee_init(&callee, &of->image, find_method(&of->image, type, name), NULL), STATUS_OK);
    callers_of(&in->image, &callee, &found);
    assert_string_equal(buffer_text(&found.names), callers);
    buffer_release(&found.names);
}

static void open_libraries(struct opened *simple, struct opened *fancy)
{
    const char *path = made_image("il/Simple.dll");
    if (!path)
        skip();
    open_file(simple, path);
    open_file(fancy, made_image("il/Fancy.dll"));
}

static void call_sites_within_and_across(void **state)
{
    (void)state;
    struct opened simple, fancy;
    open_libraries(&simple, &fancy);
    expect(&simple, &simple, "Simple.Calc", "Add", "Simple.Calc.Twice\nSimple.Calc+Nested.Both\n");
    expect(&fancy, &simple, "Simple.Calc", "Add", "Fancy.Work.AddTwice\nFancy.Work.AddTwice\n");
    expect(&fancy, &simple, "Simple.Calc+Nested", "Sub", "Fancy.Work.NestedUse\n");
    /* Through a TypeSpec: Pair<int>, Pair<string>. */
    expect(&fancy, &simple, "Simple.Pair`1", "Get", "Fancy.Work.Length\nFancy.Work.Pasted\n");
    expect(&fancy, &simple, "Simple.Pair`1", ".ctor", "Fancy.Work.Length\n");
    /* Through MethodSpecs. */
    expect(&simple, &simple, "Simple.Generic", "Again",
           "Simple.Generic.Ints\nSimple.Generic.Texts\n");
    expect(&simple, &simple, "Simple.Generic", "Texts", "");
    close_file(&simple);
    close_file(&fancy);
}

/* References go to the facade System.Runtime, the method is in System.Private.CoreLib. */
static void call_sites_through_a_facade(void **state)
{
    (void)state;
    struct opened simple, fancy, core;
    open_libraries(&simple, &fancy);
    open_file(&core, framework_file("System.Private.CoreLib.dll"));
    expect(&fancy, &core, "System.String", "IsNullOrEmpty", "Fancy.Work.Empty\n");
    expect(&fancy, &core, "System.Span`1", "get_Item", "Fancy.Work.Item\n");
    expect(&fancy, &core, "System.Collections.Generic.List`1", "get_Count", "Fancy.Work.Length\n");
    close_file(&simple);
    close_file(&fancy);
    close_file(&core);
}

static void overloads_are_told_apart(void **state)
{
    (void)state;
    struct opened core;
    size_t matches = 0;
    open_file(&core, framework_file("System.Private.CoreLib.dll"));
    const struct metadata_image *image = &core.image;
    struct metadata_rows rows =
        metadata_type_methods(image, metadata_find_type_text(image, "System.String"));
    for (mdToken method; (method = metadata_rows_next(image, &rows)) != mdTokenNil;) {
        struct r2r_callee callee;
        assert_int_equal(r2r_callee_init(&callee, image, method, NULL), STATUS_OK);
        assert_int_equal(r2r_find_method(image, &callee.type, callee.name, image, callee.signature),
                         method);
        matches++;
    }
    assert_true(matches > 200);
    close_file(&core);
}

static void marks(void **state)
{
    (void)state;
    static const struct {
        const char *type, *name;
        bool non_versionable, intrinsic;
    } cases[] = {
        {"System.Span`1", "get_Item", true, true},
        {"System.Object", ".ctor", true, false},
        {"System.Nullable`1", "get_HasValue", true, false},
        {"System.String", "get_Length", false, true},
        {"System.String", "IsNullOrEmpty", false, false},
    };
    struct opened core;
    open_file(&core, framework_file("System.Private.CoreLib.dll"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mdToken method = find_method(&core.image, cases[i].type, cases[i].name);
        if (r2r_is_non_versionable(&core.image, method) != cases[i].non_versionable ||
            r2r_is_intrinsic(&core.image, method) != cases[i].intrinsic)
            fail_msg("%s.%s", cases[i].type, cases[i].name);
    }
    close_file(&core);
}

/* No method marked NonVersionable is an inlinee of any table. */
static bool no_marked_inlinee(void *context, const struct r2r_pair *pair)
{
    const struct metadata_image *image = context;
    if (pair->first)
        assert_false(r2r_is_non_versionable(image, pair->inlinee.token));
    return true;
}

static void marked_methods_are_not_recorded(void **state)
{
    (void)state;
    struct precompiled core;
    open_precompiled(&core, framework_file("System.Private.CoreLib.dll"));
    assert_int_equal(r2r_inlining_walk(&core.r2r, no_marked_inlinee, &core.file.image, NULL, NULL),
                     STATUS_OK);
    close_precompiled(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_sites_within_and_across),
        cmocka_unit_test(call_sites_through_a_facade),
        cmocka_unit_test(overloads_are_told_apart),
        cmocka_unit_test(marks),
        cmocka_unit_test(marked_methods_are_not_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
