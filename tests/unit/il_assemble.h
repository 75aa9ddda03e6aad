/* Method bodies for tests, put together by hand: bytes in, bytes out. */
#ifndef IL_ASSEMBLE_H
#define IL_ASSEMBLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct assembly {
    uint8_t bytes[262144];
    size_t length;
    size_t code; /* where the code begins */
};

static inline void put(struct assembly *to, const uint8_t *bytes, size_t length)
{
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
}

static inline void put_integer(struct assembly *to, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        to->bytes[to->length++] = (uint8_t)(value >> (8 * i));
}

#define PUT(to, ...)                                                                               \
    put((to), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void begin_tiny(struct assembly *to, size_t code_size)
{
    to->length = 0;
    put_integer(to, code_size << 2 | 2, 1);
    to->code = to->length;
}

/* end_fat fills in the size. */
static inline void begin_fat(struct assembly *to, uint32_t max_stack, uint32_t locals)
{
    to->length = 0;
    put_integer(to, 0x3013, 2); /* fat, init locals, three words */
    put_integer(to, max_stack, 2);
    put_integer(to, 0, 4);
    put_integer(to, locals, 4);
    to->code = to->length;
}

static inline void end_fat(struct assembly *to)
{
    size_t size = to->length - to->code;
    for (size_t i = 0; i < 4; i++)
        to->bytes[4 + i] = (uint8_t)(size >> (8 * i));
}

static inline void begin_clauses(struct assembly *to, uint32_t count, int fat)
{
    end_fat(to);
    to->bytes[0] |= 0x08;
    while (to->length % 4)
        to->bytes[to->length++] = 0;
    put_integer(to, fat ? 0x41 | (uint64_t)(count * 24 + 4) << 8 : 0x01 | (count * 12 + 4) << 8, 4);
}

static inline void put_clause(struct assembly *to, int fat, uint32_t flags, uint32_t try_first,
                              uint32_t try_end, uint32_t handler_first, uint32_t handler_end,
                              uint32_t last)
{
    put_integer(to, flags, fat ? 4 : 2);
    put_integer(to, try_first, fat ? 4 : 2);
    put_integer(to, try_end - try_first, fat ? 4 : 1);
    put_integer(to, handler_first, fat ? 4 : 2);
    put_integer(to, handler_end - handler_first, fat ? 4 : 1);
    put_integer(to, last, 4);
}

#endif
