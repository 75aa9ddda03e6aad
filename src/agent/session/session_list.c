/* LIST: methods by pattern, without a session. */
#include <string.h>

#include "metadata_names.h"
#include "session_breath.h"
#include "session_plan.h"
#include "session_symbols.h"

struct listing {
    struct session_engine *engine;
    struct buffer *messages;
    const struct module *module;
    uint32_t count, limit;
};

static uint32_t listed_flags(const struct module *module, const struct metadata_method *method)
{
    uint32_t flags = 0;
    if (method->generic_method || method->generic_type)
        flags |= WIRE_LISTED_GENERIC;
    if (method->kind == METADATA_METHOD_ASYNC || method->runtime_async)
        flags |= WIRE_LISTED_ASYNC;
    if (method->kind == METADATA_METHOD_ITERATOR)
        flags |= WIRE_LISTED_ITERATOR;
    if (method->kind == METADATA_METHOD_ASYNC_ITERATOR)
        flags |= WIRE_LISTED_ASYNC | WIRE_LISTED_ITERATOR;
    if (!method->has_il)
        flags |= WIRE_LISTED_NO_IL;
    if (module->precompiled)
        flags |= WIRE_LISTED_PRECOMPILED;
    if (module->dynamic)
        flags |= WIRE_LISTED_DYNAMIC;
    return flags;
}

static bool list_method(void *context, mdToken token)
{
    struct listing *listing = context;
    const struct metadata_image *image = listing->module->image;
    struct metadata_method method;
    if (listing->count >= listing->limit || !session_breath(listing->engine))
        return false;
    if (metadata_method_describe(image, token, &method, NULL) != STATUS_OK)
        return true;
    listing->count++;
    struct buffer text;
    buffer_init(&text, 0);
    size_t mark = wire_frame_begin(listing->messages, WIRE_MSG_LISTED);
    metadata_method_print(image, token, METADATA_NAME_PLAIN, &text);
    size_t length = text.length;
    tlv_put_text(listing->messages, WIRE_LISTED_NAME, buffer_text(&text));
    buffer_clear(&text);
    metadata_method_print(image, token, METADATA_NAME_PARAMS, &text);
    tlv_put_text(listing->messages, WIRE_LISTED_SIGNATURE,
                 text.length > length ? buffer_text(&text) + length : "()");
    buffer_clear(&text);
    metadata_method_print_result(image, token, &text);
    if (text.length > 0)
        tlv_put_text(listing->messages, WIRE_LISTED_RESULT, buffer_text(&text));
    tlv_put_text(listing->messages, WIRE_LISTED_MODULE,
                 listing->module->path[0] != '\0' ? listing->module->path : listing->module->name);
    tlv_put_u32(listing->messages, WIRE_LISTED_TOKEN, token);
    tlv_put_u32(listing->messages, WIRE_LISTED_FLAGS, listed_flags(listing->module, &method));
    wire_frame_end(listing->messages, mark);
    buffer_release(&text);
    return true;
}

static bool is_skipped(const struct module *module, const char *const *skip, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (module->path[0] != '\0' && strcmp(skip[i], module->path) == 0)
            return true;
    return false;
}

enum status session_plan_list(struct session_engine *engine, const char *const *patterns,
                              size_t pattern_count, const char *const *skip, size_t skip_count,
                              uint32_t limit, struct buffer *messages, struct error *error)
{
    struct arena arena;
    struct listing listing = {.engine = engine, .messages = messages, .limit = limit};
    enum status status = STATUS_OK;
    arena_init(&arena, (size_t)1 << 20);
    for (size_t i = 0; i < pattern_count && status == STATUS_OK; i++) {
        const struct metadata_pattern *pattern;
        uint32_t cursor = 0;
        status = metadata_pattern_parse(patterns[i], &arena, &pattern, error);
        while (status == STATUS_OK &&
               (listing.module = modules_next(engine->modules, &cursor)) != NULL) {
            if (listing.module->image == NULL || is_skipped(listing.module, skip, skip_count) ||
                !metadata_pattern_allows_module(pattern, listing.module->name))
                continue;
            struct session_symbols symbols = {0};
            bool lines = metadata_pattern_needs_lines(pattern) &&
                         session_symbols_open(&symbols, listing.module);
            metadata_pattern_match(pattern, listing.module->image, lines ? &symbols.pdb : NULL,
                                   list_method, &listing, NULL);
            session_symbols_release(&symbols);
        }
    }
    arena_release(&arena);
    return status;
}
