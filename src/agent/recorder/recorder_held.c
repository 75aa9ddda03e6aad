#include "recorder_held.h"

#include <string.h>

#include "recorder_event.h"

static uint8_t *base(struct recorder_slot *slot)
{
    return (uint8_t *)slot + RECORDER_SLOT_BYTES;
}

static struct recorder_held *entry_at(struct recorder_slot *slot, uint32_t offset)
{
    return (struct recorder_held *)(void *)(base(slot) + offset);
}

static struct recorder_held *push(struct recorder_slot *slot, const struct recorder_detail *detail,
                                  const struct capture_program *program,
                                  const struct capture_source *source)
{
    size_t bound = detail->session->limits.max_bytes - EVENT_KEPT_FREE;
    size_t room = RECORDER_HELD_BYTES - slot->held_top;
    if (room < sizeof(struct recorder_held)) {
        return NULL;
    }
    struct recorder_held *held = entry_at(slot, slot->held_top);
    room -= sizeof *held;
    bool small = room < bound;
    struct value_writer writer = {.at = (uint8_t *)(held + 1),
                                  .end = (uint8_t *)(held + 1) + (small ? room : bound),
                                  .limits = &detail->session->limits};
    value_program(&writer, program, source);
    if (writer.cut && small) {
        return NULL;
    }
    held->bytes = (uint32_t)(writer.at - (uint8_t *)(held + 1));
    held->count = writer.count;
    held->cut = writer.cut;
    held->before = slot->held_last;
    slot->held_last = slot->held_top;
    slot->held_top += (uint32_t)sizeof *held + held->bytes;
    return held;
}

/* Entries of sites that are void wait for nothing: their session is over, though their frames
 * may still be there. */
static void drop_void(struct recorder_slot *slot)
{
    uint32_t to = 0;
    uint32_t last = 0;
    for (uint32_t from = 0; from < slot->held_top;) {
        struct recorder_held *held = entry_at(slot, from);
        uint32_t bytes = (uint32_t)sizeof *held + held->bytes;
        if (site_valid(site_of(held->handle), held->handle)) {
            memmove(entry_at(slot, to), held, bytes);
            entry_at(slot, to)->before = last;
            last = to;
            to += bytes;
        }
        from += bytes;
    }
    slot->held_top = to;
    slot->held_last = last;
}

struct recorder_held *held_push(struct recorder_slot *slot, const struct recorder_detail *detail,
                                uint64_t handle, uint64_t call,
                                const struct capture_program *program,
                                const struct capture_source *source)
{
    struct recorder_held *held = push(slot, detail, program, source);
    if (held == NULL) {
        drop_void(slot);
        held = push(slot, detail, program, source);
    }
    if (held != NULL) {
        held->handle = handle;
        held->call = call;
    }
    return held;
}

static void lose(struct recorder_slot *slot, const struct recorder_held *held)
{
    if (site_valid(site_of(held->handle), held->handle)) {
        const struct recorder_detail *detail = recorder_details[(uint32_t)held->handle];
        event_count(slot, detail, WIRE_COUNTER_LOST);
    }
}

struct recorder_held *held_take(struct recorder_slot *slot, uint64_t call)
{
    while (slot->held_top != 0) {
        struct recorder_held *held = entry_at(slot, slot->held_last);
        if (held->call < call) {
            return NULL;
        }
        slot->held_top = slot->held_last;
        slot->held_last = held->before;
        if (held->call == call) {
            return held;
        }
        lose(slot, held);
    }
    return NULL;
}
