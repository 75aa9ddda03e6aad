// uses: metadata
/* Images: the framework's and our own, both layouts, and broken ones. */
#include "metadata_support.h"

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

static void framework_assemblies_open(void **state)
{
    (void)state;
    static const struct {
        const char *file, *assembly;
        uint32_t least_types, least_methods;
        bool precompiled;
    } cases[] = {
        {"System.Private.CoreLib.dll", "System.Private.CoreLib", 2000, 30000, true},
        {"System.Linq.dll", "System.Linq", 100, 1000, true},
        {"System.Text.Json.dll", "System.Text.Json", 300, 3000, true},
        {"System.Runtime.dll", "System.Runtime", 1, 0, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct opened opened;
        char version[64];
        open_file(&opened, framework_file(cases[i].file));
        const struct metadata_image *image = &opened.image;
        assert_string_equal(metadata_image_assembly(image), cases[i].assembly);
        assert_string_equal(metadata_image_module(image), cases[i].file);
        assert_true(metadata_row_count(image, CLR_TABLE_TypeDef) >= cases[i].least_types);
        assert_true(metadata_row_count(image, CLR_TABLE_MethodDef) >= cases[i].least_methods);
        assert_int_equal(metadata_row_count(image, CLR_TABLE_Module), 1);
        assert_int_equal(image->precompiled, cases[i].precompiled);
        assert_false(image->composite_component);
        assert_non_null(metadata_image_mvid(image));
        metadata_image_assembly_version(image, version, sizeof(version));
        assert_int_not_equal(atoi(version), 0);
        assert_string_equal(image->version, "v4.0.30319");
        close_file(&opened);
    }
}

static void our_library_opens(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    assert_string_equal(metadata_image_module(image), "Patterns.dll");
    assert_string_equal(metadata_image_platform(image), "any");
    assert_false(image->precompiled);
    assert_false(image->uncompressed);
}

static void platform_of_precompiled_code(void **state)
{
    (void)state;
    const char *platform = metadata_image_platform(&corelib.image);
    assert_true(strncmp(platform, "linux-", 6) == 0);
}

/* What the runtime's loader makes of a file: each section at its RVA. */
static uint8_t *map_sections(const struct opened *opened)
{
    const struct metadata_image *image = &opened->image;
    uint8_t *mapped = calloc(1, image->image_size);
    assert_non_null(mapped);
    memcpy(mapped, opened->bytes, image->header_size);
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct metadata_section *section = &image->sections[i];
        uint32_t size =
            section->file_size < section->virtual_size ? section->file_size : section->virtual_size;
        memcpy(mapped + section->rva, opened->bytes + section->file_offset, size);
    }
    return mapped;
}

static void compare_layouts(const struct opened *opened)
{
    static struct metadata_image mapped;
    uint8_t *bytes = map_sections(opened);
    const struct metadata_image *flat = &opened->image;
    struct error error;
    assert_int_equal(metadata_image_open(&mapped, bytes, flat->image_size, true, &error),
                     STATUS_OK);
    assert_memory_equal(metadata_image_mvid(&mapped), metadata_image_mvid(flat), 16);
    assert_int_equal(mapped.precompiled, flat->precompiled);
    uint32_t methods = metadata_row_count(flat, CLR_TABLE_MethodDef);
    assert_int_equal(metadata_row_count(&mapped, CLR_TABLE_MethodDef), methods);
    for (uint32_t row = 1; row <= methods; row++) {
        struct reader a, b;
        uint32_t rva = metadata_cell(flat, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_RVA);
        enum status status = metadata_image_body(flat, rva, &a, &error);
        assert_int_equal(metadata_image_body(&mapped, rva, &b, NULL), status);
        assert_int_equal(status, rva ? STATUS_OK : STATUS_NOT_FOUND);
        if (status)
            continue;
        assert_int_equal(reader_left(&a), reader_left(&b));
        assert_memory_equal(a.data, b.data, reader_left(&a));
    }
    struct metadata_debug flat_debug, mapped_debug;
    metadata_image_debug(flat, &flat_debug);
    metadata_image_debug(&mapped, &mapped_debug);
    assert_true(flat_debug.has_codeview && mapped_debug.has_codeview);
    assert_string_equal(flat_debug.pdb_path, mapped_debug.pdb_path);
    free(bytes);
}

static void mapped_and_flat_are_the_same(void **state)
{
    (void)state;
    compare_layouts(&corelib);
    compare_layouts(&patterns);
}

static void gaps_of_a_mapped_image_are_never_read(void **state)
{
    (void)state;
    static struct metadata_image mapped;
    const struct metadata_image *flat = &patterns.image;
    uint8_t *bytes = map_sections(&patterns);
    assert_int_equal(metadata_image_open(&mapped, bytes, flat->image_size, true, NULL), STATUS_OK);
    const struct metadata_section *first = &mapped.sections[0];
    uint32_t end = first->rva + first->virtual_size;
    struct reader inside = metadata_image_window(&mapped, end - 4, 4);
    struct reader across = metadata_image_window(&mapped, end - 4, 5);
    struct reader header_gap = metadata_image_window(&mapped, mapped.header_size, 1);
    assert_false(reader_failed(&inside));
    assert_true(reader_failed(&across));
    assert_true(reader_failed(&header_gap));
    free(bytes);
}

static void debug_directory(void **state)
{
    (void)state;
    struct metadata_debug debug;
    struct opened embedded;
    metadata_image_debug(&patterns.image, &debug);
    assert_true(debug.has_codeview && debug.portable);
    assert_non_null(strstr(debug.pdb_path, "Patterns.pdb"));
    assert_int_equal(reader_left(&debug.embedded), 0);
    open_file(&embedded, patterns_file("embedded/Patterns.dll"));
    metadata_image_debug(&embedded.image, &debug);
    assert_true(reader_left(&debug.embedded) > 100);
    assert_true(debug.embedded_size > reader_left(&debug.embedded));
    close_file(&embedded);
}

/* A change to a copy of our library, and what opening it must say. */
static void expect_broken(size_t at, uint32_t value, enum status status, int64_t offset)
{
    static struct metadata_image image;
    struct error error;
    uint8_t *copy = malloc(patterns.length);
    memcpy(copy, patterns.bytes, patterns.length);
    memcpy(copy + at, &value, sizeof(value));
    error_init(&error);
    assert_int_equal(metadata_image_open(&image, copy, patterns.length, false, &error), status);
    if (offset >= 0)
        assert_int_equal(error.offset, offset);
    assert_true(error.message[0] != 0);
    free(copy);
}

static void broken_images_say_where(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    uint32_t pe = (uint32_t)patterns.bytes[0x3c] | (uint32_t)patterns.bytes[0x3d] << 8;
    size_t root = image->root.base;
    expect_broken(0, 0x12345678, STATUS_MALFORMED, 0);
    expect_broken(0x3c, 0x7fffffff, STATUS_MALFORMED, 0x7fffffff);
    expect_broken(pe, 0, STATUS_MALFORMED, pe);
    expect_broken(pe + 24, 0x999, STATUS_MALFORMED, pe + 24);
    /* COR20: directory 14 of a PE32 image stands 208 bytes into the optional header. */
    expect_broken(pe + 24 + 208, 0, STATUS_UNSUPPORTED, -1);
    expect_broken(pe + 24 + 208, 0x10000000, STATUS_MALFORMED, 0x10000000);
    expect_broken(root, 0, STATUS_MALFORMED, (int64_t)root);
    expect_broken(root + 12, 0x7fffffff, STATUS_MALFORMED, (int64_t)root + 12);
    /* The first stream's header stands behind the version and the two counts. */
    size_t stream = root + 16 + 12 + 4;
    expect_broken(stream, 0x7ffffff0, STATUS_MALFORMED, (int64_t)stream);
    expect_broken(stream + 4, 0x7ffffff0, STATUS_MALFORMED, (int64_t)stream);
}

static void a_huge_row_count_is_refused(void **state)
{
    (void)state;
    /* Row counts stand 24 bytes into #~; the first is that of Module. */
    size_t tables = 0;
    const struct metadata_image *image = &patterns.image;
    for (size_t at = image->root.base; at + 4 < image->root.base + 256; at++)
        if (memcmp(patterns.bytes + at, "#~", 3) == 0) {
            uint32_t offset;
            memcpy(&offset, patterns.bytes + at - 8, sizeof(offset));
            tables = image->root.base + offset;
        }
    assert_true(tables > 0);
    expect_broken(tables + 24, 0x00fffff0, STATUS_MALFORMED, -1);
    expect_broken(tables + 24, 0xffffffff, STATUS_MALFORMED, (int64_t)tables + 24);
    /* A table that nobody knows: bit 0x3f of the valid mask. */
    expect_broken(tables + 12, 0x80000000, STATUS_MALFORMED, -1);
}

static void every_cut_is_survived(void **state)
{
    (void)state;
    static struct metadata_image image;
    for (size_t length = 0; length < patterns.length; length += length < 4096 ? 1 : 97) {
        struct error error;
        uint8_t *cut = malloc(length ? length : 1);
        memcpy(cut, patterns.bytes, length);
        error_init(&error);
        if (metadata_image_open(&image, cut, length, false, &error) != STATUS_OK)
            assert_true(error.status != STATUS_OK && error.message[0] != 0);
        free(cut);
    }
}

static void bodies_that_lie(void **state)
{
    (void)state;
    /* A fat header whose code leaves the image; a section of size 0 in a chain; a format that
     * does not exist. */
    static struct metadata_image image;
    static const uint8_t long_code[] = {0x1b, 0x30, 8, 0, 0xff, 0xff, 0xff, 0x7f};
    uint8_t bytes[64] = {0};
    struct reader body;
    struct error error;
    memset(&image, 0, sizeof(image));
    reader_init(&image.bytes, bytes, sizeof(bytes));
    image.mapped = true;
    image.header_size = sizeof(bytes) + 16; /* more than there is */
    uint8_t *at = bytes + 4;
    memcpy(at, long_code, sizeof(long_code));
    assert_int_equal(metadata_image_body(&image, 4, &body, &error), STATUS_MALFORMED);
    assert_int_equal(error.offset, 4);
    const uint8_t chain[] = {0x1b, 0x30, 8, 0, 1,    0, 0, 0, 0, 0, 0, 0,
                             0x2a, 0,    0, 0, 0x81, 0, 0, 0, 1, 4, 0, 0};
    memcpy(at, chain, sizeof(chain));
    assert_int_equal(metadata_image_body(&image, 4, &body, &error), STATUS_OK);
    assert_int_equal(reader_left(&body), sizeof(chain));
    at[0] = 0;
    assert_int_equal(metadata_image_body(&image, 4, &body, &error), STATUS_MALFORMED);
    at[0] = 0x0a; /* tiny, two bytes */
    assert_int_equal(metadata_image_body(&image, 4, &body, &error), STATUS_OK);
    assert_int_equal(reader_left(&body), 3);
    at[0] = 0x26; /* tiny too: its format stands in two bits */
    assert_int_equal(metadata_image_body(&image, 4, &body, &error), STATUS_OK);
    assert_int_equal(reader_left(&body), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framework_assemblies_open),
        cmocka_unit_test(our_library_opens),
        cmocka_unit_test(platform_of_precompiled_code),
        cmocka_unit_test(mapped_and_flat_are_the_same),
        cmocka_unit_test(gaps_of_a_mapped_image_are_never_read),
        cmocka_unit_test(debug_directory),
        cmocka_unit_test(broken_images_say_where),
        cmocka_unit_test(a_huge_row_count_is_refused),
        cmocka_unit_test(every_cut_is_survived),
        cmocka_unit_test(bodies_that_lie),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
