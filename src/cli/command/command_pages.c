/* The man page and the completions of bash, zsh and fish. */
#include <string.h>

#include "command_help.h"

/* roff: hyphens that are to be typed, and a dot that begins a line, are escaped. */
static void roff(struct buffer *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        buffer_append_text(out, "\\&");
    for (; *text; text++) {
        if (*text == '-')
            buffer_append_text(out, "\\-");
        else if (*text == '\\')
            buffer_append_text(out, "\\e");
        else
            buffer_append_u8(out, (uint8_t)*text);
    }
}

static void man_option(struct buffer *out, unsigned option)
{
    const struct option_row *row = &option_rows[option];
    buffer_append_text(out, ".TP\n");
    if (row->letter)
        buffer_append_format(out, "\\fB\\-%c\\fR, ", row->letter);
    buffer_append_text(out, "\\fB\\-\\-");
    roff(out, row->name);
    buffer_append_text(out, "\\fR");
    if (row->argument)
        buffer_append_format(out, " \\fI%s\\fR", row->argument);
    buffer_append_u8(out, '\n');
    roff(out, row->help);
    buffer_append_u8(out, '\n');
}

static void man_command(struct buffer *out, const struct command_row *row)
{
    buffer_append_format(out, ".SS rejig %s ", row->name);
    roff(out, row->grammar);
    buffer_append_u8(out, '\n');
    roff(out, row->description);
    buffer_append_u8(out, '\n');
    for (size_t i = 0; row->options[i] != OPTION_NONE; i++)
        man_option(out, row->options[i]);
}

static const char man_head[] =
    ".SH NAME\n"
    "rejig \\- shows what any method of a running .NET program does\n"
    ".SH SYNOPSIS\n"
    ".B rejig\n"
    "\\fICOMMAND\\fR [\\fITARGET\\fR] [\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR] "
    "[\\-\\- \\fIPROGRAM ARGS\\fR...]\n"
    ".SH DESCRIPTION\n"
    "rejig attaches to a .NET process that knows nothing of it, shows the calls of the methods\n"
    "that you name, with arguments, result, exception and duration, and when it ends the process\n"
    "runs what it ran before.\n"
    ".PP\n"
    "The target is given exactly once: as the first word (digits are a pid, all else the name of\n"
    "a process or of its entry assembly), or by \\fB\\-p\\fR, by \\fB\\-n\\fR, or as\n"
    "\\fB\\-\\-\\fR \\fIPROGRAM\\fR, which is then started under rejig.\n"
    ".PP\n"
    "Patterns are written as .NET developers write methods: Shop.OrderService.Place, Shop.*.Get*,\n"
    "**.Repository<*>.Find, App.dll!Ns.Type.Method(int, string), Type..ctor, Type.get_Name,\n"
    "Outer+Inner.M, Type.Method+Local, Type.Method+lambda, Orders.cs:45, or a pasted line of a\n"
    "stack trace.\n"
    ".PP\n"
    "Values and conditions are paths of parameters, \\fBthis\\fR, \\fBret\\fR, \\fBex\\fR and\n"
    "\\fBelapsed\\fR: order.Customer.Name, ret.Total. Conditions compare paths with constants of\n"
    "C# (100, 1.5, \\(dqACME\\(dq, 'x', true, null, OrderState.Closed) and durations (5ms), "
    "joined\n"
    "by && and ||, with ! and parentheses. A parameter named like one of those words is written\n"
    "@ret.\n"
    ".SH COMMANDS\n";

static const char man_foot[] =
    ".SH EXIT STATUS\n"
    ".TP\n0\ndone; also after Ctrl\\-C, and where the target ended while it was watched\n"
    ".TP\n1\nfailed\n"
    ".TP\n2\nthe command line is at fault: pattern, name, value, filter, too many matches\n"
    ".TP\n3\nthe target is not there, or refused\n"
    ".PP\n"
    "With \\-\\- PROGRAM the program's own code (128+n for signal n), 127 where it is not found,\n"
    "125 where rejig failed before the start.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBNO_COLOR\\fR\nno colours, also on a terminal\n"
    ".TP\n\\fBREJIG_AGENT\\fR\nthe agent's file, where it does not stand at its usual place\n"
    ".SH EXAMPLES\n"
    ".EX\n"
    "rejig watch 4711 Shop.OrderService.Place 'order.Id, ret.Total' \\-\\-if 'order.Total > 100'\n"
    "rejig count Shop 'Shop.**Repository.*' \\-\\-duration 30s\n"
    "rejig watch Program.Main \\-\\-json \\-o calls.ndjson \\-\\- dotnet app.dll\n"
    ".EE\n";

void help_man(struct buffer *out, const char *version)
{
    buffer_append_text(out, ".\\\" Made from the table of commands when rejig is built.\n");
    buffer_append_format(out, ".TH REJIG 1 \"\" \"rejig %s\" \"User Commands\"\n", version);
    buffer_append_text(out, man_head);
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++)
        man_command(out, &command_rows[i]);
    buffer_append_text(out, man_foot);
}

/* ---- completions ---- */

static bool is_words(const struct option_row *row)
{
    const char *kind = row->completes;
    return kind && strcmp(kind, "file") != 0 && strcmp(kind, "pid") != 0 &&
           strcmp(kind, "name") != 0;
}

static bool completes(const struct option_row *row, const char *kind)
{
    return row->completes && strcmp(row->completes, kind) == 0;
}

static void bash_options(struct buffer *out, const struct command_row *row)
{
    for (size_t i = 0; row->options[i] != OPTION_NONE; i++) {
        const struct option_row *option = &option_rows[row->options[i]];
        buffer_append_format(out, "--%s ", option->name);
        if (option->letter)
            buffer_append_format(out, "-%c ", option->letter);
    }
    buffer_append_text(out, "--help -h");
}

static void bash_arguments(struct buffer *out)
{
    for (unsigned i = 1; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if (!row->argument)
            continue;
        buffer_append_format(out, "    --%s", row->name);
        if (row->letter)
            buffer_append_format(out, "|-%c", row->letter);
        if (completes(row, "file"))
            buffer_append_text(out, ") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n");
        else if (completes(row, "pid") || completes(row, "name"))
            buffer_append_text(out, ") COMPREPLY=($(compgen -W \"$(_rejig_targets)\" -- "
                                    "\"$word\")); return ;;\n");
        else if (is_words(row))
            buffer_append_format(out, ") COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n",
                                 row->completes);
        else
            buffer_append_text(out, ") return ;;\n");
    }
}

static void bash_commands(struct buffer *out)
{
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++)
        buffer_append_format(out, "%s%s", i ? " " : "", command_rows[i].name);
}

/* What may stand behind the command: a target, or for help a command. */
static void bash_first_words(struct buffer *out)
{
    buffer_append_text(out, "    help:*) ((COMP_CWORD == 2)) && COMPREPLY=($(compgen -W '");
    bash_commands(out);
    buffer_append_text(out, "' -- \"$word\")) ;;\n");
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++)
        if (command_rows[i].target != COMMAND_TAKES_NO)
            buffer_append_format(out,
                                 "    %s:*) ((COMP_CWORD == 2)) && COMPREPLY=($(compgen -W "
                                 "\"$(_rejig_targets)\" -- \"$word\")) ;;\n",
                                 command_rows[i].name);
}

static const char bash_head[] =
    "# bash completion of rejig; made from the table of commands.\n"
    "_rejig_targets() {\n"
    "    rejig ps 2>/dev/null | awk 'NR > 1 { print $1; print $2 }'\n"
    "}\n"
    "_rejig() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command=${COMP_WORDS[1]} i\n"
    "    COMPREPLY=()\n"
    "    for ((i = 2; i < COMP_CWORD; i++)); do\n"
    "        [[ ${COMP_WORDS[i]} == -- ]] && { COMPREPLY=($(compgen -f -c -- \"$word\")); return; "
    "}\n"
    "    done\n";

void help_bash(struct buffer *out)
{
    buffer_append_text(out, bash_head);
    buffer_append_text(out, "    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W '");
    bash_commands(out);
    buffer_append_text(out, "' -- \"$word\"))\n        return\n    fi\n    case $before in\n");
    bash_arguments(out);
    buffer_append_text(out, "    esac\n    case $command:$word in\n");
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++) {
        buffer_append_format(out, "    %s:-*) COMPREPLY=($(compgen -W '", command_rows[i].name);
        bash_options(out, &command_rows[i]);
        buffer_append_text(out, "' -- \"$word\")) ;;\n");
    }
    bash_first_words(out);
    buffer_append_text(out, "    esac\n}\ncomplete -F _rejig rejig\n");
}

/* Inside '...' of a shell, and of zsh's own syntax: ' : [ ] are escaped. */
static void quoted(struct buffer *out, const char *text, bool zsh)
{
    for (; *text; text++) {
        if (*text == '\'')
            buffer_append_text(out, zsh ? "'\\''" : "\\'");
        else if (zsh && strchr(":[]", *text))
            buffer_append_format(out, "\\%c", *text);
        else if (!zsh && *text == '\\')
            buffer_append_text(out, "\\\\");
        else
            buffer_append_u8(out, (uint8_t)*text);
    }
}

static void zsh_argument(struct buffer *out, const struct option_row *row)
{
    if (!row->argument)
        return;
    buffer_append_format(out, ":%s:", row->argument);
    if (completes(row, "file"))
        buffer_append_text(out, "_files");
    else if (completes(row, "pid") || completes(row, "name"))
        buffer_append_text(out, "_rejig_targets");
    else if (is_words(row))
        buffer_append_format(out, "(%s)", row->completes);
    else
        buffer_append_text(out, " ");
}

static void zsh_option(struct buffer *out, unsigned option)
{
    const struct option_row *row = &option_rows[option];
    const char *many = option == OPTION_ALSO ? "*" : "";
    buffer_append_format(out, " \\\n            '%s--%s%s[", many, row->name,
                         row->argument ? "=" : "");
    quoted(out, row->help, true);
    buffer_append_u8(out, ']');
    zsh_argument(out, row);
    buffer_append_u8(out, '\'');
    if (!row->letter)
        return;
    buffer_append_format(out, " \\\n            '%s-%c[", many, row->letter);
    quoted(out, row->help, true);
    buffer_append_u8(out, ']');
    zsh_argument(out, row);
    buffer_append_u8(out, '\'');
}

void help_zsh(struct buffer *out)
{
    buffer_append_text(out,
                       "#compdef rejig\n# zsh completion of rejig; made from the table of "
                       "commands.\n"
                       "_rejig_targets() {\n"
                       "    local -a targets\n"
                       "    targets=(${(f)\"$(rejig ps 2>/dev/null | awk 'NR > 1 { print $1 \":\" "
                       "$2 }')\"})\n"
                       "    _describe target targets\n"
                       "}\n"
                       "_rejig() {\n    local -a commands\n    commands=(\n");
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++) {
        buffer_append_format(out, "        '%s:", command_rows[i].name);
        quoted(out, command_rows[i].summary, true);
        buffer_append_text(out, "'\n");
    }
    buffer_append_text(out, "    )\n    if ((CURRENT == 2)); then\n        _describe command "
                            "commands\n        return\n    fi\n    local command=$words[2]\n"
                            "    shift words\n    ((CURRENT--))\n    case $command in\n");
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++) {
        const struct command_row *row = &command_rows[i];
        buffer_append_format(out, "    %s)\n        _arguments -s", row->name);
        for (size_t j = 0; row->options[j] != OPTION_NONE; j++)
            zsh_option(out, row->options[j]);
        if (row->target != COMMAND_TAKES_NO)
            buffer_append_text(out, " \\\n            '1:target:_rejig_targets'");
        buffer_append_text(out, " \\\n            '*: : ' ;;\n");
    }
    buffer_append_text(out, "    esac\n}\n_rejig \"$@\"\n");
}

void help_fish(struct buffer *out)
{
    buffer_append_text(out, "# fish completion of rejig; made from the table of commands.\n"
                            "function __rejig_targets\n"
                            "    rejig ps 2>/dev/null | awk 'NR > 1 { print $1 \"\\t\" $2 }'\n"
                            "end\ncomplete -c rejig -f\n");
    for (size_t i = 0; i < COMMAND_COUNT_OF; i++) {
        const struct command_row *row = &command_rows[i];
        buffer_append_format(out, "complete -c rejig -n __fish_use_subcommand -a %s -d '",
                             row->name);
        quoted(out, row->summary, false);
        buffer_append_text(out, "'\n");
        if (row->target != COMMAND_TAKES_NO)
            buffer_append_format(out,
                                 "complete -c rejig -n '__fish_seen_subcommand_from %s' -a "
                                 "'(__rejig_targets)'\n",
                                 row->name);
        for (size_t j = 0; row->options[j] != OPTION_NONE; j++) {
            const struct option_row *option = &option_rows[row->options[j]];
            buffer_append_format(out, "complete -c rejig -n '__fish_seen_subcommand_from %s' -l %s",
                                 row->name, option->name);
            if (option->letter)
                buffer_append_format(out, " -s %c", option->letter);
            if (option->argument)
                buffer_append_text(out, completes(option, "file") ? " -r -F" : " -x");
            if (is_words(option))
                buffer_append_format(out, " -a '%s'", option->completes);
            buffer_append_text(out, " -d '");
            quoted(out, option->help, false);
            buffer_append_text(out, "'\n");
        }
    }
}
