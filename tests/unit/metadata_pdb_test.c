// uses: metadata
/* Portable pdbs beside and inside the image, and the deflate around the latter. */
#include "metadata_support.h"

#include "metadata_inflate.h"
#include "metadata_pdb.h"

static struct opened patterns, embedded;
static uint8_t *pdb_bytes;
static size_t pdb_length;
static struct metadata_pdb pdb;

static int set_up(void **state)
{
    (void)state;
    open_file(&patterns, patterns_file("portable/Patterns.dll"));
    open_file(&embedded, patterns_file("embedded/Patterns.dll"));
    pdb_bytes = read_whole_file(patterns_file("portable/Patterns.pdb"), &pdb_length);
    assert_int_equal(metadata_pdb_open(&pdb, pdb_bytes, pdb_length, NULL), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_file(&patterns);
    close_file(&embedded);
    free(pdb_bytes);
    return 0;
}

static void it_belongs_to_its_image(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(metadata_pdb_check(&pdb, &patterns.image, &error), STATUS_OK);
    assert_int_equal(metadata_pdb_check(&pdb, &embedded.image, &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.message, "another build"));
    assert_int_equal(metadata_row_count(&pdb.image, CLR_TABLE_MethodDebugInformation),
                     metadata_row_count(&patterns.image, CLR_TABLE_MethodDef));
}

static void points_of_a_method(void **state)
{
    (void)state;
    struct metadata_points points;
    struct metadata_point point;
    uint32_t place = source_line("place"), seen = 0, last_offset = 0;
    struct buffer path;
    metadata_points_begin(&pdb, find_method(&patterns.image, "Shop.OrderService", "Place"),
                          &points);
    while (metadata_points_next(&points, &point)) {
        assert_true(seen == 0 || point.il_offset > last_offset);
        assert_true(point.end_line >= point.line && point.line > place - 5 &&
                    point.end_line < place + 3);
        if (point.line == place)
            assert_int_equal(point.column, 9);
        last_offset = point.il_offset;
        seen++;
    }
    assert_true(seen >= 4);
    buffer_init(&path, 0);
    metadata_document_print(&pdb, point.document, &path);
    assert_non_null(strstr(buffer_text(&path), "/Orders.cs"));
    buffer_release(&path);
    assert_true(metadata_document_matches(&pdb, point.document, "Orders.cs", 9));
    assert_true(metadata_document_matches(&pdb, point.document, "library\\Orders.cs", 17));
    assert_false(metadata_document_matches(&pdb, point.document, "rders.cs", 8));
    assert_false(metadata_document_matches(&pdb, point.document, "", 0));
    metadata_points_begin(&pdb, 0x06ffffff, &points);
    assert_false(metadata_points_next(&points, &point));
}

static void first_lines(void **state)
{
    (void)state;
    uint32_t document = 0, line = 0;
    const struct metadata_image *image = &patterns.image;
    assert_true(metadata_pdb_first_line(&pdb, image, find_method(image, "Shop.IOrders", "Describe"),
                                        &document, &line));
    assert_int_equal(line, source_line("default member"));
    /* An async method's lines are those of its MoveNext. */
    assert_true(metadata_pdb_first_line(
        &pdb, image, find_method(image, "Shop.OrderService", "PlaceAsync"), &document, &line));
    assert_true(line < source_line("place async") && line > source_line("place async") - 4);
    assert_false(metadata_pdb_first_line(
        &pdb, image, find_method(image, "Shop.OrderService", "getpid"), &document, &line));
}

static void embedded_is_the_same(void **state)
{
    (void)state;
    struct buffer out;
    struct error error;
    struct metadata_pdb inner;
    mdToken methods[4];
    bool known;
    buffer_init(&out, 0);
    assert_int_equal(metadata_pdb_inflate(&embedded.image, &out, &error), STATUS_OK);
    assert_int_equal(metadata_pdb_open(&inner, out.data, out.length, &error), STATUS_OK);
    assert_int_equal(metadata_pdb_check(&inner, &embedded.image, &error), STATUS_OK);
    size_t count = metadata_pdb_methods_at(&inner, &embedded.image, "Orders.cs", 9,
                                           source_line("local function"), methods, 4, &known);
    assert_int_equal(count, 1);
    assert_int_equal(methods[0],
                     find_method(&embedded.image, "Shop.OrderService", "<Locals>g__Inner|19_0"));
    buffer_release(&out);
    buffer_init(&out, 0);
    assert_int_equal(metadata_pdb_inflate(&patterns.image, &out, &error), STATUS_NOT_FOUND);
    buffer_release(&out);
}

static void lines_between_methods(void **state)
{
    (void)state;
    bool known;
    mdToken methods[4];
    assert_int_equal(metadata_pdb_methods_at(&pdb, &patterns.image, "Orders.cs", 9,
                                             source_line("nothing"), methods, 4, &known),
                     0);
    assert_true(known);
    assert_int_equal(
        metadata_pdb_methods_at(&pdb, &patterns.image, "Nowhere.cs", 10, 3, methods, 4, &known), 0);
    assert_false(known);
}

static void broken_pdbs(void **state)
{
    (void)state;
    struct metadata_pdb broken;
    struct error error;
    static const char windows[] = "Microsoft C/C++ MSF 7.00\r\n\x1a\x44S";
    assert_int_equal(metadata_pdb_open(&broken, windows, sizeof(windows), &error),
                     STATUS_UNSUPPORTED);
    assert_int_equal(metadata_pdb_open(&broken, "", 0, &error), STATUS_MALFORMED);
    assert_int_equal(metadata_pdb_open(&broken, pdb_bytes, 100, &error), STATUS_MALFORMED);
    /* Metadata, but of an assembly. */
    struct reader root = patterns.image.root;
    assert_int_equal(metadata_pdb_open(&broken, root.data, root.length, &error), STATUS_MALFORMED);
    for (size_t length = 0; length < pdb_length; length += 13) {
        uint8_t *cut = malloc(length ? length : 1);
        memcpy(cut, pdb_bytes, length);
        if (metadata_pdb_open(&broken, cut, length, &error) == STATUS_OK) {
            bool known;
            mdToken methods[4];
            metadata_pdb_methods_at(&broken, &patterns.image, "Orders.cs", 9, 75, methods, 4,
                                    &known);
        }
        free(cut);
    }
}

static enum status inflate(const uint8_t *bytes, size_t length, size_t limit, struct buffer *out)
{
    struct reader packed;
    struct error error;
    buffer_init(out, 0);
    reader_init(&packed, bytes, length);
    return metadata_inflate(packed, limit, out, &error);
}

static void deflate_by_hand(void **state)
{
    (void)state;
    struct buffer out;
    /* Stored; fixed codes, with and without a match; the embedded pdb has dynamic ones. */
    static const uint8_t stored[] = {0x01, 0x05, 0x00, 0xfa, 0xff, 'h', 'e', 'l', 'l', 'o'};
    static const uint8_t fixed[] = {0x4b, 0x4c, 0x4a, 0x4e, 0x4c, 0x4a,
                                    0x4e, 0x4c, 0x4a, 0x06, 0x00};
    assert_int_equal(inflate(stored, sizeof(stored), 100, &out), STATUS_OK);
    assert_int_equal(out.length, 5);
    assert_memory_equal(out.data, "hello", 5);
    buffer_release(&out);
    assert_int_equal(inflate(stored, sizeof(stored), 4, &out), STATUS_MALFORMED);
    buffer_release(&out);
    assert_int_equal(inflate(stored, sizeof(stored) - 1, 100, &out), STATUS_MALFORMED);
    buffer_release(&out);
    assert_int_equal(inflate(fixed, sizeof(fixed), 100, &out), STATUS_OK);
    assert_int_equal(out.length, 9);
    assert_memory_equal(out.data, "abcabcabc", 9);
    buffer_release(&out);
    static const uint8_t with_match[] = {0x4b, 0x4c, 0x4a, 0x4e, 0x04, 0x23, 0x00};
    assert_int_equal(inflate(with_match, sizeof(with_match), 9, &out), STATUS_OK);
    assert_int_equal(out.length, 9);
    assert_memory_equal(out.data, "abcabcabc", 9);
    buffer_release(&out);
    assert_int_equal(inflate(with_match, sizeof(with_match), 8, &out), STATUS_MALFORMED);
    buffer_release(&out);
    static const uint8_t bad_kind[] = {0x07};
    static const uint8_t bad_check[] = {0x01, 0x05, 0x00, 0x00, 0x00};
    static const uint8_t far_back[] = {0x4b, 0x04, 0x12, 0x00, 0x00};
    assert_int_equal(inflate(bad_kind, sizeof(bad_kind), 100, &out), STATUS_MALFORMED);
    buffer_release(&out);
    assert_int_equal(inflate(bad_check, sizeof(bad_check), 100, &out), STATUS_MALFORMED);
    buffer_release(&out);
    assert_int_equal(inflate(far_back, sizeof(far_back), 100, &out), STATUS_MALFORMED);
    buffer_release(&out);
    assert_int_equal(inflate(fixed, 0, 100, &out), STATUS_MALFORMED);
    buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_belongs_to_its_image),
        cmocka_unit_test(points_of_a_method),
        cmocka_unit_test(first_lines),
        cmocka_unit_test(embedded_is_the_same),
        cmocka_unit_test(lines_between_methods),
        cmocka_unit_test(broken_pdbs),
        cmocka_unit_test(deflate_by_hand),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
