#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contract_profiler.h"

#define RULES 64
#define GATES 16

enum action { ACT_HOLD, ACT_ANSWER, ACT_BODY, ACT_FLAGS, ACT_MAP, ACT_RESULT, ACT_DO };

/* Never freed: a callback may still be at work with one that is forgotten. */
struct rule {
    bool live;
    enum action action;
    char *kind;
    char *path;      /* part of the module's path; NULL: by ids */
    ModuleID module; /* 0: any */
    mdToken token;   /* 0: any */
    char *text;      /* gate, order */
    uint32_t number; /* answer, flags, result */
    uint32_t times;  /* how often it holds or answers */
    uint8_t *bytes;
    struct COR_IL_MAP *map;
    uint32_t length; /* of bytes, of map */
    uint32_t used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static struct rule rules[RULES];
static int rule_count;
static char *open_gates[GATES];
static int open_count;
static bool ended;

/* ---- making ---- */

static void parse_bytes(struct rule *rule, const char *hex)
{
    rule->length = (uint32_t)strlen(hex) / 2;
    rule->bytes = malloc(rule->length + 1);
    for (uint32_t i = 0; i < rule->length; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        rule->bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static void parse_map(struct rule *rule, const char *text)
{
    rule->map = calloc(strlen(text) + 1, sizeof(*rule->map));
    for (char *at = (char *)(uintptr_t)text; *at;) {
        struct COR_IL_MAP *entry = &rule->map[rule->length++];
        entry->oldOffset = (uint32_t)strtoul(at, &at, 0);
        at += *at == ':';
        entry->newOffset = (uint32_t)strtoul(at, &at, 0);
        entry->fAccurate = 1;
        at += *at == ',';
    }
}

static void parse_where(struct rule *rule, const char *where)
{
    if (where[0] == '~') {
        rule->path = strdup(where + 1);
    } else if (where[0] != '*') {
        char *rest;
        rule->module = strtoull(where, &rest, 0);
        rule->token = *rest == ':' ? (mdToken)strtoul(rest + 1, NULL, 0) : 0;
    }
}

static bool parse_action(struct rule *rule, char **words, int count)
{
    const char *argument = count > 1 ? words[1] : "0";
    if (!strcmp(words[0], "hold")) {
        rule->action = ACT_HOLD;
        rule->text = strdup(argument);
        rule->times = count > 2 ? (uint32_t)strtoul(words[2], NULL, 0) : UINT32_MAX;
    } else if (!strcmp(words[0], "answer") || !strcmp(words[0], "flags")) {
        rule->action = words[0][0] == 'a' ? ACT_ANSWER : ACT_FLAGS;
        rule->number = (uint32_t)strtoul(argument, NULL, 0);
        rule->times = count > 2 ? (uint32_t)strtoul(words[2], NULL, 0) : UINT32_MAX;
    } else if (!strcmp(words[0], "result")) {
        rule->action = ACT_RESULT;
        rule->number = (uint32_t)strtoul(argument, NULL, 0);
    } else if (!strcmp(words[0], "body")) {
        rule->action = ACT_BODY;
        parse_bytes(rule, argument);
    } else if (!strcmp(words[0], "map")) {
        rule->action = ACT_MAP;
        parse_map(rule, argument);
    } else if (!strcmp(words[0], "do")) {
        rule->action = ACT_DO;
        char text[512] = "";
        for (int i = 1; i < count; i++) {
            strncat(text, words[i], sizeof(text) - strlen(text) - 2);
            strcat(text, " ");
        }
        rule->text = strdup(text);
    } else {
        return false;
    }
    return true;
}

bool rule_add(char **words, int count)
{
    struct rule rule = {.live = true};
    if (count < 3 || rule_count == RULES)
        return false;
    rule.kind = strdup(words[0]);
    parse_where(&rule, words[1]);
    if (!parse_action(&rule, words + 2, count - 2))
        return false;
    pthread_mutex_lock(&lock);
    rules[rule_count++] = rule;
    pthread_mutex_unlock(&lock);
    return true;
}

void rules_forget(void)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < rule_count; i++)
        rules[i].live = false;
    pthread_mutex_unlock(&lock);
}

/* ---- gates ---- */

void gate_open(const char *name)
{
    pthread_mutex_lock(&lock);
    if (open_count < GATES)
        open_gates[open_count++] = strdup(name);
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
}

void gates_end(void)
{
    pthread_mutex_lock(&lock);
    ended = true;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
}

static bool is_open(const char *name)
{
    for (int i = 0; i < open_count; i++) {
        if (!strcmp(open_gates[i], name))
            return true;
    }
    return ended;
}

static void hold(const char *gate)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 60;
    pthread_mutex_lock(&lock);
    while (!is_open(gate)) {
        if (pthread_cond_timedwait(&opened, &lock, &end) != 0)
            break;
    }
    pthread_mutex_unlock(&lock);
}

/* ---- doing ---- */

static bool in_path(ModuleID module, const char *text)
{
    WCHAR name[1024];
    uint32_t length = 0;
    char plain[1024];
    size_t i = 0;
    AssemblyID assembly;
    name[0] = 0;
    /* The name is there even where the call says that other data are not yet. */
    contract_info->vtbl->GetModuleInfo(contract_info, module, NULL, 1024, &length, name, &assembly);
    for (; i < 1023 && name[i]; i++)
        plain[i] = (char)name[i];
    plain[i] = 0;
    return strstr(plain, text) != NULL;
}

static bool fits(const struct rule *rule, const struct note *note)
{
    if (!rule->live || strcmp(rule->kind, note->kind) != 0)
        return false;
    if (rule->path)
        return note->module && in_path(note->module, rule->path);
    return (!rule->module || rule->module == note->module) &&
           (!rule->token || rule->token == note->token);
}

/* "@module", "@token" and "@function" become the callback's own. */
static void with_names(char *to, size_t size, const char *text, const struct note *note)
{
    size_t length = 0;
    while (*text && length + 24 < size) {
        if (!strncmp(text, "@module", 7)) {
            length += (size_t)snprintf(to + length, size - length, "%llu",
                                       (unsigned long long)note->module);
            text += 7;
        } else if (!strncmp(text, "@token", 6)) {
            length += (size_t)snprintf(to + length, size - length, "%u", note->token);
            text += 6;
        } else if (!strncmp(text, "@function", 9)) {
            length += (size_t)snprintf(to + length, size - length, "%llu",
                                       (unsigned long long)note->function);
            text += 9;
        } else {
            to[length++] = *text++;
        }
    }
    to[length] = 0;
}

static void obey(const struct rule *rule, const struct note *note)
{
    char text[1024];
    struct note done = *note;
    with_names(text, sizeof(text), rule->text, note);
    done.kind = "Obeyed";
    done.text = order_obey(text);
    note_add(done);
}

static bool still(struct rule *rule)
{
    return __atomic_fetch_add(&rule->used, 1, __ATOMIC_RELAXED) < rule->times;
}

static void act(struct rule *rule, const struct occasion *occasion)
{
    struct ICorProfilerFunctionControl *control = occasion->control;
    switch (rule->action) {
    case ACT_HOLD:
        if (still(rule))
            hold(rule->text);
        break;
    case ACT_ANSWER:
        if (occasion->answer && still(rule))
            *occasion->answer = (BOOL)rule->number;
        break;
    case ACT_DO:
        obey(rule, &occasion->note);
        break;
    case ACT_RESULT:
        if (occasion->result)
            *occasion->result = (HRESULT)rule->number;
        break;
    case ACT_BODY:
    case ACT_FLAGS:
    case ACT_MAP:
        if (!control)
            break;
        HRESULT result;
        if (rule->action == ACT_BODY)
            result = control->vtbl->SetILFunctionBody(control, rule->length, rule->bytes);
        else if (rule->action == ACT_FLAGS)
            result = control->vtbl->SetCodegenFlags(control, rule->number);
        else
            result = control->vtbl->SetILInstrumentedCodeMap(control, rule->length, rule->map);
        note_add((struct note){.kind = rule->action == ACT_BODY    ? "SetILFunctionBody"
                                       : rule->action == ACT_FLAGS ? "SetCodegenFlags"
                                                                   : "SetILInstrumentedCodeMap",
                               .module = occasion->note.module,
                               .token = occasion->note.token,
                               .result = result});
        break;
    }
}

void occasion_handle(struct occasion occasion)
{
    struct rule *found[RULES];
    int count = 0;
    note_add(occasion.note);
    pthread_mutex_lock(&lock);
    const int all = rule_count;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < all; i++) {
        if (fits(&rules[i], &occasion.note))
            found[count++] = &rules[i];
    }
    for (int i = 0; i < count; i++)
        act(found[i], &occasion);
}
