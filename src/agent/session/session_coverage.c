#include "session_coverage.h"

#include <stdlib.h>

#include "metadata_names.h"
#include "recompile_coverage.h"
#include "recompile_frames.h"
#include "session_model.h"
#include "wire_message.h"

#define COVERED_BYTES_MAX ((size_t)64 << 20)
#define STATUS_GAPS       16u /* of each session: all of them go into one message */

struct telling {
    struct session *session;
    struct buffer *out;
    struct buffer text; /* names being made */
};

/* All methods of the session that are probed still; malloc'd. */
static struct method_key *session_keys(const struct session *session, size_t *count)
{
    struct method_key *keys =
        calloc((size_t)session->site_count * SESSION_SITE_KEYS + 1, sizeof *keys);
    *count = 0;
    for (uint32_t i = 0; keys != NULL && i < session->site_count; i++) {
        if (session->sites[i]->withdrawn)
            continue;
        for (uint32_t j = 0; j < session->sites[i]->key_count; j++)
            keys[(*count)++] = session->sites[i]->keys[j];
    }
    return keys;
}

static void put_name(struct telling *telling, uint16_t tag, struct method_key key)
{
    const struct module *module = modules_find(telling->session->engine->modules, key.module);
    if (module == NULL || module->image == NULL)
        return;
    buffer_clear(&telling->text);
    metadata_method_print(module->image, key.method, METADATA_NAME_TYPES, &telling->text);
    tlv_put_text(telling->out, tag, buffer_text(&telling->text));
}

static bool put_covered(void *context, const struct recompile_inliner *inliner)
{
    struct telling *telling = context;
    const struct module *module =
        modules_find(telling->session->engine->modules, inliner->key.module);
    if (telling->out->length > COVERED_BYTES_MAX)
        return false;
    size_t mark = wire_frame_begin(telling->out, WIRE_MSG_COVERED);
    put_name(telling, WIRE_COVERED_NAME, inliner->key);
    tlv_put_text(telling->out, WIRE_COVERED_MODULE, module == NULL ? "" : module->name);
    if (inliner->inlinee.module != 0)
        put_name(telling, WIRE_COVERED_INLINEE, inliner->inlinee);
    tlv_put_u32(telling->out, WIRE_COVERED_SOURCE, inliner->sources);
    tlv_put_u32(telling->out, WIRE_COVERED_SWITCHED, inliner->switched);
    wire_frame_end(telling->out, mark);
    return true;
}

static void put_numbers(struct session *session, struct buffer *out,
                        const struct recompile_coverage *coverage)
{
    const char *why;
    tlv_put_u32(out, WIRE_COVERAGE_PRECOMPILED, coverage->precompiled);
    tlv_put_u32(out, WIRE_COVERAGE_BY_IL, coverage->by_il);
    tlv_put_u32(out, WIRE_COVERAGE_SWITCHED, coverage->switched);
    tlv_put_u32(out, WIRE_COVERAGE_JIT, coverage->jit);
    tlv_put_u32(out, WIRE_COVERAGE_FOLLOWS,
                recompile_follows_inliners(session->engine->recompile, &why));
    tlv_put_u32(out, WIRE_COVERAGE_PENDING, coverage->pending);
    tlv_put_u32(out, WIRE_COVERAGE_IMPOSSIBLE, coverage->impossible);
    tlv_put_u32(out, WIRE_COVERAGE_INTRINSICS, coverage->intrinsics);
}

static void put_gaps(struct buffer *out, const struct recompile_gaps *gaps, uint32_t most)
{
    const uint32_t count = gaps->count < most ? gaps->count : most;
    for (uint32_t i = 0; i < count; i++) {
        const struct recompile_gap *gap = &gaps->list[i];
        size_t mark = tlv_begin(out, WIRE_COVERAGE_GAP);
        tlv_put_u32(out, WIRE_GAP_KIND,
                    gap->kind == RECOMPILE_GAP_PENDING ? WIRE_GAP_PENDING : WIRE_GAP_IMPOSSIBLE);
        tlv_put_text(out, WIRE_GAP_SUBJECT, gap->subject);
        tlv_put_text(out, WIRE_GAP_REASON, gap->reason);
        tlv_end(out, mark);
    }
    if (gaps->more + gaps->count > count)
        tlv_put_u32(out, WIRE_COVERAGE_MORE_GAPS, gaps->more + gaps->count - count);
}

/* ---- threads inside old code ---- */

/* The program stands still for a look, so it is taken when the session begins, and again only
 * where there is something to follow or the user asks for all. */
static bool frames_wanted(const struct session *session, bool final)
{
    struct recompile_totals totals;
    if (session->engine->started && !session->announced)
        return false; /* nothing of the program runs yet */
    recompile_totals(session->engine->recompile, &totals);
    if (totals.following > 0)
        return false; /* requests are still under way */
    return !session->announced || session->plan.explain || (final && session->old_frames);
}

static void put_frame(struct telling *telling, const struct recompile_frame *frame)
{
    size_t mark = tlv_begin(telling->out, WIRE_COVERAGE_FRAME);
    tlv_put_u32(telling->out, WIRE_FRAME_THREAD, frame->thread);
    tlv_put_u32(telling->out, WIRE_FRAME_CERTAIN, frame->kind != RECOMPILE_FRAME_MAYBE);
    put_name(telling, WIRE_FRAME_METHOD, frame->method);
    if (frame->inlinee.module != 0)
        put_name(telling, WIRE_FRAME_INLINEE, frame->inlinee);
    tlv_end(telling->out, mark);
}

static void put_frames(struct telling *telling, const struct method_key *keys, size_t count)
{
    struct recompile_frames frames;
    char why[160];
    recompile_frames_look(telling->session->engine->recompile, keys, count, &frames);
    telling->session->old_frames = frames.count > 0 || frames.looked < frames.threads;
    tlv_put_u32(telling->out, WIRE_COVERAGE_THREADS, frames.threads);
    tlv_put_u32(telling->out, WIRE_COVERAGE_LOOKED, frames.looked);
    tlv_put_u64(telling->out, WIRE_COVERAGE_PAUSE, frames.pause_ns);
    for (uint32_t i = 0; i < frames.count; i++)
        put_frame(telling, &frames.list[i]);
    if (frames.more > 0)
        tlv_put_u32(telling->out, WIRE_COVERAGE_MORE_FRAMES, frames.more);
    if (frames.end != RECOMPILE_FRAMES_WHOLE)
        tlv_put_text(telling->out, WIRE_COVERAGE_WHY,
                     recompile_frames_why(&frames, why, sizeof why));
}

void session_coverage_put(struct session *session, struct buffer *out, bool final)
{
    struct telling telling = {.session = session, .out = out};
    struct recompile_coverage coverage;
    struct recompile_gaps gaps = {0};
    size_t count;
    struct method_key *keys = session_keys(session, &count);
    const recompile_inliner_visit visit = session->plan.explain ? put_covered : NULL;
    buffer_init(&telling.text, 0);
    if (keys != NULL && recompile_coverage(session->engine->recompile, keys, count, &coverage,
                                           &gaps, visit, &telling, NULL) == STATUS_OK) {
        size_t mark = wire_frame_begin(out, WIRE_MSG_COVERAGE);
        put_numbers(session, out, &coverage);
        put_gaps(out, &gaps, RECOMPILE_GAPS_MAX);
        if (count > 0 && frames_wanted(session, final))
            put_frames(&telling, keys, count);
        if (final)
            tlv_put_u32(out, WIRE_COVERAGE_FINAL, 1);
        wire_frame_end(out, mark);
    }
    recompile_gaps_release(&gaps);
    buffer_release(&telling.text);
    free(keys);
}

void session_coverage_queue(struct session *session, bool final)
{
    struct buffer messages;
    buffer_init(&messages, SESSION_MESSAGES_MAX);
    session_coverage_put(session, &messages, final);
    session_connection_queue(session->connection, &messages);
    if (buffer_failed(&messages))
        session->connection->out.failed = true;
    buffer_release(&messages);
}

void session_coverage_put_status(struct session *session, struct buffer *out)
{
    struct recompile_coverage coverage;
    struct recompile_gaps gaps = {0};
    size_t count;
    struct method_key *keys = session_keys(session, &count);
    if (keys != NULL && recompile_coverage(session->engine->recompile, keys, count, &coverage,
                                           &gaps, NULL, NULL, NULL) == STATUS_OK) {
        size_t mark = tlv_begin(out, WIRE_STATUS_SESSION_COVERAGE);
        put_numbers(session, out, &coverage);
        put_gaps(out, &gaps, STATUS_GAPS);
        tlv_end(out, mark);
    }
    recompile_gaps_release(&gaps);
    free(keys);
}
