/*
 * target_parse: the texts of /proc (proc(5)), parsed from bytes that may be cut or forged.
 *
 * Pure functions on memory. A process chooses its own comm, command line, environment and
 * file names, so nothing here believes them: text is bounded and always terminated.
 */
#ifndef TARGET_PARSE_H
#define TARGET_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_PATH_BYTES 1024

struct target_stat {
    char comm[64]; /* may hold spaces and parentheses */
    char state;    /* R S D T t Z X I ... */
    uint64_t parent;
    uint64_t start; /* field 22, clock ticks since boot */
};

/* False where it is not a stat line. */
bool target_parse_stat(const char *text, size_t length, struct target_stat *stat);

#define TARGET_GROUPS_MAX 64

struct target_status {
    uint64_t tgid;
    uint64_t own_pid;   /* last number of NSpid: the pid as the process itself sees it */
    unsigned pid_depth; /* numbers of NSpid; 1: no pid namespace below the reader's */
    uint32_t uid;       /* effective */
    uint32_t gid;
    uint32_t groups[TARGET_GROUPS_MAX];
    unsigned group_count;
    uint64_t tracer; /* TracerPid; 0: none */
};

/* False where Tgid or Uid is missing. Without NSpid (old kernels) own_pid is tgid. */
bool target_parse_status(const char *text, size_t length, struct target_status *status);

/* One mapping of maps: only those of files. */
struct target_mapping {
    uint64_t device_major, device_minor, inode;
    bool executable;
    bool deleted;                 /* the file is gone; the mark is taken off the path */
    char path[TARGET_PATH_BYTES]; /* with \012 and the like decoded */
};

/* The next mapping of a file from *cursor on (start with 0); false at the end. Lines that are
 * cut, malformed or too long are passed over. */
bool target_parse_maps(const char *text, size_t length, size_t *cursor,
                       struct target_mapping *mapping);

/* The value of `name` in a NUL-separated environment block, borrowed and terminated within
 * the block, or NULL. The first one counts, as for getenv. */
const char *target_parse_environment(const char *block, size_t length, const char *name);

/* A setting of the runtime: DOTNET_`name`, else COMPlus_`name`. */
const char *target_parse_setting(const char *block, size_t length, const char *name);

/* The runtime reads its numbers as hexadecimal. True where the setting stands and is 0. */
bool target_setting_is_zero(const char *value);

/* Command line: NULs to spaces, control characters to '?', cut with an ellipsis. */
void target_parse_command(const char *block, size_t length, char *to, size_t size);

/* Name of the entry assembly from the command line and the executable's file: `Shop` for
 * "dotnet [exec] [options] /x/Shop.dll", else the executable's file name. `dotnet build` and the
 * like are "dotnet". */
void target_parse_assembly(const char *block, size_t length, const char *executable, char *to,
                           size_t size);

/* "10.0.12" from ".../shared/Microsoft.NETCore.App/10.0.12/libcoreclr.so"; false elsewhere. */
bool target_parse_version(const char *path, char *to, size_t size);

/* The first 12 digits of a container's id (64 hexadecimal digits) in /proc/PID/cgroup, as docker,
 * podman and Kubernetes put it there; false: none. */
bool target_parse_container(const char *text, size_t length, char *to, size_t size);

/* Field `clock` ("boottime") of timens_offsets in nanoseconds; 0 where it does not stand. */
int64_t target_parse_offset(const char *text, size_t length, const char *clock);

#endif
