/*
 * recompile_marks: an immutable set of methods behind one atomic pointer.
 *
 * Writers (one thread) make a changed copy and swap it in. Readers count themselves in around their
 * look; a copy that was swapped out waits until nobody is counted in. One copy may be frozen: the
 * first reader that asks for it decides which, and it is kept until the end.
 */
#ifndef RECOMPILE_MARKS_H
#define RECOMPILE_MARKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recompile.h"

struct marks_table;

struct marks {
    _Atomic(struct marks_table *) current;
    _Atomic(struct marks_table *) frozen;
    _Atomic uint32_t readers;
    struct marks_table *retired; /* writer */
};

/* False: out of memory. */
bool marks_init(struct marks *marks);
void marks_release(struct marks *marks);

/* Writer. False: out of memory, nothing has changed. */
bool marks_add(struct marks *marks, const struct method_key *keys, size_t count, uint32_t why);
/* Writer. Out of memory: the marks stay. */
void marks_remove(struct marks *marks, const struct method_key *keys, size_t count, uint32_t why);
void marks_forget(struct marks *marks, uint64_t module);

/* Any thread. */
bool marks_has(struct marks *marks, struct method_key key);
/* As marks_has was when this was called first, for ever. */
bool marks_has_frozen(struct marks *marks, struct method_key key);
/* Writer. */
uint32_t marks_count(const struct marks *marks);
size_t marks_bytes(const struct marks *marks);

#endif
