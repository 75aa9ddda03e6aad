/*
 * command_help: what users read about commands, made from the table.
 */
#ifndef COMMAND_HELP_H
#define COMMAND_HELP_H

#include "base_buffer.h"
#include "command_table.h"

/* rejig help */
void help_overview(struct buffer *out);
/* rejig COMMAND --help */
void help_command(struct buffer *out, const struct command_row *row);
/* The man page rejig.1 (man(7)); `version` of the program. */
void help_man(struct buffer *out, const char *version);
void help_bash(struct buffer *out);
void help_zsh(struct buffer *out);
void help_fish(struct buffer *out);

#endif
