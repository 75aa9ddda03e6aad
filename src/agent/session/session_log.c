#include "session_log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_clock.h"
#include "base_text.h"
#include "wire_message.h"

struct line {
    uint64_t time;
    char text[SESSION_LOG_BYTES];
};

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct line *log_lines;
static uint64_t log_total; /* lines ever added */

static size_t lines_held(void)
{
    return log_total < SESSION_LOG_LINES ? (size_t)log_total : SESSION_LOG_LINES;
}

void session_log(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    pthread_mutex_lock(&log_mutex);
    if (log_lines == NULL)
        log_lines = calloc(SESSION_LOG_LINES, sizeof *log_lines);
    if (log_lines != NULL) {
        struct line *line = &log_lines[log_total++ % SESSION_LOG_LINES];
        line->time = clock_realtime();
        text_copy(line->text, sizeof line->text, text);
    }
    pthread_mutex_unlock(&log_mutex);
}

size_t session_log_count(void)
{
    pthread_mutex_lock(&log_mutex);
    size_t count = lines_held();
    pthread_mutex_unlock(&log_mutex);
    return count;
}

bool session_log_get(size_t index, uint64_t *realtime, char text[SESSION_LOG_BYTES])
{
    bool found = false;
    pthread_mutex_lock(&log_mutex);
    if (index < lines_held()) {
        uint64_t first = log_total - lines_held();
        const struct line *line = &log_lines[(first + index) % SESSION_LOG_LINES];
        *realtime = line->time;
        memcpy(text, line->text, SESSION_LOG_BYTES);
        found = true;
    }
    pthread_mutex_unlock(&log_mutex);
    return found;
}

void session_log_put(struct buffer *out)
{
    size_t mark = wire_frame_begin(out, WIRE_MSG_LOG);
    char text[SESSION_LOG_BYTES];
    uint64_t time;
    for (size_t i = 0; session_log_get(i, &time, text); i++) {
        size_t line = tlv_begin(out, WIRE_LOG_LINE);
        tlv_put_u64(out, WIRE_LOG_TIME, time);
        tlv_put_text(out, WIRE_LOG_TEXT, text);
        tlv_end(out, line);
    }
    wire_frame_end(out, mark);
}

void session_log_release(void)
{
    pthread_mutex_lock(&log_mutex);
    free(log_lines);
    log_lines = NULL;
    log_total = 0;
    pthread_mutex_unlock(&log_mutex);
}
