/* inliners: which precompiled methods hold an inlined copy of a method, from image files or from
 * what a target has mapped. The target is not touched. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_clock.h"
#include "command_context.h"
#include "command_inlining.h"
#include "metadata_names.h"
#include "metadata_pattern.h"
#include "metadata_tables.h"
#include "output_escape.h"
#include "output_number.h"

#define PROGRESS_AFTER_NS 1000000000ull
#define PROGRESS_EVERY_NS 100000000ull
#define NEAREST           3

struct inliners {
    struct command_context *context;
    const char *word; /* METHOD */
    char where[320];  /* "the 3 images given", "pid 4711 Shop" */
    const struct metadata_pattern *pattern;
    struct arena arena;
    struct images images;
    struct inlining inlining;
    uint32_t image; /* being matched */
    struct buffer out;
    bool grouped; /* thousands separators: a terminal reads */
    uint64_t began, told;
};

/* ---- reading ---- */

static void tell_progress(void *context, size_t files)
{
    struct inliners *inliners = context;
    uint64_t now = clock_monotonic();
    if (now - inliners->began < PROGRESS_AFTER_NS || now - inliners->told < PROGRESS_EVERY_NS ||
        !isatty(STDERR_FILENO))
        return;
    inliners->told = now;
    fprintf(stderr, "\rreading images: %zu files", files);
}

static void end_progress(const struct inliners *inliners)
{
    if (inliners->told)
        fputs("\r\033[K", stderr);
}

/* `--in PATH…`: the words behind METHOD are paths too. */
static enum status read_paths(struct inliners *inliners, struct error *error)
{
    const struct command_line *line = inliners->context->line;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < line->also_count && status == STATUS_OK; i++)
        status = images_add_path(&inliners->images, line->also[i], tell_progress, inliners, error);
    for (size_t i = 0; i < line->argument_count && status == STATUS_OK; i++)
        status =
            images_add_path(&inliners->images, line->arguments[i], tell_progress, inliners, error);
    end_progress(inliners);
    size_t count = inliners->images.count;
    snprintf(inliners->where, sizeof inliners->where, "the %zu image%s given", count,
             count == 1 ? "" : "s");
    if (status == STATUS_OK && count == 0) {
        status = error_set(error, STATUS_USAGE, "'%s' holds no .NET image", line->also[0]);
        error_hint(error, "a .dll, or a folder with some: a publish folder, or that of a runtime "
                          "(dotnet --list-runtimes)");
    }
    return status;
}

static enum status read_target(struct inliners *inliners, struct error *error)
{
    struct target_process process;
    char target[256];
    enum status status = command_find_target(inliners->context->line, &process, error);
    if (status == STATUS_OK)
        status = images_add_target(&inliners->images, &process, error);
    if (status != STATUS_OK)
        return status;
    command_target_text(&process, target, sizeof target);
    snprintf(inliners->where, sizeof inliners->where, "%s", target);
    if (inliners->images.count > 0)
        return STATUS_OK;
    error_set(error, STATUS_TARGET, "%s has no image file mapped", target);
    error_hint(error, process.single_file ? "it is a single-file program: publish it once without "
                                            "PublishSingleFile, and look there with --in FOLDER"
                                          : "rejig doctor says what it is");
    return STATUS_TARGET;
}

static enum status read_images(struct inliners *inliners, struct error *error)
{
    const struct command_line *line = inliners->context->line;
    bool files = command_has(line, OPTION_IN);
    enum status status = files ? read_paths(inliners, error) : read_target(inliners, error);
    if (status != STATUS_OK)
        return status;
    images_link(&inliners->images);
    if (inliners->images.precompiled > 0)
        return STATUS_OK;
    error_set(error, STATUS_USAGE, "no precompiled code in %s", inliners->where);
    error_hint(error, "plain IL is compiled by the JIT alone, and what that inlines stands in no "
                      "file; images come from PublishReadyToRun, and the runtime's own folder "
                      "holds some");
    return STATUS_USAGE;
}

/* ---- METHOD ---- */

static bool found_method(void *context, mdToken method)
{
    struct inliners *inliners = context;
    return inlining_want(&inliners->inlining, image_key(inliners->image, method));
}

static enum status nothing_matches(struct inliners *inliners, struct error *error)
{
    const struct images *images = &inliners->images;
    const struct metadata_image **all = calloc(images->count, sizeof *all);
    struct buffer nearest;
    size_t count = 0;
    buffer_init(&nearest, 0);
    for (size_t i = 0; all && i < images->count; i++)
        if (images->items[i]->metadata)
            all[count++] = images->items[i]->metadata;
    if (all)
        metadata_pattern_nearest(inliners->pattern, all, count, NEAREST, &nearest);
    free(all);
    error_set(error, STATUS_USAGE, "no method matches '%s' in %s", inliners->word, inliners->where);
    if (nearest.length)
        error_hint(error, "nearest: %s", buffer_text(&nearest));
    else
        error_hint(error, "the assembly that defines the method must be among the images");
    buffer_release(&nearest);
    return STATUS_USAGE;
}

static enum status find_methods(struct inliners *inliners, struct error *error)
{
    if (metadata_pattern_needs_lines(inliners->pattern))
        return error_set(error, STATUS_USAGE, "'%s': inliners takes a method by its name",
                         inliners->word);
    for (size_t i = 0; i < inliners->images.count; i++) {
        const struct image *image = inliners->images.items[i];
        if (!image->metadata || !metadata_pattern_allows_module(inliners->pattern, image->file))
            continue;
        inliners->image = (uint32_t)i;
        metadata_pattern_match(inliners->pattern, image->metadata, NULL, found_method, inliners,
                               NULL);
    }
    return inliners->inlining.method_count ? STATUS_OK : nothing_matches(inliners, error);
}

/* ---- text ---- */

static void append_count(struct inliners *inliners, uint64_t value)
{
    char text[NUMBER_TEXT];
    if (inliners->grouped)
        number_grouped(text, value);
    else
        number_u64(text, value);
    buffer_append_text(&inliners->out, text);
}

/* "System.Private.CoreLib (10.0.12, R2R 16.0)" */
static void append_image(struct inliners *inliners, uint32_t index)
{
    const struct image *image = inliners->images.items[index];
    struct buffer *out = &inliners->out;
    buffer_append_text(out, image->name);
    if (!image->metadata)
        return;
    buffer_append_format(out, " (%s", image->version);
    if (image->home != UINT32_MAX) {
        const struct image *home = inliners->images.items[image->home];
        buffer_append_format(out, ", R2R %u.%u", home->r2r->major, home->r2r->minor);
        if (home != image)
            buffer_append_format(out, " in %s", home->file);
    }
    buffer_append_text(out, ")");
}

static bool is_overloaded(const struct metadata_image *image, mdToken method)
{
    struct metadata_rows rows = metadata_type_methods(image, metadata_owner(image, method));
    const char *name =
        metadata_cell_text(image, CLR_TABLE_MethodDef, token_rid(method), METADATA_METHOD_DEF_NAME);
    for (mdToken other; (other = metadata_rows_next(image, &rows)) != mdTokenNil;)
        if (other != method &&
            strcmp(metadata_cell_text(image, CLR_TABLE_MethodDef, token_rid(other),
                                      METADATA_METHOD_DEF_NAME),
                   name) == 0)
            return true;
    return false;
}

static bool types_are_needed(const struct inliners *inliners, const struct inlinee *inlinee)
{
    const struct image *image = inliners->images.items[image_of_key(inlinee->method)];
    return inliners->inlining.method_count > 1 ||
           is_overloaded(image->metadata, token_of_key(inlinee->method));
}

static void append_header(struct inliners *inliners, const struct inlinee *inlinee,
                          const struct inliner *first, size_t count)
{
    struct buffer *out = &inliners->out;
    images_print_method(&inliners->images, inlinee->method, types_are_needed(inliners, inlinee),
                        out);
    buffer_append_text(out, first->how == INLINER_BY_IL ? " is called by " : " is inlined into ");
    append_count(inliners, count);
    buffer_append_format(out, " %smethod%s of ", first->how == INLINER_BY_IL ? "precompiled " : "",
                         count == 1 ? "" : "s");
    append_image(inliners, image_of_key(first->method));
    if (first->how == INLINER_BY_IL)
        buffer_append_text(out,
                           ", by its IL (NonVersionable: no image records where it is inlined)");
    buffer_append_text(out, "\n");
}

static void append_inliner(struct inliners *inliners, const struct inliner *inliner)
{
    struct buffer *out = &inliners->out;
    buffer_append_text(out, "  ");
    images_print_method(&inliners->images, inliner->method, true, out);
    if (inliner->through) {
        buffer_append_text(out, "   [through ");
        images_print_method(&inliners->images, inliner->through, false, out);
        buffer_append_text(out, "]");
    }
    buffer_append_text(out, "\n");
}

static void append_none(struct inliners *inliners, const struct inlinee *inlinee)
{
    struct buffer *out = &inliners->out;
    images_print_method(&inliners->images, inlinee->method, types_are_needed(inliners, inlinee),
                        out);
    buffer_append_format(out, " is inlined into no precompiled method of %s\n", inliners->where);
}

static void append_text(struct inliners *inliners, const struct inlinee *inlinee)
{
    const struct inliner *all = inliners->inlining.inliners + inlinee->first;
    size_t count = inlinee->count;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && all[end].how == all[i].how &&
                          image_of_key(all[end].method) == image_of_key(all[i].method);)
            end++;
        append_header(inliners, inlinee, &all[i], end - i);
        for (size_t j = i; j < end; j++)
            append_inliner(inliners, &all[j]);
    }
    if (count == 0 && inliners->inlining.method_count == 1)
        append_none(inliners, inlinee);
}

/* ---- JSON ---- */

static void append_name(struct inliners *inliners, const char *field, uint64_t method, bool types)
{
    struct buffer name;
    buffer_init(&name, 0);
    images_print_method(&inliners->images, method, types, &name);
    buffer_append_format(&inliners->out, ",\"%s\":", field);
    escape_json(&inliners->out, buffer_text(&name));
    buffer_release(&name);
}

static void append_module(struct inliners *inliners, uint64_t method)
{
    const struct image *image = inliners->images.items[image_of_key(method)];
    buffer_append_text(&inliners->out, ",\"module\":");
    escape_json(&inliners->out, image->metadata ? image->path : image->name);
    buffer_append_format(&inliners->out, ",\"token\":%u", token_of_key(method));
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void append_json(struct inliners *inliners, const struct inlinee *inlinee)
{
    struct buffer *out = &inliners->out;
    buffer_append_text(out, "{\"type\":\"inlinee\"");
    append_name(inliners, "method", inlinee->method, false);
    append_name(inliners, "signature", inlinee->method, true);
    append_module(inliners, inlinee->method);
    buffer_append_format(out, ",\"non_versionable\":%s,\"intrinsic\":%s,\"inliners\":%zu}\n",
                         truth(inlinee->non_versionable), truth(inlinee->intrinsic),
                         inlinee->count);
    for (size_t i = 0; i < inlinee->count; i++) {
        const struct inliner *inliner = &inliners->inlining.inliners[inlinee->first + i];
        buffer_append_text(out, "{\"type\":\"inliner\"");
        append_name(inliners, "of", inlinee->method, true);
        append_name(inliners, "method", inliner->method, false);
        append_name(inliners, "signature", inliner->method, true);
        append_module(inliners, inliner->method);
        buffer_append_format(out, ",\"how\":\"%s\"",
                             inliner->how == INLINER_BY_IL ? "il" : "recorded");
        if (inliner->through)
            append_name(inliners, "through", inliner->through, true);
        buffer_append_text(out, "}\n");
    }
}

static void append_json_end(struct inliners *inliners)
{
    const struct inlining *inlining = &inliners->inlining;
    buffer_append_format(&inliners->out,
                         "{\"type\":\"end\",\"methods\":%zu,\"inliners\":%zu,\"images\":%zu,"
                         "\"precompiled\":%zu,\"malformed\":%zu,\"unresolved\":%zu}\n",
                         inlining->method_count, inlining->inliner_count, inliners->images.count,
                         inliners->images.precompiled, inlining->malformed, inlining->unresolved);
}

/* ---- graph ---- */

static void append_node(struct inliners *inliners, uint64_t method)
{
    struct buffer name;
    buffer_init(&name, 0);
    images_print_method(&inliners->images, method, true, &name);
    escape_json(&inliners->out, buffer_text(&name));
    buffer_release(&name);
}

/* An arrow leads from a method to the one that holds its copy. */
static void append_graph(struct inliners *inliners, const struct inlinee *inlinee)
{
    struct buffer *out = &inliners->out;
    buffer_append_text(out, "  ");
    append_node(inliners, inlinee->method);
    buffer_append_text(out, " [shape=box];\n");
    for (size_t i = 0; i < inlinee->count; i++) {
        const struct inliner *inliner = &inliners->inlining.inliners[inlinee->first + i];
        buffer_append_text(out, "  ");
        append_node(inliners, inliner->through ? inliner->through : inlinee->method);
        buffer_append_text(out, " -> ");
        append_node(inliners, inliner->method);
        buffer_append_text(out, inliner->how == INLINER_BY_IL ? " [style=dashed];\n" : ";\n");
    }
}

/* ---- the whole ---- */

static void append_all(struct inliners *inliners)
{
    const struct command_line *line = inliners->context->line;
    bool json = command_has(line, OPTION_JSON), graph = command_has(line, OPTION_GRAPH);
    if (graph)
        buffer_append_text(&inliners->out, "digraph inliners {\n  rankdir=LR;\n");
    for (size_t i = 0; i < inliners->inlining.method_count; i++) {
        const struct inlinee *inlinee = &inliners->inlining.methods[i];
        if (graph)
            append_graph(inliners, inlinee);
        else if (json)
            append_json(inliners, inlinee);
        else
            append_text(inliners, inlinee);
    }
    if (graph)
        buffer_append_text(&inliners->out, "}\n");
    else if (json)
        append_json_end(inliners);
}

static enum status write_out(struct inliners *inliners, struct error *error)
{
    int fd;
    bool own;
    enum status status =
        command_open_output(inliners->context->line, STDOUT_FILENO, &fd, &own, error);
    if (status != STATUS_OK)
        return status;
    inliners->grouped = isatty(fd);
    append_all(inliners);
    status = buffer_failed(&inliners->out) ? error_set(error, STATUS_MEMORY, "out of memory")
                                           : command_write(fd, &inliners->out, error);
    if (own)
        close(fd);
    return status;
}

/* What a reader of the answer must know: to stderr. */
static void say_notes(const struct inliners *inliners)
{
    const struct inlining *inlining = &inliners->inlining;
    const struct images *images = &inliners->images;
    size_t none = 0, intrinsics = 0, broken = 0;
    for (size_t i = 0; i < inlining->method_count; i++) {
        none += inlining->methods[i].count == 0;
        intrinsics += inlining->methods[i].intrinsic;
    }
    for (size_t i = 0; i < images->count; i++)
        broken += images->items[i]->malformed != NULL;
    if (none > 0 && inlining->method_count > 1)
        command_say("%zu of %zu methods that match are inlined into no precompiled method", none,
                    inlining->method_count);
    if (intrinsics > 0)
        command_say("%zu of the methods %s an intrinsic: where a compiler expands it by itself, "
                    "nothing records it",
                    intrinsics, intrinsics == 1 ? "is" : "are");
    if (inlining->unresolved > 0)
        command_say("%zu inlinee%s of the tables %s of assemblies that are not among the images",
                    inlining->unresolved, inlining->unresolved == 1 ? "" : "s",
                    inlining->unresolved == 1 ? "is" : "are");
    if (inlining->malformed + broken > 0)
        command_say("INCOMPLETE: the tables of %zu images are malformed%s%s",
                    inlining->malformed + broken, inlining->why[0] ? ": " : "", inlining->why);
    if (images->unreadable > 0)
        command_say("INCOMPLETE: %zu files could not be read", images->unreadable);
    if (images->has_target)
        command_say("(precompiled code alone: what the JIT has inlined stands in no image)");
}

static enum status take_words(struct inliners *inliners, struct error *error)
{
    const struct command_line *line = inliners->context->line;
    bool files = command_has(line, OPTION_IN);
    if (files && (command_has(line, OPTION_PROCESS_ID) || command_has(line, OPTION_NAME)))
        return error_set(error, STATUS_USAGE, "--in reads files and takes no target");
    inliners->word = files ? line->target : line->argument_count ? line->arguments[0] : NULL;
    if (!inliners->word) {
        error_set(error, STATUS_USAGE, "rejig inliners needs a method");
        error_hint(error, "rejig inliners METHOD --in PATH, or rejig inliners TARGET METHOD");
        return STATUS_USAGE;
    }
    if (!files && !line->target && !command_has(line, OPTION_PROCESS_ID) &&
        !command_has(line, OPTION_NAME))
        return error_set(error, STATUS_USAGE, "rejig inliners needs a target, or --in PATH");
    if (!files && line->argument_count > 1)
        return error_set(error, STATUS_USAGE, "rejig inliners takes one method: '%s' is left over",
                         line->arguments[1]);
    if (command_has(line, OPTION_JSON) && command_has(line, OPTION_GRAPH))
        return error_set(error, STATUS_USAGE, "--json or --graph, not both");
    return STATUS_OK;
}

static enum status run(struct inliners *inliners, struct error *error)
{
    enum status status = take_words(inliners, error);
    if (status == STATUS_OK) {
        status =
            metadata_pattern_parse(inliners->word, &inliners->arena, &inliners->pattern, error);
        if (status != STATUS_OK)
            inliners->context->marked = inliners->word;
    }
    if (status == STATUS_OK)
        status = read_images(inliners, error);
    if (status == STATUS_OK)
        status = find_methods(inliners, error);
    if (status == STATUS_OK)
        status = inlining_find(&inliners->inlining, error);
    if (status == STATUS_OK)
        status = write_out(inliners, error);
    if (status == STATUS_OK)
        say_notes(inliners);
    return status;
}

enum status inliners_run(struct command_context *context, struct error *error)
{
    struct inliners *inliners = calloc(1, sizeof *inliners);
    if (!inliners)
        return error_set(error, STATUS_MEMORY, "out of memory");
    inliners->context = context;
    inliners->began = clock_monotonic();
    arena_init(&inliners->arena, 0);
    images_init(&inliners->images);
    inlining_init(&inliners->inlining, &inliners->images);
    buffer_init(&inliners->out, (size_t)1 << 30);
    enum status status = run(inliners, error);
    buffer_release(&inliners->out);
    inlining_release(&inliners->inlining);
    images_release(&inliners->images);
    arena_release(&inliners->arena);
    free(inliners);
    return status;
}
