#include "recorder_state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "recorder_condition.h"
#include "recorder_kept.h"

#define COMMIT_SITES 1024u /* site table entries made usable at a time */

struct recorder_site *recorder_sites;
struct recorder_detail **recorder_details;

static uint32_t sites_committed;
static uint32_t sites_ever; /* indices given out at least once */
static uint32_t *free_indices;
static uint32_t free_count;
static uint32_t free_capacity;

enum status recorder_site_init(struct error *error)
{
    void *sites = mmap(NULL, RECORDER_MAX_SITES * sizeof *recorder_sites, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *details = mmap(NULL, RECORDER_MAX_SITES * sizeof *recorder_details, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sites == MAP_FAILED || details == MAP_FAILED) {
        return error_set(error, STATUS_MEMORY, "no address space for the table of sites");
    }
    recorder_sites = sites;
    recorder_details = details;
    return STATUS_OK;
}

size_t recorder_site_memory(void)
{
    return (size_t)sites_committed * (sizeof *recorder_sites + sizeof *recorder_details) +
           (size_t)free_capacity * sizeof *free_indices;
}

static bool commit(void)
{
    uint8_t *sites = (uint8_t *)(recorder_sites + sites_committed);
    uint8_t *details = (uint8_t *)(recorder_details + sites_committed);
    /* Eight bytes a detail: a step of 1024 is two pages of them. */
    if (mprotect(sites, COMMIT_SITES * sizeof *recorder_sites, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(details, COMMIT_SITES * sizeof *recorder_details, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    sites_committed += COMMIT_SITES;
    return true;
}

static enum status take_index(uint32_t *index, struct error *error)
{
    if (free_count > 0) {
        *index = free_indices[--free_count];
        return STATUS_OK;
    }
    if (sites_ever == RECORDER_MAX_SITES) {
        return error_set(error, STATUS_LIMIT, "%u methods are probed already", sites_ever);
    }
    if (sites_ever == sites_committed && !commit()) {
        return error_set(error, STATUS_MEMORY, "no memory for the table of sites");
    }
    *index = sites_ever++;
    /* Relaxed is enough: nobody holds a handle on it. */
    atomic_store_explicit(&recorder_sites[*index].generation, 1, memory_order_relaxed);
    return STATUS_OK;
}

static bool grow_indices(struct recorder_session *session)
{
    if (session->index_count < session->index_capacity) {
        return true;
    }
    uint32_t capacity = session->index_capacity == 0 ? 64 : 2 * session->index_capacity;
    uint32_t *indices = realloc(session->indices, capacity * sizeof *indices);
    if (indices == NULL) {
        return false;
    }
    session->indices = indices;
    session->index_capacity = capacity;
    return true;
}

static bool is_scalar(const struct capture_value *value, uint32_t position)
{
    return (value->pass == CAPTURE_SCALAR || value->pass == CAPTURE_DOUBLE) &&
           value->step_count == 0 && value->value == position;
}

/* The fast path writes programs that are nothing but the first woven values as they are. */
static uint8_t scalars(const struct capture_program *program, uint32_t *values)
{
    uint32_t count = program == NULL ? 0 : program->count;
    if (count > RECORDER_FAST) {
        return RECORDER_SLOW;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct capture_value *value = &program->values[i];
        if (!is_scalar(value, i)) {
            return RECORDER_SLOW;
        }
        values[i] = value->element | (uint32_t)value->slot << 16;
    }
    return (uint8_t)count;
}

static uint64_t head(uint32_t number, enum wire_record_kind kind, uint8_t values)
{
    size_t bytes = sizeof(struct wire_record) + values * (sizeof(struct wire_value) + 8);
    return bytes / 8 | (uint64_t)kind << 16 | (uint64_t)number << 32;
}

static void fill(struct recorder_site *site, const struct recorder_detail *detail)
{
    enum recorder_site_kind kind = detail->spec.kind;
    bool first = kind == RECORDER_SITE_ASYNC_FIRST;
    bool call = kind == RECORDER_SITE_CALL || first;
    bool fast = recorder_has_tsc && detail->spec.condition == NULL;
    site->kind = (uint8_t)kind;
    site->session = detail->session->index;
    site->ring_at = (uint16_t)(offsetof(struct recorder_slot, rings) +
                               site->session * sizeof(struct recorder_ring));
    site->counters_at = detail->spec.number * WIRE_COUNTERS * (uint32_t)sizeof(uint64_t);
    uint8_t enter_values = RECORDER_SLOW;
    site->exit_values = RECORDER_SLOW;
    site->answers = call;
    site->plain =
        detail->spec.condition == NULL && !detail->held && (call || kind == RECORDER_SITE_ON_ENTER);
    if (fast && (call || kind == RECORDER_SITE_ON_ENTER)) {
        enter_values = scalars(detail->spec.enter, site->enter_value);
    }
    if (recorder_has_tsc && call && !detail->held) {
        site->exit_values = scalars(detail->spec.exit, site->exit_value);
    }
    site->enter_head =
        head(detail->spec.number, call ? WIRE_RECORD_ENTER : WIRE_RECORD_EVENT, enter_values);
    site->exit_head = head(detail->spec.number,
                           first ? WIRE_RECORD_FIRST_AWAIT : WIRE_RECORD_RETURN, site->exit_values);
    atomic_store_explicit(&site->entry, enter_values, memory_order_relaxed);
}

static enum status check_program(const struct capture_program *program, struct error *error)
{
    for (uint32_t i = 0; program != NULL && i < program->count; i++) {
        const struct capture_value *value = &program->values[i];
        if (value->value >= RECORDER_MAX_VALUES && value->value != CAPTURE_EXCEPTION) {
            return error_set(error, STATUS_LIMIT, "more than %u values in one probe",
                             RECORDER_MAX_VALUES);
        }
        if (value->step_count > CAPTURE_MAX_STEPS) {
            return error_set(error, STATUS_LIMIT, "a path of more than %u steps",
                             CAPTURE_MAX_STEPS);
        }
    }
    return STATUS_OK;
}

static enum status check(const struct recorder_session *session,
                         const struct recorder_site_spec *spec, struct error *error)
{
    if (spec->number >= session->sites || spec->kind < RECORDER_SITE_COUNT ||
        spec->kind > RECORDER_SITE_ITERATOR) {
        return error_set(error, STATUS_BUG, "site %u of kind %u in a session of %u sites",
                         spec->number, (unsigned)spec->kind, session->sites);
    }
    enum status status = check_program(spec->enter, error);
    if (status == STATUS_OK) {
        status = check_program(spec->exit, error);
    }
    if (status == STATUS_OK && spec->condition != NULL) {
        status = condition_check(spec->condition, error);
    }
    return status;
}

static struct recorder_detail *make_detail(struct recorder_session *session,
                                           const struct recorder_site_spec *spec)
{
    struct recorder_detail *detail = calloc(1, sizeof *detail);
    if (detail == NULL) {
        return NULL;
    }
    bool at_exit = spec->condition != NULL && spec->condition->has_exit;
    bool called = spec->kind == RECORDER_SITE_CALL || spec->kind == RECORDER_SITE_ASYNC_FIRST;
    detail->spec = *spec;
    detail->session = session;
    detail->held = spec->kind == RECORDER_SITE_ON_RETURN || spec->kind == RECORDER_SITE_ON_THROW ||
                   (called && at_exit);
    detail->tests = at_exit && !detail->held;
    detail->partial = spec->condition != NULL;
    return detail;
}

/* Calls of these go on after their method's own exit. */
static bool make_kept(struct recorder_session *session, enum recorder_site_kind kind)
{
    if (session->kept == NULL && (kind == RECORDER_SITE_ASYNC || kind == RECORDER_SITE_ITERATOR)) {
        session->kept = kept_new();
        return session->kept != NULL;
    }
    return true;
}

static enum status add(struct recorder_session *session, const struct recorder_site_spec *spec,
                       uint64_t *handle, struct error *error)
{
    uint32_t index = 0;
    struct recorder_detail *detail = make_detail(session, spec);
    if (detail == NULL || !grow_indices(session) || !make_kept(session, spec->kind)) {
        free(detail);
        return error_set(error, STATUS_MEMORY, "no memory for a site");
    }
    enum status status = take_index(&index, error);
    if (status != STATUS_OK) {
        free(detail);
        return status;
    }
    struct recorder_site *site = &recorder_sites[index];
    uint32_t generation = atomic_load_explicit(&site->generation, memory_order_relaxed);
    fill(site, detail);
    recorder_details[index] = detail;
    detail->next = session->details;
    session->details = detail;
    session->indices[session->index_count++] = index;
    atomic_store_explicit(&site->generation, generation, memory_order_release);
    *handle = (uint64_t)generation << 32 | index;
    return STATUS_OK;
}

enum status recorder_site_add(struct recorder_session *session,
                              const struct recorder_site_spec *spec, uint64_t *handle,
                              struct error *error)
{
    recorder_lock();
    enum status status = STATUS_OK;
    if (!atomic_load(&session->live)) {
        status = error_set(error, STATUS_NOT_FOUND, "the session is over");
    }
    if (status == STATUS_OK) {
        status = check(session, spec, error);
    }
    if (status == STATUS_OK) {
        status = add(session, spec, handle, error);
    }
    recorder_unlock();
    return status;
}

static void retire(struct recorder_site *site, uint32_t generation)
{
    uint32_t next = generation + 1 == 0 ? 1 : generation + 1;
    atomic_store_explicit(&site->generation, next, memory_order_release);
}

void recorder_site_retire(struct recorder_session *session, uint64_t handle)
{
    (void)session;
    recorder_lock();
    struct recorder_site *site = site_of(handle);
    if (site_valid(site, handle)) {
        retire(site, (uint32_t)(handle >> 32));
    }
    recorder_unlock();
}

void recorder_site_sample(struct recorder_session *session, uint64_t handle, uint32_t shift)
{
    (void)session;
    recorder_lock();
    struct recorder_site *site = site_of(handle);
    if (site_valid(site, handle)) {
        uint32_t entry = atomic_load_explicit(&site->entry, memory_order_relaxed) & 0xffu;
        shift = shift > WIRE_RECORD_SAMPLED_MOST ? WIRE_RECORD_SAMPLED_MOST : shift;
        if (shift != 0) {
            atomic_store(&recorder_details[(uint32_t)handle]->sampled, true);
        }
        atomic_store_explicit(&site->entry, (uint16_t)(entry | shift << 8), memory_order_relaxed);
    }
    recorder_unlock();
}

void recorder_site_spent(struct recorder_session *session, uint64_t handle, uint64_t spent[2])
{
    (void)session;
    recorder_lock();
    spent[0] = spent[1] = 0;
    if (site_valid(site_of(handle), handle)) {
        for (uint32_t i = 0; i < 2; i++) {
            spent[i] =
                RECORDER_TIMED * atomic_load_explicit(&recorder_details[(uint32_t)handle]->spent[i],
                                                      memory_order_relaxed);
        }
    }
    recorder_unlock();
}

bool recorder_site_is_fast(struct recorder_session *session, uint64_t handle)
{
    (void)session;
    struct recorder_site *site = site_of(handle);
    return site_valid(site, handle) &&
           (atomic_load_explicit(&site->entry, memory_order_relaxed) & 0xffu) <= RECORDER_FAST;
}

void recorder_site_retire_all(struct recorder_session *session)
{
    for (uint32_t i = 0; i < session->index_count; i++) {
        struct recorder_site *site = &recorder_sites[session->indices[i]];
        retire(site, atomic_load_explicit(&site->generation, memory_order_relaxed));
    }
}

static bool room_for_free(uint32_t more)
{
    if (free_count + more <= free_capacity) {
        return true;
    }
    uint32_t capacity = free_count + more + 256;
    uint32_t *indices = realloc(free_indices, capacity * sizeof *indices);
    if (indices == NULL) {
        return false;
    }
    free_indices = indices;
    free_capacity = capacity;
    return true;
}

void recorder_site_free_all(struct recorder_session *session)
{
    /* Out of memory: the indices stay unused for ever, which costs 72 bytes each. */
    if (session->index_count != 0 && room_for_free(session->index_count)) {
        memcpy(free_indices + free_count, session->indices,
               session->index_count * sizeof *free_indices);
        free_count += session->index_count;
    }
    for (uint32_t i = 0; i < session->index_count; i++) {
        recorder_details[session->indices[i]] = NULL;
    }
    while (session->details != NULL) {
        struct recorder_detail *next = session->details->next;
        free(session->details);
        session->details = next;
    }
    free(session->indices);
    session->indices = NULL;
    session->index_count = 0;
    session->index_capacity = 0;
}
