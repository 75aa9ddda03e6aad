#include "command_children.h"

#include "command_session.h"
#include "target_descend.h"

#define LOOK_NS    40000000ull
#define FRESH      50u /* looks, after which ... */
#define SELDOM     25u /* ... one round in so many is enough */
#define PIDS       CHILDREN_MAX
#define TEXT_BYTES 320

static struct child *find(struct children *children, pid_t pid)
{
    for (size_t i = 0; i < children->count; i++)
        if (children->items[i].pid == pid)
            return &children->items[i];
    if (children->count == CHILDREN_MAX)
        return NULL;
    struct child *child = &children->items[children->count++];
    *child = (struct child){.pid = pid};
    return child;
}

static void tell(struct session *session, const struct target_process *process)
{
    char name[160], text[TEXT_BYTES];
    command_target_text(process, name, sizeof name);
    snprintf(text, sizeof text, "%s, a .NET child of the program, is not probed", name);
    if (session->json)
        json_notice(&session->printer, "child", text);
    command_say("(%s)", text);
}

/* Between fork and exec a child looks as its parent does; what has opened a diagnostics socket of
 * its own, or looks .NET for longer, is meant. */
static void look_at(struct session *session, struct child *child)
{
    struct target_process process;
    child->looks++;
    if (target_process_read(child->pid, &process, NULL) != STATUS_OK ||
        process.run == TARGET_RUN_ZOMBIE)
        return;
    bool dotnet = target_process_is_dotnet(&process);
    child->told = dotnet && (process.socket[0] != '\0' || child->was_dotnet);
    child->was_dotnet = dotnet;
    if (child->told)
        tell(session, &process);
}

void children_look(struct session *session, uint64_t now)
{
    struct children *children = &session->children;
    pid_t pids[PIDS];
    if (!session->has_program || now - children->looked < LOOK_NS)
        return;
    children->looked = now;
    children->round++;
    size_t count = target_descendants(session->started.pid, pids, PIDS);
    for (size_t i = 0; i < count; i++) {
        struct child *child = find(children, pids[i]);
        if (child && !child->told && (child->looks < FRESH || children->round % SELDOM == 0))
            look_at(session, child);
    }
}
