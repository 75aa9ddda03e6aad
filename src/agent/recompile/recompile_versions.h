/*
 * recompile_versions: what may be asked of which runtime.
 *
 * RequestReJITWithInliners kills targets before .NET 7 (it takes methods of types that are not
 * loaded for method descriptors: dotnet/runtime#88924, fixed by #69634 in 7.0). Versions stand
 * in the table only after they were measured; one that does not stand there, an older or a
 * newer one, counts as unsafe and is asked for plain RequestReJIT only.
 *
 * Two more bugs of the runtime, #95653 (wrong module pointer) and #97771 (lock inversion), are
 * fixed since 9.0. Both lie on a path that the runtime takes by itself whenever an inlining
 * races with any request, plain or with inliners: they do not speak for either, so 8.0 stands
 * in the table. 7.0 (out of support, never measured) does not.
 *
 * Pure functions but for recompile_version_ask, which asks the runtime. Any thread.
 */
#ifndef RECOMPILE_VERSIONS_H
#define RECOMPILE_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

struct ICorProfilerInfo15;

struct recompile_version {
    uint16_t major, minor, build;
    bool core; /* CoreCLR, not the Windows-only .NET Framework */
};

/* What GetRuntimeInformation says; all 0 where it does not answer. */
struct recompile_version recompile_version_ask(struct ICorProfilerInfo15 *info);

/* Whether RequestReJITWithInliners may be called; where not, *why is a sentence for the user
 * (static text). */
bool recompile_version_follows(struct recompile_version version, const char **why);

#endif
