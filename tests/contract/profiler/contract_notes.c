#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "contract_profiler.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct note *notes;
static size_t count, room;

void note_add(struct note note)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    note.nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    note.thread = gettid();
    pthread_mutex_lock(&lock);
    if (count == room) {
        room = room ? 2 * room : 1024;
        notes = realloc(notes, room * sizeof(*notes));
        if (!notes)
            abort();
    }
    notes[count++] = note;
    pthread_mutex_unlock(&lock);
}

size_t notes_count(void)
{
    pthread_mutex_lock(&lock);
    const size_t now = count;
    pthread_mutex_unlock(&lock);
    return now;
}

static bool wanted(const struct note *note, char **kinds, int kind_count)
{
    for (int i = 0; i < kind_count; i++) {
        if (!strcmp(note->kind, kinds[i]))
            return true;
    }
    return kind_count == 0;
}

static void write_note(FILE *out, size_t index, const struct note *note)
{
    fprintf(out,
            "{\"at\": %zu, \"kind\": \"%s\", \"thread\": %d, \"ns\": %llu, \"module\": %llu, "
            "\"token\": %u, \"function\": %llu, \"value\": %llu, \"hr\": %u",
            index, note->kind, note->thread, (unsigned long long)note->nanoseconds,
            (unsigned long long)note->module, note->token, (unsigned long long)note->function,
            (unsigned long long)note->value, (uint32_t)note->result);
    if (note->text)
        fprintf(out, ", \"answer\": %s", note->text);
    fputc('}', out);
}

void notes_write(FILE *out, size_t first, char **kinds, int kind_count)
{
    const char *comma = "";
    fputc('[', out);
    pthread_mutex_lock(&lock);
    for (size_t i = first; i < count; i++) {
        if (!wanted(&notes[i], kinds, kind_count))
            continue;
        fputs(comma, out);
        write_note(out, i, &notes[i]);
        comma = ", ";
    }
    pthread_mutex_unlock(&lock);
    fputc(']', out);
}
