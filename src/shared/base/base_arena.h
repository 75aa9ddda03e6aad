/*
 * base_arena: many small allocations that end together.
 *
 * Memory is zeroed and aligned for any type. Nothing is freed alone; arena_release frees
 * all. `limit` caps the bytes asked from the system (0: none); over it, and when memory
 * runs out, arena_alloc returns NULL. Not for two threads at once.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* of the newest block */
    size_t total;               /* bytes asked from the system so far */
    size_t limit;
};

void arena_init(struct arena *arena, size_t limit);
void arena_release(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t bytes);
/* count * size, checked for overflow. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);
/* Copies `length` bytes and terminates them; NULL when out of memory. */
char *arena_copy_text(struct arena *arena, const char *text, size_t length);
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_new_array(arena, count, type)                                                        \
    ((type *)arena_alloc_array((arena), (count), sizeof(type)))

#endif
