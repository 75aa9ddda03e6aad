#include "command_line.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "script_duration.h"

#define LONG_BASE 256

struct parsing {
    struct command_line *line;
    struct error *error;
    struct option long_options[COMMAND_MAX_OPTIONS + 3];
    char letters[2 * COMMAND_MAX_OPTIONS + 8];
};

bool command_has(const struct command_line *line, enum command_option option)
{
    return line->values[option] != NULL;
}

/* Options in front of and in place of a command: rejig --version, rejig --help. */
static enum command_id command_of_word(const char *word)
{
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return COMMAND_VERSION;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return COMMAND_HELP;
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++)
        if (strcmp(command_rows[i].name, word) == 0)
            return (enum command_id)i;
    return COMMAND_COUNT_OF;
}

static enum status unknown_command(const char *word, struct error *error)
{
    const char *nearest = NULL;
    unsigned best = 3;
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++) {
        unsigned distance = text_distance(word, command_rows[i].name);
        if (distance < best) {
            best = distance;
            nearest = command_rows[i].name;
        }
    }
    error_set(error, STATUS_USAGE, "'%s' is not a command", word);
    if (nearest)
        error_hint(error, "did you mean 'rejig %s'?", nearest);
    else
        error_hint(error, "rejig help lists the commands");
    return STATUS_USAGE;
}

static void add_option(struct parsing *parsing, size_t *count, unsigned option)
{
    const struct option_row *row = &option_rows[option];
    parsing->long_options[(*count)++] =
        (struct option){.name = row->name,
                        .has_arg = row->argument ? required_argument : no_argument,
                        .val = LONG_BASE + (int)option};
    if (row->letter) {
        size_t length = strlen(parsing->letters);
        parsing->letters[length++] = row->letter;
        if (row->argument)
            parsing->letters[length++] = ':';
        parsing->letters[length] = '\0';
    }
}

static void prepare(struct parsing *parsing)
{
    const unsigned char *options = parsing->line->row->options;
    size_t count = 0;
    strcpy(parsing->letters, ":");
    bool help = false;
    for (size_t i = 0; options[i] != OPTION_NONE; i++) {
        add_option(parsing, &count, options[i]);
        help |= options[i] == OPTION_HELP;
    }
    if (!help)
        add_option(parsing, &count, OPTION_HELP);
}

static unsigned option_of_letter(int letter)
{
    for (unsigned i = 1; i < OPTION_COUNT; i++)
        if (option_rows[i].letter == letter)
            return i;
    return OPTION_NONE;
}

static enum status bad_option(const struct parsing *parsing, int answer, char *const *argv)
{
    const char *word = argv[optind - 1];
    const char *name = parsing->line->row->name;
    if (answer == ':') {
        error_set(parsing->error, STATUS_USAGE, "'%s' needs an argument", word);
    } else if (optopt > 0 && optopt < LONG_BASE) {
        error_set(parsing->error, STATUS_USAGE, "rejig %s has no option '-%c'", name, optopt);
    } else if (optopt >= LONG_BASE) {
        error_set(parsing->error, STATUS_USAGE, "'%s' takes no argument", word);
    } else {
        error_set(parsing->error, STATUS_USAGE, "rejig %s has no option '%s'", name, word);
    }
    error_hint(parsing->error, "rejig %s --help lists them", name);
    return STATUS_USAGE;
}

static enum status take_option(struct parsing *parsing, unsigned option)
{
    struct command_line *line = parsing->line;
    line->values[option] = optarg ? optarg : "";
    if (option == OPTION_HELP)
        line->help = true;
    if (option != OPTION_ALSO && option != OPTION_IN)
        return STATUS_OK;
    if (line->also_count == COMMAND_MAX_POSITIONALS)
        return error_set(parsing->error, STATUS_USAGE, "--%s is given more than %d times",
                         option_rows[option].name, COMMAND_MAX_POSITIONALS);
    line->also[line->also_count++] = optarg;
    return STATUS_OK;
}

static enum status parse_options(struct parsing *parsing, int argc, char **argv)
{
    enum status status = STATUS_OK;
    int answer;
    prepare(parsing);
    optind = 0;
    opterr = 0;
    while (status == STATUS_OK &&
           (answer = getopt_long(argc, argv, parsing->letters, parsing->long_options, NULL)) >= 0) {
        if (answer == '?' || answer == ':')
            return bad_option(parsing, answer, argv);
        status = take_option(parsing, answer >= LONG_BASE ? (unsigned)(answer - LONG_BASE)
                                                          : option_of_letter(answer));
    }
    return status;
}

static enum status given_twice(struct error *error, const char *first, const char *second)
{
    enum status status =
        error_set(error, STATUS_USAGE, "the target is given twice: by %s and by %s", first, second);
    error_hint(error, "TARGET as the first word, or -p, or -n, or -- PROGRAM");
    return status;
}

static bool is_number(const char *word)
{
    uint64_t number;
    return text_to_u64(word, &number);
}

/* Which words are the target, and which the arguments. */
static enum status take_positionals(struct parsing *parsing, int count, char **words)
{
    struct command_line *line = parsing->line;
    const char *by = command_has(line, OPTION_PROCESS_ID) ? "-p" : NULL;
    if (command_has(line, OPTION_NAME)) {
        if (by)
            return given_twice(parsing->error, by, "-n");
        by = "-n";
    }
    if (line->program) {
        if (by)
            return given_twice(parsing->error, by, "-- PROGRAM");
        by = "-- PROGRAM";
    }
    /* No pattern is a number, so a pid was meant. */
    if (by && line->row->target != COMMAND_TAKES_NO && count > 0 && is_number(words[0]))
        return given_twice(parsing->error, words[0], by);
    if (count > COMMAND_MAX_POSITIONALS)
        return error_set(parsing->error, STATUS_USAGE, "more than %d words",
                         COMMAND_MAX_POSITIONALS);
    if (line->row->target != COMMAND_TAKES_NO && !by && count > 0) {
        line->target = *words++;
        count--;
        by = line->target;
    }
    if (line->row->target == COMMAND_TAKES_YES && !by && !line->help) {
        error_set(parsing->error, STATUS_USAGE, "rejig %s needs a target", line->row->name);
        error_hint(parsing->error, "a pid or the name of a process: rejig ps lists them");
        return STATUS_USAGE;
    }
    for (int i = 0; i < count; i++)
        line->arguments[line->argument_count++] = words[i];
    return STATUS_OK;
}

static void keep_whole(struct command_line *line, int argc, char **argv)
{
    size_t length = 0;
    for (int i = 0; i < argc; i++) {
        bool plain = argv[i][0] != '\0' && !strpbrk(argv[i], " '\"*?$&|<>()");
        const char *quote = plain || strchr(argv[i], '\'') ? "" : "'";
        const char *word = i == 0 ? "rejig" : argv[i];
        text_append(line->whole, sizeof line->whole, &length, "%s%s%s%s", i ? " " : "",
                    i ? quote : "", word, i ? quote : "");
    }
}

/* An option whose argument may be left out ("[VALUE]") has it in the next word, unless that begins
 * with two dashes (one is a sign): getopt is told so by a '=' behind the name. */
static bool lacks_argument(const struct command_line *line, const char *word, const char *next)
{
    const unsigned char *options = line->row->options;
    for (size_t i = 0; options[i] != OPTION_NONE; i++) {
        const struct option_row *row = &option_rows[options[i]];
        if (row->argument && row->argument[0] == '[' && strncmp(word, "--", 2) == 0 &&
            strcmp(word + 2, row->name) == 0)
            return !next || strncmp(next, "--", 2) == 0;
    }
    return false;
}

static void mark_left_out(struct command_line *line, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (lacks_argument(line, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            snprintf(line->left_out, sizeof line->left_out, "%s=", argv[i]);
            argv[i] = line->left_out;
        }
}

/* "--" always begins PROGRAM, so it is found before any option is looked at. */
static int find_program(int argc, char **argv, struct command_line *line)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--") == 0) {
            line->program = argv + i + 1;
            return i;
        }
    return argc;
}

static enum status check_program(const struct command_line *line, struct error *error)
{
    if (!line->program)
        return STATUS_OK;
    if (line->row->program == COMMAND_TAKES_NO)
        return error_set(error, STATUS_USAGE, "rejig %s starts no program", line->row->name);
    if (!line->program[0])
        return error_set(error, STATUS_USAGE, "a program is missing behind '--'");
    return STATUS_OK;
}

enum status command_line_parse(int argc, char **argv, struct command_line *line,
                               struct error *error)
{
    struct parsing parsing = {.line = line, .error = error};
    *line = (struct command_line){0};
    line->id = argc < 2 ? COMMAND_HELP : command_of_word(argv[1]);
    if (line->id == COMMAND_COUNT_OF)
        return unknown_command(argv[1], error);
    line->row = &command_rows[line->id];
    keep_whole(line, argc, argv);
    if (argc < 2)
        return STATUS_OK;
    int own = find_program(argc, argv, line);
    char *after = own < argc ? argv[own] : NULL;
    if (own < argc)
        argv[own] = NULL;
    mark_left_out(line, own - 1, argv + 1);
    enum status status = parse_options(&parsing, own - 1, argv + 1);
    if (status == STATUS_OK)
        status = check_program(line, error);
    if (status == STATUS_OK)
        status = take_positionals(&parsing, own - 1 - optind, argv + 1 + optind);
    if (own < argc)
        argv[own] = after;
    return status;
}

enum status command_number(const struct command_line *line, enum command_option option,
                           uint64_t least, uint64_t most, uint64_t *value, struct error *error)
{
    const char *text = line->values[option];
    uint64_t number = 0;
    if (!text)
        return STATUS_OK;
    if (!text_to_u64(text, &number) || number < least || number > most)
        return error_set(error, STATUS_USAGE, "--%s '%s': a number from %llu to %llu is expected",
                         option_rows[option].name, text, (unsigned long long)least,
                         (unsigned long long)most);
    *value = number;
    return STATUS_OK;
}

enum status command_duration(const struct command_line *line, enum command_option option,
                             uint64_t *nanoseconds, struct error *error)
{
    if (!line->values[option])
        return STATUS_OK;
    enum status status = script_parse_duration(line->values[option], nanoseconds, error);
    if (status != STATUS_OK)
        error_prefix(error, "--%s: ", option_rows[option].name);
    return status;
}
