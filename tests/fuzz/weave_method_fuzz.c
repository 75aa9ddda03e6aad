// uses: weave metadata il clr
/* Any bytes as a method body, for every kind of probe on a method of every shape: the answer
 * is a refusal, or a body that can be read and checked again, and woven once more. */
#include <stdint.h>
#include <stdlib.h>

#include "../unit/weave_fake.h"
#include "../unit/weave_image.h"
#include "il_body.h"
#include "il_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct image_maker maker;
static struct metadata_image image;
static struct fake_tokens *fake;

static void weave_again(struct weave_request request, const struct weave_result *first)
{
    struct weave_result result;
    request.body = first->body.data;
    request.body_length = first->body.length;
    if (weave_method(&request, &result, NULL) == STATUS_OK)
        weave_result_release(&result);
}

static void check_output(const struct weave_result *result)
{
    struct il_body body;
    if (il_body_parse(&body, result->body.data, result->body.length, NULL) != STATUS_OK ||
        il_check(&body, NULL, NULL) != STATUS_OK)
        abort();
    il_body_release(&body);
    for (size_t i = 1; i < result->map_count; i++)
        if (result->map[i - 1].new_offset >= result->map[i].new_offset)
            abort();
}

/* The first two bytes choose the method and the kind; the rest is the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!fake) {
        fake = fake_new();
        if (make_image(&maker, &image) != STATUS_OK)
            abort();
    }
    if (size < 3)
        return 0;
    struct weave_value enter[96];
    struct weave_value exit[96];
    mdToken method = METHOD_STATIC_VOID + data[0] % (METHOD_LAST - METHOD_STATIC_VOID + 1);
    enum weave_kind kind = (enum weave_kind)(WEAVE_COUNT + data[1] % WEAVE_ITERATOR_DISPOSE);
    struct weave_request request = {.image = &image,
                                    .method = method,
                                    .body = data + 2,
                                    .body_length = size - 2,
                                    .kind = kind,
                                    .handle = 0x100000001u,
                                    .entry_points = &fake_entry_points,
                                    .tokens = &fake->tokens,
                                    .enter = enter,
                                    .exit = exit,
                                    .drop_tail = data[1] & 0x80,
                                    .task_offset = data[1] & 0x40 ? 8 : 0};
    if (kind <= WEAVE_ASYNC_KICKOFF)
        request.enter_count = fake_values(&image, method, enter, method == METHOD_CTOR, false);
    if (kind == WEAVE_CALL)
        request.exit_count = fake_values(&image, method, exit, false, true);
    struct weave_result result;
    if (weave_method(&request, &result, NULL) != STATUS_OK)
        return 0;
    check_output(&result);
    weave_again(request, &result);
    weave_result_release(&result);
    if (fake->count > FAKE_MAX_BLOBS / 2) {
        fake_free(fake);
        fake = fake_new();
    }
    return 0;
}
