#include "output_known.h"

#include <stdio.h>
#include <string.h>

#define TICKS_PER_SECOND 10000000ull
#define TICKS_PER_DAY    (86400ull * TICKS_PER_SECOND)
#define TICKS_PER_MINUTE (60ull * TICKS_PER_SECOND)
#define MAX_TICKS        3155378975999999999ull

uint64_t known_load(const uint8_t *from, size_t bytes, bool is_signed)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && i < 8; i++)
        value |= (uint64_t)from[i] << (8 * i);
    if (is_signed && bytes < 8 && bytes > 0 && (from[bytes - 1] & 0x80))
        value |= ~0ull << (8 * bytes);
    return value;
}

bool known_kind(enum wire_type_kind kind)
{
    switch (kind) {
    case WIRE_TYPE_DECIMAL:
    case WIRE_TYPE_DATETIME:
    case WIRE_TYPE_TIMESPAN:
    case WIRE_TYPE_GUID:
    case WIRE_TYPE_DATETIMEOFFSET:
    case WIRE_TYPE_DATEONLY:
    case WIRE_TYPE_TIMEONLY:
        return true;
    default:
        return false;
    }
}

/* Layout: u32 flags (scale in bits 16-23, sign in bit 31), u32 high, u64 low. */
static size_t decimal_text(char to[KNOWN_TEXT], const uint8_t *bytes)
{
    uint32_t flags = (uint32_t)known_load(bytes, 4, false);
    unsigned __int128 magnitude =
        (unsigned __int128)known_load(bytes + 4, 4, false) << 64 | known_load(bytes + 8, 8, false);
    unsigned scale = flags >> 16 & 0xff;
    char digits[KNOWN_TEXT];
    size_t count = 0, length = 0;
    if (scale > 28)
        return 0;
    do
        digits[count++] = (char)('0' + (unsigned)(magnitude % 10));
    while ((magnitude /= 10) != 0);
    while (count <= scale)
        digits[count++] = '0';
    if (flags >> 31)
        to[length++] = '-';
    while (count > 0) {
        to[length++] = digits[--count];
        if (count == scale && count > 0)
            to[length++] = '.';
    }
    to[length] = '\0';
    return length;
}

/* Days since 0001-01-01 to year, month, day of the Gregorian calendar. */
static void date_of(uint64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    /* Counted from 1 March of year 0, so that leap days end their years. */
    uint64_t shifted = days + 306;
    uint64_t era = shifted / 146097;
    unsigned in_era = (unsigned)(shifted % 146097);
    unsigned in_era_year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * in_era_year + in_era_year / 4 - in_era_year / 100);
    unsigned march_month = (5 * in_year + 2) / 153;
    *day = in_year - (153 * march_month + 2) / 5 + 1;
    *month = march_month < 10 ? march_month + 3 : march_month - 9;
    *year = (unsigned)(era * 400) + in_era_year + (*month <= 2);
}

/* hh:mm:ss, and .fffffff where there is a fraction. */
static size_t time_text(char to[KNOWN_TEXT], uint64_t ticks)
{
    unsigned long long seconds = ticks / TICKS_PER_SECOND;
    unsigned long long fraction = ticks % TICKS_PER_SECOND;
    size_t length = (size_t)snprintf(to, KNOWN_TEXT, "%02llu:%02llu:%02llu", seconds / 3600,
                                     seconds / 60 % 60, seconds % 60);
    if (fraction)
        length += (size_t)snprintf(to + length, KNOWN_TEXT - length, ".%07llu", fraction);
    return length;
}

static size_t date_text(char to[KNOWN_TEXT], uint64_t days)
{
    unsigned year, month, day;
    date_of(days, &year, &month, &day);
    return (size_t)snprintf(to, KNOWN_TEXT, "%04u-%02u-%02u", year, month, day);
}

static size_t moment_text(char to[KNOWN_TEXT], uint64_t ticks)
{
    if (ticks > MAX_TICKS)
        return 0;
    size_t length = date_text(to, ticks / TICKS_PER_DAY);
    char time[KNOWN_TEXT];
    size_t time_length = time_text(time, ticks % TICKS_PER_DAY);
    while (time_length > 8 && time[time_length - 1] == '0')
        time_length--;
    to[length++] = 'T';
    memcpy(to + length, time, time_length);
    to[length + time_length] = '\0';
    return length + time_length;
}

/* _dateData: the kind in the top two bits (1: UTC), ticks below. */
static size_t datetime_text(char to[KNOWN_TEXT], uint64_t data)
{
    size_t length = moment_text(to, data & ~(3ull << 62));
    if (length && data >> 62 == 1) {
        to[length++] = 'Z';
        to[length] = '\0';
    }
    return length;
}

static size_t timespan_text(char to[KNOWN_TEXT], int64_t signed_ticks)
{
    uint64_t ticks = signed_ticks < 0 ? 0 - (uint64_t)signed_ticks : (uint64_t)signed_ticks;
    size_t length = 0;
    if (signed_ticks < 0)
        to[length++] = '-';
    if (ticks >= TICKS_PER_DAY)
        length += (size_t)snprintf(to + length, KNOWN_TEXT - length, "%llu.",
                                   (unsigned long long)(ticks / TICKS_PER_DAY));
    char time[KNOWN_TEXT];
    size_t time_length = time_text(time, ticks % TICKS_PER_DAY);
    memcpy(to + length, time, time_length + 1);
    return length + time_length;
}

static size_t guid_text(char to[KNOWN_TEXT], const uint8_t *b)
{
    return (size_t)snprintf(to, KNOWN_TEXT, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                            (unsigned)known_load(b, 4, false),
                            (unsigned)known_load(b + 4, 2, false),
                            (unsigned)known_load(b + 6, 2, false), b[8], b[9], b[10], b[11], b[12],
                            b[13], b[14], b[15]);
}

/* A field's offset by name, or what it was in all versions seen. */
static uint32_t offset_of(const struct type_info *type, const char *name, uint32_t usual)
{
    const struct type_field *field = type_field_named(type, name);
    return field ? field->offset : usual;
}

/* Fields: _dateTime in UTC, and the offset in minutes (16 or 32 bits by version). */
static size_t datetimeoffset_text(char to[KNOWN_TEXT], const struct type_info *type,
                                  const uint8_t *bytes, size_t size)
{
    uint32_t at = offset_of(type, "_dateTime", 8);
    uint32_t minutes_at = offset_of(type, "_offsetMinutes", 0);
    if (at > size || size - at < 8 || minutes_at > size || size - minutes_at < 2)
        return 0;
    uint64_t ticks = known_load(bytes + at, 8, false) & ~(3ull << 62);
    int minutes = (int)(int16_t)known_load(bytes + minutes_at, 2, true);
    uint64_t local = ticks + (uint64_t)((int64_t)minutes * (int64_t)TICKS_PER_MINUTE);
    size_t length = minutes < -1440 || minutes > 1440 ? 0 : moment_text(to, local);
    int distance = minutes < 0 ? -minutes : minutes;
    if (length)
        length += (size_t)snprintf(to + length, KNOWN_TEXT - length, "%c%02d:%02d",
                                   minutes < 0 ? '-' : '+', distance / 60, distance % 60);
    return length;
}

static size_t needed(enum wire_type_kind kind)
{
    if (kind == WIRE_TYPE_DECIMAL || kind == WIRE_TYPE_GUID)
        return 16;
    return kind == WIRE_TYPE_DATEONLY ? 4 : 8;
}

size_t known_text(char to[KNOWN_TEXT], enum wire_type_kind kind, const struct type_info *type,
                  const uint8_t *bytes, size_t length)
{
    if (!known_kind(kind) || length < needed(kind))
        return 0;
    uint64_t word = known_load(bytes, needed(kind) < 8 ? 4 : 8, false);
    switch (kind) {
    case WIRE_TYPE_DECIMAL:
        return decimal_text(to, bytes);
    case WIRE_TYPE_DATETIME:
        return datetime_text(to, word);
    case WIRE_TYPE_TIMESPAN:
        return timespan_text(to, (int64_t)word);
    case WIRE_TYPE_GUID:
        return guid_text(to, bytes);
    case WIRE_TYPE_DATEONLY:
        return word > MAX_TICKS / TICKS_PER_DAY ? 0 : date_text(to, word);
    case WIRE_TYPE_TIMEONLY:
        return word >= TICKS_PER_DAY ? 0 : time_text(to, word);
    default:
        return datetimeoffset_text(to, type, bytes, length);
    }
}
