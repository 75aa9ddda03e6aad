#include "command_plan.h"

#include <stdlib.h>
#include <string.h>

#include "metadata_pattern.h"
#include "script_expression.h"
#include "script_literal.h"

static enum status check_pattern(struct command_context *context, struct arena *arena,
                                 const char *text, struct error *error)
{
    const struct metadata_pattern *pattern;
    if (text[0] == '\0') {
        error_set(error, STATUS_USAGE, "the pattern is empty");
        error_hint(error, "for example Shop.OrderService.Place");
        return STATUS_USAGE;
    }
    if (strlen(text) > PLAN_MAX_TEXT)
        return error_set(error, STATUS_USAGE, "a pattern is longer than %d bytes", PLAN_MAX_TEXT);
    enum status status = metadata_pattern_parse(text, arena, &pattern, error);
    if (status != STATUS_OK)
        context->marked = text;
    return status;
}

static enum status take_limits(const struct command_line *line, struct plan *plan,
                               struct error *error)
{
    uint64_t depth = plan->depth, items = plan->max_items, string = plan->max_string;
    uint64_t bytes = plan->max_bytes, methods = plan->max_methods, mebibytes = 32;
    enum status status = command_number(line, OPTION_DEPTH, 0, PLAN_MAX_DEPTH, &depth, error);
    if (status == STATUS_OK)
        status = command_number(line, OPTION_MAX_ITEMS, 0, PLAN_MAX_ITEMS, &items, error);
    if (status == STATUS_OK)
        status = command_number(line, OPTION_MAX_STRING, 0, PLAN_MAX_STRING, &string, error);
    if (status == STATUS_OK)
        status =
            command_number(line, OPTION_MAX_BYTES, PLAN_MIN_BYTES, PLAN_MAX_BYTES, &bytes, error);
    if (status == STATUS_OK)
        status = command_number(line, OPTION_MAX_METHODS, 1, 1u << 20, &methods, error);
    if (status == STATUS_OK)
        status =
            command_number(line, OPTION_RING_SIZE, 1, PLAN_MAX_RING_BYTES >> 20, &mebibytes, error);
    plan->depth = (uint32_t)depth;
    plan->max_items = (uint32_t)items;
    plan->max_string = (uint32_t)string;
    plan->max_bytes = (uint32_t)bytes;
    plan->max_methods = (uint32_t)methods;
    plan->ring_bytes = mebibytes << 20;
    plan->allow_empty = command_has(line, OPTION_WAIT) || line->program != NULL;
    plan->explain = command_has(line, OPTION_EXPLAIN);
    plan->drop_tail = command_has(line, OPTION_DROP_TAIL);
    plan->command = line->whole;
    return status;
}

static enum status take_moment(const char *word, uint32_t *moment, struct error *error)
{
    static const char *const words[] = {
        [PLAN_ON_ENTER] = "enter", [PLAN_ON_RETURN] = "return", [PLAN_ON_THROW] = "throw"};
    for (uint32_t i = PLAN_ON_ENTER; word && i <= PLAN_ON_THROW; i++)
        if (strcmp(word, words[i]) == 0) {
            *moment = i;
            return STATUS_OK;
        }
    if (!word)
        return STATUS_OK;
    return error_set(error, STATUS_USAGE, "--on '%s': enter, return or throw is expected", word);
}

/* What is known only when the call ends cannot be shown or asked at its beginning. */
static enum status check_moment(const struct plan_probe *probe, struct error *error)
{
    const struct plan_path *late = NULL;
    if (probe->moment != PLAN_ON_ENTER)
        return STATUS_OK;
    for (uint32_t i = 0; i < probe->value_count; i++)
        if (probe->values[i].root >= PLAN_ROOT_RET)
            late = &probe->values[i];
    for (uint32_t i = 0; i < probe->node_count; i++)
        if (probe->nodes[i].kind >= PLAN_NODE_EQ && probe->nodes[i].path.root >= PLAN_ROOT_RET)
            late = &probe->nodes[i].path;
    if (!late)
        return STATUS_OK;
    error_set(error, STATUS_USAGE, "'%s' is not known yet when the method is entered", late->text);
    error_hint(error, "leave out --on enter");
    return STATUS_USAGE;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static enum status take_values(struct command_context *context, struct arena *arena,
                               struct plan_probe *probe, struct error *error)
{
    const struct command_line *line = context->line;
    const char *values = line->values[OPTION_VALUES];
    if (line->argument_count > 1 && values)
        return error_set(error, STATUS_USAGE, "VALUES are given twice: '%s' and --values '%s'",
                         line->arguments[1], values);
    if (line->argument_count > 1)
        values = line->arguments[1];
    probe->show_all = values == NULL;
    if (!values)
        return STATUS_OK;
    if (is_blank(values)) {
        error_set(error, STATUS_USAGE, "VALUES are empty");
        error_hint(error, "leave them out to see everything: order.Id, ret.Total shows these two");
        return STATUS_USAGE;
    }
    enum status status =
        script_parse_values(arena, values, &probe->values, &probe->value_count, error);
    if (status != STATUS_OK)
        context->marked = values;
    return status;
}

static enum status take_condition(struct command_context *context, struct arena *arena,
                                  struct plan_probe *probe, struct error *error)
{
    const char *condition = context->line->values[OPTION_IF];
    if (!condition)
        return STATUS_OK;
    if (is_blank(condition)) {
        error_set(error, STATUS_USAGE, "the condition of --if is empty");
        error_hint(error, "for example --if 'order.Total > 100 && elapsed > 5ms'");
        return STATUS_USAGE;
    }
    probe->condition = condition;
    enum status status =
        script_parse_condition(arena, condition, &probe->nodes, &probe->node_count, error);
    if (status != STATUS_OK)
        context->marked = condition;
    return status;
}

/* Type.Method@0x1f, Type.Method@50%: where in the method a count stands. *pattern becomes what
 * stands in front; without such an end nothing changes. (A lambda's @45 is its line.) */
static enum status take_place(struct command_context *context, struct arena *arena,
                              const char **pattern, struct plan_probe *probe, struct error *error)
{
    const char *at = strrchr(*pattern, '@');
    const bool hex = at && strncmp(at, "@0x", 3) == 0;
    const bool percent = at && at[1] && (*pattern)[strlen(*pattern) - 1] == '%';
    if (!hex && !percent)
        return STATUS_OK;
    const char *digits = hex ? at + 3 : at + 1;
    const size_t length = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
    const unsigned long value =
        length > 0 && length <= 8 ? strtoul(digits, NULL, hex ? 16 : 10) : 0;
    if (length == 0 || length > 8 || digits[length] != (hex ? '\0' : '%') ||
        (percent && value > 99)) {
        error_set(error, STATUS_USAGE, "what follows the '@' is no place in a method");
        error_hint(error, "an offset of its IL as @0x1f, or @0%% to @99%% of its length");
        error->offset = at - *pattern;
        context->marked = *pattern;
        return STATUS_USAGE;
    }
    if (probe->action != PLAN_COUNT)
        return error_set(error, STATUS_USAGE, "'%s': only rejig count takes a place in a method",
                         at);
    probe->place = hex ? PLAN_AT_OFFSET : PLAN_AT_PERCENT;
    probe->offset = (uint32_t)value;
    *pattern = arena_copy_text(arena, *pattern, (size_t)(at - *pattern));
    return *pattern ? STATUS_OK : error_set(error, STATUS_MEMORY, "out of memory");
}

static enum status add_probe(struct command_context *context, struct arena *arena,
                             struct plan *plan, const struct plan_probe *model, const char *pattern,
                             struct error *error)
{
    struct plan_probe probe = *model;
    enum status status = take_place(context, arena, &pattern, &probe, error);
    if (status == STATUS_OK)
        status = check_pattern(context, arena, pattern, error);
    if (status != STATUS_OK)
        return status;
    if (plan->probe_count == PLAN_MAX_PROBES)
        return error_set(error, STATUS_USAGE, "more than %d patterns", PLAN_MAX_PROBES);
    plan->probes[plan->probe_count] = probe;
    plan->probes[plan->probe_count++].pattern = pattern;
    return STATUS_OK;
}

static enum status begin(struct command_context *context, struct arena *arena, struct plan *plan,
                         struct error *error)
{
    const struct command_line *line = context->line;
    plan_init(plan);
    plan->probes = arena_new_array(arena, PLAN_MAX_PROBES, struct plan_probe);
    if (!plan->probes)
        return error_set(error, STATUS_MEMORY, "out of memory");
    if (line->argument_count == 0) {
        error_set(error, STATUS_USAGE, "rejig %s needs a pattern", line->row->name);
        error_hint(error,
                   line->target ? "the first word, '%s', is taken as the target"
                                : "for example Shop.OrderService.Place",
                   line->target ? line->target : "");
        return STATUS_USAGE;
    }
    return take_limits(line, plan, error);
}

enum status command_plan_watch(struct command_context *context, struct arena *arena,
                               struct plan *plan, struct error *error)
{
    const struct command_line *line = context->line;
    struct plan_probe probe = {.action = PLAN_WATCH};
    enum status status = begin(context, arena, plan, error);
    if (status == STATUS_OK && line->argument_count > 2) {
        error_set(error, STATUS_USAGE, "'%s' is one word too many", line->arguments[2]);
        error_hint(error, "VALUES are one word: 'order.Id, ret.Total'; more patterns go to --also");
        return STATUS_USAGE;
    }
    if (status == STATUS_OK)
        status = take_moment(line->values[OPTION_ON], &probe.moment, error);
    if (status == STATUS_OK)
        status = take_values(context, arena, &probe, error);
    if (status == STATUS_OK)
        status = take_condition(context, arena, &probe, error);
    if (status == STATUS_OK)
        status = check_moment(&probe, error);
    if (status == STATUS_OK)
        status = add_probe(context, arena, plan, &probe, line->arguments[0], error);
    for (size_t i = 0; i < line->also_count && status == STATUS_OK; i++)
        status = add_probe(context, arena, plan, &probe, line->also[i], error);
    return status;
}

enum status command_plan_count(struct command_context *context, struct arena *arena,
                               struct plan *plan, struct error *error)
{
    const struct command_line *line = context->line;
    struct plan_probe probe = {.action = PLAN_COUNT};
    enum status status = begin(context, arena, plan, error);
    for (size_t i = 0; i < line->argument_count && status == STATUS_OK; i++)
        status = add_probe(context, arena, plan, &probe, line->arguments[i], error);
    return status;
}

static enum status take_literal(struct command_context *context, struct arena *arena,
                                struct plan_literal *literal, struct error *error)
{
    const char *value = context->line->values[OPTION_RETURN];
    if (!value) {
        error_set(error, STATUS_USAGE, "rejig patch needs --return: what the method is to give");
        error_hint(error,
                   "for example --return 42; --return void skips a method that gives nothing");
        return STATUS_USAGE;
    }
    enum status status = script_parse_literal(arena, value, literal, error);
    if (status != STATUS_OK)
        context->marked = value;
    return status;
}

enum status command_plan_patch(struct command_context *context, struct arena *arena,
                               struct plan *plan, struct error *error)
{
    const struct command_line *line = context->line;
    struct plan_probe probe = {.action = PLAN_PATCH};
    enum status status = begin(context, arena, plan, error);
    if (status == STATUS_OK && line->argument_count > 1) {
        error_set(error, STATUS_USAGE, "'%s' is one word too many", line->arguments[1]);
        error_hint(error, "what the method is to give stands behind --return");
        return STATUS_USAGE;
    }
    if (status == STATUS_OK)
        status = take_literal(context, arena, &probe.literal, error);
    if (status == STATUS_OK)
        status = add_probe(context, arena, plan, &probe, line->arguments[0], error);
    if (!command_has(line, OPTION_MAX_METHODS))
        plan->max_methods = 1;
    plan->ring_bytes = PLAN_MIN_RING_BYTES; /* nothing is recorded */
    return status;
}

/* The path of VALUES or --if whose text the message has in quotes. */
static bool message_names(const struct error *error, const struct plan_path *path)
{
    char quoted[PLAN_MAX_TEXT + 3];
    if (!path->text || strlen(path->text) > PLAN_MAX_TEXT)
        return false;
    snprintf(quoted, sizeof quoted, "'%s'", path->text);
    return strstr(error->message, quoted) != NULL;
}

static int64_t last_step(const struct plan_path *path)
{
    const char *dot = strrchr(path->text, '.');
    return (int64_t)path->column + (dot ? dot + 1 - path->text : 0);
}

static bool holds(const struct plan_path *path, int64_t offset)
{
    return offset >= (int64_t)path->column &&
           offset < (int64_t)path->column + (int64_t)strlen(path->text);
}

static bool locate(struct command_context *context, const struct plan_path *path, const char *text,
                   struct error *error)
{
    if (!text || !message_names(error, path))
        return false;
    if (!holds(path, error->offset))
        error->offset = last_step(path);
    context->marked = text;
    return true;
}

/* The agent marks the constant where that is what does not fit. */
static bool locate_constant(struct command_context *context, const struct plan_probe *probe,
                            const struct error *error)
{
    for (uint32_t i = 0; i < probe->node_count; i++) {
        const struct plan_node *node = &probe->nodes[i];
        if (node->kind >= PLAN_NODE_EQ && error->offset == (int64_t)node->column &&
            message_names(error, &node->path)) {
            context->marked = probe->condition;
            return true;
        }
    }
    return false;
}

void command_plan_locate(struct command_context *context, const struct plan *plan,
                         struct error *error)
{
    const struct command_line *line = context->line;
    const char *values = line->values[OPTION_VALUES] ? line->values[OPTION_VALUES]
                         : line->argument_count > 1  ? line->arguments[1]
                                                     : NULL;
    for (uint32_t i = 0; i < plan->probe_count; i++) {
        const struct plan_probe *probe = &plan->probes[i];
        if (locate_constant(context, probe, error))
            return;
        /* The condition first: of a path that stands in both, what is wrong with the value is
         * wrong with the condition, too, but not the other way round. */
        for (uint32_t j = 0; j < probe->node_count; j++)
            if (probe->nodes[j].kind >= PLAN_NODE_EQ &&
                locate(context, &probe->nodes[j].path, probe->condition, error))
                return;
        for (uint32_t j = 0; j < probe->value_count; j++)
            if (locate(context, &probe->values[j], values, error))
                return;
    }
    error->offset = -1;
}
