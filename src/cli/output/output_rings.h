/*
 * output_rings: draining a session's memory file (wire_record.h).
 *
 * The file is written by a stranger's process. It is mapped only where it cannot shrink (its
 * seals are checked), every head is read once into memory of ours and checked against our own
 * copies of the layout, and records are copied out before anything looks at them. A broken file
 * gives STATUS_PEER with the chunk and offset; nothing that the other side does can make us
 * fault, loop or use more memory than the file is large.
 *
 * Use: rings_collect copies what is new (and frees drained chunks for the target), then
 * rings_next hands out those records, threads merged by time, each thread in its own order.
 * One thread at a time.
 */
#ifndef OUTPUT_RINGS_H
#define OUTPUT_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_error.h"
#include "wire_record.h"

struct rings;

struct ring_record {
    const struct wire_record *head; /* valid until the next rings_collect */
    const uint8_t *values;          /* behind the head */
    size_t value_bytes;
    uint32_t thread; /* operating system's id, as the target sees it */
    uint32_t slot;   /* the agent's number of the thread */
};

/* Maps the file; `fd` stays the caller's and may be closed. */
enum status rings_open(struct rings **rings, int fd, struct error *error);
void rings_close(struct rings *rings);

/* Copies what has been written since the last call. `final`: nobody writes any more (the
 * session has ended, or the target is gone): chunks that a thread left open are taken too.
 * Answers in *bytes how much there was. Records of the last call that were not taken by
 * rings_next are forgotten. */
enum status rings_collect(struct rings *rings, bool final, size_t *bytes, struct error *error);
/* The next record. STATUS_NOT_FOUND: no more; STATUS_PEER: broken. */
enum status rings_next(struct rings *rings, struct ring_record *record, struct error *error);

/* The sum over all shards of one counter of one site; 0 for sites beyond the file's. */
uint64_t rings_counter(const struct rings *rings, uint32_t site, enum wire_counter counter);
/* The agent writes no more. */
bool rings_ended(const struct rings *rings);
enum wire_clock rings_clock(const struct rings *rings);
uint32_t rings_sites(const struct rings *rings);

#endif
