#include "base_arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT      _Alignof(max_align_t)
#define SMALLEST_BLOCK ((size_t)4096)
#define LARGEST_BLOCK  ((size_t)256 << 10)

struct arena_block {
    struct arena_block *next; /* the older ones */
    size_t capacity;          /* bytes of data */
    _Alignas(max_align_t) uint8_t data[];
};

void arena_init(struct arena *arena, size_t limit)
{
    memset(arena, 0, sizeof(*arena));
    arena->limit = limit;
}

void arena_release(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->blocks = NULL;
    arena->used = 0;
    arena->total = 0;
}

static size_t bytes_left(const struct arena *arena)
{
    if (!arena->limit)
        return SIZE_MAX;
    return arena->total < arena->limit ? arena->limit - arena->total : 0;
}

/* Blocks grow with the arena, so that small ones stay small and big ones have few. */
static size_t block_size(const struct arena *arena, size_t bytes)
{
    size_t size = arena->total < SMALLEST_BLOCK ? SMALLEST_BLOCK : arena->total;
    if (size > LARGEST_BLOCK)
        size = LARGEST_BLOCK;
    if (size < bytes + sizeof(struct arena_block))
        size = bytes + sizeof(struct arena_block);
    size_t left = bytes_left(arena);
    return size <= left ? size : left;
}

static struct arena_block *new_block(struct arena *arena, size_t size)
{
    struct arena_block *block = calloc(1, size);
    if (!block)
        return NULL;
    block->capacity = size - sizeof(struct arena_block);
    arena->total += size;
    return block;
}

/* An allocation of a block of its own goes behind the newest, whose rest stays in use. */
static void *alloc_alone(struct arena *arena, size_t bytes)
{
    struct arena_block *block = new_block(arena, bytes + sizeof(struct arena_block));
    if (!block)
        return NULL;
    block->next = arena->blocks->next;
    arena->blocks->next = block;
    return block->data;
}

static void *alloc_in_new_block(struct arena *arena, size_t bytes)
{
    if (bytes > bytes_left(arena) || bytes_left(arena) - bytes < sizeof(struct arena_block))
        return NULL;
    if (arena->blocks && bytes > LARGEST_BLOCK / 4)
        return alloc_alone(arena, bytes);
    struct arena_block *block = new_block(arena, block_size(arena, bytes));
    if (!block)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = bytes;
    return block->data;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = bytes ? (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : ALIGNMENT;
    struct arena_block *block = arena->blocks;
    if (!block || block->capacity - arena->used < bytes)
        return alloc_in_new_block(arena, bytes);
    void *memory = block->data + arena->used;
    arena->used += bytes;
    return memory;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return arena_alloc(arena, bytes);
}

char *arena_copy_text(struct arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = arena_alloc(arena, length + 1);
    if (!copy)
        return NULL;
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int needed = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (needed < 0)
        return NULL;
    char *text = arena_alloc(arena, (size_t)needed + 1);
    if (!text)
        return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)needed + 1, format, arguments);
    va_end(arguments);
    return text;
}
