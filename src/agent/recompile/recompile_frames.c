/* What the frames seen in the pause mean, found out behind it. */
#include "recompile_frames.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "clr_flags.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "recompile_coverage.h"
#include "recompile_frames_calls.h"
#include "recompile_frames_pause.h"

#define PAUSES     3u
#define TRIES      20u
#define BETWEEN_MS 2
#define FINDINGS   4096u
#define STARTS     16u

enum verdict {
    VERDICT_NOTHING,
    VERDICT_CLAIMED,
    VERDICT_TABLE, /* a precompiled inliner; whether of these methods is still to be looked up */
    VERDICT_COPY,
    VERDICT_MAYBE,
};

struct finding {
    enum verdict verdict;
    uint32_t thread; /* index of pause.threads */
    struct method_key method;
    struct method_key inlinee;
};

struct judge {
    struct recompile *recompile;
    struct ICorProfilerInfo15 *info;
    const struct pause *pause;
    struct search wanted;
    struct calls calls;
    uint32_t generation; /* of the newest of these claims */
    bool alone;          /* nothing else is claimed */
    enum { TIERS_NOT_ASKED, TIERS_YES, TIERS_UNKNOWN } tiers;
    struct finding *findings;
    uint32_t count, more;
};

/* ---- versions of code ---- */

/* What the table of methods knows; all 0: nothing. */
static struct method_entry note_of(struct judge *judge, struct method_key key)
{
    pthread_mutex_lock(&judge->recompile->lock);
    const struct method_entry *entry = method_table_find(&judge->recompile->methods, key);
    const struct method_entry note = entry ? *entry : (struct method_entry){0};
    pthread_mutex_unlock(&judge->recompile->lock);
    return note;
}

/* False: there is no code any more at that address, or another function's. */
static bool version_at(struct judge *judge, FunctionID function, uint64_t ip, ReJITID *version)
{
    struct ICorProfilerInfo15 *info = judge->info;
    FunctionID owner = 0;
    const HRESULT result =
        info->vtbl->GetFunctionFromIP3(info, (const uint8_t *)ip, &owner, version);
    return !hresult_failed(result) && owner == function;
}

/* The last version that the runtime has asked the IL of. 0: its own. */
static ReJITID newest_version(struct judge *judge, FunctionID function)
{
    struct ICorProfilerInfo15 *info = judge->info;
    uint32_t count = 0, got = 0;
    ReJITID newest = 0;
    if (hresult_failed(info->vtbl->GetReJITIDs(info, function, 0, &count, NULL)) || count == 0)
        return 0;
    ReJITID *versions = calloc(count, sizeof(*versions));
    if (versions && !hresult_failed(info->vtbl->GetReJITIDs(info, function, count, &got, versions)))
        for (uint32_t i = 0; i < got && i < count; i++)
            newest = versions[i] > newest ? versions[i] : newest;
    free(versions);
    return newest;
}

/* Not yet asked for: no code of the present version can be there. */
static bool is_old(struct judge *judge, FunctionID function, const struct method_entry *note,
                   uint64_t ip)
{
    ReJITID version = 0;
    if (!note->asked)
        return true;
    return version_at(judge, function, ip, &version) && version != newest_version(judge, function);
}

/* ---- tiers: the code that a version gets first holds nothing that the JIT has inlined: it is
 * precompiled, or Tier0 code; unless the runtime was told not to have tiers ---- */

static uint32_t starts_of(struct judge *judge, FunctionID function, ReJITID version,
                          uintptr_t starts[STARTS])
{
    struct ICorProfilerInfo15 *info = judge->info;
    uint32_t count = 0;
    if (hresult_failed(info->vtbl->GetNativeCodeStartAddresses(info, function, version, STARTS,
                                                               &count, starts)))
        return 0;
    return count;
}

static bool contains(struct judge *judge, uintptr_t start, uint64_t ip)
{
    struct ICorProfilerInfo15 *info = judge->info;
    struct COR_PRF_CODE_INFO parts[4];
    uint32_t count = 0;
    if (hresult_failed(info->vtbl->GetCodeInfo4(info, start, 4, &count, parts)))
        return false;
    for (uint32_t i = 0; i < count && i < 4; i++) {
        /* A return address may stand right behind the last instruction. */
        if (ip - parts[i].startAddress <= parts[i].size)
            return true;
    }
    return false;
}

/* Small methods that every program calls a great many times: where one of them has several bodies,
 * the runtime has tiers. */
static bool core_has_tiers(struct judge *judge)
{
    static const char *const hot[][2] = {{"System.String", "GetNonRandomizedHashCode"},
                                         {"System.String", "Equals"},
                                         {"System.SpanHelpers", "SequenceEqual"},
                                         {"System.SpanHelpers", "IndexOfNullCharacter"},
                                         {"System.String", "Ctor"}};
    struct ICorProfilerInfo15 *info = judge->info;
    const struct module *core =
        modules_by_assembly(&judge->recompile->modules, "System.Private.CoreLib");
    uintptr_t starts[STARTS];
    for (size_t i = 0; core && i < sizeof(hot) / sizeof(hot[0]); i++) {
        FunctionID function = 0;
        const mdToken type = metadata_find_type_text(core->image, hot[i][0]);
        const mdToken method =
            token_is_nil(type) ? mdTokenNil : metadata_find_method(core->image, type, hot[i][1]);
        if (token_is_nil(method) ||
            hresult_failed(info->vtbl->GetFunctionFromToken(info, core->id, method, &function)))
            continue;
        if (function && starts_of(judge, function, 0, starts) > 1)
            return true;
    }
    return false;
}

static bool stacks_have_tiers(struct judge *judge)
{
    uintptr_t starts[STARTS];
    for (uint32_t i = 0; i < PAUSE_FUNCTIONS; i++) {
        const struct pause_function *function = &judge->pause->functions[i];
        const struct module *module =
            function->token ? modules_find(&judge->recompile->modules, function->module) : NULL;
        if (module && module->image && !module->collectible && !module->dynamic &&
            starts_of(judge, function->id, 0, starts) > 1)
            return true;
    }
    return false;
}

static bool has_tiers(struct judge *judge)
{
    if (judge->tiers == TIERS_NOT_ASKED)
        judge->tiers =
            core_has_tiers(judge) || stacks_have_tiers(judge) ? TIERS_YES : TIERS_UNKNOWN;
    return judge->tiers == TIERS_YES;
}

static bool is_first_tier(struct judge *judge, const struct pause_function *function,
                          const struct module *module, uint64_t ip)
{
    uintptr_t starts[STARTS];
    ReJITID version = 0;
    const uint32_t impl = metadata_cell(module->image, CLR_TABLE_MethodDef,
                                        token_rid(function->token), METADATA_METHOD_DEF_IMPL_FLAGS);
    if ((impl & miAggressiveOptimization) || !version_at(judge, function->id, ip, &version))
        return false;
    const uint32_t count = starts_of(judge, function->id, version, starts);
    if (count == 0 || count > STARTS)
        return false;
    /* The original's first body is told first; of a recompiled version the latest is. */
    if (!contains(judge, starts[version ? count - 1 : 0], ip))
        return false;
    return count > 1 || module->precompiled || has_tiers(judge);
}

/* ---- verdicts ---- */

static bool is_wanted(const struct judge *judge, const struct module_entry *entry, mdToken method)
{
    const struct search_group *group = search_group_of(&judge->wanted, entry);
    return group && search_has(group, method);
}

/* Recompiled for the sake of others. */
static enum verdict judge_inliner(struct judge *judge, const struct pause_function *function,
                                  const struct module_entry *entry, const struct method_entry *note,
                                  uint64_t ip, struct method_key *inlinee)
{
    const bool present = note->asked && note->generation >= judge->generation;
    if (present && !is_old(judge, function->id, note, ip))
        return VERDICT_NOTHING;
    if (note->sources & ~(unsigned)RECOMPILE_SOURCE_JIT)
        return VERDICT_TABLE;
    if (is_first_tier(judge, function, &entry->public, ip))
        return VERDICT_NOTHING;
    return calls_reach(&judge->calls, entry, function->token, inlinee) || judge->alone
               ? VERDICT_COPY
               : VERDICT_NOTHING;
}

static enum verdict judge_frame(struct judge *judge, const struct pause_function *function,
                                const struct module_entry *entry, uint64_t ip,
                                struct method_key *inlinee)
{
    const struct method_key key = {.module = function->module, .method = function->token};
    const struct method_entry note = note_of(judge, key);
    *inlinee = (struct method_key){0};
    if (is_wanted(judge, entry, function->token))
        return is_old(judge, function->id, &note, ip) ? VERDICT_CLAIMED : VERDICT_NOTHING;
    if (note.inliner && !note.claims)
        return judge_inliner(judge, function, entry, &note, ip, inlinee);
    /* An inliner that the JIT knows of stands in the table only when it has been called again. */
    if (is_first_tier(judge, function, &entry->public, ip))
        return VERDICT_NOTHING;
    return calls_reach(&judge->calls, entry, function->token, inlinee) ? VERDICT_MAYBE
                                                                       : VERDICT_NOTHING;
}

/* ---- findings ---- */

static void add(struct judge *judge, const struct finding *finding)
{
    for (uint32_t i = judge->count; i-- > 0;) {
        const struct finding *known = &judge->findings[i];
        if (known->thread == finding->thread && known->method.method == finding->method.method &&
            known->method.module == finding->method.module)
            return;
    }
    if (judge->count == FINDINGS)
        judge->more++;
    else
        judge->findings[judge->count++] = *finding;
}

static int by_function(const void *a, const void *b)
{
    const struct pause_frame *x = a, *y = b;
    if (x->function != y->function)
        return x->function < y->function ? -1 : 1;
    if (x->ip != y->ip)
        return x->ip < y->ip ? -1 : 1;
    return x->thread < y->thread ? -1 : x->thread > y->thread;
}

/* The module's, where methods of it can be recompiled. */
static const struct module_entry *entry_of(struct judge *judge, const struct pause_function *at)
{
    const struct module_entry *entry =
        at->token ? modules_entry(&judge->recompile->modules, at->module) : NULL;
    if (!entry || !entry->public.image || entry->public.dynamic || entry->public.collectible ||
        !metadata_token_exists(entry->public.image, at->token))
        return NULL;
    return entry;
}

static void judge_all(struct judge *judge, struct pause *pause)
{
    qsort(pause->frames, pause->frame_count, sizeof(pause->frames[0]), by_function);
    struct finding finding = {0};
    for (uint32_t i = 0; i < pause->frame_count; i++) {
        const struct pause_frame *frame = &pause->frames[i];
        const struct pause_function *function = &pause->functions[frame->function];
        const bool same =
            i > 0 && frame[-1].function == frame->function && frame[-1].ip == frame->ip;
        const struct module_entry *entry = same ? NULL : entry_of(judge, function);
        if (!same) {
            finding =
                (struct finding){.method = {.module = function->module, .method = function->token}};
            if (entry)
                finding.verdict = judge_frame(judge, function, entry, frame->ip, &finding.inlinee);
        }
        finding.thread = frame->thread;
        if (finding.verdict != VERDICT_NOTHING)
            add(judge, &finding);
    }
}

/* ---- which of the methods a precompiled inliner holds a copy of ---- */

static bool on_pair(void *context, const struct search_hit *hit)
{
    struct judge *judge = context;
    for (uint32_t i = 0; i < judge->count; i++) {
        struct finding *finding = &judge->findings[i];
        if (finding->verdict != VERDICT_TABLE || finding->method.method != hit->inliner.method ||
            finding->method.module != hit->inliner.module)
            continue;
        finding->verdict = VERDICT_COPY;
        finding->inlinee = hit->inlinee;
    }
    return true;
}

static void look_up_pairs(struct judge *judge)
{
    bool any = false;
    for (uint32_t i = 0; i < judge->count; i++)
        any = any || judge->findings[i].verdict == VERDICT_TABLE;
    if (!any)
        return;
    judge->wanted.found = on_pair;
    judge->wanted.context = judge;
    search_run(&judge->wanted, NULL, NULL);
}

/* ---- the whole ---- */

static void tell(const struct judge *judge, struct recompile_frames *out)
{
    out->more = judge->more;
    out->unread = judge->calls.unread;
    for (uint32_t i = 0; i < judge->count; i++) {
        const struct finding *finding = &judge->findings[i];
        if (finding->verdict == VERDICT_NOTHING || finding->verdict == VERDICT_TABLE)
            continue; /* another claim's inliner */
        if (out->count == RECOMPILE_FRAMES_MAX) {
            out->more++;
            continue;
        }
        out->list[out->count++] = (struct recompile_frame){
            .thread = judge->pause->os_threads[finding->thread],
            .kind = finding->verdict == VERDICT_CLAIMED ? RECOMPILE_FRAME_CLAIMED
                    : finding->verdict == VERDICT_COPY  ? RECOMPILE_FRAME_COPY
                                                        : RECOMPILE_FRAME_MAYBE,
            .method = finding->method,
            .inlinee = finding->inlinee,
        };
    }
}

static bool judge_init(struct judge *judge, struct recompile *recompile,
                       const struct method_key *keys, size_t count)
{
    struct method_batch methods = {0};
    bool whole = true;
    *judge = (struct judge){.recompile = recompile, .info = recompile->info};
    for (size_t i = 0; i < count && whole; i++)
        whole = method_batch_add(&methods, keys[i]);
    whole =
        whole && search_init(&judge->wanted, recompile, &methods, NULL, NULL, NULL) == STATUS_OK;
    method_batch_release(&methods);
    judge->findings = whole ? malloc(FINDINGS * sizeof(*judge->findings)) : NULL;
    if (whole && !judge->findings)
        search_release(&judge->wanted);
    if (!judge->findings)
        return false;
    calls_init(&judge->calls, recompile, &judge->wanted);
    pthread_mutex_lock(&recompile->lock);
    judge->alone = recompile->claimed <= count;
    for (size_t i = 0; i < count; i++) {
        const struct method_entry *entry = method_table_find(&recompile->methods, keys[i]);
        if (entry && entry->generation > judge->generation)
            judge->generation = entry->generation;
    }
    pthread_mutex_unlock(&recompile->lock);
    return true;
}

static void judge_release(struct judge *judge)
{
    calls_release(&judge->calls);
    search_release(&judge->wanted);
    free(judge->findings);
}

/* A collection goes on, or the suspension alone has used the time up: another try may do better. */
static bool in_vain(const struct pause *pause)
{
    return (pause->end == RECOMPILE_FRAMES_REFUSED &&
            pause->result == CORPROF_E_SUSPENSION_IN_PROGRESS) ||
           (pause->end == RECOMPILE_FRAMES_TIME && pause->looked == 0);
}

static struct pause *pause_one(struct recompile *recompile, struct recompile_frames *out)
{
    struct pause *pause = pause_new();
    uint32_t pauses = 0;
    for (uint32_t i = 0; pause && i < TRIES && pauses < PAUSES; i++) {
        if (i > 0) {
            poll(NULL, 0, BETWEEN_MS);
            pause_clear(pause);
        }
        pause_run(pause, recompile->info);
        pauses += pause->ns != 0;
        if (pause->ns > out->pause_ns) {
            out->pause_ns = pause->ns;
            out->suspend_ns = pause->suspend_ns;
        }
        if (!in_vain(pause))
            break;
    }
    return pause;
}

void recompile_frames_look(struct recompile *recompile, const struct method_key *keys, size_t count,
                           struct recompile_frames *out)
{
    struct judge judge;
    *out = (struct recompile_frames){.end = RECOMPILE_FRAMES_MEMORY};
    if (!judge_init(&judge, recompile, keys, count))
        return;
    struct pause *pause = pause_one(recompile, out);
    if (pause) {
        judge.pause = pause;
        out->looked = pause->looked;
        out->threads = pause->thread_count;
        out->end = pause->end;
        out->result = pause->result;
        judge_all(&judge, pause);
        look_up_pairs(&judge);
        tell(&judge, out);
    }
    pause_free(pause);
    judge_release(&judge);
}

const char *recompile_frames_why(const struct recompile_frames *frames, char *text, size_t size)
{
    char reason[HRESULT_TEXT_BYTES];
    hresult_text(frames->result, reason, sizeof(reason));
    text[0] = '\0';
    switch (frames->end) {
    case RECOMPILE_FRAMES_WHOLE:
        break;
    case RECOMPILE_FRAMES_TIME:
        snprintf(text, size, "the time for it was over: %u ms",
                 (unsigned)(RECOMPILE_FRAMES_LOOK_NS / 1000000));
        break;
    case RECOMPILE_FRAMES_ROOM:
        snprintf(text, size, "there is no room for more than %u frames a thread, %u in all",
                 PAUSE_DEEPEST, PAUSE_FRAMES);
        break;
    case RECOMPILE_FRAMES_THREADS:
        snprintf(text, size, "the runtime could not walk the stacks of the rest: %s", reason);
        break;
    case RECOMPILE_FRAMES_REFUSED:
        snprintf(text, size, "the runtime refused: %s", reason);
        break;
    case RECOMPILE_FRAMES_MEMORY:
        snprintf(text, size, "out of memory");
        break;
    case RECOMPILE_FRAMES_STUCK:
        snprintf(text, size, "the runtime refused to run on: %s", reason);
        break;
    }
    return text;
}
