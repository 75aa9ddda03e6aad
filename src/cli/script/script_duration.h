/*
 * script_duration: how long, as users write it in options: 30s, 5m, 1h, 500ms, 1.5s,
 * dd:hh:mm:ss and hh:mm:ss and mm:ss.
 */
#ifndef SCRIPT_DURATION_H
#define SCRIPT_DURATION_H

#include <stdint.h>

#include "base_error.h"

/* Nanoseconds, more than 0. Errors: STATUS_USAGE. */
enum status script_parse_duration(const char *text, uint64_t *nanoseconds, struct error *error);

#endif
