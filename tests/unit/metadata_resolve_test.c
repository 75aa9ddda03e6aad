// uses: metadata
/* References, members, attributes, enums. */
#include "metadata_support.h"

static struct opened corelib, patterns, facade;

static int set_up(void **state)
{
    (void)state;
    open_file(&corelib, framework_file("System.Private.CoreLib.dll"));
    open_file(&patterns, patterns_file("portable/Patterns.dll"));
    open_file(&facade, framework_file("System.Runtime.dll"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_file(&corelib);
    close_file(&patterns);
    close_file(&facade);
    return 0;
}

static void references_name_their_assembly(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    struct metadata_identity identity;
    struct buffer text;
    mdToken ref = metadata_find_type_ref(image, "System.Threading", "CancellationToken");
    assert_int_not_equal(ref, mdTokenNil);
    assert_int_equal(metadata_identify(image, ref, &identity, NULL), STATUS_OK);
    assert_string_equal(identity.assembly, "System.Runtime");
    assert_string_equal(identity.name_space, "System.Threading");
    assert_int_equal(identity.depth, 1);
    assert_string_equal(identity.names[0], "CancellationToken");
    assert_string_equal(metadata_find_forward(&facade.image, &identity), "System.Private.CoreLib");
    assert_int_not_equal(metadata_find_type(&corelib.image, &identity), mdTokenNil);
    assert_null(metadata_find_forward(&corelib.image, &identity));
    buffer_init(&text, 0);
    metadata_identity_print(&identity, &text);
    assert_string_equal(buffer_text(&text), "System.Threading.CancellationToken");
    buffer_release(&text);
    assert_int_equal(metadata_find_type_ref(image, "System", "NoSuch"), mdTokenNil);
    assert_int_not_equal(metadata_find_assembly_ref(image, "System.Runtime"), mdTokenNil);
    assert_int_equal(metadata_find_assembly_ref(image, "System.Nowhere"), mdTokenNil);
}

static void nested_definitions(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    struct metadata_identity identity, other;
    mdToken value = metadata_find_type_text(image, "Shop.OrderService+Outer`1+Inner`1+Value");
    assert_int_equal(metadata_identify(image, value, &identity, NULL), STATUS_OK);
    assert_string_equal(identity.assembly, "");
    assert_string_equal(identity.name_space, "Shop");
    assert_int_equal(identity.depth, 4);
    assert_string_equal(identity.names[1], "Outer`1");
    assert_int_equal(metadata_find_type(image, &identity), value);
    assert_int_equal(metadata_identify(image, metadata_enclosing(image, value), &other, NULL),
                     STATUS_OK);
    assert_false(metadata_identity_equal(&identity, &other, false));
    assert_true(metadata_identity_equal(&identity, &identity, true));
}

static void tokens_that_lead_nowhere(void **state)
{
    (void)state;
    struct metadata_identity identity;
    struct metadata_member member;
    struct error error;
    const struct metadata_image *image = &patterns.image;
    assert_int_equal(metadata_identify(image, 0x01ffffff, &identity, &error), STATUS_MALFORMED);
    assert_int_equal(metadata_identify(image, mdTokenNil, &identity, &error), STATUS_MALFORMED);
    assert_int_equal(metadata_identify(image, 0x06000001, &identity, &error), STATUS_MALFORMED);
    assert_int_equal(metadata_member_read(image, 0x0affffff, &member, &error), STATUS_MALFORMED);
    assert_int_equal(metadata_find_type_text(image, "Shop.NoSuch"), mdTokenNil);
    assert_int_equal(metadata_find_type_text(image, ""), mdTokenNil);
    assert_int_equal(metadata_find_type_text(image, "+"), mdTokenNil);
}

/* Every reference of CoreLib and of our library resolves to something. */
static void all_references_resolve(void **state)
{
    (void)state;
    const struct metadata_image *images[] = {&corelib.image, &patterns.image};
    for (size_t i = 0; i < 2; i++) {
        const struct metadata_image *image = images[i];
        for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_TypeRef); row++) {
            struct metadata_identity identity;
            assert_int_equal(
                metadata_identify(image, token_make(CLR_TABLE_TypeRef, row), &identity, NULL),
                STATUS_OK);
            assert_true(identity.assembly[0] != 0);
        }
        for (uint32_t row = 1; row <= metadata_row_count(image, CLR_TABLE_MemberRef); row++) {
            struct metadata_member member;
            assert_int_equal(
                metadata_member_read(image, token_make(CLR_TABLE_MemberRef, row), &member, NULL),
                STATUS_OK);
            assert_true(member.name[0] != 0 && member.parent != mdTokenNil);
            assert_true(reader_left(&member.signature) > 0);
        }
    }
}

static void members(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    struct metadata_member member;
    mdToken place = find_method(image, "Shop.OrderService", "Place");
    assert_int_equal(metadata_member_read(image, place, &member, NULL), STATUS_OK);
    assert_string_equal(member.name, "Place");
    assert_false(member.is_field);
    assert_int_equal(member.parent, metadata_find_type_text(image, "Shop.OrderService"));
    mdToken order = metadata_find_type_text(image, "Shop.Order");
    mdToken total = metadata_find_field(image, order, "Total");
    assert_int_equal(metadata_member_read(image, total, &member, NULL), STATUS_OK);
    assert_true(member.is_field);
    assert_int_equal(member.parent, order);
}

static void attributes(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    mdToken rights = metadata_find_type_text(image, "Shop.Rights");
    mdToken state_type = metadata_find_type_text(image, "Shop.OrderState");
    assert_int_not_equal(metadata_attribute_find(image, rights, "System.FlagsAttribute"),
                         mdTokenNil);
    assert_int_equal(metadata_attribute_find(image, state_type, "System.FlagsAttribute"),
                     mdTokenNil);
    mdToken place = find_method(image, "Shop.OrderService", "PlaceAsync");
    mdToken attribute = metadata_attribute_find(
        image, place, "System.Runtime.CompilerServices.AsyncStateMachineAttribute");
    struct reader value = metadata_attribute_value(image, attribute);
    const char *text;
    size_t length;
    assert_true(metadata_attribute_text(&value, &text, &length));
    assert_int_equal(length, strlen("Shop.OrderService+<PlaceAsync>d__10"));
    assert_memory_equal(text, "Shop.OrderService+<PlaceAsync>d__10", length);
    /* What remains is the count of named arguments. */
    assert_int_equal(reader_u16(&value), 0);
    assert_false(metadata_attribute_text(&value, &text, &length));
    struct reader none = metadata_attribute_value(image, mdTokenNil);
    assert_int_equal(reader_left(&none), 0);
    assert_int_not_equal(
        metadata_attribute_find(&corelib.image,
                                metadata_find_type_text(&corelib.image, "System.AttributeTargets"),
                                "System.FlagsAttribute"),
        mdTokenNil);
}

static void kinds_of_types(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    assert_true(metadata_type_is_enum(image, metadata_find_type_text(image, "Shop.Rights")));
    assert_true(metadata_type_is_value_type(image, metadata_find_type_text(image, "Shop.Rights")));
    assert_true(metadata_type_is_value_type(image, metadata_find_type_text(image, "Shop.Money")));
    assert_false(metadata_type_is_enum(image, metadata_find_type_text(image, "Shop.Money")));
    assert_false(metadata_type_is_value_type(image, metadata_find_type_text(image, "Shop.Order")));
    assert_true(metadata_type_is_interface(image, metadata_find_type_text(image, "Shop.IOrders")));
    assert_true(metadata_type_is_delegate(image, metadata_find_type_text(image, "Shop.Check")));
    const struct metadata_image *core = &corelib.image;
    assert_false(metadata_type_is_value_type(core, metadata_find_type_text(core, "System.Enum")));
    assert_false(
        metadata_type_is_value_type(core, metadata_find_type_text(core, "System.ValueType")));
    assert_true(metadata_type_is_value_type(core, metadata_find_type_text(core, "System.Int32")));
    assert_int_equal(metadata_type_base(core, metadata_find_type_text(core, "System.Object")),
                     mdTokenNil);
    mdToken repository =
        metadata_type_base(image, metadata_find_type_text(image, "Shop.OrderRepository"));
    assert_int_equal(token_table(repository), CLR_TABLE_TypeSpec);
    assert_true(metadata_type_is(image, repository, "Shop.Repository`1"));
    assert_false(metadata_type_is(image, repository, "Shop.Repository"));
}

static void check_enum(const struct metadata_image *image, const char *type, uint64_t value,
                       const char *expected)
{
    struct buffer text;
    buffer_init(&text, 0);
    metadata_enum_print(image, metadata_find_type_text(image, type), value, &text);
    assert_string_equal(buffer_text(&text), expected);
    buffer_release(&text);
}

static void enums(void **state)
{
    (void)state;
    const struct metadata_image *image = &patterns.image;
    check_enum(image, "Shop.OrderState", 5, "Paid");
    check_enum(image, "Shop.OrderState", 0, "New");
    check_enum(image, "Shop.OrderState", (uint64_t)-1, "Closed");
    check_enum(image, "Shop.OrderState", (uint64_t)-7, "-7");
    check_enum(image, "Shop.OrderState", 6, "6");
    check_enum(image, "Shop.Rights", 0, "None");
    check_enum(image, "Shop.Rights", 3, "All");
    check_enum(image, "Shop.Rights", 0x82, "Write | Admin");
    check_enum(image, "Shop.Rights", 0x83, "All | Admin");
    check_enum(image, "Shop.Rights", 4, "4");
    check_enum(image, "Shop.Rights", 5, "5");
    check_enum(image, "Shop.Big", UINT64_MAX, "Most");
    check_enum(image, "Shop.Big", UINT64_MAX - 1, "18446744073709551614");
    check_enum(&corelib.image, "System.DayOfWeek", 5, "Friday");
    mdToken state_type = metadata_find_type_text(image, "Shop.OrderState");
    uint64_t value = 0;
    assert_true(metadata_enum_value(image, state_type, "Closed", &value));
    assert_true(value == (uint64_t)-1);
    assert_false(metadata_enum_value(image, state_type, "value__", &value));
    assert_int_equal(metadata_enum_element(image, state_type), ELEMENT_TYPE_I4);
    assert_int_equal(metadata_enum_element(image, metadata_find_type_text(image, "Shop.Rights")),
                     ELEMENT_TYPE_U1);
    assert_int_equal(metadata_enum_element(image, metadata_find_type_text(image, "Shop.Order")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_name_their_assembly),
        cmocka_unit_test(nested_definitions),
        cmocka_unit_test(tokens_that_lead_nowhere),
        cmocka_unit_test(all_references_resolve),
        cmocka_unit_test(members),
        cmocka_unit_test(attributes),
        cmocka_unit_test(kinds_of_types),
        cmocka_unit_test(enums),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
