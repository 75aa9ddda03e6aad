/*
 * weave_expect: bodies are woven and compared with weave_golden.h as text. For the tests of
 * room weave; `--show` prints what comes out instead.
 */
#ifndef WEAVE_EXPECT_H
#define WEAVE_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "clr_flags.h"
#include "il_assemble.h"
#include "il_body.h"
#include "il_check.h"
#include "weave_fake.h"
#include "weave_golden.h"
#include "weave_image.h"

#define HANDLE UINT64_C(0x700000003)

static struct image_maker maker;
static struct metadata_image image;
static struct fake_tokens *fake;
static struct assembly body;
static bool showing; /* print what comes out, as the text of weave_golden.h */

static inline int set_up(void **state)
{
    (void)state;
    fake = fake_new();
    return make_image(&maker, &image);
}

static inline int tear_down(void **state)
{
    (void)state;
    fake_free(fake);
    make_release(&maker);
    return 0;
}

static inline struct weave_request request_for(mdToken method, enum weave_kind kind)
{
    return (struct weave_request){.image = &image,
                                  .method = method,
                                  .body = body.bytes,
                                  .body_length = body.length,
                                  .kind = kind,
                                  .handle = HANDLE,
                                  .entry_points = &fake_entry_points,
                                  .tokens = &fake->tokens};
}

/* A body as text: instructions that something leads to have their number in front. */

static inline uint32_t line_of(const struct il_body *il, const struct il_instruction *at)
{
    uint32_t line = 0;
    for (const struct il_instruction *i = il->first; i && i != at; i = i->next)
        line++;
    return line;
}

static inline void print_clauses(const struct il_body *il, struct buffer *text)
{
    for (const struct il_clause *clause = il->clauses; clause; clause = clause->next)
        buffer_append_format(text, "%s %u-%u %u %u-%u\n",
                             clause->flags == COR_ILEXCEPTION_CLAUSE_FILTER    ? "filter"
                             : clause->flags == COR_ILEXCEPTION_CLAUSE_FAULT   ? "fault"
                             : clause->flags == COR_ILEXCEPTION_CLAUSE_FINALLY ? "finally"
                                                                               : "catch",
                             line_of(il, clause->try_first), line_of(il, clause->try_end),
                             clause->filter_first ? line_of(il, clause->filter_first) : 0,
                             line_of(il, clause->handler_first), line_of(il, clause->handler_end));
}

static inline bool is_named(const struct il_body *il, const struct il_instruction *at)
{
    bool named = at->is_target;
    for (const struct il_clause *clause = il->clauses; clause; clause = clause->next)
        named |= clause->try_first == at || clause->try_end == at || clause->filter_first == at ||
                 clause->handler_first == at || clause->handler_end == at;
    return named;
}

static inline bool ends_line(const struct il_instruction *i)
{
    uint8_t flow = il_opcode_info(i->opcode)->flow;
    return (flow != IL_FLOW_NEXT && flow != IL_FLOW_PREFIX) || !i->next;
}

static inline void print_body(const struct il_body *il, struct buffer *text)
{
    for (const struct il_instruction *i = il->first; i; i = i->next) {
        const struct il_opcode_info *info = il_opcode_info(i->opcode);
        if (is_named(il, i))
            buffer_append_format(text, "%u: ", line_of(il, i));
        buffer_append_text(text, info->text);
        if (il_operand_is_token(info->operand))
            buffer_append_format(text, " %08x", i->token);
        else if (il_operand_is_branch(info->operand))
            buffer_append_format(text, " ->%u", line_of(il, i->target));
        else if (info->operand != IL_OPERAND_NONE)
            buffer_append_format(text, " %llx", (unsigned long long)i->integer);
        buffer_append_text(text, ends_line(i) ? "\n" : "; ");
    }
    print_clauses(il, text);
}

/* Weaves and compares with the text of that name in weave_golden.h: the code, a line for
 * each call or branch, then the clauses (kind, try block, filter, handler), then the types of all
 * locals. */
static inline void print_result(const struct weave_result *result, struct buffer *text)
{
    struct il_body il;
    assert_int_equal(il_body_parse(&il, result->body.data, result->body.length, NULL), STATUS_OK);
    print_body(&il, text);
    if (il.locals >> 24 == 0x11 && (il.locals & 0xffffff) >= FAKE_FIRST_RID) {
        const struct fake_blob *blob = &fake->blobs[(il.locals & 0xffffff) - FAKE_FIRST_RID];
        buffer_append_text(text, "locals");
        for (size_t i = 0; i < blob->length; i++)
            buffer_append_format(text, " %02x", blob->bytes[i]);
        buffer_append_u8(text, '\n');
    }
    il_body_release(&il);
}

static inline const char *golden(const char *name)
{
    for (size_t i = 0; i < sizeof weave_golden / sizeof weave_golden[0]; i++)
        if (strcmp(weave_golden[i].name, name) == 0)
            return weave_golden[i].text;
    return "";
}

static inline void show(const char *name, const char *text)
{
    printf("    {\"%s\",", name);
    while (*text) {
        size_t length = strcspn(text, "\n");
        printf("\n     \"%.*s\\n\"", (int)length, text);
        text += length + 1;
    }
    printf("},\n");
}

static inline void expect_woven(const struct weave_request *request, const char *name)
{
    struct weave_result result;
    struct error error;
    error_init(&error);
    enum status status = weave_method(request, &result, &error);
    if (status != STATUS_OK)
        print_error("%s: %s\n", name, error.message);
    assert_int_equal(status, STATUS_OK);
    struct buffer text;
    buffer_init(&text, 0);
    print_result(&result, &text);
    if (showing)
        show(name, buffer_text(&text));
    else
        assert_string_equal(buffer_text(&text), golden(name));
    buffer_release(&text);
    weave_result_release(&result);
}

static inline void expect_refused(const struct weave_request *request, enum status status,
                                  const char *part)
{
    struct weave_result result;
    struct error error;
    error_init(&error);
    assert_int_equal(weave_method(request, &result, &error), status);
    if (!strstr(error.message, part))
        print_error("'%s' is not in: %s\n", part, error.message);
    assert_non_null(strstr(error.message, part));
    assert_null(result.map);
    assert_int_equal(result.body.length, 0);
}

#define BODY(size, ...) (begin_tiny(&body, (size)), PUT(&body, __VA_ARGS__))

#endif
