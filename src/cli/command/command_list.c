/* list: methods by pattern, from the images that the target has mapped; through its agent what
 * stands in none. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_clock.h"
#include "command_context.h"
#include "command_modules.h"
#include "command_wait.h"
#include "metadata_names.h"
#include "metadata_pattern.h"
#include "output_escape.h"
#include "output_method.h"
#include "target_attach.h"

#define ANSWER_TIMEOUT_NS 30000000000ull

struct listed {
    const char *name;      /* Shop.OrderService.Place */
    const char *signature; /* (Order order, CancellationToken token) */
    const char *result;    /* Receipt; empty: not told */
    const char *module;
    uint32_t token;
    uint32_t flags; /* enum wire_listed_flag */
};

struct listing {
    struct command_context *context;
    struct arena arena;
    const struct metadata_pattern *patterns[COMMAND_MAX_POSITIONALS];
    size_t pattern_count;
    struct buffer out;
    bool json;
    uint64_t limit, shown, found;
    char group[TARGET_PATH_BYTES]; /* module of the last line */
    struct module *module;         /* being looked through */
    mdToken *seen;                 /* methods of it that were found already */
    size_t seen_count, seen_capacity;
};

/* ---- printing ---- */

static void append_flags(struct buffer *out, uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *word;
    } words[] = {{WIRE_LISTED_ASYNC, "async"},
                 {WIRE_LISTED_ITERATOR, "iterator"},
                 {WIRE_LISTED_GENERIC, "generic"},
                 {WIRE_LISTED_NO_IL, "no IL: cannot be probed"},
                 {WIRE_LISTED_DYNAMIC, "dynamic"}};
    bool first = true;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!(flags & words[i].flag))
            continue;
        buffer_append_format(out, "%s%s", first ? "   [" : ", ", words[i].word);
        first = false;
    }
    if (!first)
        buffer_append_u8(out, ']');
}

static void append_text(struct listing *listing, const struct listed *listed)
{
    struct buffer *out = &listing->out;
    if (strcmp(listing->group, listed->module) != 0) {
        buffer_append_format(out, "%s%s\n", listed->module,
                             listed->flags & WIRE_LISTED_PRECOMPILED ? " (precompiled)" : "");
        snprintf(listing->group, sizeof listing->group, "%s", listed->module);
    }
    buffer_append_format(out, "  %s%s%s%s", listed->name, listed->signature,
                         listed->result[0] ? " : " : "", listed->result);
    append_flags(out, listed->flags);
    buffer_append_u8(out, '\n');
}

static void append_bool(struct buffer *out, const char *name, bool value)
{
    buffer_append_format(out, ",\"%s\":%s", name, value ? "true" : "false");
}

static void append_json(struct listing *listing, const struct listed *listed)
{
    struct buffer *out = &listing->out;
    buffer_append_text(out, "{\"type\":\"listed\",\"method\":");
    escape_json(out, listed->name);
    buffer_append_text(out, ",\"signature\":");
    escape_json(out, listed->signature);
    if (listed->result[0]) {
        buffer_append_text(out, ",\"result\":");
        escape_json(out, listed->result);
    }
    buffer_append_text(out, ",\"module\":");
    escape_json(out, listed->module);
    buffer_append_format(out, ",\"token\":%u,\"loaded\":true", listed->token);
    append_bool(out, "precompiled", listed->flags & WIRE_LISTED_PRECOMPILED);
    append_bool(out, "generic", listed->flags & WIRE_LISTED_GENERIC);
    append_bool(out, "async", listed->flags & WIRE_LISTED_ASYNC);
    append_bool(out, "iterator", listed->flags & WIRE_LISTED_ITERATOR);
    append_bool(out, "has_il", !(listed->flags & WIRE_LISTED_NO_IL));
    append_bool(out, "dynamic", listed->flags & WIRE_LISTED_DYNAMIC);
    buffer_append_text(out, "}\n");
}

static void append(struct listing *listing, const struct listed *listed)
{
    listing->found++;
    if (listing->limit && listing->shown >= listing->limit)
        return;
    listing->shown++;
    if (listing->json)
        append_json(listing, listed);
    else
        append_text(listing, listed);
}

/* ---- images ---- */

static uint32_t flags_of(const struct metadata_image *image, mdToken token)
{
    struct metadata_method method;
    uint32_t flags = image->precompiled ? WIRE_LISTED_PRECOMPILED : 0;
    if (metadata_method_describe(image, token, &method, NULL) != STATUS_OK)
        return flags;
    if (method.generic_method || method.generic_type)
        flags |= WIRE_LISTED_GENERIC;
    if (method.kind == METADATA_METHOD_ASYNC || method.kind == METADATA_METHOD_ASYNC_ITERATOR)
        flags |= WIRE_LISTED_ASYNC;
    if (method.kind == METADATA_METHOD_ITERATOR || method.kind == METADATA_METHOD_ASYNC_ITERATOR)
        flags |= WIRE_LISTED_ITERATOR;
    if (!method.has_il)
        flags |= WIRE_LISTED_NO_IL;
    return flags;
}

static bool seen_before(struct listing *listing, mdToken method)
{
    for (size_t i = 0; i < listing->seen_count; i++)
        if (listing->seen[i] == method)
            return true;
    if (listing->pattern_count < 2)
        return false;
    if (listing->seen_count == listing->seen_capacity) {
        size_t capacity = listing->seen_capacity ? listing->seen_capacity * 2 : 64;
        mdToken *larger = realloc(listing->seen, capacity * sizeof *larger);
        if (!larger)
            return false;
        listing->seen = larger;
        listing->seen_capacity = capacity;
    }
    listing->seen[listing->seen_count++] = method;
    return false;
}

static bool found_method(void *context, mdToken method)
{
    struct listing *listing = context;
    const struct metadata_image *image = &listing->module->image;
    struct buffer plain, whole, result;
    if (seen_before(listing, method))
        return true;
    buffer_init(&plain, 0);
    buffer_init(&whole, 0);
    buffer_init(&result, 0);
    metadata_method_print(image, method, METADATA_NAME_PLAIN, &plain);
    metadata_method_print(image, method, METADATA_NAME_PARAMS, &whole);
    metadata_method_print_result(image, method, &result);
    bool prefixed = whole.length >= plain.length &&
                    memcmp(buffer_text(&whole), buffer_text(&plain), plain.length) == 0;
    struct listed listed = {.name = buffer_text(&plain),
                            .signature = buffer_text(&whole) + (prefixed ? plain.length : 0),
                            .result = buffer_text(&result),
                            .module = listing->module->path,
                            .token = method,
                            .flags = flags_of(image, method)};
    append(listing, &listed);
    buffer_release(&plain);
    buffer_release(&whole);
    buffer_release(&result);
    return true;
}

static void list_images(struct listing *listing, struct modules *modules)
{
    for (size_t i = 0; i < modules->count; i++) {
        struct module *module = modules->items[i];
        listing->module = module;
        listing->seen_count = 0;
        for (size_t j = 0; j < listing->pattern_count; j++) {
            const struct metadata_pattern *pattern = listing->patterns[j];
            if (!metadata_pattern_allows_module(pattern, module->file))
                continue;
            const struct metadata_pdb *pdb =
                metadata_pattern_needs_lines(pattern) ? modules_pdb(modules, module) : NULL;
            metadata_pattern_match(pattern, &module->image, pdb, found_method, listing, NULL);
        }
    }
}

/* ---- through the agent ---- */

static void take_listed(struct listing *listing, struct reader payload)
{
    struct listed listed = {.name = "", .signature = "", .result = "", .module = ""};
    struct tlv field;
    while (tlv_next(&payload, &field)) {
        if (field.tag == WIRE_LISTED_NAME)
            listed.name = methods_text(&listing->arena, &field);
        else if (field.tag == WIRE_LISTED_SIGNATURE)
            listed.signature = methods_text(&listing->arena, &field);
        else if (field.tag == WIRE_LISTED_MODULE)
            listed.module = methods_text(&listing->arena, &field);
        else if (field.tag == WIRE_LISTED_RESULT)
            listed.result = methods_text(&listing->arena, &field);
        else if (field.tag == WIRE_LISTED_TOKEN)
            listed.token = tlv_u32(&field);
        else if (field.tag == WIRE_LISTED_FLAGS)
            listed.flags = tlv_u32(&field);
    }
    append(listing, &listed);
}

static enum status send_list(struct listing *listing, const struct modules *modules,
                             struct target_link *link, struct error *error)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_LIST);
    for (size_t i = 0; i < listing->pattern_count; i++)
        tlv_put_text(&frame, WIRE_LIST_PATTERN, metadata_pattern_text(listing->patterns[i]));
    if (listing->limit)
        tlv_put_u64(&frame, WIRE_LIST_LIMIT, listing->limit);
    for (size_t i = 0; i < modules->count; i++)
        tlv_put_text(&frame, WIRE_LIST_SKIP_FILE, modules->items[i]->path);
    wire_frame_end(&frame, mark);
    enum status status =
        target_link_send(link, &frame, clock_monotonic() + ANSWER_TIMEOUT_NS, error);
    buffer_release(&frame);
    return status;
}

static enum status list_through_agent(struct listing *listing, const struct modules *modules,
                                      const struct target_process *process, struct error *error)
{
    struct target_link link;
    uint16_t type = 0;
    struct reader payload;
    struct command_wait wait;
    target_link_init(&link);
    command_wait_begin(&wait, process, "its agent reads the modules that are not files");
    enum status status = target_open(process, WIRE_ATTACH_LIST, 0, &link, error);
    if (status == STATUS_OK)
        status = send_list(listing, modules, &link, error);
    while (status == STATUS_OK && type != WIRE_MSG_DONE) {
        status = target_link_receive(&link, clock_monotonic() + ANSWER_TIMEOUT_NS, &type, &payload,
                                     error);
        if (status == STATUS_OK && type == WIRE_MSG_LISTED) {
            take_listed(listing, payload);
        } else if (status == STATUS_OK && type == WIRE_MSG_ERROR) {
            wire_get_error(payload, error);
            status = error->status != STATUS_OK ? error->status : STATUS_PEER;
        }
    }
    command_wait_end(&wait);
    target_link_close(&link);
    return status;
}

/* ---- the command ---- */

static enum status parse_patterns(struct listing *listing, struct error *error)
{
    const struct command_line *line = listing->context->line;
    if (line->argument_count == 0) {
        error_set(error, STATUS_USAGE, "rejig list needs a pattern");
        error_hint(error, "all methods: '**'");
        return STATUS_USAGE;
    }
    for (size_t i = 0; i < line->argument_count; i++) {
        enum status status = metadata_pattern_parse(line->arguments[i], &listing->arena,
                                                    &listing->patterns[i], error);
        if (status != STATUS_OK) {
            listing->context->marked = line->arguments[i];
            return status;
        }
        listing->pattern_count++;
    }
    return STATUS_OK;
}

static enum status nothing_found(struct listing *listing, const struct modules *modules,
                                 const struct target_process *process, struct error *error)
{
    const struct metadata_image **images = calloc(modules->count + 1, sizeof *images);
    struct buffer nearest;
    buffer_init(&nearest, 0);
    for (size_t i = 0; images && i < modules->count; i++)
        images[i] = &modules->items[i]->image;
    if (images)
        metadata_pattern_nearest(listing->patterns[0], images, modules->count, 3, &nearest);
    free(images);
    error_set(error, STATUS_USAGE, "no method matches '%s' in pid %d",
              metadata_pattern_text(listing->patterns[0]), (int)process->pid);
    if (nearest.length)
        error_hint(error, "nearest: %s", buffer_text(&nearest));
    buffer_release(&nearest);
    return STATUS_USAGE;
}

static enum status write_out(struct listing *listing, struct error *error)
{
    int fd;
    bool own;
    enum status status =
        command_open_output(listing->context->line, STDOUT_FILENO, &fd, &own, error);
    if (status != STATUS_OK)
        return status;
    status = command_write(fd, &listing->out, error);
    if (own)
        close(fd);
    if (listing->found > listing->shown)
        command_say("… %llu more methods (--limit %llu)",
                    (unsigned long long)(listing->found - listing->shown),
                    (unsigned long long)listing->limit);
    return status;
}

static enum status list_target(struct listing *listing, const struct target_process *process,
                               struct error *error)
{
    struct modules modules;
    enum status status = modules_open(&modules, process, error);
    if (status == STATUS_OK) {
        list_images(listing, &modules);
        if (modules.unreadable)
            command_say("(%zu mapped files could not be read)", modules.unreadable);
        bool ask = command_has(listing->context->line, OPTION_LOADED) || process->single_file ||
                   modules.count == 0;
        if (ask)
            status = list_through_agent(listing, &modules, process, error);
        if (status == STATUS_OK && listing->found == 0)
            status = nothing_found(listing, &modules, process, error);
    }
    modules_release(&modules);
    return status;
}

enum status list_run(struct command_context *context, struct error *error)
{
    struct target_process process;
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing)
        return error_set(error, STATUS_MEMORY, "out of memory");
    listing->context = context;
    listing->json = command_has(context->line, OPTION_JSON);
    arena_init(&listing->arena, 0);
    buffer_init(&listing->out, (size_t)1 << 30);
    enum status status = parse_patterns(listing, error);
    if (status == STATUS_OK)
        status = command_number(context->line, OPTION_LIMIT, 1, UINT64_MAX, &listing->limit, error);
    if (status == STATUS_OK)
        status = command_find_target(context->line, &process, error);
    if (status == STATUS_OK)
        status = list_target(listing, &process, error);
    if (status == STATUS_OK)
        status = write_out(listing, error);
    free(listing->seen);
    buffer_release(&listing->out);
    arena_release(&listing->arena);
    free(listing);
    return status;
}
