/*
 * session_binder: the state of one binding, shared by session_bind (values, programs),
 * session_root (roots and paths) and session_condition (conditions). Private to these.
 */
#ifndef SESSION_BINDER_H
#define SESSION_BINDER_H

#include "session_bind.h"

/* A condition's leaves and the values of both moments. */
#define BIND_MAX_CAPTURES (PLAN_MAX_VALUES + PLAN_MAX_NODES + 4)
#define BIND_MAX_EXPECTED 16
#define BIND_RESULT       0xfffeu /* index of the result until its place at the end is known */

/* What is read at one moment. */
struct bind_moment {
    uint32_t value_count;
    struct weave_value values[RECORDER_MAX_VALUES];
    struct declared types[RECORDER_MAX_VALUES];
    bool result; /* the result is read too: comes last */
    uint32_t capture_count;
    struct capture_value captures[BIND_MAX_CAPTURES];
};

struct binder {
    struct session *session;
    struct session_scope *scope;
    const struct plan *plan;
    const struct plan_probe *probe;
    const struct module *module;
    const struct metadata_image *image;
    const struct metadata_method *method;
    struct arena *keep;    /* the session's */
    struct arena *scratch; /* of this binding */
    struct meta_signature signature;
    enum wire_method_kind kind;
    bool all_at_exit; /* values are read when the method is left */
    bool exits;       /* the probe sees the method's end */
    bool has_result;
    struct declared result;
    uint32_t type_parameters; /* of the method's own type: see bind_generic */
    struct bind_moment enter, exit;
    uint32_t pending_count;
    struct session_pending pending[2 * BIND_MAX_CAPTURES];
    uint32_t expected_count, expected_depth;
    struct declared expected[BIND_MAX_EXPECTED];
    struct buffer *message;
};

enum bind_root_kind {
    BIND_ARGUMENT, /* also a hoisted field of an iterator */
    BIND_RET,
    BIND_EXCEPTION,
    BIND_ELAPSED,
};

/* Where a path begins. */
struct bind_root {
    enum bind_root_kind kind;
    struct weave_value value; /* ARGUMENT */
    struct declared type;
    uint32_t first_step; /* the first step that is a field */
    bool at_exit;
};

/* Finds the root. Errors name what there is. */
enum status bind_root_find(struct binder *binder, const struct plan_path *path,
                           struct bind_root *root, struct error *error);
/* A parameter by its number (1: the first). False: it is not kept (iterators). */
bool bind_parameter(struct binder *binder, uint32_t number, struct bind_root *root);
bool bind_this(struct binder *binder, struct bind_root *root);
const char *bind_parameter_name(struct binder *binder, uint32_t number, char *room, size_t size);

/* Fills *value with where the path leads and *leaf with the declared type at its end; the woven
 * value is added to its moment. `show`: as a whole. */
enum status bind_path(struct binder *binder, const struct plan_path *path,
                      const struct bind_root *root, struct capture_value *value,
                      struct declared_view *leaf, struct error *error);
/* The root itself as a value. False: it cannot be handed out. */
bool bind_whole(struct binder *binder, const struct bind_root *root, struct capture_value *value,
                struct declared_view *leaf);
/* After a capture_value has got its final place: files its type for resolution. */
bool bind_settle(struct binder *binder, struct capture_value *value, const struct bind_root *root);

enum status bind_condition(struct binder *binder, struct capture_condition **condition,
                           struct error *error);

/* "'order.Totl': " + reason, the column being that of step `step` (path->step_count: the path). */
enum status bind_fail(const struct plan_path *path, uint32_t step, struct error *error,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The short C# text of a declared type, on the scratch arena. */
const char *bind_type_text(struct binder *binder, const struct declared *declared);
enum weave_pass bind_pass(const struct meta_type *type);
uint8_t bind_element(const struct declared *declared);

#endif
