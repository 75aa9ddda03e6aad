/*
 * target_process: what can be learnt of a process without touching it, all from /proc.
 *
 * A struct target_process is a plain value: no descriptors, nothing to release; it is a
 * picture of one moment. Whatever is done to the process later opens a hold of its own and
 * compares pid and start time first.
 */
#ifndef TARGET_PROCESS_H
#define TARGET_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base_error.h"
#include "target_hold.h"
#include "target_parse.h"

enum target_kind {
    TARGET_KIND_OTHER, /* not .NET */
    TARGET_KIND_CORECLR,
    TARGET_KIND_AOT,
    TARGET_KIND_UNKNOWN, /* another user's: it looks like .NET */
};

enum target_run {
    TARGET_RUN_RUNNING, /* sleeping counts as running */
    TARGET_RUN_STOPPED,
    TARGET_RUN_TRACED,
    TARGET_RUN_ZOMBIE,
};

enum target_slot {
    TARGET_SLOT_FREE,
    TARGET_SLOT_AGENT, /* ours is loaded */
    TARGET_SLOT_OTHER, /* another profiler */
    TARGET_SLOT_UNKNOWN,
};

struct target_process {
    pid_t pid;
    uint64_t own_pid;   /* in its own pid namespace */
    uint64_t start;     /* field 22 of stat, as we see it */
    uint64_t own_start; /* as the process itself sees it (time namespaces) */
    uint64_t parent;
    int64_t boot_offset; /* ns to add to our CLOCK_BOOTTIME to get the target's */
    uid_t uid;           /* effective */
    gid_t gid;
    uint32_t groups[TARGET_GROUPS_MAX];
    unsigned group_count;
    char user[40];      /* its name, or the number; empty for what is plainly not .NET */
    char comm[64];      /* as the kernel shows it */
    char file[128];     /* file name of the executable */
    char name[128];     /* what users call it: the entry assembly, else the file, else comm */
    char assembly[128]; /* entry assembly; empty where unknown */
    char command[2048];
    char version[48];                /* of the runtime, "10.0.12"; empty where unknown */
    char architecture[16];           /* "x64", "arm64", ...; empty where unknown */
    char runtime[TARGET_PATH_BYTES]; /* libcoreclr.so, or the executable that holds it */
    uint64_t up_time;                /* ns */
    enum target_run run;
    enum target_kind kind;
    bool self_contained;   /* the runtime is the program's own */
    bool single_file;      /* ... and linked into its executable */
    bool limited;          /* environ and maps are not ours to read: what follows is unknown */
    bool container;        /* its pid or mount namespace is not ours */
    char container_id[16]; /* its first 12 digits, where the cgroup's name tells; else empty */
    bool other_view;       /* its mount namespace or root is not ours */
    char off[96];          /* the setting that switches diagnostics off, as it stands
                              ("DOTNET_EnableDiagnostics=0"); empty: none */
    bool off_socket;       /* ... and it is one that leaves no diagnostics socket at all */
    char hot_reload[96];   /* the variable that says so; empty: none */
    char rejit_off[96];    /* DOTNET_ProfApi_RejitOnAttach=0, as it stands; empty: none */
    enum target_slot slot;
    char profiler[TARGET_PATH_BYTES]; /* SLOT_AGENT, SLOT_OTHER: the file, as the target sees it */
    bool profiler_at_start;           /* by the environment, not attached */
    char folder[TARGET_PATH_BYTES];   /* TMPDIR or /tmp, as the target sees it */
    bool folder_set;                  /* TMPDIR is set */
    char socket[128];       /* file name of the diagnostics socket in folder; empty: none there */
    char agent_socket[128]; /* file name of our agent's socket; empty: none there */
    char agent_folder[TARGET_PATH_BYTES]; /* where that is */
};

/* STATUS_TARGET: no such process (any more). Another user's process is a success with
 * `limited` set. */
enum status target_process_read(pid_t pid, struct target_process *process, struct error *error);
/* As above, of a process that the caller holds. */
enum status target_process_read_held(const struct target_hold *hold, struct target_process *process,
                                     struct error *error);
/* Opens a hold on the process of the picture: STATUS_TARGET where it has ended, also where
 * another has its pid now. */
enum status target_process_hold(const struct target_process *process, struct target_hold *hold,
                                struct error *error);
/* Is it worth a row in `rejig ps`? (.NET of any kind, or looks like it) */
bool target_process_is_dotnet(const struct target_process *process);

#endif
