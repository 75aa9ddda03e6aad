/* From the runtime's callbacks, on whatever thread: notes only. */
#include "recompile_internal.h"

void recompile_on_module_loaded(struct recompile *recompile, uint64_t module)
{
    recompile_note(recompile, (struct note){.kind = NOTE_MODULE_LOADED, .key = {.module = module}});
}

void recompile_on_module_unloading(struct recompile *recompile, uint64_t module)
{
    /* The worker may be reading the module at this moment: until it has done so, the runtime
     * must not take the memory away. What it has not begun with, it does not begin. */
    pthread_mutex_lock(&recompile->modules.collect);
    /* Another one may be loaded under this id at once: it is waited for in its turn. */
    struct module_entry *entry = modules_entry(&recompile->modules, module);
    if (entry)
        atomic_store(&entry->filed, false);
    pthread_mutex_lock(&recompile->lock);
    for (size_t i = 0; i < recompile->notes.count; i++) {
        struct note *note = &recompile->notes.list[i];
        if (note->kind == NOTE_MODULE_LOADED && note->key.module == module)
            note->kind = NOTE_NOTHING;
    }
    recompile_note_locked(recompile,
                          (struct note){.kind = NOTE_MODULE_UNLOADING, .key = {.module = module}});
    map_put(&recompile->modules.leaving, module, 1);
    pthread_mutex_unlock(&recompile->lock);
    pthread_mutex_unlock(&recompile->modules.collect);
}

static bool method_of(struct recompile *recompile, uint64_t function, struct method_key *key)
{
    struct ICorProfilerInfo15 *info = recompile->info;
    ClassID class_id = 0;
    ModuleID module = 0;
    mdToken token = 0;
    if (hresult_failed(info->vtbl->GetFunctionInfo(info, function, &class_id, &module, &token)))
        return false;
    *key = (struct method_key){.module = module, .method = token};
    return true;
}

/* Measured on 10.0: where a rewritten body cannot be compiled, neither ReJITError nor
 * ReJITCompilationFinished comes; the caller gets an InvalidProgramException, and the next
 * call begins to compile the same version again. So a second beginning of one version that
 * has never been finished is the sign of failure. */
void recompile_on_started(struct recompile *recompile, uint64_t function, uint64_t rejit)
{
    struct method_key key;
    uint64_t before = 0;
    if (!method_of(recompile, function, &key))
        return;
    pthread_mutex_lock(&recompile->lock);
    const struct method_entry *entry = method_table_find(&recompile->methods, key);
    if (entry && entry->claims && entry->asked) {
        const bool begun = map_get(&recompile->compiling, function, &before);
        if (begun && before == rejit)
            recompile_note_locked(
                recompile,
                (struct note){.kind = NOTE_FAILED, .key = key, .result = COR_E_INVALIDPROGRAM});
        else
            map_put(&recompile->compiling, function, rejit);
    }
    pthread_mutex_unlock(&recompile->lock);
}

void recompile_on_finished(struct recompile *recompile, uint64_t function, uint64_t rejit,
                           int32_t result)
{
    struct method_key key;
    (void)rejit;
    if (!method_of(recompile, function, &key))
        return;
    pthread_mutex_lock(&recompile->lock);
    struct method_entry *entry = method_table_find(&recompile->methods, key);
    map_remove(&recompile->compiling, function);
    if (entry && entry->claims && hresult_failed(result)) {
        recompile_note_locked(recompile,
                              (struct note){.kind = NOTE_FAILED, .key = key, .result = result});
    } else if (entry && entry->claims && entry->asked && !entry->compiled) {
        entry->compiled = true;
        recompile_note_locked(recompile, (struct note){.kind = NOTE_COMPILED, .key = key});
    }
    pthread_mutex_unlock(&recompile->lock);
}

void recompile_on_error(struct recompile *recompile, uint64_t module, uint32_t method,
                        uint64_t function, int32_t result)
{
    (void)function;
    recompile_note(recompile, (struct note){.kind = NOTE_FAILED,
                                            .key = {.module = module, .method = method},
                                            .result = result});
}
