/* What callbacks leave for the worker. */
#include <stdlib.h>
#include <unistd.h>

#include "recompile_internal.h"

static void wake(struct recompile *recompile)
{
    const uint64_t one = 1;
    /* A full counter wakes as well; nothing else can go wrong. */
    if (write(recompile->event, &one, sizeof(one)) < 0)
        return;
}

void recompile_note_locked(struct recompile *recompile, struct note note)
{
    struct notes *notes = &recompile->notes;
    if (notes->count == notes->capacity) {
        const size_t wanted = notes->capacity ? notes->capacity * 2 : 64;
        struct note *grown = realloc(notes->list, wanted * sizeof(*grown));
        if (!grown) {
            notes->lost = true;
            free(note.reason);
            wake(recompile);
            return;
        }
        notes->list = grown;
        notes->capacity = wanted;
    }
    notes->list[notes->count++] = note;
    if (notes->count == 1)
        wake(recompile);
}

void recompile_note(struct recompile *recompile, struct note note)
{
    pthread_mutex_lock(&recompile->lock);
    recompile_note_locked(recompile, note);
    pthread_mutex_unlock(&recompile->lock);
}
