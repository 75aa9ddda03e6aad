/* What is seen and what is not, looked up anew when somebody asks. */
#include "recompile_coverage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadata_names.h"
#include "metadata_tables.h"
#include "r2r_callers.h"
#include "recompile_inliners.h"

struct asking {
    struct recompile *recompile;
    struct gathered gathered;
    recompile_inliner_visit visit;
    void *context;
};

static bool on_hit(void *context, const struct search_hit *hit)
{
    struct asking *asking = context;
    if (!gather(&asking->gathered, hit))
        return false;
    if (!asking->visit)
        return true;
    pthread_mutex_lock(&asking->recompile->lock);
    const struct method_entry *entry = method_table_find(&asking->recompile->methods, hit->inliner);
    const struct recompile_inliner inliner = {
        .key = hit->inliner,
        .inlinee = hit->inlinee,
        .sources = hit->source,
        .switched = entry && entry->asked,
    };
    pthread_mutex_unlock(&asking->recompile->lock);
    return asking->visit(asking->context, &inliner);
}

/* ---- what the tables gave ---- */

static void count_found(struct recompile *recompile, const struct method_table *methods,
                        struct recompile_coverage *coverage)
{
    size_t cursor = 0;
    pthread_mutex_lock(&recompile->lock);
    for (struct method_entry *one; (one = method_table_next(methods, &cursor));) {
        const struct method_entry *entry = method_table_find(&recompile->methods, one->key);
        if (entry && entry->claims)
            continue; /* it is watched itself */
        coverage->precompiled++;
        coverage->by_il += one->sources == RECOMPILE_SOURCE_IL;
        coverage->switched += entry && entry->asked;
    }
    pthread_mutex_unlock(&recompile->lock);
}

/* ---- what the runtime's JIT named ---- */

static bool is_jit(const struct method_entry *entry)
{
    return !entry->claims && entry->inliner && entry->asked && !entry->restored &&
           entry->sources == RECOMPILE_SOURCE_JIT;
}

static void count_jit(struct asking *asking, struct recompile_coverage *coverage)
{
    struct recompile *recompile = asking->recompile;
    struct method_batch batch = {0};
    size_t cursor = 0;
    pthread_mutex_lock(&recompile->lock);
    for (struct method_entry *entry; (entry = method_table_next(&recompile->methods, &cursor));) {
        if (!is_jit(entry))
            continue;
        coverage->jit++;
        if (asking->visit)
            method_batch_add(&batch, entry->key);
    }
    pthread_mutex_unlock(&recompile->lock);
    for (uint32_t i = 0; i < batch.count; i++) {
        const struct recompile_inliner inliner = {
            .key = {.module = batch.modules[i], .method = batch.methods[i]},
            .sources = RECOMPILE_SOURCE_JIT,
            .switched = true,
        };
        if (!asking->visit(asking->context, &inliner))
            break;
    }
    method_batch_release(&batch);
}

/* ---- gaps that no table tells ---- */

static void say_method(struct search *search, const struct module_entry *entry, mdToken method,
                       const char *reason)
{
    struct buffer name;
    buffer_init(&name, 0);
    metadata_method_print(entry->public.image, method, METADATA_NAME_TYPES, &name);
    search_gap(search, RECOMPILE_GAP_IMPOSSIBLE, buffer_text(&name), reason);
    buffer_release(&name);
}

static void look_at_methods(struct search *search, struct recompile_coverage *coverage)
{
    for (uint32_t i = 0; i < search->group_count; i++) {
        const struct search_group *group = &search->groups[i];
        const struct metadata_image *image = group->entry->public.image;
        for (uint32_t rid = 1; rid < group->rid_count; rid++) {
            const mdToken method = token_make(CLR_TABLE_MethodDef, rid);
            if (!search_has(group, method))
                continue;
            coverage->non_versionable += r2r_is_non_versionable(image, method);
            if (!r2r_is_intrinsic(image, method))
                continue;
            coverage->intrinsics++;
            say_method(search, group->entry, method,
                       "it is a JIT intrinsic: calls that a compiler expands by itself run no "
                       "code of it and are not seen");
        }
    }
}

/* The folder of System.Private.CoreLib, with its slash; "" in a single-file app. */
static void framework_folder(struct recompile *recompile, char *folder, size_t size)
{
    const struct module *core = modules_by_assembly(&recompile->modules, "System.Private.CoreLib");
    const char *slash = core ? strrchr(core->path, '/') : NULL;
    folder[0] = '\0';
    if (slash && (size_t)(slash - core->path) + 2 < size) {
        memcpy(folder, core->path, (size_t)(slash - core->path) + 1);
        folder[slash - core->path + 1] = '\0';
    }
}

static bool in_framework(const char *folder, const char *assembly)
{
    char path[4096];
    const int length = snprintf(path, sizeof(path), "%s%s.dll", folder, assembly);
    return folder[0] && length > 0 && (size_t)length < sizeof(path) && access(path, F_OK) == 0;
}

/* Assemblies that the program refers to and has not loaded. */
static void look_at_references(struct search *search, const struct module_entry *entry,
                               const char *folder)
{
    const struct metadata_image *image = entry->public.image;
    const uint32_t rows = image ? metadata_row_count(image, CLR_TABLE_AssemblyRef) : 0;
    if (folder[0] && strncmp(entry->public.path, folder, strlen(folder)) == 0)
        return;
    for (uint32_t row = 1; row <= rows; row++) {
        const char *name =
            metadata_cell_text(image, CLR_TABLE_AssemblyRef, row, METADATA_ASSEMBLY_REF_NAME);
        if (!modules_by_assembly(&search->recompile->modules, name) && !in_framework(folder, name))
            search_gap(search, RECOMPILE_GAP_PENDING, name,
                       "it is not loaded yet; its methods are looked at when it is");
    }
}

static void look_at_the_rest(struct search *search)
{
    struct recompile *recompile = search->recompile;
    char folder[4096];
    framework_folder(recompile, folder, sizeof(folder));
    for (uint32_t i = 0; i < recompile->modules.count; i++)
        look_at_references(search, recompile->modules.entries[i], folder);
    if (!recompile->follows)
        search_gap(search, RECOMPILE_GAP_IMPOSSIBLE, "JIT-compiled callers",
                   recompile->follows_why);
    if (hresult_failed(recompile->inliners_refused)) {
        char text[HRESULT_TEXT_BYTES], reason[HRESULT_TEXT_BYTES + 64];
        snprintf(reason, sizeof(reason), "the runtime refused to recompile them: %s",
                 hresult_text(recompile->inliners_refused, text, sizeof(text)));
        search_gap(search, RECOMPILE_GAP_IMPOSSIBLE, "precompiled callers", reason);
    }
}

static void count_gaps(const struct recompile_gaps *gaps, struct recompile_coverage *coverage)
{
    for (uint32_t i = 0; i < gaps->count; i++) {
        coverage->pending += gaps->list[i].kind == RECOMPILE_GAP_PENDING;
        coverage->impossible += gaps->list[i].kind == RECOMPILE_GAP_IMPOSSIBLE;
    }
    coverage->impossible += gaps->more;
}

/* The search of the claim that has just been made for these very methods. */
static bool found_already(struct recompile *recompile, struct search *search, size_t count,
                          struct recompile_coverage *coverage)
{
    struct recompile_found *found = recompile->found;
    if (!found || found->claimed != count || found->generation != recompile->generation)
        return false;
    for (uint32_t i = 0; i < found->gaps.count; i++)
        search_gap(search, found->gaps.list[i].kind, found->gaps.list[i].subject,
                   found->gaps.list[i].reason);
    if (search->gaps)
        search->gaps->more += found->gaps.more;
    count_found(recompile, &found->methods, coverage);
    return true;
}

enum status recompile_coverage(struct recompile *recompile, const struct method_key *keys,
                               size_t count, struct recompile_coverage *coverage,
                               struct recompile_gaps *gaps, recompile_inliner_visit visit,
                               void *context, struct error *error)
{
    struct asking asking = {.recompile = recompile, .visit = visit, .context = context};
    struct method_batch methods = {0};
    struct recompile_gaps own = {0};
    struct search search;
    enum status status = STATUS_OK;
    *coverage = (struct recompile_coverage){0};
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (!method_batch_add(&methods, keys[i]))
            status = error_set(error, STATUS_MEMORY, "out of memory");
    }
    if (status == STATUS_OK)
        status = search_init(&search, recompile, &methods, on_hit, &asking, error);
    method_batch_release(&methods);
    if (status != STATUS_OK)
        return status;
    search.gaps = gaps ? gaps : &own;
    recompile_gaps_release(search.gaps);
    if (visit || !found_already(recompile, &search, count, coverage)) {
        status = search_run(&search, NULL, error);
        count_found(recompile, &asking.gathered.methods, coverage);
    }
    count_jit(&asking, coverage);
    look_at_methods(&search, coverage);
    look_at_the_rest(&search);
    count_gaps(search.gaps, coverage);
    search_release(&search);
    method_table_release(&asking.gathered.methods);
    recompile_gaps_release(&own);
    return status;
}
