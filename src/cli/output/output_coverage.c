#include "output_coverage.h"

#include <string.h>

#include "output_escape.h"
#include "output_method.h"
#include "wire_message.h"

#define TEXTS_LIMIT ((size_t)2 << 20) /* the agent's own bounds make less than 100 KiB */

void coverage_init(struct coverage *coverage)
{
    memset(coverage, 0, sizeof *coverage);
    coverage->why = "";
    arena_init(&coverage->arena, TEXTS_LIMIT);
}

void coverage_release(struct coverage *coverage)
{
    arena_release(&coverage->arena);
}

uint32_t coverage_frames(const struct coverage *coverage)
{
    uint32_t more = coverage->more_frames;
    return more > UINT32_MAX - coverage->frame_count ? UINT32_MAX : coverage->frame_count + more;
}

static void take_gap(struct coverage *coverage, struct reader message)
{
    struct coverage_gap gap = {.subject = "", .reason = ""};
    struct tlv field;
    if (!coverage->gaps)
        coverage->gaps = arena_new_array(&coverage->arena, COVERAGE_GAPS_KEPT, struct coverage_gap);
    if (!coverage->gaps || coverage->gap_count == COVERAGE_GAPS_KEPT) {
        coverage->more_gaps += coverage->more_gaps != UINT32_MAX;
        return;
    }
    while (tlv_next(&message, &field)) {
        if (field.tag == WIRE_GAP_KIND)
            gap.impossible = tlv_u32(&field) != WIRE_GAP_PENDING;
        else if (field.tag == WIRE_GAP_SUBJECT)
            gap.subject = methods_text(&coverage->arena, &field);
        else if (field.tag == WIRE_GAP_REASON)
            gap.reason = methods_text(&coverage->arena, &field);
    }
    coverage->gaps[coverage->gap_count++] = gap;
}

static void take_frame(struct coverage *coverage, struct reader message)
{
    struct coverage_frame frame = {.method = "", .inlinee = ""};
    struct tlv field;
    if (!coverage->frames)
        coverage->frames =
            arena_new_array(&coverage->arena, COVERAGE_FRAMES_KEPT, struct coverage_frame);
    if (!coverage->frames || coverage->frame_count == COVERAGE_FRAMES_KEPT) {
        coverage->more_frames += coverage->more_frames != UINT32_MAX;
        return;
    }
    while (tlv_next(&message, &field)) {
        if (field.tag == WIRE_FRAME_THREAD)
            frame.thread = tlv_u32(&field);
        else if (field.tag == WIRE_FRAME_METHOD)
            frame.method = methods_text(&coverage->arena, &field);
        else if (field.tag == WIRE_FRAME_INLINEE)
            frame.inlinee = methods_text(&coverage->arena, &field);
    }
    coverage->frames[coverage->frame_count++] = frame;
}

static void add_more(uint32_t *count, uint32_t more)
{
    *count = more > UINT32_MAX - *count ? UINT32_MAX : *count + more;
}

/* The fields that are one number each. */
static void take_number(struct coverage *coverage, const struct tlv *field)
{
    uint32_t *const numbers[] = {
        [WIRE_COVERAGE_PRECOMPILED] = &coverage->precompiled,
        [WIRE_COVERAGE_BY_IL] = &coverage->by_il,
        [WIRE_COVERAGE_SWITCHED] = &coverage->switched,
        [WIRE_COVERAGE_JIT] = &coverage->jit,
        [WIRE_COVERAGE_PENDING] = &coverage->pending,
        [WIRE_COVERAGE_IMPOSSIBLE] = &coverage->impossible,
        [WIRE_COVERAGE_INTRINSICS] = &coverage->intrinsics,
        [WIRE_COVERAGE_THREADS] = &coverage->threads,
        [WIRE_COVERAGE_LOOKED] = &coverage->looked,
    };
    if (field->tag < sizeof numbers / sizeof *numbers && numbers[field->tag])
        *numbers[field->tag] = tlv_u32(field);
}

void coverage_take(struct coverage *coverage, struct reader message)
{
    struct tlv field;
    coverage_release(coverage);
    coverage_init(coverage);
    coverage->known = true;
    while (tlv_next(&message, &field)) {
        switch (field.tag) {
        case WIRE_COVERAGE_FOLLOWS:
            coverage->follows = tlv_u32(&field) != 0;
            break;
        case WIRE_COVERAGE_FINAL:
            coverage->final = tlv_u32(&field) != 0;
            break;
        case WIRE_COVERAGE_PAUSE:
            coverage->pause_ns = tlv_u64(&field);
            break;
        case WIRE_COVERAGE_WHY:
            coverage->why = methods_text(&coverage->arena, &field);
            break;
        case WIRE_COVERAGE_GAP:
            take_gap(coverage, field.value);
            break;
        case WIRE_COVERAGE_FRAME:
            take_frame(coverage, field.value);
            break;
        case WIRE_COVERAGE_MORE_GAPS:
            add_more(&coverage->more_gaps, tlv_u32(&field));
            break;
        case WIRE_COVERAGE_MORE_FRAMES:
            add_more(&coverage->more_frames, tlv_u32(&field));
            break;
        default:
            take_number(coverage, &field);
            break;
        }
    }
}

void covered_take(struct arena *arena, struct reader message, struct covered *covered)
{
    struct tlv field;
    *covered = (struct covered){.name = "", .module = "", .inlinee = ""};
    while (tlv_next(&message, &field)) {
        if (field.tag == WIRE_COVERED_NAME)
            covered->name = methods_text(arena, &field);
        else if (field.tag == WIRE_COVERED_MODULE)
            covered->module = methods_text(arena, &field);
        else if (field.tag == WIRE_COVERED_INLINEE)
            covered->inlinee = methods_text(arena, &field);
        else if (field.tag == WIRE_COVERED_SOURCE)
            covered->sources = tlv_u32(&field);
        else if (field.tag == WIRE_COVERED_SWITCHED)
            covered->switched = tlv_u32(&field) != 0;
    }
}

/* ---- JSON ---- */

void coverage_json_numbers(struct buffer *out, const struct coverage *coverage)
{
    buffer_append_format(out,
                         "\"precompiled\":%u,\"by_il\":%u,\"switched\":%u,\"jit\":%u,"
                         "\"follows_jit\":%s,\"pending\":%u,\"impossible\":%u,\"intrinsics\":%u",
                         coverage->precompiled, coverage->by_il, coverage->switched, coverage->jit,
                         coverage->follows ? "true" : "false", coverage->pending,
                         coverage->impossible, coverage->intrinsics);
    if (coverage->threads)
        buffer_append_format(out, ",\"threads\":%u,\"looked\":%u,\"pause_ns\":%llu",
                             coverage->threads, coverage->looked,
                             (unsigned long long)coverage->pause_ns);
    if (coverage_frames(coverage))
        buffer_append_format(out, ",\"inside_old_code\":%u", coverage_frames(coverage));
    if (coverage->why[0]) {
        buffer_append_text(out, ",\"not_looked\":");
        escape_json(out, coverage->why);
    }
}

static void put_gaps(struct buffer *out, const struct coverage *coverage)
{
    for (uint32_t i = 0; i < coverage->gap_count; i++) {
        const struct coverage_gap *gap = &coverage->gaps[i];
        buffer_append_text(out, i ? ",{\"state\":" : ",\"gaps\":[{\"state\":");
        buffer_append_text(out, gap->impossible ? "\"impossible\"" : "\"pending\"");
        buffer_append_text(out, ",\"subject\":");
        escape_json(out, gap->subject);
        buffer_append_text(out, ",\"reason\":");
        escape_json(out, gap->reason);
        buffer_append_u8(out, '}');
    }
    if (coverage->gap_count)
        buffer_append_u8(out, ']');
    if (coverage->more_gaps)
        buffer_append_format(out, ",\"more_gaps\":%u", coverage->more_gaps);
}

void coverage_json_lists(struct buffer *out, const struct coverage *coverage)
{
    put_gaps(out, coverage);
    for (uint32_t i = 0; i < coverage->frame_count; i++) {
        const struct coverage_frame *frame = &coverage->frames[i];
        buffer_append_format(out, "%s{\"thread\":%u,\"method\":", i ? "," : ",\"frames\":[",
                             frame->thread);
        escape_json(out, frame->method);
        if (frame->inlinee[0]) {
            buffer_append_text(out, ",\"inlinee\":");
            escape_json(out, frame->inlinee);
        }
        buffer_append_u8(out, '}');
    }
    if (coverage->frame_count)
        buffer_append_u8(out, ']');
    if (coverage->more_frames)
        buffer_append_format(out, ",\"more_frames\":%u", coverage->more_frames);
}

void covered_json_how(struct buffer *out, uint32_t sources)
{
    static const struct {
        uint32_t source;
        const char *word;
    } words[] = {{WIRE_COVERED_TABLE, "recorded"},
                 {WIRE_COVERED_IL, "il"},
                 {WIRE_COVERED_RUNTIME, "runtime"},
                 {WIRE_COVERED_JIT, "jit"}};
    const char *between = "";
    buffer_append_u8(out, '[');
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sources & words[i].source) {
            buffer_append_format(out, "%s\"%s\"", between, words[i].word);
            between = ",";
        }
    buffer_append_u8(out, ']');
}
