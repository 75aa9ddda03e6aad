#include "weave.h"

#include <string.h>

#include "base_text.h"

#define WEAVE_NEVER_POLL                                                                           \
    "every probe polls for a waiting garbage collection through it, and would call itself "        \
    "until the stack overflows"
#define WEAVE_NEVER_DISPATCH                                                                       \
    "it is part of how the runtime dispatches exceptions, and is left without returning"
#define WEAVE_NEVER_FRAMES                                                                         \
    "the runtime finds its frames by their return addresses, to make tail calls"
#define WEAVE_NEVER_HELPER                                                                         \
    "compiled code calls it as a helper, by an address that a probe does not change; some "        \
    "runtimes crash when it is recompiled"
#define WEAVE_NEVER_OURS "probes call it themselves, so that it would show calls of rejig's own"

struct never {
    const char *name_space;
    const char *type;
    const char *method;
    const char *reason;
};

static const struct never rows[] = {
#define WEAVE_NEVER(name_space, type, method, reason) {name_space, type, method, reason},
#include "weave_never.def"
#undef WEAVE_NEVER
};

static bool method_matches(const char *pattern, const char *method)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*')
        return strncmp(pattern, method, length - 1) == 0;
    return strcmp(pattern, method) == 0;
}

static bool type_matches(const char *outermost, const char *type)
{
    size_t length = strlen(outermost);
    return strncmp(outermost, type, length) == 0 && (type[length] == '\0' || type[length] == '+');
}

enum status weave_never(const char *name_space, const char *type, const char *method,
                        struct error *error)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct never *row = &rows[i];
        if (strcmp(row->name_space, name_space) == 0 && type_matches(row->type, type) &&
            method_matches(row->method, method))
            return error_set(error, STATUS_UNSUPPORTED, "it is never probed: %s", row->reason);
    }
    return STATUS_OK;
}
