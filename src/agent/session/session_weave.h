/*
 * session_weave: which sites a method carries, and the tenant's weave callback that puts their
 * probes into its body.
 */
#ifndef SESSION_WEAVE_H
#define SESSION_WEAVE_H

#include "session_model.h"

/* Makes the site's methods carry it. False when out of memory: then none does. Worker. */
bool session_weave_add(struct session_site *site);
/* Takes all of a session's sites out, and waits until no callback uses the session. Worker. */
void session_weave_remove(struct session *session);
/* How many sites a method carries. */
uint32_t session_weave_count(struct session_engine *engine, struct method_key key);
/* The session that replaces the method's body; 0: none does. */
uint64_t session_weave_replaced(struct session_engine *engine, struct method_key key);

/* What became of the bodies that a session's methods stand for. */
struct session_weave_figures {
    uint32_t bodies;
    uint32_t woven;     /* rewritten, as the runtime asked for them */
    uint32_t compiled;  /* of them: by the runtime, without an error */
    uint32_t withdrawn; /* methods */
};
/* Worker. */
void session_weave_figures(struct session *session, struct session_weave_figures *figures);

/* struct tenant.weave, whose context is the engine, in GetReJITParameters. The probes of all
 * sessions are composed in a fixed order: a replaced body first, then of older sessions first. A
 * probe that cannot be woven is left out and its site marked withdrawn (the worker tells); an error
 * only where none could be. */
enum status session_weave_method(void *context, struct recompile_body *body, struct error *error);

/* Marks a site as withdrawn. engine->mutex must be held. */
void session_site_withdraw(struct session_site *site, const char *reason);
/* All sites of a method; for tenant.failed and .compiled. Worker. */
void session_weave_failed(struct session_engine *engine, struct method_key key, const char *reason);
void session_weave_compiled(struct session_engine *engine, struct method_key key);

#endif
