// uses: r2r
/* The inlining tables of real images, in each encoding: the counts are those of the images. */
#include <glob.h>

#include "r2r_support.h"

struct wanted {
    mdToken inlinee;
    size_t inliners;
};

static bool count_inliners(void *context, const struct r2r_pair *pair)
{
    struct wanted *wanted = context;
    if (pair->inlinee.kind == R2R_METHOD_DEFINED && pair->inlinee.module == 0 &&
        pair->inlinee.token == wanted->inlinee)
        wanted->inliners++;
    return true;
}

static size_t inliners_of(const struct precompiled *image, mdToken method)
{
    struct wanted wanted = {method, 0};
    assert_int_equal(r2r_inlining_walk(&image->r2r, count_inliners, &wanted, NULL, NULL),
                     STATUS_OK);
    return wanted.inliners;
}

static void check_counts(const struct precompiled *image, size_t inlinees, size_t pairs)
{
    struct r2r_inlining_count count;
    struct error error;
    error_init(&error);
    if (r2r_inlining_walk(&image->r2r, every_pair, NULL, &count, &error) != STATUS_OK)
        fail_msg("%s", error.message);
    assert_int_equal(count.inlinees, inlinees);
    assert_int_equal(count.pairs, pairs);
}

/* Figures are of 10.0.12; another version is held against itself only. */
static bool is_known_version(void)
{
    return strstr(framework_file("System.Private.CoreLib.dll"), "/10.0.12/") != NULL;
}

static void core_library(void **state)
{
    (void)state;
    static const struct {
        const char *type, *name;
        uint32_t parameters;
        size_t inliners;
    } cases[] = {
        {"System.String", "IsNullOrEmpty", 1, 224},
        {"System.Collections.Generic.List`1", "get_Item", 1, 22},
        {"System.Collections.Generic.List`1", "Add", 1, 109},
        {"System.Threading.Tasks.Task", "get_CompletedTask", 0, 91},
    };
    struct precompiled image;
    open_precompiled(&image, framework_file("System.Private.CoreLib.dll"));
    if (!is_known_version()) {
        close_precompiled(&image);
        skip();
    }
    check_counts(&image, 8573, 68645);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mdToken method =
            method_with(&image.file.image, cases[i].type, cases[i].name, cases[i].parameters);
        assert_int_equal(inliners_of(&image, method), cases[i].inliners);
    }
    close_precompiled(&image);
}

/* Overloads are told apart: AsSpan(string) of ten, ThrowIfNull(object, string) of two. */
static void overloads(void **state)
{
    (void)state;
    static const struct {
        const char *type, *name, *printed;
        size_t inliners;
    } cases[] = {
        {"System.MemoryExtensions", "AsSpan", "System.MemoryExtensions.AsSpan(string)", 629},
        {"System.ArgumentNullException", "ThrowIfNull",
         "System.ArgumentNullException.ThrowIfNull(object, string)", 1198},
    };
    struct precompiled image;
    open_precompiled(&image, framework_file("System.Private.CoreLib.dll"));
    const struct metadata_image *metadata = &image.file.image;
    struct buffer text;
    buffer_init(&text, 0);
    for (size_t i = 0; is_known_version() && i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t found = 0;
        struct metadata_rows rows =
            metadata_type_methods(metadata, metadata_find_type_text(metadata, cases[i].type));
        for (mdToken method; (method = metadata_rows_next(metadata, &rows)) != mdTokenNil;) {
            buffer_clear(&text);
            metadata_method_print(metadata, method, METADATA_NAME_TYPES, &text);
            if (strcmp(buffer_text(&text), cases[i].printed) != 0)
                continue;
            found++;
            assert_int_equal(inliners_of(&image, method), cases[i].inliners);
        }
        assert_int_equal(found, 1);
    }
    buffer_release(&text);
    close_precompiled(&image);
}

static bool is_nested(const struct precompiled *image, mdToken method)
{
    const struct metadata_image *metadata = &image->file.image;
    return metadata_enclosing(metadata, metadata_owner(metadata, method)) != mdTokenNil;
}

struct nested {
    const struct precompiled *image;
    size_t inlinees;
};

static bool count_nested(void *context, const struct r2r_pair *pair)
{
    struct nested *nested = context;
    if (pair->first && is_nested(nested->image, pair->inlinee.token))
        nested->inlinees++;
    return true;
}

/* Those that the runtime's own enumeration does not find. */
static void inlinees_of_nested_types(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t nested, all;
    } cases[] = {
        {"System.Private.CoreLib.dll", 1114, 8573},
        {"System.Linq.dll", 169, 214},
        {"System.Text.Json.dll", 112, 1205},
        {"System.Private.Xml.dll", 421, 5352},
    };
    if (!is_known_version())
        skip();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct precompiled image;
        struct r2r_inlining_count count;
        open_precompiled(&image, framework_file(cases[i].file));
        struct nested nested = {&image, 0};
        assert_int_equal(r2r_inlining_walk(&image.r2r, count_nested, &nested, &count, NULL),
                         STATUS_OK);
        assert_int_equal(nested.inlinees, cases[i].nested);
        assert_int_equal(count.inlinees, cases[i].all);
        close_precompiled(&image);
    }
}

static void add_framework(const char *folder, struct r2r_inlining_count *sum, size_t *images)
{
    char pattern[2048];
    glob_t files;
    snprintf(pattern, sizeof(pattern), "%s/*.dll", folder);
    if (glob(pattern, 0, NULL, &files) != 0)
        return;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct opened file;
        struct r2r_image r2r;
        struct r2r_inlining_count count = {0};
        file.bytes = read_whole_file(files.gl_pathv[i], &file.length);
        if (metadata_image_open(&file.image, file.bytes, file.length, false, NULL) == STATUS_OK &&
            r2r_image_open(&r2r, &file.image, NULL) == STATUS_OK) {
            assert_int_equal(r2r_inlining_walk(&r2r, every_pair, NULL, &count, NULL), STATUS_OK);
            ++*images;
        }
        sum->inlinees += count.inlinees;
        sum->pairs += count.pairs;
        close_file(&file);
    }
    globfree(&files);
}

static void whole_framework(void **state)
{
    (void)state;
    struct r2r_inlining_count sum = {0};
    size_t images = 0;
    char folder[2048];
    snprintf(folder, sizeof(folder), "%s", framework_file(""));
    char *core = strstr(folder, "Microsoft.NETCore.App");
    if (!is_known_version() || !core)
        skip();
    char web[2048];
    snprintf(web, sizeof(web), "%.*sMicrosoft.AspNetCore.App%s", (int)(core - folder), folder,
             core + strlen("Microsoft.NETCore.App"));
    add_framework(folder, &sum, &images);
    assert_int_equal(images, 92);
    assert_int_equal(sum.inlinees, 32265);
    assert_int_equal(sum.pairs, 165279);
    add_framework(web, &sum, &images);
    if (images == 92) /* the ASP.NET Core runtime is not installed */
        skip();
    assert_int_equal(images, 230);
    assert_int_equal(sum.inlinees, 46858);
    assert_int_equal(sum.pairs, 200701);
}

static bool remember_table(void *context, const struct r2r_pair *pair)
{
    *(uint16_t *)context = pair->table;
    return false;
}

static void check_version(const char *file, unsigned major, unsigned minor, uint16_t section,
                          size_t inlinees, size_t pairs)
{
    struct precompiled image;
    uint16_t table = 0;
    OPEN_MADE(&image, file);
    assert_int_equal(image.r2r.major, major);
    assert_int_equal(image.r2r.minor, minor);
    assert_true(r2r_inlining_recorded(&image.r2r));
    check_counts(&image, inlinees, pairs);
    r2r_inlining_walk(&image.r2r, remember_table, &table, NULL, NULL);
    assert_int_equal(table, section);
    close_precompiled(&image);
}

static void encoding_110(void **state)
{
    (void)state;
    check_version("corelib-3.1.3.dll", 3, 1, R2R_SECTION_INLINING, 5127, 37588);
}

static void encoding_114(void **state)
{
    (void)state;
    check_version("corelib-6.0.13.dll", 5, 4, R2R_SECTION_INLINING2, 6508, 47364);
}

static void encoding_119_of_8(void **state)
{
    (void)state;
    check_version("corelib-8.0.31.dll", 9, 1, R2R_SECTION_CROSS_MODULE_INLINING, 6838, 48170);
}

static void encoding_119_of_9(void **state)
{
    (void)state;
    check_version("corelib-9.0.22.dll", 10, 1, R2R_SECTION_CROSS_MODULE_INLINING, 7947, 60897);
}

/* Every pair as "ASSEMBLY!Inlinee <- ASSEMBLY!Inliner", each on its line. */
struct printing {
    const struct r2r_image *r2r;
    const struct metadata_image *simple, *fancy;
    struct buffer text;
};

static void print_method(struct printing *printing, const struct r2r_method *method)
{
    struct r2r_import import;
    struct error error;
    error_init(&error);
    if (method->kind == R2R_METHOD_IMPORTED) {
        if (r2r_import_read(printing->r2r, method->import, &import, &error) != STATUS_OK)
            fail_msg("import %u: %s", method->import, error.message);
        buffer_append_format(&printing->text, "(%s)", import.type.assembly);
        metadata_identity_print(&import.type, &printing->text);
        buffer_append_format(&printing->text, ".%s", import.name);
        return;
    }
    const char *name = r2r_module_resolve(printing->r2r, method->module).name;
    const struct metadata_image *image = strcmp(name, "Simple") == 0  ? printing->simple
                                         : strcmp(name, "Fancy") == 0 ? printing->fancy
                                                                      : NULL;
    buffer_append_format(&printing->text, "%s!", name);
    if (image)
        metadata_method_print(image, method->token, METADATA_NAME_PLAIN, &printing->text);
}

static bool print_pair(void *context, const struct r2r_pair *pair)
{
    struct printing *printing = context;
    print_method(printing, &pair->inlinee);
    buffer_append_text(&printing->text, " <- ");
    print_method(printing, &pair->inliner);
    buffer_append_text(&printing->text, "\n");
    return true;
}

static void print_all(const char *name, struct printing *printing, struct precompiled *image)
{
    OPEN_MADE(image, name);
    printing->r2r = &image->r2r;
    buffer_init(&printing->text, 0);
    assert_int_equal(r2r_inlining_walk(&image->r2r, print_pair, printing, NULL, NULL), STATUS_OK);
}

static void expect_lines(struct printing *printing, const char *const *lines, size_t count)
{
    const char *text = buffer_text(&printing->text);
    for (size_t i = 0; i < count; i++)
        if (!strstr(text, lines[i]))
            fail_msg("no '%s' in\n%s", lines[i], text);
}

static const char *const inside_simple[] = {
    "Simple!Simple.Calc.Add <- Simple!Simple.Calc.Twice\n",
    "Simple!Simple.Calc.Add <- Simple!Simple.Calc+Nested.Both\n",
    "Simple!Simple.Calc+Nested.Sub <- Simple!Simple.Calc+Nested.Both\n",
    "Simple!Simple.Generic.Same<T> <- Simple!Simple.Generic.Ints\n",
    "Simple!Simple.Generic.Again<T> <- Simple!Simple.Generic.Texts\n",
    "Simple!Simple.Pair<T>.get_First <- Simple!Simple.Pair<T>.Get\n",
};
static const char *const across[] = {
    "Simple!Simple.Calc.Add <- Fancy!Fancy.Work.AddTwice\n",
    "Simple!Simple.Calc+Nested.Sub <- Fancy!Fancy.Work.NestedUse\n",
    "Simple!Simple.Pair<T>.Get <- Fancy!Fancy.Work.Length\n",
    "System.Private.CoreLib! <- Fancy!Fancy.Work.Empty\n",
};

static void open_libraries(struct opened *simple, struct opened *fancy)
{
    const char *path = made_image("il/Simple.dll");
    if (!path)
        skip();
    open_file(simple, path);
    open_file(fancy, made_image("il/Fancy.dll"));
}

static void check_composite(const char *name, bool bubble)
{
    struct opened simple, fancy;
    struct precompiled image;
    open_libraries(&simple, &fancy);
    struct printing printing = {.simple = &simple.image, .fancy = &fancy.image};
    print_all(name, &printing, &image);
    expect_lines(&printing, inside_simple, sizeof(inside_simple) / sizeof(inside_simple[0]));
    if (bubble)
        expect_lines(&printing, across, sizeof(across) / sizeof(across[0]));
    buffer_release(&printing.text);
    close_precompiled(&image);
    close_file(&simple);
    close_file(&fancy);
}

static void composite(void **state)
{
    (void)state;
    check_composite("composite/app.r2r.dll", false);
}

static void composite_with_one_bubble(void **state)
{
    (void)state;
    check_composite("bubble/app.r2r.dll", true);
}

static const char *const imported[] = {
    "(Simple)Simple.Calc.Add <- Fancy!Fancy.Work.AddTwice\n",
    "(Simple)Simple.Calc+Nested.Sub <- Fancy!Fancy.Work.NestedUse\n",
    "(Simple)Simple.Pair`1.Get <- Fancy!Fancy.Work.Length\n",
    "(Simple)Simple.Pair`1.get_First <- Fancy!Fancy.Work.Pasted\n",
    "(System.Private.CoreLib)System.String.IsNullOrEmpty <- Fancy!Fancy.Work.Empty\n",
};

static void check_cross_module(const char *name)
{
    struct opened simple, fancy;
    struct precompiled image;
    open_libraries(&simple, &fancy);
    struct printing printing = {.simple = &simple.image, .fancy = &fancy.image};
    print_all(name, &printing, &image);
    expect_lines(&printing, imported, sizeof(imported) / sizeof(imported[0]));
    assert_int_equal(r2r_import_count(&image.r2r), 6);
    buffer_release(&printing.text);
    close_precompiled(&image);
    close_file(&simple);
    close_file(&fancy);
}

static void across_modules(void **state)
{
    (void)state;
    check_cross_module("cross/Fancy.dll");
}

static void across_modules_by_8(void **state)
{
    (void)state;
    check_cross_module("cross-8/Fancy.dll");
}

/* An import leads to the MethodDef of the image that defines it. */
static void imports_are_found_by_name(void **state)
{
    (void)state;
    struct opened simple, fancy;
    struct precompiled image;
    size_t found = 0;
    open_libraries(&simple, &fancy);
    OPEN_MADE(&image, "cross/Fancy.dll");
    for (uint32_t i = 0; i < r2r_import_count(&image.r2r); i++) {
        struct r2r_import import;
        assert_int_equal(r2r_import_read(&image.r2r, i, &import, NULL), STATUS_OK);
        assert_false(import.is_definition);
        mdToken method = r2r_find_method(&simple.image, &import.type, import.name, import.image,
                                         import.signature);
        assert_int_equal(method != mdTokenNil, strcmp(import.type.assembly, "Simple") == 0);
        found += method != mdTokenNil;
    }
    assert_int_equal(found, 5);
    assert_int_equal(r2r_import_read(&image.r2r, 6, &(struct r2r_import){0}, NULL),
                     STATUS_NOT_FOUND);
    close_precompiled(&image);
    close_file(&simple);
    close_file(&fancy);
}

static void other_platforms(void **state)
{
    (void)state;
    static const char *const platforms[] = {"linux-x64", "linux-arm64", "windows-x64", "osx-arm64"};
    for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++) {
        char name[128], platform[128];
        struct precompiled image;
        snprintf(name, sizeof(name), "%s/Simple.dll", platforms[i]);
        OPEN_MADE(&image, name);
        struct r2r_platform found = r2r_image_platform(&image.r2r);
        snprintf(platform, sizeof(platform), "%s-%s", found.system_name, found.machine_name);
        assert_string_equal(platform, platforms[i]);
        check_counts(&image, 5, 9);
        close_precompiled(&image);
    }
}

static bool stop_at_three(void *context, const struct r2r_pair *pair)
{
    (void)pair;
    return ++*(int *)context < 3;
}

static void a_visitor_can_stop(void **state)
{
    (void)state;
    struct precompiled image;
    struct r2r_inlining_count count;
    int visits = 0;
    open_precompiled(&image, framework_file("System.Linq.dll"));
    assert_int_equal(r2r_inlining_walk(&image.r2r, stop_at_three, &visits, &count, NULL),
                     STATUS_OK);
    assert_int_equal(visits, 3);
    assert_int_equal(count.pairs, 3);
    close_precompiled(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(core_library),
        cmocka_unit_test(overloads),
        cmocka_unit_test(inlinees_of_nested_types),
        cmocka_unit_test(whole_framework),
        cmocka_unit_test(encoding_110),
        cmocka_unit_test(encoding_114),
        cmocka_unit_test(encoding_119_of_8),
        cmocka_unit_test(encoding_119_of_9),
        cmocka_unit_test(composite),
        cmocka_unit_test(composite_with_one_bubble),
        cmocka_unit_test(across_modules),
        cmocka_unit_test(across_modules_by_8),
        cmocka_unit_test(imports_are_found_by_name),
        cmocka_unit_test(other_platforms),
        cmocka_unit_test(a_visitor_can_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
