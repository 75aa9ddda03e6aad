/*
 * recorder_number: comparing numbers of different types by their exact values.
 *
 * A number is either a double, or sign and magnitude of at most 96 bits times 10^-scale, scale at
 * most 28: integers up to 64 bits and .NET's decimals. No rounding anywhere: products that do not
 * fit are made in 256 bits.
 */
#ifndef RECORDER_NUMBER_H
#define RECORDER_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

struct number {
    bool is_double;
    bool negative;
    uint8_t scale;
    uint64_t low;
    uint32_t high; /* bits 64..95 */
    double real;
};

struct number number_signed(int64_t value);
struct number number_unsigned(uint64_t value);
struct number number_double(double value);
/* From the 16 bytes of System.Decimal: flags (scale in bits 16..23, sign in bit 31), the high 32
 * bits, the low 64. */
struct number number_decimal(const void *bytes);

/* -1, 0, 1; *ordered false: one of them is not a number. */
int number_compare(const struct number *a, const struct number *b, bool *ordered);

#endif
