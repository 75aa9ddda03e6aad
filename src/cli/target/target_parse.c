#include "target_parse.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base_text.h"

/* A cursor on text that may end anywhere; nothing below leaves [0, length). */
struct scan {
    const char *text;
    size_t length;
    size_t position;
};

static bool scan_end(const struct scan *scan)
{
    return scan->position >= scan->length;
}

static char scan_peek(const struct scan *scan)
{
    return scan_end(scan) ? '\0' : scan->text[scan->position];
}

static void scan_blanks(struct scan *scan)
{
    while (!scan_end(scan) && (scan_peek(scan) == ' ' || scan_peek(scan) == '\t'))
        scan->position++;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* False where no digit stands, or more than 64 bits. */
static bool scan_number(struct scan *scan, unsigned base, uint64_t *value)
{
    size_t begin = scan->position;
    *value = 0;
    while (!scan_end(scan) && (unsigned)digit_of(scan_peek(scan)) < base) {
        if (*value > (UINT64_MAX - 15) / base)
            return false;
        *value = *value * base + (unsigned)digit_of(scan_peek(scan));
        scan->position++;
    }
    return scan->position > begin;
}

static bool scan_char(struct scan *scan, char c)
{
    if (scan_peek(scan) != c || scan_end(scan))
        return false;
    scan->position++;
    return true;
}

/* The next line as a scan of its own; false at the end. An unfinished last line counts. */
static bool scan_line(struct scan *scan, struct scan *line)
{
    if (scan_end(scan))
        return false;
    size_t begin = scan->position;
    const char *end = memchr(scan->text + begin, '\n', scan->length - begin);
    size_t stop = end == NULL ? scan->length : (size_t)(end - scan->text);
    *line = (struct scan){.text = scan->text + begin, .length = stop - begin};
    scan->position = end == NULL ? scan->length : stop + 1;
    return true;
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if (scan->length - scan->position < length ||
        memcmp(scan->text + scan->position, word, length) != 0)
        return false;
    scan->position += length;
    return true;
}

static bool scan_field(struct scan *scan)
{
    scan_blanks(scan);
    size_t begin = scan->position;
    while (!scan_end(scan) && scan_peek(scan) != ' ' && scan_peek(scan) != '\n')
        scan->position++;
    return scan->position > begin;
}

/* --- stat and status --- */

bool target_parse_stat(const char *text, size_t length, struct target_stat *stat)
{
    memset(stat, 0, sizeof *stat);
    struct scan scan = {.text = text, .length = length};
    uint64_t pid;
    if (!scan_number(&scan, 10, &pid) || !scan_char(&scan, ' ') || !scan_char(&scan, '('))
        return false;
    /* comm may hold anything, a ')' too: the last one of the line ends it. */
    const char *close = memrchr(text, ')', length);
    if (close == NULL || (size_t)(close - text) < scan.position)
        return false;
    size_t end = (size_t)(close - text), size = end - scan.position;
    if (size >= sizeof stat->comm)
        size = sizeof stat->comm - 1;
    memcpy(stat->comm, text + scan.position, size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)stat->comm[i] < ' ' || stat->comm[i] == 127)
            stat->comm[i] = '?';
    scan.position = end + 1;
    if (!scan_char(&scan, ' '))
        return false;
    stat->state = scan_peek(&scan);
    if (!scan_field(&scan) || !scan_char(&scan, ' ') || !scan_number(&scan, 10, &stat->parent))
        return false;
    for (int field = 5; field <= 21; field++)
        if (!scan_field(&scan))
            return false;
    scan_blanks(&scan);
    return scan_number(&scan, 10, &stat->start);
}

static void status_groups(struct scan *line, struct target_status *status)
{
    uint64_t group;
    scan_blanks(line);
    while (status->group_count < TARGET_GROUPS_MAX && scan_number(line, 10, &group)) {
        status->groups[status->group_count++] = (uint32_t)group;
        scan_blanks(line);
    }
}

/* The second number of "Uid: real effective saved file". */
static bool status_effective(struct scan *line, uint32_t *id)
{
    uint64_t real, effective;
    scan_blanks(line);
    if (!scan_number(line, 10, &real))
        return false;
    scan_blanks(line);
    if (!scan_number(line, 10, &effective))
        return false;
    *id = (uint32_t)effective;
    return true;
}

static void status_own_pid(struct scan *line, struct target_status *status)
{
    uint64_t pid;
    scan_blanks(line);
    status->pid_depth = 0;
    while (scan_number(line, 10, &pid)) {
        status->own_pid = pid;
        status->pid_depth++;
        scan_blanks(line);
    }
}

bool target_parse_status(const char *text, size_t length, struct target_status *status)
{
    struct scan scan = {.text = text, .length = length}, line;
    bool tgid = false, uid = false;
    memset(status, 0, sizeof *status);
    while (scan_line(&scan, &line)) {
        if (scan_word(&line, "Tgid:")) {
            scan_blanks(&line);
            tgid = scan_number(&line, 10, &status->tgid);
        } else if (scan_word(&line, "TracerPid:")) {
            scan_blanks(&line);
            scan_number(&line, 10, &status->tracer);
        } else if (scan_word(&line, "Uid:")) {
            uid = status_effective(&line, &status->uid);
        } else if (scan_word(&line, "Gid:")) {
            status_effective(&line, &status->gid);
        } else if (scan_word(&line, "Groups:")) {
            status_groups(&line, status);
        } else if (scan_word(&line, "NSpid:")) {
            status_own_pid(&line, status);
        }
    }
    if (status->own_pid == 0) {
        status->own_pid = status->tgid;
        status->pid_depth = 1;
    }
    return tgid && uid;
}

int64_t target_parse_offset(const char *text, size_t length, const char *clock)
{
    struct scan scan = {.text = text, .length = length}, line;
    while (scan_line(&scan, &line)) {
        uint64_t seconds, nanoseconds;
        if (!scan_word(&line, clock))
            continue;
        scan_blanks(&line);
        bool negative = scan_char(&line, '-');
        if (!scan_number(&line, 10, &seconds) || seconds > INT64_MAX / 2000000000)
            return 0;
        scan_blanks(&line);
        if (!scan_number(&line, 10, &nanoseconds) || nanoseconds > 999999999)
            return 0;
        int64_t whole = (int64_t)seconds * 1000000000;
        return (negative ? -whole : whole) + (int64_t)nanoseconds;
    }
    return 0;
}

bool target_parse_container(const char *text, size_t length, char *to, size_t size)
{
    enum { ID_DIGITS = 64, SHORT_DIGITS = 12 };
    size_t run = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && digit_of(text[i]) < 16) {
            run++;
            continue;
        }
        if (run == ID_DIGITS && size > SHORT_DIGITS) {
            memcpy(to, text + (i - ID_DIGITS), SHORT_DIGITS);
            to[SHORT_DIGITS] = '\0';
            return true;
        }
        run = 0;
    }
    return false;
}

/* --- maps --- */

/* The kernel writes a newline in a name as \012 and, in newer versions, a backslash as \134. */
static bool scan_path(struct scan *line, struct target_mapping *mapping)
{
    size_t used = 0;
    while (!scan_end(line)) {
        unsigned char c = (unsigned char)scan_peek(line);
        line->position++;
        if (c == '\\' && line->length - line->position >= 3) {
            unsigned value = 0;
            size_t digits = 0;
            while (digits < 3 && digit_of(line->text[line->position + digits]) < 8)
                value = value * 8 + (unsigned)digit_of(line->text[line->position + digits++]);
            if (digits == 3 && value > 0 && value < 256) {
                line->position += 3;
                c = (unsigned char)value;
            }
        }
        if (c == '\0' || used + 1 >= sizeof mapping->path)
            return false;
        mapping->path[used++] = (char)c;
    }
    mapping->path[used] = '\0';
    static const char mark[] = " (deleted)";
    mapping->deleted = text_ends_with(mapping->path, mark);
    if (mapping->deleted)
        mapping->path[used - (sizeof mark - 1)] = '\0';
    return true;
}

static bool parse_mapping(struct scan *line, struct target_mapping *mapping)
{
    uint64_t low, high, offset;
    if (!scan_number(line, 16, &low) || !scan_char(line, '-') || !scan_number(line, 16, &high) ||
        !scan_char(line, ' '))
        return false;
    size_t rights = line->position;
    if (!scan_field(line) || line->position - rights < 4)
        return false;
    mapping->executable = line->text[rights + 2] == 'x';
    scan_blanks(line);
    if (!scan_number(line, 16, &offset))
        return false;
    scan_blanks(line);
    if (!scan_number(line, 16, &mapping->device_major) || !scan_char(line, ':') ||
        !scan_number(line, 16, &mapping->device_minor))
        return false;
    scan_blanks(line);
    if (!scan_number(line, 10, &mapping->inode))
        return false;
    scan_blanks(line);
    return scan_peek(line) == '/' && scan_path(line, mapping);
}

bool target_parse_maps(const char *text, size_t length, size_t *cursor,
                       struct target_mapping *mapping)
{
    struct scan scan = {.text = text, .length = length, .position = *cursor}, line;
    while (scan_line(&scan, &line)) {
        *cursor = scan.position;
        memset(mapping, 0, offsetof(struct target_mapping, path) + 1);
        if (parse_mapping(&line, mapping))
            return true;
    }
    *cursor = length;
    return false;
}

bool target_parse_version(const char *path, char *to, size_t size)
{
    const char *end = strrchr(path, '/');
    if (end == NULL || end == path)
        return false;
    const char *begin = memrchr(path, '/', (size_t)(end - path));
    static const char family[] = "/Microsoft.NETCore.App";
    if (begin == NULL || (size_t)(begin - path) < sizeof family - 1 ||
        memcmp(begin - (sizeof family - 1), family, sizeof family - 1) != 0)
        return false;
    size_t length = (size_t)(end - begin) - 1;
    if (length == 0 || length >= size || begin[1] < '0' || begin[1] > '9')
        return false;
    memcpy(to, begin + 1, length);
    to[length] = '\0';
    return true;
}

/* --- environ and cmdline --- */

/* The next NUL-terminated text of a block; an unterminated rest does not count. */
static const char *block_next(const char *block, size_t length, size_t *cursor)
{
    if (*cursor >= length)
        return NULL;
    const char *text = block + *cursor;
    const char *end = memchr(text, '\0', length - *cursor);
    if (end == NULL)
        return NULL;
    *cursor = (size_t)(end - block) + 1;
    return text;
}

const char *target_parse_environment(const char *block, size_t length, const char *name)
{
    size_t cursor = 0, size = strlen(name);
    for (const char *text; (text = block_next(block, length, &cursor)) != NULL;)
        if (strncmp(text, name, size) == 0 && text[size] == '=')
            return text + size + 1;
    return NULL;
}

const char *target_parse_setting(const char *block, size_t length, const char *name)
{
    static const char *const prefixes[] = {"DOTNET_", "COMPlus_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char full[96];
        snprintf(full, sizeof full, "%s%s", prefixes[i], name);
        const char *value = target_parse_environment(block, length, full);
        if (value != NULL)
            return value;
    }
    return NULL;
}

bool target_setting_is_zero(const char *value)
{
    if (value == NULL)
        return false;
    struct scan scan = {.text = value, .length = strlen(value)};
    uint64_t number;
    scan_blanks(&scan);
    if (scan_word(&scan, "0x") || scan_word(&scan, "0X"))
        return scan_number(&scan, 16, &number) && scan_end(&scan) && number == 0;
    return scan_number(&scan, 16, &number) && scan_end(&scan) && number == 0;
}

void target_parse_command(const char *block, size_t length, char *to, size_t size)
{
    static const char mark[] = "…";
    while (length > 0 && block[length - 1] == '\0')
        length--;
    bool cut = length >= size;
    if (cut)
        length = size - sizeof mark;
    while (cut && length > 0 && ((unsigned char)block[length] & 0xc0) == 0x80)
        length--;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)block[i];
        to[i] = c == '\0' ? ' ' : (c < ' ' || c == 127) ? '?' : (char)c;
    }
    to[length] = '\0';
    if (cut)
        memcpy(to + length, mark, sizeof mark);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Options of the host that take a value as the next argument. */
static bool host_option_has_value(const char *argument)
{
    static const char *const options[] = {
        "--additionalprobingpath",
        "--additional-deps",
        "--depsfile",
        "--fx-version",
        "--roll-forward",
        "--runtimeconfig",
        "--roll-forward-on-no-candidate-fx",
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(argument, options[i]) == 0)
            return true;
    return false;
}

static void copy_without(char *to, size_t size, const char *name, size_t suffix)
{
    char cut[256];
    text_copy(cut, sizeof cut, name);
    size_t length = strlen(cut);
    if (length > suffix)
        cut[length - suffix] = '\0';
    text_copy(to, size, cut);
}

void target_parse_assembly(const char *block, size_t length, const char *executable, char *to,
                           size_t size)
{
    size_t cursor = 0;
    const char *argument = block_next(block, length, &cursor);
    const char *host = executable != NULL && executable[0] != '\0' ? executable : argument;
    host = host == NULL ? "" : file_name(host);
    if (strcmp(host, "dotnet") != 0) {
        text_copy(to, size, host);
        return;
    }
    text_copy(to, size, "dotnet");
    while ((argument = block_next(block, length, &cursor)) != NULL) {
        size_t count = strlen(argument);
        if (strcmp(argument, "exec") == 0)
            continue;
        if (count > 4 && (strcasecmp(argument + count - 4, ".dll") == 0 ||
                          strcasecmp(argument + count - 4, ".exe") == 0)) {
            copy_without(to, size, file_name(argument), 4);
            return;
        }
        if (argument[0] != '-')
            return; /* a command of the SDK */
        if (host_option_has_value(argument))
            block_next(block, length, &cursor);
    }
}
