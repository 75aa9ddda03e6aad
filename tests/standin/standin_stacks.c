/* Threads, their stacks, native code, and the pause in which stacks are walked. */
#include <stdlib.h>
#include <time.h>

#include "standin_state.h"

#define BODY_BYTES 64u
#define CODE_BASE  0x00010000u

static struct standin *of(STANDIN_SELF)
{
    return (struct standin *)self;
}

void standin_stacks_free(struct standin *standin)
{
    struct stacks *stacks = &standin->stacks;
    for (struct native_body *body = stacks->bodies; body;) {
        struct native_body *older = body->older;
        free(body);
        body = older;
    }
    for (uint32_t i = 0; i < stacks->thread_count; i++) {
        free(stacks->threads[i]->ips);
        free(stacks->threads[i]);
    }
    free(stacks->threads);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void take(uint64_t nanoseconds)
{
    const uint64_t end = nanoseconds ? now() + nanoseconds : 0;
    while (nanoseconds && now() < end)
        continue;
}

/* ---- what the test sets up ---- */

ThreadID standin_thread(struct standin *standin, uint32_t os)
{
    struct stacks *stacks = &standin->stacks;
    struct standin_thread *thread = calloc(1, sizeof(*thread));
    thread->os = os;
    pthread_mutex_lock(&standin->lock);
    stacks->threads =
        realloc(stacks->threads, (stacks->thread_count + 1) * sizeof(struct standin_thread *));
    stacks->threads[stacks->thread_count++] = thread;
    pthread_mutex_unlock(&standin->lock);
    return (ThreadID)thread;
}

uintptr_t standin_body(struct standin *standin, ModuleID module, mdToken method, ReJITID version)
{
    struct native_body *body = calloc(1, sizeof(*body));
    pthread_mutex_lock(&standin->lock);
    struct stacks *stacks = &standin->stacks;
    body->method = standin_find((struct standin_module *)module, method);
    body->version = version;
    body->start = CODE_BASE + BODY_BYTES * ++stacks->next_start;
    body->older = stacks->bodies;
    stacks->bodies = body;
    pthread_mutex_unlock(&standin->lock);
    return body->start + 8;
}

void standin_enter(struct standin *standin, ThreadID id, uintptr_t ip)
{
    struct standin_thread *thread = (struct standin_thread *)id;
    pthread_mutex_lock(&standin->lock);
    thread->ips = realloc(thread->ips, (thread->count + 1) * sizeof(uintptr_t));
    thread->ips[thread->count++] = ip;
    pthread_mutex_unlock(&standin->lock);
}

void standin_pace(struct standin *standin, uint64_t suspend_ns, uint64_t frame_ns,
                  uint64_t resume_ns)
{
    standin->stacks.suspend_ns = suspend_ns;
    standin->stacks.frame_ns = frame_ns;
    standin->stacks.resume_ns = resume_ns;
}

bool standin_suspended(struct standin *standin)
{
    return atomic_load(&standin->stacks.suspended);
}

/* ---- the pause ---- */

/* Under no lock. The fault's result, or S_OK. */
static HRESULT fault_of(struct standin *standin, enum standin_fault kind, mdToken method)
{
    HRESULT result = S_OK;
    pthread_mutex_lock(&standin->lock);
    standin_faulty(standin, kind, 0, method, &result);
    pthread_mutex_unlock(&standin->lock);
    return result;
}

void standin_locks(struct standin *standin)
{
    pthread_mutex_lock(&standin->lock);
    standin->counts.forbidden += standin_suspended(standin);
    pthread_mutex_unlock(&standin->lock);
}

HRESULT standin_SuspendRuntime(STANDIN_SELF)
{
    struct standin *standin = of(self);
    const HRESULT result = fault_of(standin, STANDIN_FAIL_SUSPEND, 0);
    take(standin->stacks.suspend_ns);
    if (hresult_failed(result))
        return result;
    if (atomic_exchange(&standin->stacks.suspended, true))
        return CORPROF_E_SUSPENSION_IN_PROGRESS;
    standin->counts.suspends++;
    return S_OK;
}

HRESULT standin_ResumeRuntime(STANDIN_SELF)
{
    struct standin *standin = of(self);
    const HRESULT result = fault_of(standin, STANDIN_FAIL_RESUME, 0);
    if (hresult_failed(result))
        return result;
    take(standin->stacks.resume_ns);
    if (!atomic_exchange(&standin->stacks.suspended, false)) {
        standin->counts.forbidden++;
        return CORPROF_E_UNSUPPORTED_CALL_SEQUENCE;
    }
    standin->counts.resumes++;
    return S_OK;
}

static HRESULT threads_next(struct ICorProfilerThreadEnum *self, uint32_t wanted, ThreadID *ids,
                            uint32_t *fetched)
{
    struct thread_enum *threads = (struct thread_enum *)self;
    const struct stacks *stacks = &threads->standin->stacks;
    const HRESULT result = fault_of(threads->standin, STANDIN_FAIL_NEXT, 0);
    *fetched = 0;
    if (hresult_failed(result))
        return result;
    while (*fetched < wanted && threads->next < stacks->thread_count)
        ids[(*fetched)++] = (ThreadID)stacks->threads[threads->next++];
    return *fetched == wanted ? S_OK : S_FALSE;
}

static uint32_t threads_release(struct ICorProfilerThreadEnum *self)
{
    ((struct thread_enum *)self)->taken = false;
    return 0;
}

static const struct ICorProfilerThreadEnumVtbl thread_enum_table = {
    .Next = threads_next,
    .Release = threads_release,
};

HRESULT standin_EnumThreads(STANDIN_SELF, struct ICorProfilerThreadEnum **enumerator)
{
    struct standin *standin = of(self);
    struct thread_enum *threads = &standin->stacks.enumerator;
    const HRESULT result = fault_of(standin, STANDIN_FAIL_THREADS, 0);
    if (hresult_failed(result))
        return result;
    if (threads->taken)
        return E_UNEXPECTED; /* never given back */
    *threads = (struct thread_enum){{&thread_enum_table}, standin, 0, true};
    *enumerator = &threads->face;
    return S_OK;
}

HRESULT standin_GetCurrentThreadID(STANDIN_SELF, ThreadID *thread)
{
    (void)self;
    *thread = 0;
    return CORPROF_E_NOT_MANAGED_THREAD;
}

HRESULT standin_GetThreadInfo(STANDIN_SELF, ThreadID id, uint32_t *os_thread)
{
    const struct standin_thread *thread = (const struct standin_thread *)id;
    const HRESULT result = fault_of(of(self), STANDIN_FAIL_OS_THREAD, thread->os);
    if (!hresult_failed(result))
        *os_thread = thread->os;
    return result;
}

static struct native_body *body_at(struct standin *standin, uintptr_t ip)
{
    for (struct native_body *body = standin->stacks.bodies; body; body = body->older) {
        if (ip - body->start < BODY_BYTES)
            return body;
    }
    return NULL;
}

HRESULT standin_DoStackSnapshot(STANDIN_SELF, ThreadID id, StackSnapshotCallback *callback,
                                uint32_t flags, void *client_data, uint8_t *context,
                                uint32_t context_size)
{
    struct standin *standin = of(self);
    const struct standin_thread *thread = (const struct standin_thread *)id;
    (void)flags;
    (void)context;
    (void)context_size;
    if (!standin_suspended(standin))
        return E_NOTIMPL; /* as the real one */
    const HRESULT result = fault_of(standin, STANDIN_FAIL_WALK, thread->os);
    if (hresult_failed(result))
        return result;
    if (thread->count == 0)
        return E_FAIL;
    for (uint32_t i = thread->count; i-- > 0;) {
        const uintptr_t ip = thread->ips[i];
        const struct native_body *body = body_at(standin, ip);
        take(standin->stacks.frame_ns);
        if (callback(body ? (FunctionID)body->method : 0, ip, 0, 0, NULL, client_data) != S_OK)
            return CORPROF_E_STACKSNAPSHOT_ABORTED;
    }
    return fault_of(standin, STANDIN_FAIL_WALK_END, thread->os);
}

/* ---- native code ---- */

HRESULT standin_GetFunctionFromIP3(STANDIN_SELF, const uint8_t *ip, FunctionID *function,
                                   ReJITID *rejit)
{
    struct standin *standin = of(self);
    const HRESULT result = fault_of(standin, STANDIN_FAIL_IP, 0);
    const struct native_body *body = body_at(standin, (uintptr_t)ip);
    standin_locks(standin);
    if (hresult_failed(result) || !body)
        return hresult_failed(result) ? result : E_FAIL;
    *function = (FunctionID)body->method;
    *rejit = body->version;
    return S_OK;
}

HRESULT standin_GetReJITIDs(STANDIN_SELF, FunctionID function, uint32_t capacity, uint32_t *count,
                            ReJITID *rejits)
{
    struct standin *standin = of(self);
    const HRESULT result = fault_of(standin, STANDIN_FAIL_VERSIONS, 0);
    standin_locks(standin);
    if (hresult_failed(result))
        return result;
    pthread_mutex_lock(&standin->lock);
    const struct standin_method *method = (const struct standin_method *)function;
    *count = 1;
    if (capacity)
        rejits[0] = 0;
    for (const struct version *at = method->versions; at; at = at->older) {
        if (*count < capacity)
            rejits[*count] = at->rejit;
        (*count)++;
    }
    pthread_mutex_unlock(&standin->lock);
    return *count > capacity ? S_FALSE : S_OK;
}

HRESULT standin_GetNativeCodeStartAddresses(STANDIN_SELF, FunctionID function, ReJITID rejit,
                                            uint32_t capacity, uint32_t *count,
                                            uintptr_t *addresses)
{
    struct standin *standin = of(self);
    const HRESULT result = fault_of(standin, STANDIN_FAIL_STARTS, 0);
    const struct native_body *first = NULL;
    uint32_t got = 0;
    standin_locks(standin);
    if (hresult_failed(result))
        return result;
    for (const struct native_body *at = standin->stacks.bodies; at; at = at->older) {
        if ((FunctionID)at->method == function && at->version == rejit)
            first = at;
    }
    if (first && !rejit && got++ < capacity)
        addresses[0] = first->start;
    for (const struct native_body *at = standin->stacks.bodies; at; at = at->older) {
        if ((FunctionID)at->method != function || at->version != rejit || (!rejit && at == first))
            continue;
        if (got < capacity)
            addresses[got] = at->start;
        got++;
    }
    *count = got;
    return S_OK;
}

HRESULT standin_GetCodeInfo4(STANDIN_SELF, uintptr_t code_start, uint32_t capacity, uint32_t *count,
                             struct COR_PRF_CODE_INFO *code)
{
    struct standin *standin = of(self);
    const HRESULT result = fault_of(standin, STANDIN_FAIL_CODE, 0);
    standin_locks(standin);
    if (hresult_failed(result))
        return result;
    *count = 1;
    if (capacity)
        code[0] = (struct COR_PRF_CODE_INFO){code_start, BODY_BYTES};
    return S_OK;
}

HRESULT standin_GetFunctionFromToken(STANDIN_SELF, ModuleID module, mdToken token,
                                     FunctionID *function)
{
    standin_locks(of(self));
    *function = standin_function(of(self), module, token);
    return S_OK;
}
