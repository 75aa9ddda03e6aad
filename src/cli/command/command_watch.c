/* watch: a line for every call. */
#include <stdlib.h>

#include "command_plan.h"
#include "command_session.h"

enum status watch_run(struct command_context *context, struct error *error)
{
    struct session *session = malloc(sizeof *session);
    if (!session)
        return error_set(error, STATUS_MEMORY, "out of memory");
    enum status status = session_open(session, context, command_plan_watch, error);
    status = session_conduct(session, status, error, session_run);
    free(session);
    return status;
}
