#include "metadata_inflate.h"

#include <string.h>

#define MAX_BITS     15
#define LITERALS     288
#define DISTANCES    30
#define CODE_LENGTHS 19
#define END_OF_BLOCK 256

struct inflater {
    struct reader packed;
    struct buffer *out;
    size_t start; /* of our bytes within out */
    size_t limit;
    uint64_t bits; /* read and not used yet, the next one lowest */
    unsigned have;
    bool broken;
};

/* A canonical code: how many codes of each length, and the symbols in order of their codes. */
struct code {
    uint16_t count[MAX_BITS + 1];
    uint16_t symbols[LITERALS];
};

static unsigned take(struct inflater *inflater, unsigned count)
{
    while (inflater->have < count) {
        if (reader_left(&inflater->packed) == 0) {
            inflater->broken = true;
            return 0;
        }
        inflater->bits |= (uint64_t)reader_u8(&inflater->packed) << inflater->have;
        inflater->have += 8;
    }
    unsigned value = (unsigned)(inflater->bits & ((1u << count) - 1));
    inflater->bits >>= count;
    inflater->have -= count;
    return value;
}

/* False where the lengths describe more codes than there can be. */
static bool make_code(struct code *code, const uint8_t *lengths, unsigned count)
{
    uint16_t next[MAX_BITS + 2] = {0};
    int left = 1;
    memset(code, 0, sizeof(*code));
    for (unsigned i = 0; i < count; i++)
        code->count[lengths[i]]++;
    code->count[0] = 0;
    for (unsigned length = 1; length <= MAX_BITS; length++) {
        left = left * 2 - code->count[length];
        if (left < 0)
            return false;
        next[length + 1] = (uint16_t)(next[length] + code->count[length]);
    }
    for (unsigned i = 0; i < count; i++)
        if (lengths[i])
            code->symbols[next[lengths[i]]++] = (uint16_t)i;
    return true;
}

static unsigned decode(struct inflater *inflater, const struct code *code)
{
    int value = 0, first = 0, index = 0;
    for (unsigned length = 1; length <= MAX_BITS && !inflater->broken; length++) {
        value |= (int)take(inflater, 1);
        int count = code->count[length];
        if (value - first < count)
            return code->symbols[index + value - first];
        index += count;
        first = (first + count) * 2;
        value *= 2;
    }
    inflater->broken = true;
    return END_OF_BLOCK;
}

static void stored(struct inflater *inflater)
{
    /* The rest of the current byte is dropped; whole bytes read ahead go first. */
    take(inflater, inflater->have & 7);
    unsigned length = take(inflater, 16);
    unsigned check = take(inflater, 16);
    if ((length ^ check) != 0xffff)
        inflater->broken = true;
    if (inflater->out->length - inflater->start + length > inflater->limit)
        inflater->broken = true;
    while (length > 0 && !inflater->broken && !buffer_failed(inflater->out)) {
        buffer_append_u8(inflater->out, (uint8_t)take(inflater, 8));
        length--;
    }
}

static void copy_back(struct inflater *inflater, unsigned distance, unsigned length)
{
    struct buffer *out = inflater->out;
    size_t made = out->length - inflater->start;
    if (distance > made || made + length > inflater->limit) {
        inflater->broken = true;
        return;
    }
    uint8_t *to = buffer_reserve(out, length);
    if (!to)
        return;
    /* Byte by byte: what is copied may be what was just written. */
    for (unsigned i = 0; i < length; i++)
        to[i] = out->data[out->length + i - distance];
    out->length += length;
}

static void symbols(struct inflater *inflater, const struct code *literals,
                    const struct code *distances)
{
    static const uint16_t length_base[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                             15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                             67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                             2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[DISTANCES] = {
        1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
        193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    while (!inflater->broken && !buffer_failed(inflater->out)) {
        unsigned symbol = decode(inflater, literals);
        if (symbol == END_OF_BLOCK)
            return;
        if (symbol < END_OF_BLOCK) {
            if (inflater->out->length - inflater->start >= inflater->limit)
                inflater->broken = true;
            else
                buffer_append_u8(inflater->out, (uint8_t)symbol);
            continue;
        }
        symbol -= END_OF_BLOCK + 1;
        if (symbol >= 29) {
            inflater->broken = true;
            return;
        }
        unsigned length = length_base[symbol] + take(inflater, length_extra[symbol]);
        unsigned far = decode(inflater, distances);
        if (far >= DISTANCES) {
            inflater->broken = true;
            return;
        }
        unsigned distance = distance_base[far] + take(inflater, far < 2 ? 0 : far / 2 - 1);
        copy_back(inflater, distance, length);
    }
}

static void fixed(struct inflater *inflater)
{
    struct code literals, distances;
    uint8_t lengths[LITERALS];
    for (unsigned i = 0; i < LITERALS; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    make_code(&literals, lengths, LITERALS);
    memset(lengths, 5, DISTANCES);
    make_code(&distances, lengths, DISTANCES);
    symbols(inflater, &literals, &distances);
}

/* The lengths of the two codes, themselves coded: 16 repeats, 17 and 18 are runs of zeros. */
static void read_lengths(struct inflater *inflater, const struct code *code, uint8_t *lengths,
                         unsigned count)
{
    unsigned i = 0;
    while (i < count && !inflater->broken) {
        unsigned symbol = decode(inflater, code), run = 1;
        uint8_t value = 0;
        if (symbol < 16) {
            value = (uint8_t)symbol;
        } else if (symbol == 16) {
            inflater->broken |= i == 0;
            value = i ? lengths[i - 1] : 0;
            run = 3 + take(inflater, 2);
        } else if (symbol == 17) {
            run = 3 + take(inflater, 3);
        } else {
            run = 11 + take(inflater, 7);
        }
        if (run > count - i) {
            inflater->broken = true;
            return;
        }
        memset(lengths + i, value, run);
        i += run;
    }
}

static void dynamic(struct inflater *inflater)
{
    static const uint8_t order[CODE_LENGTHS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
    struct code literals, distances, code;
    uint8_t lengths[LITERALS + 32] = {0};
    unsigned literal_count = take(inflater, 5) + 257;
    unsigned distance_count = take(inflater, 5) + 1;
    unsigned length_count = take(inflater, 4) + 4;
    if (literal_count > LITERALS - 2 || distance_count > DISTANCES)
        inflater->broken = true;
    for (unsigned i = 0; i < length_count; i++)
        lengths[order[i]] = (uint8_t)take(inflater, 3);
    if (inflater->broken || !make_code(&code, lengths, CODE_LENGTHS)) {
        inflater->broken = true;
        return;
    }
    memset(lengths, 0, sizeof(lengths));
    read_lengths(inflater, &code, lengths, literal_count + distance_count);
    if (inflater->broken || !make_code(&literals, lengths, literal_count) ||
        !make_code(&distances, lengths + literal_count, distance_count))
        inflater->broken = true;
    else
        symbols(inflater, &literals, &distances);
}

enum status metadata_inflate(struct reader packed, size_t limit, struct buffer *out,
                             struct error *error)
{
    struct inflater inflater = {.packed = packed, .out = out, .start = out->length, .limit = limit};
    bool last = false;
    while (!last && !inflater.broken && !buffer_failed(out)) {
        last = take(&inflater, 1);
        switch (take(&inflater, 2)) {
        case 0:
            stored(&inflater);
            break;
        case 1:
            fixed(&inflater);
            break;
        case 2:
            dynamic(&inflater);
            break;
        default:
            inflater.broken = true;
        }
    }
    if (buffer_failed(out))
        return error_set(error, STATUS_MEMORY, "no memory for an embedded pdb");
    if (inflater.broken)
        return error_set_at(error, STATUS_MALFORMED, (int64_t)reader_offset(&inflater.packed),
                            "the deflated data is malformed or bigger than it says");
    return STATUS_OK;
}
