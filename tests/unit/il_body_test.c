// uses: il clr base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "clr_flags.h"
#include "il_assemble.h"
#include "il_body.h"
#include "il_check.h"

static struct assembly source;

static void parse(struct il_body *body)
{
    struct error error;
    error_init(&error);
    enum status status = il_body_parse(body, source.bytes, source.length, &error);
    if (status != STATUS_OK)
        print_error("%s at %d\n", error.message, (int)error.offset);
    assert_int_equal(status, STATUS_OK);
}

static struct il_instruction *nth(struct il_body *body, unsigned index)
{
    struct il_instruction *at = body->first;
    while (index-- > 0)
        at = at->next;
    return at;
}

static void write_and_parse_again(struct il_body *body, struct il_body *again,
                                  struct buffer *buffer)
{
    struct error error;
    buffer_init(buffer, 0);
    assert_int_equal(il_body_write(body, buffer, &error), STATUS_OK);
    assert_int_equal(il_body_parse(again, buffer->data, buffer->length, &error), STATUS_OK);
    assert_int_equal(again->parsed_size, buffer->length);
}

static void tiny_header(void **state)
{
    (void)state;
    struct il_body body;
    begin_tiny(&source, 2);
    PUT(&source, 0x16, 0x2a); /* ldc.i4.0; ret */
    PUT(&source, 0xff, 0xff); /* what stands behind a body is not looked at */
    parse(&body);
    assert_true(body.was_tiny);
    assert_int_equal(body.count, 2);
    assert_int_equal(body.max_stack, 8);
    assert_int_equal(body.locals, 0);
    assert_false(body.init_locals);
    assert_int_equal(body.parsed_size, 3);
    assert_int_equal(body.first->opcode, CEE_LDC_I4_0);
    assert_int_equal(body.last->opcode, CEE_RET);
    assert_int_equal(body.last->original, 1);
    assert_ptr_equal(body.first->next, body.last);
    assert_ptr_equal(body.last->previous, body.first);
    il_body_release(&body);
}

static void fat_header(void **state)
{
    (void)state;
    struct il_body body;
    begin_fat(&source, 300, 0x11000007);
    PUT(&source, 0x2a);
    end_fat(&source);
    parse(&body);
    assert_false(body.was_tiny);
    assert_int_equal(body.max_stack, 300);
    assert_int_equal(body.locals, 0x11000007);
    assert_true(body.init_locals);
    assert_int_equal(body.parsed_size, 13);
    il_body_release(&body);
}

/* One of every operand kind, two-byte opcodes and prefixes. */
static void every_operand(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0x1f, 0xfe,                                           /* 00 ldc.i4.s -2 */
        0xfe, 0x12, 0x80,                                     /* 02 unaligned. 128 */
        0x20, 0xfd, 0xff, 0xff, 0xff,                         /* 05 ldc.i4 -3 */
        0x21, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, /* 0a ldc.i8 */
        0x22, 0x00, 0x00, 0xc0, 0xff,                         /* 13 ldc.r4 NaN with a sign */
        0x23, 1, 2, 3, 4, 5, 6, 7, 0xf0,                      /* 18 ldc.r8 */
        0x11, 0xff,                                           /* 21 ldloc.s 255 */
        0xfe, 0x0c, 0x00, 0xff,                               /* 23 ldloc 65280 */
        0x28, 0x12, 0x00, 0x00, 0x0a,                         /* 27 call */
        0xfe, 0x16, 0x01, 0x00, 0x00, 0x1b,                   /* 2c constrained. */
        0x72, 0x05, 0x00, 0x00, 0x70,                         /* 32 ldstr */
        0x45, 2, 0, 0, 0, 0, 0, 0, 0, 0xbc, 0xff, 0xff, 0xff,
        /* 37 switch (44, 00) */
        0xde, 0xfe, /* 44 leave.s 44 */
        0x2a,       /* 46 ret */
    };
    struct il_body body, again;
    struct buffer buffer;
    begin_fat(&source, 8, 0);
    put(&source, code, sizeof(code));
    end_fat(&source);
    parse(&body);
    assert_int_equal(body.count, 14);
    for (int round = 0; round < 2; round++) {
        struct il_body *at = round ? &again : &body;
        assert_int_equal(nth(at, 0)->integer, -2);
        assert_int_equal(nth(at, 1)->opcode, CEE_UNALIGNED);
        assert_int_equal(nth(at, 1)->integer, 128);
        assert_int_equal(nth(at, 2)->integer, -3);
        assert_true(nth(at, 3)->integer == 0x7ffffffffffffffc);
        assert_true(nth(at, 4)->integer == 0xffc00000);
        assert_true(nth(at, 5)->integer == (int64_t)0xf007060504030201);
        assert_int_equal(nth(at, 6)->integer, 255);
        assert_int_equal(nth(at, 7)->integer, 65280);
        assert_int_equal(nth(at, 8)->token, 0x0a000012);
        assert_int_equal(nth(at, 9)->token, 0x1b000001);
        assert_int_equal(nth(at, 10)->token, 0x70000005);
        assert_int_equal(nth(at, 11)->table->count, 2);
        assert_ptr_equal(nth(at, 11)->table->targets[0], nth(at, 12));
        assert_ptr_equal(nth(at, 11)->table->targets[1], nth(at, 0));
        assert_ptr_equal(nth(at, 12)->target, nth(at, 12));
        assert_int_equal(nth(at, 12)->opcode, round ? CEE_LEAVE : CEE_LEAVE_S);
        assert_true(nth(at, 12)->is_target && nth(at, 0)->is_target);
        assert_false(nth(at, 1)->is_target);
        if (round == 0)
            write_and_parse_again(&body, &again, &buffer);
    }
    buffer_release(&buffer);
    il_body_release(&body);
    il_body_release(&again);
}

/* Each one-byte branch becomes its four-byte one, and means the same. */
static void every_short_branch_grows(void **state)
{
    (void)state;
    for (unsigned opcode = CEE_BR_S; opcode <= CEE_BLT_UN_S; opcode++) {
        struct il_body body, again;
        struct buffer buffer;
        begin_tiny(&source, 4);
        put_integer(&source, opcode, 1);
        PUT(&source, 0x01, 0x00, 0x2a); /* over a nop */
        parse(&body);
        write_and_parse_again(&body, &again, &buffer);
        assert_int_equal(again.first->opcode, opcode - CEE_BR_S + CEE_BR);
        assert_ptr_equal(again.first->target, again.last);
        const char *text = il_opcode_info(opcode)->text;
        assert_int_equal(strncmp(text, il_opcode_info(again.first->opcode)->text, strlen(text) - 2),
                         0);
        buffer_release(&buffer);
        il_body_release(&body);
        il_body_release(&again);
    }
}

/* Short branches of 127 forward and -128 back lie at their limit; code put in between them
 * and their target must not cut them off. */
static void short_branches_at_their_limit(void **state)
{
    (void)state;
    struct il_body body, again;
    struct buffer buffer;
    begin_fat(&source, 8, 0);
    PUT(&source, 0x2b, 0x7f); /* 000 br.s 129 */
    for (int i = 0; i < 126; i++)
        PUT(&source, 0x00);
    PUT(&source, 0x2a);       /* 128 ret */
    PUT(&source, 0x2b, 0x80); /* 129 br.s 3 */
    end_fat(&source);
    parse(&body);
    struct il_instruction *forward = body.first, *back = body.last;
    assert_int_equal(forward->target->original, 129);
    assert_int_equal(back->target->original, 3);
    for (int i = 0; i < 70000 / 5; i++) /* far beyond 16 bits, too */
        il_insert_after(&body, forward, il_code_integer(CEE_LDC_I4, i));
    write_and_parse_again(&body, &again, &buffer);
    assert_ptr_equal(again.first->target, again.last);
    assert_int_equal(again.last->target->opcode, CEE_NOP);
    /* 2 of the original 126 nops stand before the target of the way back. */
    unsigned left = 0;
    for (struct il_instruction *at = again.last->target; at->opcode == CEE_NOP; at = at->next)
        left++;
    assert_int_equal(left, 125);
    buffer_release(&buffer);
    il_body_release(&body);
    il_body_release(&again);
}

/* try { try { nop; leave } filter { pop; ldc.i4.1; endfilter } { pop; leave } leave }
 * finally { endfinally } ret */
static void make_nested(int fat)
{
    begin_fat(&source, 1, 0);
    PUT(&source, 0x00, 0xde, 0x09);       /* 00 nop; leave.s 0c */
    PUT(&source, 0x26, 0x17, 0xfe, 0x11); /* 03 filter: pop; ldc.i4.1; endfilter */
    PUT(&source, 0x26, 0xde, 0x02);       /* 07 handler: pop; leave.s 0c */
    PUT(&source, 0x00, 0x00);             /* 0a never reached */
    PUT(&source, 0xde, 0x01);             /* 0c leave.s 0f */
    PUT(&source, 0xdc);                   /* 0e endfinally */
    PUT(&source, 0x2a);                   /* 0f ret */
    begin_clauses(&source, 2, fat);
    put_clause(&source, fat, 1, 0x00, 0x03, 0x07, 0x0a, 0x03);
    put_clause(&source, fat, 2, 0x00, 0x0e, 0x0e, 0x0f, 0);
}

static void clauses_become_boundaries(void **state)
{
    (void)state;
    for (int fat = 0; fat < 2; fat++) {
        struct il_body body, again;
        struct buffer buffer;
        make_nested(fat);
        parse(&body);
        assert_int_equal(body.parsed_size, source.length);
        for (int round = 0; round < 2; round++) {
            struct il_body *at = round ? &again : &body;
            assert_int_equal(at->clause_count, 2);
            struct il_clause *inner = at->clauses, *outer = inner->next;
            assert_int_equal(inner->flags, COR_ILEXCEPTION_CLAUSE_FILTER);
            assert_ptr_equal(inner->try_first, at->first);
            assert_ptr_equal(inner->try_end, nth(at, 2));
            assert_ptr_equal(inner->filter_first, nth(at, 2));
            assert_ptr_equal(inner->handler_first, nth(at, 5));
            assert_ptr_equal(inner->handler_end, nth(at, 7));
            assert_int_equal(outer->flags, COR_ILEXCEPTION_CLAUSE_FINALLY);
            assert_ptr_equal(outer->try_first, at->first);
            assert_ptr_equal(outer->try_end, outer->handler_first);
            assert_ptr_equal(outer->handler_end, at->last);
            assert_null(outer->filter_first);
            assert_null(outer->next);
            if (round == 0)
                write_and_parse_again(&body, &again, &buffer);
        }
        buffer_release(&buffer);
        il_body_release(&body);
        il_body_release(&again);
    }
}

static void two_sections_of_clauses(void **state)
{
    (void)state;
    struct il_body body;
    make_nested(0);
    /* Give the only section a successor, as ECMA allows. */
    size_t head = source.length - 2 * 12 - 4;
    source.bytes[head] |= 0x80;
    source.bytes[head + 1] = 12 + 4;
    memmove(source.bytes + head + 4 + 12 + 4, source.bytes + head + 4 + 12, 12);
    source.length = head + 4 + 12;
    PUT(&source, 0x01, 12 + 4, 0, 0);
    source.length += 12;
    parse(&body);
    assert_int_equal(body.clause_count, 2);
    assert_int_equal(body.clauses->next->flags, COR_ILEXCEPTION_CLAUSE_FINALLY);
    assert_int_equal(body.parsed_size, source.length);
    il_body_release(&body);
}

/* A catch that ends with the method: its end is NULL, also after the way through bytes. */
static void a_handler_at_the_very_end(void **state)
{
    (void)state;
    struct il_body body, again;
    struct buffer buffer;
    begin_fat(&source, 1, 0);
    PUT(&source, 0x2b, 0x05);       /* 00 br.s 07 */
    PUT(&source, 0x2a, 0x00);       /* 02 ret, nop */
    PUT(&source, 0x26, 0xde, 0xfb); /* 04 catch: pop; leave.s 02 */
    PUT(&source, 0xde, 0xf9);       /* 07 try: leave.s 02 */
    PUT(&source, 0x26, 0xfe, 0x1a); /* 09 catch: pop; rethrow */
    begin_clauses(&source, 2, 0);
    put_clause(&source, 0, 0, 7, 9, 4, 7, 0x01000002);
    put_clause(&source, 0, 0, 7, 9, 9, 12, 0x01000003);
    parse(&body);
    write_and_parse_again(&body, &again, &buffer);
    struct il_clause *second = again.clauses->next;
    assert_null(second->handler_end);
    assert_int_equal(second->type, 0x01000003);
    assert_int_equal(again.clauses->type, 0x01000002);
    assert_int_equal(il_check(&again, NULL, NULL), STATUS_OK);
    buffer_release(&buffer);
    il_body_release(&body);
    il_body_release(&again);
}

static void the_map_names_every_original(void **state)
{
    (void)state;
    struct il_body body;
    struct buffer bytes, map;
    begin_tiny(&source, 5);
    PUT(&source, 0x2b, 0x00, 0x00, 0x17, 0x2a); /* br.s 2; nop; ldc.i4.1; ret */
    parse(&body);
    il_insert_before(&body, body.first, il_code(CEE_NOP), IL_STAY);
    il_insert_before(&body, body.last, il_code_ldc_i4(1000), IL_MOVE_ALL);
    il_replace(&body, nth(&body, 2), il_code_token(CEE_CALL, 0x0a000001));
    buffer_init(&bytes, 0);
    buffer_init(&map, 0);
    assert_int_equal(il_body_write(&body, &bytes, NULL), STATUS_OK);
    assert_int_equal(il_map_append(&body, &map), 4);
    static const struct il_map_entry expected[] = {{0, 1, 1}, {2, 6, 1}, {3, 11, 1}, {4, 17, 1}};
    assert_int_equal(map.length, sizeof(expected));
    assert_memory_equal(map.data, expected, sizeof(expected));
    buffer_release(&bytes);
    buffer_release(&map);
    il_body_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_header),
        cmocka_unit_test(fat_header),
        cmocka_unit_test(every_operand),
        cmocka_unit_test(every_short_branch_grows),
        cmocka_unit_test(short_branches_at_their_limit),
        cmocka_unit_test(clauses_become_boundaries),
        cmocka_unit_test(two_sections_of_clauses),
        cmocka_unit_test(a_handler_at_the_very_end),
        cmocka_unit_test(the_map_names_every_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
