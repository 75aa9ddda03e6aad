#include "script_duration.h"

#include <string.h>

#include "base_arena.h"
#include "script_lexer.h"

#define NS_PER_S 1000000000ull

static enum status fault(const char *text, struct error *error)
{
    enum status status = error_set(error, STATUS_USAGE, "'%s' is not a duration", text);
    error_hint(error, "30s, 5m, 1h, 500ms or dd:hh:mm:ss");
    return status;
}

/* dd:hh:mm:ss and its shorter forms: two to four groups of at most nine digits. */
static bool parse_clock(const char *text, uint64_t *nanoseconds)
{
    static const uint64_t seconds_of[4] = {1, 60, 3600, 86400};
    uint64_t groups[4] = {0};
    unsigned count = 0, digits = 0;
    for (const char *at = text;; at++) {
        if (*at >= '0' && *at <= '9' && digits < 9) {
            groups[count] = groups[count] * 10 + (uint64_t)(*at - '0');
            digits++;
        } else if ((*at == ':' && count < 3 && digits) || (*at == '\0' && digits)) {
            count++;
            digits = 0;
            if (*at == '\0')
                break;
        } else {
            return false;
        }
    }
    uint64_t seconds = 0;
    for (unsigned i = 0; i < count; i++)
        seconds += groups[count - 1 - i] * seconds_of[i];
    *nanoseconds = seconds > INT64_MAX / NS_PER_S ? (uint64_t)INT64_MAX : seconds * NS_PER_S;
    return count >= 2;
}

static bool parse_unit(const char *text, uint64_t *nanoseconds)
{
    struct arena arena;
    struct script_lexer lexer;
    struct script_token token, end;
    arena_init(&arena, 0);
    script_lexer_init(&lexer, text, &arena);
    bool good = script_next(&lexer, &token, NULL) == STATUS_OK &&
                script_next(&lexer, &end, NULL) == STATUS_OK && end.kind == SCRIPT_END;
    if (good && token.kind == SCRIPT_NUMBER && token.minutes) {
        token.kind = SCRIPT_DURATION;
        token.low = token.real < 1e8 ? (uint64_t)(token.real * 60e9 + 0.5) : (uint64_t)INT64_MAX;
    }
    *nanoseconds = token.low;
    arena_release(&arena);
    return good && token.kind == SCRIPT_DURATION;
}

enum status script_parse_duration(const char *text, uint64_t *nanoseconds, struct error *error)
{
    uint64_t found = 0;
    bool good = strchr(text, ':') ? parse_clock(text, &found) : parse_unit(text, &found);
    if (!good || found == 0)
        return fault(text, error);
    *nanoseconds = found;
    return STATUS_OK;
}
