#include "recompile_frames_pause.h"

#include <stdlib.h>
#include <string.h>

#include "base_clock.h"
#include "base_map.h"

/* Frames between two looks at the clock: some microseconds. */
#define CLOCK_EVERY 32u
#define PAGE_BYTES  4096u

struct pause *pause_new(void)
{
    struct pause *pause = malloc(sizeof(*pause));
    if (pause)
        pause_clear(pause);
    return pause;
}

/* Each page is written to, so that no page fault lengthens the pause (memset alone may become a
 * calloc, which writes to none). */
void pause_clear(struct pause *pause)
{
    volatile uint8_t *bytes = (volatile uint8_t *)pause;
    memset(pause, 0, sizeof(*pause));
    for (size_t at = 0; at < sizeof(*pause); at += PAGE_BYTES)
        bytes[at] = 0;
}

void pause_free(struct pause *pause)
{
    free(pause);
}

/* Keeps the first reason. */
static void cut(struct pause *pause, enum recompile_frames_end end, HRESULT result)
{
    if (pause->end != RECOMPILE_FRAMES_WHOLE)
        return;
    pause->end = end;
    pause->result = result;
}

/* ---- while the runtime stands still: nothing that locks or allocates ---- */

static bool over(const struct pause *pause)
{
    return clock_monotonic() >= pause->deadline;
}

/* Methods of the runtime's own making have no token of a row. */
static void describe(struct pause *pause, struct pause_function *function)
{
    struct ICorProfilerInfo15 *info = pause->info;
    ClassID class_id = 0;
    ModuleID module = 0;
    mdToken token = 0;
    if (hresult_failed(
            info->vtbl->GetFunctionInfo(info, function->id, &class_id, &module, &token)) ||
        token_rid(token) == 0)
        return;
    function->module = module;
    function->token = token;
}

/* The function's place; PAUSE_FUNCTIONS: the table is full. */
static uint32_t place(struct pause *pause, FunctionID id)
{
    uint32_t at = (uint32_t)map_hash(id) & (PAUSE_FUNCTIONS - 1);
    while (pause->functions[at].id && pause->functions[at].id != id)
        at = (at + 1) & (PAUSE_FUNCTIONS - 1);
    if (pause->functions[at].id)
        return at;
    if (pause->function_count == PAUSE_FUNCTIONS / 2)
        return PAUSE_FUNCTIONS;
    pause->function_count++;
    pause->functions[at].id = id;
    describe(pause, &pause->functions[at]);
    return at;
}

/* No other thread is begun with. */
static HRESULT stop(struct pause *pause, enum recompile_frames_end end)
{
    cut(pause, end, S_OK);
    pause->stop = true;
    return S_FALSE;
}

static HRESULT on_frame(FunctionID function, uintptr_t ip, COR_PRF_FRAME_INFO frame,
                        uint32_t context_size, uint8_t *context, void *client_data)
{
    struct pause *pause = client_data;
    (void)frame;
    (void)context_size;
    (void)context;
    if (!function)
        return S_OK; /* native code in between */
    if (pause->frame_count - pause->first_frame == PAUSE_DEEPEST) {
        cut(pause, RECOMPILE_FRAMES_ROOM, S_OK);
        return S_FALSE;
    }
    const uint32_t at =
        pause->frame_count < PAUSE_FRAMES ? place(pause, function) : PAUSE_FUNCTIONS;
    if (at == PAUSE_FUNCTIONS)
        return stop(pause, RECOMPILE_FRAMES_ROOM);
    pause->frames[pause->frame_count++] = (struct pause_frame){ip, at, pause->thread};
    if (pause->frame_count % CLOCK_EVERY == 0 && over(pause))
        return stop(pause, RECOMPILE_FRAMES_TIME);
    return S_OK;
}

static void look_at(struct pause *pause)
{
    struct ICorProfilerInfo15 *info = pause->info;
    const ThreadID thread = pause->threads[pause->thread];
    pause->first_frame = pause->frame_count;
    info->vtbl->GetThreadInfo(info, thread, &pause->os_threads[pause->thread]);
    const HRESULT result = info->vtbl->DoStackSnapshot(info, thread, on_frame,
                                                       COR_PRF_SNAPSHOT_DEFAULT, pause, NULL, 0);
    /* E_FAIL and not one frame: it runs no managed code. */
    if (!hresult_failed(result) || (result == E_FAIL && pause->frame_count == pause->first_frame))
        pause->looked++;
    else
        cut(pause, RECOMPILE_FRAMES_THREADS, result);
}

/* The worker itself is a thread of the runtime's once it has requested a ReJIT. */
static void leave_out(struct pause *pause, ThreadID own)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < pause->thread_count; i++) {
        if (pause->threads[i] != own)
            pause->threads[left++] = pause->threads[i];
    }
    pause->thread_count = left;
}

static HRESULT list_threads(struct pause *pause, struct ICorProfilerThreadEnum **threads)
{
    struct ICorProfilerInfo15 *info = pause->info;
    ThreadID own = 0, next = 0;
    uint32_t got = 0;
    HRESULT result = info->vtbl->EnumThreads(info, threads);
    if (hresult_failed(result) || !*threads)
        return hresult_failed(result) ? result : E_FAIL;
    result = (*threads)->vtbl->Next(*threads, PAUSE_THREADS, pause->threads, &pause->thread_count);
    if (hresult_failed(result))
        pause->thread_count = 0;
    else if (pause->thread_count == PAUSE_THREADS &&
             !hresult_failed((*threads)->vtbl->Next(*threads, 1, &next, &got)) && got)
        cut(pause, RECOMPILE_FRAMES_ROOM, S_OK);
    if (!hresult_failed(info->vtbl->GetCurrentThreadID(info, &own)) && own)
        leave_out(pause, own);
    return result;
}

static void look_at_all(struct pause *pause, struct ICorProfilerThreadEnum **threads)
{
    const HRESULT result = list_threads(pause, threads);
    if (hresult_failed(result))
        cut(pause, RECOMPILE_FRAMES_REFUSED, result);
    for (pause->thread = 0; pause->thread < pause->thread_count && !pause->stop; pause->thread++) {
        if (over(pause))
            stop(pause, RECOMPILE_FRAMES_TIME);
        else
            look_at(pause);
    }
}

/* ---- around it ---- */

/* Once, unless the runtime refuses: whatever its reason, nothing runs until it has. */
static HRESULT resume(struct ICorProfilerInfo15 *info)
{
    HRESULT result = E_FAIL;
    for (int tries = 0; tries < 3 && hresult_failed(result); tries++)
        result = info->vtbl->ResumeRuntime(info);
    return result;
}

void pause_run(struct pause *pause, struct ICorProfilerInfo15 *info)
{
    struct ICorProfilerThreadEnum *threads = NULL;
    const uint64_t start = clock_monotonic();
    pause->info = info;
    pause->deadline = start + RECOMPILE_FRAMES_LOOK_NS;
    HRESULT result = info->vtbl->SuspendRuntime(info);
    if (hresult_failed(result)) {
        cut(pause, RECOMPILE_FRAMES_REFUSED, result);
        return;
    }
    pause->suspend_ns = clock_monotonic() - start;
    look_at_all(pause, &threads);
    result = resume(info);
    pause->ns = clock_monotonic() - start;
    if (hresult_failed(result)) {
        pause->end = RECOMPILE_FRAMES_STUCK;
        pause->result = result;
    }
    if (threads)
        threads->vtbl->Release(threads);
}
