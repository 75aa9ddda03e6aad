// uses: il clr base
/*
 * Any bytes as a method body. What is parsed must be laid out, checked, printed and written
 * without a fault; what was written must parse to the same thing and write the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "il_body.h"
#include "il_check.h"
#include "il_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Signatures made up from the token, so that depth analysis finds something to do. */
static bool effect(void *context, uint32_t opcode, mdToken token, struct il_call *call)
{
    (void)context;
    (void)opcode;
    call->arguments = token & 3;
    call->returns = (token & 4) != 0;
    return (token & 0x70) != 0x70;
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void write_twice(struct il_body *body)
{
    struct buffer once, twice;
    struct il_body again;
    buffer_init(&once, 0);
    buffer_init(&twice, 0);
    if (il_body_write(body, &once, NULL) == STATUS_OK) {
        must(il_body_parse(&again, once.data, once.length, NULL) == STATUS_OK);
        must(again.parsed_size == once.length);
        must(again.count == body->count && again.clause_count == body->clause_count);
        must(il_check(&again, NULL, NULL) == il_check(body, NULL, NULL));
        must(il_body_write(&again, &twice, NULL) == STATUS_OK);
        must(once.length == twice.length);
        must(memcmp(once.data, twice.data, once.length) == 0);
        il_body_release(&again);
    }
    buffer_release(&once);
    buffer_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct il_effects effects = {.call = effect};
    struct il_body body;
    struct error error;
    struct buffer text;
    error_init(&error);
    if (il_body_parse(&body, data, size, &error) != STATUS_OK) {
        must(error.message[0] && error.status != STATUS_OK);
        must(error.offset >= -1 && error.offset <= (int64_t)size);
        return 0;
    }
    must(body.parsed_size <= size && body.count > 0);
    buffer_init(&text, 1 << 20);
    il_print_body(&body, NULL, IL_PRINT_DEPTH | IL_PRINT_ORIGINAL, &text);
    enum status status = il_stack_compute(&body, &effects, &error);
    if (status == STATUS_OK)
        status = il_check(&body, &effects, &error);
    /* With less to look at, less is refused. */
    must(status != STATUS_OK || il_check(&body, NULL, NULL) == STATUS_OK);
    write_twice(&body);
    buffer_clear(&text);
    il_map_append(&body, &text);
    must(text.length == body.count * sizeof(struct il_map_entry) || buffer_failed(&text));
    buffer_release(&text);
    il_body_release(&body);
    return 0;
}
