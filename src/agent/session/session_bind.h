/*
 * session_bind: the user's names meet a method's parameters, result and fields: what is woven,
 * what the recorder reads, and what METHOD tells the CLI.
 *
 * Paths are checked against the declared types as far as metadata goes: through an interface, an
 * object or a type parameter anything may stand, and is looked up when it is met.
 * Worker thread.
 */
#ifndef SESSION_BIND_H
#define SESSION_BIND_H

#include "metadata_names.h"
#include "session_model.h"

/* Binds one probe of the session's plan to a method. On success *out is on the session's arena,
 * without its number, and a METHOD message's fields but SITE and PROBE are appended to `message`.
 * STATUS_USAGE: a name or condition does not fit this method: error->offset is the column of the
 * name at fault. STATUS_UNSUPPORTED: the method cannot be probed so. */
enum status session_bind(struct session *session, uint32_t probe, const struct module *module,
                         const struct metadata_method *method, struct session_site **out,
                         struct buffer *message, struct error *error);

#endif
