/*
 * base_error: how every function of rejig fails.
 *
 * A function that can fail returns enum status and takes a struct error * as its last
 * parameter. The lowest layer that knows what went wrong fills it; the layers above pass
 * it on, or put their subject in front of it with error_prefix(). A NULL error is allowed
 * everywhere: then only the status is told. No allocation, safe on any thread.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum status {
    STATUS_OK = 0,
    STATUS_NOT_FOUND,   /* what was asked for does not exist */
    STATUS_MALFORMED,   /* untrusted bytes break the rules of their format */
    STATUS_UNSUPPORTED, /* legal, and refused: the reason says why */
    STATUS_USAGE,       /* the user's words are at fault: exit code 2 */
    STATUS_TARGET,      /* the target is not there or refuses: exit code 3 */
    STATUS_PERMISSION,  /* not ours to do */
    STATUS_LIMIT,       /* a bound of ours was reached; the option that moves it is named */
    STATUS_MEMORY,
    STATUS_IO,
    STATUS_TIMEOUT,
    STATUS_PEER, /* the other side broke the wire contract, or is gone */
    STATUS_BUG,  /* an invariant of ours does not hold */
};

#define ERROR_MESSAGE_BYTES 640
#define ERROR_HINT_BYTES    384

/* Texts are UTF-8, always terminated, cut with an ellipsis where too long. */
struct error {
    enum status status;
    int64_t offset;                    /* of the offending byte in its file or text; -1: none */
    char message[ERROR_MESSAGE_BYTES]; /* subject in quotes, then the reason; no full stop */
    char hint[ERROR_HINT_BYTES];       /* the way out; empty: none known */
};

/* Makes *error empty: STATUS_OK, no offset, no texts. */
void error_init(struct error *error);

/* Fills *error (where not NULL), forgetting what it held, and returns status. */
enum status error_set(struct error *error, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, with the offset of the offending byte. */
enum status error_set_at(struct error *error, enum status status, int64_t offset,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Adds or replaces the hint. */
void error_hint(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts text in front of the message: "reading 'x.dll': " + message. */
void error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A static analyzer sees one file at a time: this tells it what is returned. */
#ifdef __clang_analyzer__
#define error_set(error, status, ...)    ((void)error_set(error, status, __VA_ARGS__), (status))
#define error_set_at(error, status, ...) ((void)error_set_at(error, status, __VA_ARGS__), (status))
#endif

/* The status in words ("not found"), for logs; never NULL. */
const char *status_name(enum status status);

#endif
