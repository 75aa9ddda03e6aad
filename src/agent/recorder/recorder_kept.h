/*
 * recorder_kept: which calls that go on beyond their method (suspended async calls, enumerations)
 * have been recorded, so that of a call whose beginning was left out the rest is left out, too.
 *
 * One a session, made with its first such site. A table of keys, found by hash within a window of
 * places; no lock: a place is taken and given back by one exchange. Where a window is full the key
 * is not kept, and from then on whatever is not known counts as recorded: the reader can tell.
 *
 * A completion may come before the method itself says the key. It leaves a note then
 * (kept_note), and looks again; the method puts its key, and looks for the note: one of the two
 * sees the other.
 */
#ifndef RECORDER_KEPT_H
#define RECORDER_KEPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEPT_PLACES 8192u
#define KEPT_NOTES  4096u
#define KEPT_WINDOW 16u

struct recorder_kept {
    _Atomic uint32_t missed; /* keys for which there was no place */
    _Atomic uint64_t notes[KEPT_NOTES];
    _Atomic uint64_t places[KEPT_PLACES];
};

/* NULL: no memory. Agent threads. */
struct recorder_kept *kept_new(void);
void kept_free(struct recorder_kept *kept);

/* `key` as the woven code passes it; `site`: number of the site. Any thread, in a probe. NULL:
 * nothing is kept. */
void kept_put(struct recorder_kept *kept, uint32_t site, int64_t key);
bool kept_has(struct recorder_kept *kept, uint32_t site, int64_t key);
/* It was there, and is not any more; of several threads one gets true. */
bool kept_take(struct recorder_kept *kept, uint32_t site, int64_t key);
/* Leaves a note on a key. A later note may take its place, once in a great while. */
void kept_note(struct recorder_kept *kept, uint32_t site, int64_t key);
/* There is a note on the key; it goes. */
bool kept_noted(struct recorder_kept *kept, uint32_t site, int64_t key);

/* Keys that are not there, or all of NULL, may have been recorded all the same. */
static inline bool kept_is_blurred(const struct recorder_kept *kept)
{
    return kept == NULL || atomic_load_explicit(&kept->missed, memory_order_relaxed) != 0;
}

#endif
