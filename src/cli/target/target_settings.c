#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base_text.h"
#include "target_inside.h"

static void note_setting(char *to, size_t size, const char *prefix, const char *name,
                         const char *value)
{
    snprintf(to, size, "%s%s=%s", prefix, name, value);
}

/* Notes "DOTNET_name=value" (or COMPlus_) where that setting is zero. */
static bool note_zero(char *to, size_t size, const char *block, size_t length, const char *name)
{
    char full[96];
    snprintf(full, sizeof full, "DOTNET_%s", name);
    const char *value = target_parse_environment(block, length, full);
    const char *prefix = value != NULL ? "DOTNET_" : "COMPlus_";
    value = target_parse_setting(block, length, name);
    if (!target_setting_is_zero(value))
        return false;
    note_setting(to, size, prefix, name, value);
    return true;
}

static void note_hot_reload(struct target_process *process, const char *block, size_t length)
{
    const char *mode = target_parse_setting(block, length, "MODIFIABLE_ASSEMBLIES");
    if (mode == NULL || strcasecmp(mode, "debug") != 0)
        return;
    bool watched = target_parse_environment(block, length, "DOTNET_WATCH") != NULL;
    snprintf(process->hot_reload, sizeof process->hot_reload, "%s",
             watched ? "dotnet watch (DOTNET_MODIFIABLE_ASSEMBLIES=debug)"
                     : "DOTNET_MODIFIABLE_ASSEMBLIES=debug");
}

void target_inside_environment(struct target_process *process, const char *block, size_t length)
{
    process->off_socket =
        note_zero(process->off, sizeof process->off, block, length, "EnableDiagnostics") ||
        note_zero(process->off, sizeof process->off, block, length, "EnableDiagnostics_IPC");
    if (!process->off_socket)
        note_zero(process->off, sizeof process->off, block, length, "EnableDiagnostics_Profiler");
    note_zero(process->rejit_off, sizeof process->rejit_off, block, length,
              "ProfApi_RejitOnAttach");
    note_hot_reload(process, block, length);
    const char *folder = target_parse_environment(block, length, "TMPDIR");
    process->folder_set = folder != NULL && folder[0] != '\0';
    text_copy(process->folder, sizeof process->folder, process->folder_set ? folder : "/tmp");
}
