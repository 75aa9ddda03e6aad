// uses: r2r
// sanitize: address,undefined
/* Images that no compiler writes: each is answered by the offset and the rule that it breaks, and
 * what is right before that has been told. */
#include "r2r_forge.h"
#include "r2r_support.h"

#define MULTI R2R_FLAG_MULTI_MODULE_BUBBLE

struct bad {
    const char *what;
    uint32_t section;
    uint32_t flags;
    const char *bytes;
    size_t length;
    const char *rule; /* a part of the message */
    int64_t offset;   /* within the section */
    size_t pairs;     /* told before */
};
#define BYTES(text) text, sizeof(text) - 1

static const struct bad tables[] = {
    {"no bytes", 119, 0, BYTES(""), "hash table begins with", 0, 0},
    {"index of no width", 119, 0, BYTES("\x03\x00\x00"), "hash table begins with 0x03", 0, 0},
    {"buckets beyond the end", 119, 0, BYTES("\x10\x00\x00"), "table of 16 buckets", 0, 0},
    {"a bucket behind the end", 119, 0, BYTES("\x00\x02\x40"), "bucket 0 does not follow", 1, 0},
    {"buckets that go back", 119, 0, BYTES("\x04\x05\x03\x04\x00\x00"), "bucket 0 does not follow",
     1, 0},
    {"an entry that leads out", 119, 0, BYTES("\x00\x02\x04\x55\x7e"), "leads out of the table", 4,
     0},
    {"an entry before the table", 119, 0, BYTES("\x00\x02\x04\x55\x80"), "leads out of the table",
     4, 0},
    {"no numbers", 119, 0, BYTES("\x00\x02\x04\x55\x02\x00"), "more numbers than", 5, 0},
    {"more numbers than bytes", 119, 0, BYTES("\x00\x02\x04\x55\x02\x7e\x04\x02"),
     "more numbers than", 5, 0},
    {"cut off in its list", 119, 0, BYTES("\x00\x02\x04\x55\x02\x06\x08\x02"), "cut off", 5, 1},
    {"an inlinee without a row", 119, 0, BYTES("\x00\x02\x04\x55\x02\x04\x00\x02"), "without a row",
     5, 0},
    {"an inliner without a row", 119, 0, BYTES("\x00\x02\x04\x55\x02\x04\x08\x00"), "without a row",
     5, 0},
    {"a row that is not there", 119, 0, BYTES("\x00\x02\x04\x55\x02\x04\x08\x64"),
     "method row 50, and the assembly has 10", 5, 0},
    {"an import that is not there", 119, 0, BYTES("\x00\x02\x04\x55\x02\x04\x02\x02"),
     "inlinee by an import", 5, 0},
    {"an inliner's import", 119, 0, BYTES("\x00\x02\x04\x55\x02\x06\x0c\x02\x00"),
     "inliner by an import", 5, 0},
    {"a count of imports too high", 119, 0, BYTES("\x00\x02\x04\x55\x02\x04\x0c\x06"), "cut off", 5,
     0},
    {"no module behind the inlinee", 119, MULTI, BYTES("\x00\x02\x04\x55\x02\x02\x08\x00"),
     "cut off", 5, 0},
    {"no module behind an inliner", 119, MULTI, BYTES("\x00\x02\x04\x55\x02\x06\x08\x00\x06"),
     "cut off", 5, 0},
    {"a number of no form", 119, 0, BYTES("\x00\x02\x04\x55\x02\x04\x3f\x02\x02\x02\x02"),
     "cut off", 5, 0},
    {"114: an inlinee alone cut off", 114, 0, BYTES("\x00\x02\x04\x55\x02\x02\x06"), "cut off", 5,
     0},
    {"114: a row that is not there", 114, 0, BYTES("\x00\x02\x04\x55\x02\x04\x04\x50"),
     "method row 20, and the assembly has 10", 5, 0},
    {"110: no index", 110, 0, BYTES("\x08\x00"), "its index does not fit", 0, 0},
    {"110: an index of half a row", 110, 0, BYTES("\x04\x00\x00\x00\x01\x00\x00\x00"),
     "its index does not fit", 0, 0},
    {"110: an index beyond the end", 110, 0, BYTES("\x08\x00\x00\x00\x01\x00\x00\x00"),
     "its index does not fit", 0, 0},
    {"110: a list beyond the end", 110, 0,
     BYTES("\x08\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x00\x11"), "longer than the section", 13,
     0},
    {"110: a list that is cut off", 110, 0,
     BYTES("\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x13"), "cut off", 12, 1},
    {"110: a row of none", 110, 0, BYTES("\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01"),
     "without a row", 12, 0},
    {"110: an inlinee that is not there", 110, 0,
     BYTES("\x08\x00\x00\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x11"),
     "method row 11, and the assembly has 10", 4, 0},
};

static void check_table(const struct bad *bad)
{
    static struct forged forged;
    struct r2r_inlining_count count;
    struct error error;
    error_init(&error);
    forge_begin(&forged, 16, bad->flags);
    uint32_t rva = forge_section(&forged, bad->section, bad->bytes, bad->length);
    forge_section(&forged, R2R_SECTION_COMPILER, "behind", 6);
    if (forge_open(&forged, 10, &error) != STATUS_OK)
        fail_msg("%s: %s", bad->what, error.message);
    enum status status = r2r_inlining_walk(&forged.r2r, every_pair, NULL, &count, &error);
    if (status != STATUS_MALFORMED || !strstr(error.message, bad->rule) ||
        error.offset != (int64_t)rva + bad->offset || count.pairs != bad->pairs)
        fail_msg("%s: status %d, '%s' at %lld, %zu pairs", bad->what, (int)status, error.message,
                 (long long)(error.offset - rva), count.pairs);
    forge_end(&forged);
}

static void every_rule_has_its_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        check_table(&tables[i]);
}

/* The same shapes, well-formed. */
static void what_is_right_is_read(void **state)
{
    (void)state;
    static const struct {
        uint32_t section, flags;
        const char *bytes;
        size_t length;
        size_t inlinees, pairs;
    } cases[] = {
        {119, 0, BYTES("\x00\x02\x02"), 0, 0},
        {119, 0, BYTES("\x00\x02\x04\x55\x02\x06\x08\x02\x04"), 1, 2},
        {119, MULTI, BYTES("\x00\x02\x04\x55\x02\x0a\x08\x00\x06\x0a\x04"), 1, 2},
        {114, 0, BYTES("\x00\x02\x04\x55\x02\x06\x04\x04\x08"), 1, 2},
        {110, 0, BYTES("\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x12\x01"), 1, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct forged forged;
        struct r2r_inlining_count count;
        struct error error;
        error_init(&error);
        forge_begin(&forged, 16, cases[i].flags);
        forge_section(&forged, cases[i].section, cases[i].bytes, cases[i].length);
        assert_int_equal(forge_open(&forged, 10, &error), STATUS_OK);
        if (r2r_inlining_walk(&forged.r2r, every_pair, NULL, &count, &error) != STATUS_OK)
            fail_msg("case %zu: %s", i, error.message);
        assert_int_equal(count.inlinees, cases[i].inlinees);
        assert_int_equal(count.pairs, cases[i].pairs);
        forge_end(&forged);
    }
}

static void headers(void **state)
{
    (void)state;
    static struct forged forged;
    struct error error;
    error_init(&error);
    forge_begin(&forged, 16, 0);
    forge_section(&forged, R2R_SECTION_INLINING2, "\x00\x02\x02", 3);
    forge_put(&forged, FORGE_HEADER + 8, 4); /* one byte more than there is */
    assert_int_equal(forge_open(&forged, 10, &error), STATUS_MALFORMED);
    assert_non_null(strstr(error.message, "section 114 (4 bytes at RVA"));
    assert_int_equal(error.offset, FORGE_HEADER);
    forge_put(&forged, FORGE_HEADER, 9999); /* nobody reads that one */
    assert_int_equal(forge_open(&forged, 10, &error), STATUS_OK);
    forge_put(&forged, 12, 257);
    assert_int_equal(forge_open(&forged, 10, &error), STATUS_MALFORMED);
    assert_non_null(strstr(error.message, "257 sections"));
    forge_put(&forged, 12, 9);
    assert_int_equal(forge_open(&forged, 10, &error), STATUS_MALFORMED);
    forge_end(&forged);
}

static void a_manifest_that_is_none(void **state)
{
    (void)state;
    static struct forged forged;
    struct error error;
    error_init(&error);
    forge_begin(&forged, 16, 0);
    uint32_t rva = forge_section(&forged, R2R_SECTION_MANIFEST, "no metadata at all", 18);
    assert_int_equal(forge_open(&forged, 10, &error), STATUS_MALFORMED);
    assert_non_null(strstr(error.message, "manifest metadata of the precompiled code"));
    assert_int_equal(error.offset, rva);
    forge_end(&forged);
}

static void components_that_lead_out(void **state)
{
    (void)state;
    static struct forged forged;
    struct error error;
    struct r2r_component component;
    error_init(&error);
    forge_begin(&forged, 16, 0);
    forge_section(&forged, R2R_SECTION_COMPONENTS, "\0\0\0\0\0\0\0\0\xff\xff\xff\xff\x10\0\0\0",
                  16);
    assert_int_equal(forge_open(&forged, 10, &error), STATUS_OK);
    assert_int_equal(forged.r2r.component_count, 1);
    assert_int_equal(r2r_component_read(&forged.r2r, 0, &component, &error), STATUS_MALFORMED);
    assert_int_equal(r2r_inlining_walk(&forged.r2r, every_pair, NULL, NULL, &error),
                     STATUS_MALFORMED);
    assert_false(r2r_inlining_recorded(&forged.r2r));
    forge_end(&forged);
}

static bool any_instance(void *context, const struct r2r_instance *instance)
{
    (void)instance;
    ++*(size_t *)context;
    return true;
}

static bool any_method(void *context, mdToken method, uint32_t function)
{
    (void)method;
    (void)function;
    ++*(size_t *)context;
    return true;
}

static void entry_points(void **state)
{
    (void)state;
    static const struct {
        uint32_t section;
        const char *bytes;
        size_t length;
        const char *rule;
    } cases[] = {
        {103, BYTES("\x81\x06"), "does not fit"},
        {103, BYTES("\x20\x7f"), "leads out of its section"},
        {109, BYTES("\x00\x02\x04\x55\x02"), "leads out of the table"},
        {109, BYTES("\x00\x02\x04\x55\x02\x40\x15"), "malformed"},
        {109, BYTES("\x00\x02\x04\x55\x02\x04\x01\x70"), "malformed"},
        {109, BYTES("\x00\x02\x04\x55\x02\x00\x01"), "cut off"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct forged forged;
        struct error error;
        size_t seen = 0;
        error_init(&error);
        forge_begin(&forged, 16, 0);
        forge_section(&forged, cases[i].section, cases[i].bytes, cases[i].length);
        assert_int_equal(forge_open(&forged, 10, &error), STATUS_OK);
        enum status status =
            cases[i].section == 103
                ? r2r_methods_walk(&forged.r2r, &forged.r2r.core, any_method, &seen, &error)
                : r2r_instances_walk(&forged.r2r, any_instance, &seen, &error);
        if (status != STATUS_MALFORMED || !strstr(error.message, cases[i].rule) || error.offset < 0)
            fail_msg("case %zu: status %d, '%s'", i, (int)status, error.message);
        assert_int_equal(seen, 0);
        assert_false(r2r_method_has_code(&forged.r2r, &forged.r2r.core, mdtMethodDef | 1, NULL));
        forge_end(&forged);
    }
}

/* Types nested deeper than any compiler nests them end in an error, not in the stack's end. */
static void deep_signatures(void **state)
{
    (void)state;
    static struct forged forged;
    struct error error;
    size_t seen = 0, deep = 100000;
    error_init(&error);
    uint8_t *bytes = malloc(deep + 6);
    assert_non_null(bytes);
    memcpy(bytes, "\x00\x02\x04\x55\x02\x40", 6);
    memset(bytes + 6, 0x1d, deep);
    forge_begin(&forged, 16, 0);
    forge_section(&forged, R2R_SECTION_INSTANCE_ENTRY_POINTS, bytes, deep + 6);
    assert_int_equal(forge_open(&forged, 10, &error), STATUS_OK);
    assert_int_equal(r2r_instances_walk(&forged.r2r, any_instance, &seen, &error),
                     STATUS_MALFORMED);
    free(bytes);
    forge_end(&forged);
}

/* Every prefix and every flipped byte of real tables: nothing but an answer or an error. */
static void real_tables_damaged(void **state)
{
    (void)state;
    static struct metadata_image metadata;
    static struct r2r_image r2r;
    struct opened file;
    const char *path = made_image("cross/Fancy.dll");
    if (!path)
        skip();
    open_file(&file, path);
    for (size_t at = 0; at < file.length; at++) {
        uint8_t *copy = malloc(file.length);
        assert_non_null(copy);
        memcpy(copy, file.bytes, file.length);
        copy[at] ^= (uint8_t)(1u << (at % 8));
        size_t length = at % 3 == 0 ? at : file.length, seen = 0;
        if (metadata_image_open(&metadata, copy, length, at % 2, NULL) == STATUS_OK &&
            r2r_image_open(&r2r, &metadata, NULL) == STATUS_OK) {
            r2r_inlining_walk(&r2r, every_pair, NULL, NULL, NULL);
            r2r_methods_walk(&r2r, &r2r.core, any_method, &seen, NULL);
            r2r_instances_walk(&r2r, any_instance, &seen, NULL);
            for (uint32_t i = 0; i < r2r_import_count(&r2r) && i < 100; i++)
                r2r_import_read(&r2r, i, &(struct r2r_import){0}, NULL);
        }
        free(copy);
    }
    close_file(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_has_its_message),
        cmocka_unit_test(what_is_right_is_read),
        cmocka_unit_test(headers),
        cmocka_unit_test(a_manifest_that_is_none),
        cmocka_unit_test(components_that_lead_out),
        cmocka_unit_test(entry_points),
        cmocka_unit_test(deep_signatures),
        cmocka_unit_test(real_tables_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
