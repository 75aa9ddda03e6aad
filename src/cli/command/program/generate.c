/* Writes the man page and the completions when rejig is built: generate man|bash|zsh|fish FILE */
#include <stdio.h>
#include <string.h>

#include "command_help.h"

static void make(struct buffer *out, const char *kind)
{
    if (strcmp(kind, "man") == 0)
        help_man(out, REJIG_VERSION);
    else if (strcmp(kind, "bash") == 0)
        help_bash(out);
    else if (strcmp(kind, "zsh") == 0)
        help_zsh(out);
    else
        help_fish(out);
}

int main(int argc, char **argv)
{
    struct buffer out;
    if (argc != 3)
        return 2;
    buffer_init(&out, 0);
    make(&out, argv[1]);
    FILE *file = fopen(argv[2], "w");
    bool good = file && fwrite(out.data, 1, out.length, file) == out.length;
    if (file && fclose(file) != 0)
        good = false;
    buffer_release(&out);
    return good ? 0 : 1;
}
