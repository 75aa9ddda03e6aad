#include "recorder_number.h"

#include <string.h>

#define MAX_SCALE 28u

/* 256 bits, lowest word first. Callers see to it that nothing overflows. */
struct wide {
    uint64_t words[4];
};

struct number number_signed(int64_t value)
{
    struct number number = {.negative = value < 0};
    number.low = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    return number;
}

struct number number_unsigned(uint64_t value)
{
    return (struct number){.low = value};
}

struct number number_double(double value)
{
    return (struct number){.is_double = true, .real = value};
}

struct number number_decimal(const void *bytes)
{
    struct number number = {.is_double = false};
    uint32_t flags;
    memcpy(&flags, bytes, 4);
    memcpy(&number.high, (const uint8_t *)bytes + 4, 4);
    memcpy(&number.low, (const uint8_t *)bytes + 8, 8);
    number.negative = flags >> 31;
    number.scale = (uint8_t)(flags >> 16);
    if (number.scale > MAX_SCALE) {
        number.scale = MAX_SCALE; /* no decimal has more; whatever stood there, the bound holds */
    }
    return number;
}

static bool is_zero(const struct number *number)
{
    return number->is_double ? number->real == 0 : (number->low | number->high) == 0;
}

static void wide_multiply(struct wide *wide, uint64_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        unsigned __int128 product = (unsigned __int128)wide->words[i] * factor + carry;
        wide->words[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
}

static void wide_scale(struct wide *wide, uint32_t tens)
{
    for (; tens > 0; tens--) {
        wide_multiply(wide, 10);
    }
}

static void wide_shift(struct wide *wide, uint32_t bits)
{
    for (; bits > 0; bits -= bits > 32 ? 32 : bits) {
        wide_multiply(wide, 1ull << (bits > 32 ? 32 : bits));
    }
}

static int wide_compare(const struct wide *a, const struct wide *b)
{
    for (int i = 3; i >= 0; i--) {
        if (a->words[i] != b->words[i]) {
            return a->words[i] < b->words[i] ? -1 : 1;
        }
    }
    return 0;
}

static struct wide magnitude(const struct number *number)
{
    return (struct wide){{number->low, number->high, 0, 0}};
}

/* |a| and |b|, neither a double: 96 bits times 10^28 fit well into 256. */
static int compare_decimals(const struct number *a, const struct number *b)
{
    if (a->scale == b->scale) {
        return a->high != b->high ? (a->high > b->high) - (a->high < b->high)
                                  : (a->low > b->low) - (a->low < b->low);
    }
    struct wide left = magnitude(a);
    struct wide right = magnitude(b);
    if (a->scale < b->scale) {
        wide_scale(&left, b->scale - a->scale);
    } else {
        wide_scale(&right, a->scale - b->scale);
    }
    return wide_compare(&left, &right);
}

/* |a| = m / 10^s against the finite, positive double f * 2^e: m * 2^-e against f * 10^s. */
static int compare_with_double(const struct number *a, double real)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t fraction = bits & ((1ull << 52) - 1);
    if (exponent == 0) {
        exponent = 1;
    } else {
        fraction |= 1ull << 52;
    }
    exponent -= 1075;
    if (exponent > 96) {
        return -1; /* the double is 2^148 or more, a below 2^96 */
    }
    if (exponent < -160) {
        return 1; /* the double is below 2^-107, a not 0 and so not below 10^-28 */
    }
    struct wide left = magnitude(a);
    struct wide right = {{fraction, 0, 0, 0}};
    wide_scale(&right, a->scale);
    if (exponent < 0) {
        wide_shift(&left, (uint32_t)-exponent);
    } else {
        wide_shift(&right, (uint32_t)exponent);
    }
    return wide_compare(&left, &right);
}

static int sign(const struct number *number)
{
    if (is_zero(number)) {
        return 0;
    }
    return (number->is_double ? number->real < 0 : number->negative) ? -1 : 1;
}

static int compare_magnitudes(const struct number *a, const struct number *b)
{
    double real_a = a->real < 0 ? -a->real : a->real;
    double real_b = b->real < 0 ? -b->real : b->real;
    if (a->is_double && b->is_double) {
        return (real_a > real_b) - (real_a < real_b);
    }
    if (a->is_double) {
        return real_a > 1e300 ? 1 : -compare_with_double(b, real_a);
    }
    if (b->is_double) {
        return real_b > 1e300 ? -1 : compare_with_double(a, real_b);
    }
    return compare_decimals(a, b);
}

int number_compare(const struct number *a, const struct number *b, bool *ordered)
{
    *ordered = !(a->is_double && a->real != a->real) && !(b->is_double && b->real != b->real);
    if (!*ordered) {
        return 0;
    }
    int sign_a = sign(a);
    int sign_b = sign(b);
    if (sign_a != sign_b || sign_a == 0) {
        return (sign_a > sign_b) - (sign_a < sign_b);
    }
    return sign_a * compare_magnitudes(a, b);
}
