/*
 * target_ipc: a client of the runtime's diagnostics socket.
 *
 * Format: every message is 20 bytes (magic "DOTNET_IPC_V1\0", u16 whole size, u8 command set,
 * u8 command, u16 zero) and a payload; strings are u32 count of UTF-16 units with the NUL,
 * then the units. One request a connection; the server closes after its answer.
 *
 * A request is built whole and goes out with one send: a header without its payload kills the
 * target, two writes race with the server's close. Every wait has a deadline, because a
 * stopped process accepts and never answers. Answers are untrusted bytes.
 */
#ifndef TARGET_IPC_H
#define TARGET_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "base_error.h"
#include "base_reader.h"
#include "target_hold.h"
#include "target_process.h"

enum target_ipc_command { /* command set << 8 | command */
                          TARGET_IPC_ATTACH_PROFILER = 0x0301,
                          TARGET_IPC_PROCESS_INFO = 0x0400,
                          TARGET_IPC_ENVIRONMENT = 0x0402,
                          TARGET_IPC_PROCESS_INFO2 = 0x0404,
                          TARGET_IPC_PROCESS_INFO3 = 0x0408,
                          TARGET_IPC_OK = 0xff00,
                          TARGET_IPC_ERROR = 0xffff,
};

struct target_info {
    uint64_t pid; /* as the target sees itself */
    uint8_t cookie[16];
    char command[2048];
    char os[32];
    char architecture[32];
    char assembly[128];   /* ProcessInfo2 and later */
    char version[64];     /* "10.0.12" (what follows a '+' is cut) */
    char rid[64];         /* ProcessInfo3 */
    uint64_t answered_in; /* ns from connect to the whole answer */
};

/* --- requests and answers as bytes --- */

void target_ipc_put(struct buffer *buffer, enum target_ipc_command command, const void *payload,
                    size_t length);
/* STATUS_LIMIT where it exceeds the format's 65,535 bytes. */
enum status target_ipc_put_attach(struct buffer *buffer, uint32_t timeout_ms,
                                  const uint8_t clsid[16], const char *path,
                                  const void *client_data, size_t length, struct error *error);
/* A whole answer at the front of `received`: STATUS_OK and its payload; STATUS_NOT_FOUND: read
 * more; STATUS_PEER: not of this format; STATUS_TARGET: the runtime's own error, in words, its
 * HRESULT in *hresult (0 where there was none). */
enum status target_ipc_take(const struct buffer *received, struct reader *payload,
                            uint32_t *hresult, struct error *error);
/* Payload of ProcessInfo, Info2 or Info3. */
enum status target_ipc_take_info(struct reader payload, enum target_ipc_command command,
                                 struct target_info *info, struct error *error);
/* The stream behind the environment answer, "NAME=value\0" each, appended to `to`. */
enum status target_ipc_take_environment(struct reader stream, struct buffer *to,
                                        struct error *error);

/* --- over a socket --- */

/* Connects and checks that the peer is the held process. `deadline` is CLOCK_MONOTONIC ns. */
enum status target_ipc_connect(const struct target_process *process, const struct target_hold *hold,
                               uint64_t deadline, int *fd, struct error *error);
enum status target_ipc_send(int fd, const struct buffer *request, uint64_t deadline,
                            struct error *error);
/* Reads until a whole answer stands in `received` (payload is a window on it). */
enum status target_ipc_receive(int fd, struct buffer *received, struct reader *payload,
                               uint32_t *hresult, uint64_t deadline, struct error *error);

/* Asks the best ProcessInfo that this runtime knows; one that knows none (3.1) leaves all but
 * answered_in empty. */
enum status target_ipc_info(const struct target_process *process, const struct target_hold *hold,
                            unsigned timeout_ms, struct target_info *info, struct error *error);
/* The environment as the runtime has it now. */
enum status target_ipc_environment(const struct target_process *process,
                                   const struct target_hold *hold, unsigned timeout_ms,
                                   struct buffer *to, struct error *error);

#endif
