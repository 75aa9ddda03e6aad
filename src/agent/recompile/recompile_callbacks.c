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

void recompile_on_finished(struct recompile *recompile, uint64_t function, uint64_t rejit,
                           int32_t result)
{
    struct ICorProfilerInfo15 *info = recompile->info;
    ClassID class_id = 0;
    ModuleID module = 0;
    mdToken token = 0;
    (void)rejit;
    if (hresult_failed(info->vtbl->GetFunctionInfo(info, function, &class_id, &module, &token)))
        return;
    const struct method_key key = {.module = module, .method = token};
    pthread_mutex_lock(&recompile->lock);
    struct method_entry *entry = method_table_find(&recompile->methods, key);
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
