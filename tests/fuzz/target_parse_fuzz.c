// uses: target wire clr base
/* The files of /proc, as a process that chose its names with care would make them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_maps(const char *text, size_t size)
{
    struct target_mapping mapping;
    char version[48];
    size_t cursor = 0, before = 0;
    while (target_parse_maps(text, size, &cursor, &mapping)) {
        if (cursor <= before || cursor > size || strlen(mapping.path) >= sizeof mapping.path)
            abort();
        before = cursor;
        target_parse_version(mapping.path, version, sizeof version);
    }
}

static void walk_blocks(const char *text, size_t size)
{
    char name[128], command[64];
    target_parse_command(text, size, command, sizeof command);
    target_parse_assembly(text, size, "/usr/bin/dotnet", name, sizeof name);
    target_parse_assembly(text, size, "", name, sizeof name);
    if (strlen(command) >= sizeof command || strlen(name) >= sizeof name)
        abort();
    const char *value = target_parse_setting(text, size, "EnableDiagnostics");
    if (value != NULL && (value < text || value + strlen(value) >= text + size))
        abort();
    target_setting_is_zero(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* An exact copy, so that a sanitizer sees one byte too far. */
    char *text = malloc(size + (size == 0));
    struct target_stat stat;
    struct target_status status;
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    if (target_parse_stat(text, size, &stat) && strlen(stat.comm) >= sizeof stat.comm)
        abort();
    if (target_parse_status(text, size, &status) && status.group_count > TARGET_GROUPS_MAX)
        abort();
    target_parse_offset(text, size, "boottime");
    char id[16];
    target_parse_container(text, size, id, sizeof id);
    walk_maps(text, size);
    walk_blocks(text, size);
    free(text);
    return 0;
}
