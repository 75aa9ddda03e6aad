#include "recorder_state.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base_clock.h"
#include "recorder_exception.h"
#include "recorder_kept.h"
#include "recorder_layout.h"
#include "recorder_ring.h"
#include "wire_plan.h"

#define FIRST_BYTES   ((size_t)4 << 20) /* of chunks, allocated before the session is ready */
#define GROW_BYTES    ((size_t)2 << 20)
#define FEWEST_CHUNKS 16u
#define QUIESCE_NS    1000000000ull
#define DEEPEST       16u
#define RECORD_LEAST  PLAN_MIN_BYTES
#define RECORD_MOST   (WIRE_CHUNK_BYTES / 4)
#define PAGE          4096u

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#endif
#ifndef MFD_ALLOW_SEALING
#define MFD_ALLOW_SEALING 2u
#endif

struct recorder_session recorder_sessions[RECORDER_MAX_SESSIONS];
bool recorder_has_tsc;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool initialised;
static bool reserved;

void recorder_lock(void)
{
    pthread_mutex_lock(&lock);
}

void recorder_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* What an agent that never records must not take from its process: address ranges and a
 * thread-specific key, which would outlive a library that is unloaded again. */
static enum status reserve(struct error *error)
{
    if (reserved) {
        return STATUS_OK;
    }
    enum status status = recorder_thread_init(error);
    if (status == STATUS_OK) {
        status = recorder_site_init(error);
    }
    reserved = status == STATUS_OK;
    return status;
}

enum status recorder_init(struct error *error)
{
    enum status status = STATUS_OK;
    recorder_lock();
    if (!initialised) {
        recorder_has_tsc = clock_tsc_usable();
        status = layout_init(error);
        initialised = status == STATUS_OK;
    }
    recorder_unlock();
    return status;
}

enum wire_clock recorder_clock(void)
{
    return recorder_has_tsc ? WIRE_CLOCK_TSC : WIRE_CLOCK_MONOTONIC;
}

/* ---- the memory file ---- */

static size_t align(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static void place(struct recorder_session *session, struct wire_file *file, uint64_t ring_bytes,
                  uint32_t sites)
{
    uint64_t chunks = ring_bytes / WIRE_CHUNK_BYTES;
    chunks = chunks < FEWEST_CHUNKS ? FEWEST_CHUNKS : chunks;
    chunks = chunks > WIRE_CHUNKS_MAX ? WIRE_CHUNKS_MAX : chunks;
    session->sites = (uint32_t)align(sites == 0 ? 1 : sites, WIRE_SITES_UNIT);
    session->chunk_count = (uint32_t)chunks;
    file->magic = WIRE_FILE_MAGIC;
    file->major = WIRE_MAJOR;
    file->minor = WIRE_MINOR;
    file->header_bytes = sizeof *file;
    file->shards = WIRE_SHARDS;
    file->sites = session->sites;
    file->counters_offset = align(sizeof *file, 2 * RECORDER_LINE);
    file->chunk_count = session->chunk_count;
    file->chunk_bytes = WIRE_CHUNK_BYTES;
    file->sampled_offset = file->counters_offset +
                           (size_t)WIRE_SHARDS * session->sites * WIRE_COUNTERS * sizeof(uint64_t);
    file->chunks_offset =
        align(file->sampled_offset + (size_t)WIRE_SHARDS * session->sites * sizeof(uint64_t), PAGE);
    file->file_bytes = file->chunks_offset + (uint64_t)chunks * WIRE_CHUNK_BYTES;
    file->clock = recorder_clock();
    session->file_bytes = file->file_bytes;
}

/* Pages are taken from the system here and nowhere else, so that a write of the target into the
 * mapping cannot fail for want of memory; the seals see to it that no peer takes them back by
 * resizing. */
static bool allocate(struct recorder_session *session, int fd, size_t until)
{
    int result;
    if (until <= session->allocated) {
        return true;
    }
    do {
        result = fallocate(fd, 0, (off_t)session->allocated, (off_t)(until - session->allocated));
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return false;
    }
    session->allocated = until;
    return true;
}

static bool make_file(struct recorder_session *session, const struct wire_file *file, int *fd)
{
    size_t first = file->file_bytes - file->chunks_offset;
    first = first < FIRST_BYTES ? first : FIRST_BYTES;
    *fd = (int)syscall(SYS_memfd_create, "rejig", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0) {
        return false;
    }
    session->allocated = 0;
    if (ftruncate(*fd, (off_t)file->file_bytes) != 0 ||
        !allocate(session, *fd, file->chunks_offset + first) ||
        fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return false;
    }
    void *map = mmap(NULL, file->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (map == MAP_FAILED) {
        return false;
    }
    session->file = map;
    session->fd = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
    return true;
}

/* Hands chunks out that have been allocated. */
static void ready(struct recorder_session *session)
{
    uint32_t before = atomic_load_explicit(&session->chunks_ready, memory_order_relaxed);
    size_t bytes = session->allocated - (size_t)(session->chunks - (uint8_t *)session->file);
    uint32_t now = (uint32_t)(bytes / WIRE_CHUNK_BYTES);
    atomic_store_explicit(&session->chunks_ready, now, memory_order_release);
    atomic_store_explicit(&session->file->ready_chunks, now, memory_order_release);
    for (uint32_t chunk = before; chunk < now; chunk++) {
        atomic_fetch_or_explicit(&session->file->free_chunks[chunk / 64], 1ull << (chunk % 64),
                                 memory_order_release);
    }
}

static struct capture_limits bound(const struct capture_limits *limits)
{
    struct capture_limits bounded = *limits;
    uint32_t bytes = limits->max_bytes == 0 ? WIRE_RECORD_MAX_BYTES : limits->max_bytes;
    bytes = bytes < RECORD_LEAST ? RECORD_LEAST : bytes;
    bounded.max_bytes = (bytes > RECORD_MOST ? RECORD_MOST : bytes) & ~7u;
    bounded.depth = limits->depth > DEEPEST ? DEEPEST : limits->depth;
    return bounded;
}

/* ---- life ---- */

static void release(struct recorder_session *session)
{
    uint32_t cursor = 0;
    struct recorder_slot *slot;
    while ((slot = recorder_thread_next(&cursor)) != NULL) {
        struct recorder_ring *ring = &slot->rings[session->index];
        ring_close(ring);
        ring->counters = NULL;
        atomic_store(&ring->claim, RECORDER_CLAIM_NONE);
    }
    recorder_site_free_all(session);
    kept_free(session->kept);
    session->kept = NULL;
    atomic_store_explicit(&session->file->ended, 1, memory_order_release);
    munmap(session->file, session->file_bytes);
    session->file = NULL;
    session->used = false;
}

static bool is_leftover(const struct recorder_session *session)
{
    return session->used && !session->ending && !atomic_load(&session->live);
}

/* A session that ended while a thread was stuck in a probe (a debugger, a frozen cgroup) is
 * taken apart as soon as that thread is out. */
static void release_leftovers(void)
{
    bool any = false;
    for (uint32_t i = 0; i < RECORDER_MAX_SESSIONS; i++) {
        any |= is_leftover(&recorder_sessions[i]);
    }
    if (!any || !recorder_quiesce(0)) {
        return;
    }
    for (uint32_t i = 0; i < RECORDER_MAX_SESSIONS; i++) {
        if (is_leftover(&recorder_sessions[i])) {
            release(&recorder_sessions[i]);
        }
    }
}

static struct recorder_session *take_session(void)
{
    for (uint32_t i = 0; i < RECORDER_MAX_SESSIONS; i++) {
        if (!recorder_sessions[i].used) {
            memset(&recorder_sessions[i], 0, sizeof recorder_sessions[i]);
            recorder_sessions[i].index = (uint8_t)i;
            recorder_sessions[i].fd = -1;
            return &recorder_sessions[i];
        }
    }
    return NULL;
}

static enum status open_session(struct recorder_session *session, uint64_t ring_bytes,
                                uint32_t sites, int *fd, struct error *error)
{
    struct wire_file file;
    memset(&file, 0, sizeof file);
    place(session, &file, ring_bytes, sites);
    if (!make_file(session, &file, fd)) {
        int reason = errno;
        if (*fd >= 0) {
            close(*fd);
        }
        *fd = -1;
        error_set(error, STATUS_MEMORY, "cannot allocate %llu MiB for the rings (errno %d)",
                  (unsigned long long)(file.file_bytes >> 20), reason);
        error_hint(error, "a smaller ring: --ring-bytes 4MiB");
        return STATUS_MEMORY;
    }
    memcpy(session->file, &file, sizeof file);
    session->counters = (uint8_t *)session->file + file.counters_offset;
    session->sampled = (uint8_t *)session->file + file.sampled_offset;
    session->chunks = (uint8_t *)session->file + file.chunks_offset;
    ready(session);
    session->used = true;
    atomic_store_explicit(&session->live, true, memory_order_release);
    return STATUS_OK;
}

enum status recorder_session_new(uint64_t ring_bytes, uint32_t sites,
                                 const struct capture_limits *limits,
                                 struct recorder_session **session, int *fd, struct error *error)
{
    *session = NULL;
    *fd = -1;
    recorder_lock();
    release_leftovers();
    enum status status = reserve(error);
    struct recorder_session *made = status == STATUS_OK ? take_session() : NULL;
    if (status != STATUS_OK) {
        recorder_unlock();
        return status;
    }
    if (sites > RECORDER_MAX_SITES) {
        status = error_set(error, STATUS_LIMIT, "%u methods are more than %u", sites,
                           RECORDER_MAX_SITES);
    } else if (made == NULL) {
        status = error_set(error, STATUS_LIMIT, "%d sessions are at work on this process",
                           RECORDER_MAX_SESSIONS);
        error_hint(error, "end one of them: rejig reset");
    } else {
        made->limits = bound(limits);
        status = open_session(made, ring_bytes, sites, fd, error);
    }
    recorder_unlock();
    if (status == STATUS_OK) {
        *session = made;
    }
    return status;
}

bool recorder_session_grow(struct recorder_session *session)
{
    size_t until = session->allocated + GROW_BYTES;
    until = until < session->file_bytes ? until : session->file_bytes;
    if (session->fd < 0) {
        return false;
    }
    bool more = session->allocated < session->file_bytes && allocate(session, session->fd, until);
    if (more) {
        ready(session);
        more = session->allocated < session->file_bytes;
    }
    if (!more) {
        close(session->fd);
        session->fd = -1;
    }
    return more;
}

bool recorder_session_scarce(struct recorder_session *session)
{
    return ring_free_chunks(session) < atomic_load(&session->chunks_ready) / 2;
}

void recorder_session_tend(struct recorder_session *session)
{
    uint32_t cursor = 0;
    struct recorder_slot *slot;
    bool scarce = recorder_session_scarce(session);
    while (scarce && (slot = recorder_thread_next(&cursor)) != NULL) {
        struct recorder_ring *ring = &slot->rings[session->index];
        if (ring_may_be_open(ring)) {
            ring_tend(ring, slot);
        }
    }
}

/* Sessions come on this thread, too: none is made meanwhile. */
static void forget_instances(void)
{
    for (uint32_t i = 0; i < RECORDER_MAX_SESSIONS; i++) {
        if (recorder_sessions[i].used) {
            return;
        }
    }
    instance_forget_all();
}

bool recorder_session_end(struct recorder_session *session)
{
    recorder_lock();
    session->ending = true;
    recorder_site_retire_all(session);
    atomic_store(&session->live, false);
    if (session->fd >= 0) {
        close(session->fd);
        session->fd = -1;
    }
    recorder_unlock();
    /* Not under the lock: a thread of the target may want to add a site of another session. */
    bool quiet = recorder_quiesce(QUIESCE_NS);
    recorder_lock();
    session->ending = false;
    if (quiet) {
        release(session);
        forget_instances();
    } else {
        atomic_store_explicit(&session->file->ended, 1, memory_order_release);
    }
    recorder_unlock();
    return quiet;
}

size_t recorder_memory(void)
{
    recorder_lock();
    size_t bytes = recorder_thread_memory() + recorder_site_memory() + layout_memory();
    for (uint32_t i = 0; i < RECORDER_MAX_SESSIONS; i++) {
        const struct recorder_session *session = &recorder_sessions[i];
        bytes += session->index_count * (sizeof(struct recorder_detail) + 16);
        if (is_leftover(session)) {
            bytes += session->file_bytes; /* kept mapped for a thread that is stuck */
        }
    }
    recorder_unlock();
    return bytes;
}
