/*
 * entry_environment: the four variables that start a program under us (wire_message.h).
 *
 * They are removed through the runtime, because its copy of the environment is what the
 * program and its children see; and from libc's, for native code that starts processes.
 * Called once, inside Initialize, before any managed code runs.
 */
#ifndef ENTRY_ENVIRONMENT_H
#define ENTRY_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

struct ICorProfilerInfo15;
struct wire_client_data;

/* Reads REJIG_START and removes all four. False: it is not there or not of ours. */
bool environment_take(struct ICorProfilerInfo15 *info, uint32_t info_slots,
                      struct wire_client_data *data);

#endif
