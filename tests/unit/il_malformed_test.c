// uses: il clr base
/* Bodies that break the format: each is refused, with the offset of what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "il_assemble.h"
#include "il_body.h"

static struct assembly source;

static void refused(enum status status, int64_t offset, const char *reason)
{
    struct il_body body;
    struct error error;
    error_init(&error);
    /* In memory of its own, so that a sanitizer sees every byte too far. */
    uint8_t *copy = malloc(source.length + !source.length);
    memcpy(copy, source.bytes, source.length);
    assert_int_equal(il_body_parse(&body, copy, source.length, &error), status);
    free(copy);
    assert_non_null(strstr(error.message, reason));
    assert_int_equal(error.offset, offset);
    assert_null(body.first);
    assert_int_equal(body.arena.total, 0);
}

static void tiny(size_t size)
{
    begin_tiny(&source, size);
}

static void headers(void **state)
{
    (void)state;
    source.length = 0;
    refused(STATUS_MALFORMED, 0, "is empty");
    tiny(0);
    refused(STATUS_MALFORMED, 1, "has no code");
    tiny(2);
    PUT(&source, 0x00);
    refused(STATUS_MALFORMED, 1, "ends inside its code");
    source.length = 0;
    PUT(&source, 0x00, 0x2a);
    refused(STATUS_MALFORMED, 0, "neither a tiny nor a fat header");
    begin_fat(&source, 8, 0);
    for (source.length = 1; source.length < 12; source.length++)
        refused(STATUS_MALFORMED, (int64_t)source.length, "ends inside its header");
    begin_fat(&source, 8, 0);
    source.bytes[1] = 0x40;
    PUT(&source, 0x2a);
    end_fat(&source);
    refused(STATUS_MALFORMED, 0, "not three words");
    begin_fat(&source, 8, 0x06000001);
    PUT(&source, 0x2a);
    end_fat(&source);
    refused(STATUS_MALFORMED, 8, "not a signature");
    begin_fat(&source, 8, 0);
    memset(source.bytes + 4, 0xff, 4);
    refused(STATUS_MALFORMED, 12, "ends inside its code");
}

static void instructions(void **state)
{
    (void)state;
    tiny(2);
    PUT(&source, 0x00, 0x24);
    refused(STATUS_MALFORMED, 2, "unknown instruction");
    tiny(2);
    PUT(&source, 0xfe, 0x08);
    refused(STATUS_MALFORMED, 1, "unknown instruction");
    tiny(2);
    PUT(&source, 0x00, 0xfe);
    refused(STATUS_MALFORMED, 2, "ends inside an instruction");
    tiny(4);
    PUT(&source, 0x20, 1, 2, 3);
    refused(STATUS_MALFORMED, 1, "ends inside an instruction");
}

static void branches(void **state)
{
    (void)state;
    tiny(4); /* into the middle of ldc.i4.s */
    PUT(&source, 0x2b, 0x01, 0x1f, 0x00);
    refused(STATUS_MALFORMED, 1, "leads to no instruction");
    tiny(3); /* to the end of the code */
    PUT(&source, 0x00, 0x2b, 0x00);
    refused(STATUS_MALFORMED, 2, "leads to no instruction");
    tiny(3); /* before the start */
    PUT(&source, 0x00, 0x2b, 0xfc);
    refused(STATUS_MALFORMED, 2, "leads to no instruction");
    tiny(5); /* over 2^31 */
    PUT(&source, 0x38, 0xff, 0xff, 0xff, 0x7f);
    refused(STATUS_MALFORMED, 1, "leads to no instruction");
}

static void switches(void **state)
{
    (void)state;
    tiny(9); /* says two targets, has one */
    PUT(&source, 0x45, 2, 0, 0, 0, 0, 0, 0, 0);
    refused(STATUS_MALFORMED, 1, "ends inside an instruction");
    tiny(9); /* says 2^32 - 1 */
    PUT(&source, 0x45, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
    refused(STATUS_MALFORMED, 1, "ends inside an instruction");
    tiny(10); /* leads into itself */
    PUT(&source, 0x45, 1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x2a);
    refused(STATUS_MALFORMED, 1, "leads to no instruction");
}

static void begin_code_for_clauses(void)
{
    begin_fat(&source, 8, 0);
    PUT(&source, 0x1f, 0x00, 0x26, 0x2a); /* ldc.i4.s 0; pop; ret */
}

static void clauses(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags, try_first, try_end, handler_first, handler_end, last;
        const char *reason;
    } cases[] = {
        {3, 0, 2, 2, 3, 0, "unknown kind"},
        {16, 0, 2, 2, 3, 0, "unknown kind"},
        {0, 1, 2, 2, 3, 0, "begins or ends at no"},
        {0, 0, 1, 2, 3, 0, "begins or ends at no"},
        {0, 0, 5, 2, 3, 0, "begins or ends at no"},
        {0, 4, 4, 2, 3, 0, "begins or ends at no"}, /* a try block that begins at the end */
        {0, 0, 2, 1, 3, 0, "begins or ends at no"},
        {0, 0, 2, 2, 200, 0, "begins or ends at no"},
        {1, 0, 2, 2, 3, 1, "begins or ends at no"},
        {1, 0, 2, 2, 3, 4, "begins or ends at no"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (int fat = 0; fat < 2; fat++) {
            begin_code_for_clauses();
            begin_clauses(&source, 1, fat);
            put_clause(&source, fat, cases[i].flags, cases[i].try_first, cases[i].try_end,
                       cases[i].handler_first, cases[i].handler_end, cases[i].last);
            refused(STATUS_MALFORMED, 20, cases[i].reason);
        }
    }
}

static void sections(void **state)
{
    (void)state;
    begin_code_for_clauses();
    end_fat(&source);
    source.bytes[0] |= 0x08; /* more sections, but none follows */
    refused(STATUS_MALFORMED, 16, "ends before its exception clauses");
    begin_code_for_clauses();
    begin_clauses(&source, 3, 0);
    put_clause(&source, 0, 2, 0, 2, 2, 3, 0);
    refused(STATUS_MALFORMED, 32, "ends inside its exception clauses");
    begin_code_for_clauses();
    begin_clauses(&source, 0, 1);
    memset(source.bytes + source.length - 3, 0xff, 3); /* 16 MiB of clauses */
    refused(STATUS_MALFORMED, 20, "ends inside its exception clauses");
    begin_code_for_clauses();
    begin_clauses(&source, 1, 1);
    put_clause(&source, 1, 0, 0xfffffffe, 2, 2, 3, 0); /* length wraps around */
    refused(STATUS_MALFORMED, 20, "begins or ends at no");
}

static void limits(void **state)
{
    (void)state;
    struct il_body body;
    begin_fat(&source, 8, 0);
    for (unsigned i = 0; i < IL_MAX_INSTRUCTIONS - 1; i++)
        PUT(&source, 0x00);
    PUT(&source, 0x2a);
    end_fat(&source);
    assert_int_equal(il_body_parse(&body, source.bytes, source.length, NULL), STATUS_OK);
    assert_int_equal(body.count, IL_MAX_INSTRUCTIONS);
    /* One more does not go in; the body says so when it is written. */
    struct il_instruction *spare = il_append(&body, il_code(CEE_NOP));
    assert_ptr_equal(spare, &body.spare);
    assert_ptr_equal(il_insert_after(&body, spare, il_code(CEE_NOP)), spare);
    assert_true(body.failed);
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_int_equal(il_body_write(&body, &buffer, NULL), STATUS_MEMORY);
    assert_int_equal(buffer.length, 0);
    buffer_release(&buffer);
    il_body_release(&body);
    PUT(&source, 0x2a);
    end_fat(&source);
    refused(STATUS_LIMIT, 12 + IL_MAX_INSTRUCTIONS, "more than 65,536 instructions");
}

static void a_stack_too_deep_and_an_unset_target_are_not_written(void **state)
{
    (void)state;
    struct il_body body;
    struct buffer buffer;
    struct error error;
    buffer_init(&buffer, 0);
    il_body_init(&body);
    struct il_instruction *branch = il_append(&body, il_code_branch(CEE_BR, NULL));
    assert_int_equal(il_body_write(&body, &buffer, &error), STATUS_BUG);
    assert_non_null(strstr(error.message, "never set"));
    il_set_target(&body, branch, branch);
    body.max_stack = 65536;
    assert_int_equal(il_body_write(&body, &buffer, &error), STATUS_LIMIT);
    body.max_stack = 65535;
    assert_int_equal(il_body_write(&body, &buffer, &error), STATUS_OK);
    il_append(&body, (struct il_code){.opcode = 0x24});
    assert_true(body.failed);
    buffer_release(&buffer);
    il_body_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(instructions),
        cmocka_unit_test(branches),
        cmocka_unit_test(switches),
        cmocka_unit_test(clauses),
        cmocka_unit_test(sections),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_stack_too_deep_and_an_unset_target_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
