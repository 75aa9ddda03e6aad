/* session_harness: a session engine on the stand-in runtime, with framework assemblies as its
 * modules, a made-up answer to every question about types, and a client that speaks the wire. */
#ifndef SESSION_HARNESS_H
#define SESSION_HARNESS_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base_clock.h"
#include "metadata_resolve.h"
#include "metadata_tables.h"
#include "recompile_harness.h"
#include "session.h"
#include "session_members.h"
#include "session_model.h"
#include "wire_message.h"
#include "wire_plan.h"

/* ---- types as this runtime has them: each (module, TypeDef, arguments) once, its fields 8 bytes
 * apart ---- */

#define FAKE_TYPES 4096

static struct fake_type {
    ModuleID module;
    mdToken type;
    uint32_t argument_count;
    ClassID arguments[8];
} fake_types[FAKE_TYPES];
static size_t fake_count;
/* Layouts are kept for the life of the process: each stage has ids of its own. */
static uint64_t fake_first = UINT64_C(0x700000000000);
static pthread_mutex_t fake_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct session_scope *fake_scope;

static struct fake_type *fake_at(ClassID id)
{
    size_t index = (size_t)((id - fake_first) / 8);
    return id < fake_first || id % 8 != 0 || index >= fake_count ? NULL : &fake_types[index];
}

static ClassID fake_class(ModuleID module, mdToken type, uint32_t count, const ClassID *arguments)
{
    pthread_mutex_lock(&fake_mutex);
    size_t i = 0;
    for (; i < fake_count; i++)
        if (fake_types[i].module == module && fake_types[i].type == type &&
            fake_types[i].argument_count == count &&
            (count == 0 ||
             memcmp(fake_types[i].arguments, arguments, count * sizeof *arguments) == 0))
            break;
    if (i == fake_count && fake_count < FAKE_TYPES) {
        fake_types[i] = (struct fake_type){.module = module, .type = type, .argument_count = count};
        if (count > 0)
            memcpy(fake_types[i].arguments, arguments, count * sizeof *arguments);
        fake_count++;
    }
    pthread_mutex_unlock(&fake_mutex);
    return (ClassID)(fake_first + 8 * i);
}

static const struct module *fake_module(ModuleID module)
{
    return modules_find(recompile_modules(harness_recompile), module);
}

#define INFO struct ICorProfilerInfo15 *self
static HRESULT fake_GetClassFromToken(INFO, ModuleID module, mdToken type, ClassID *id)
{
    (void)self;
    const struct module *m = fake_module(module);
    struct metadata_rows generic;
    if (m == NULL || m->image == NULL || !metadata_token_exists(m->image, type))
        return E_INVALIDARG;
    generic = metadata_generic_params(m->image, type);
    if (metadata_rows_next(m->image, &generic) != mdTokenNil)
        return E_INVALIDARG;
    *id = fake_class(module, type, 0, NULL);
    return S_OK;
}

static HRESULT fake_GetClassFromTokenAndTypeArgs(INFO, ModuleID module, mdToken type,
                                                 uint32_t count, ClassID *arguments, ClassID *id)
{
    (void)self;
    if (count > 8)
        return E_INVALIDARG;
    *id = fake_class(module, type, count, arguments);
    return S_OK;
}

static ClassID fake_parent(const struct fake_type *fake)
{
    const struct module *module = fake_module(fake->module);
    struct type_definition base;
    mdToken token = metadata_type_base(module->image, fake->type);
    if (token == mdTokenNil || !type_definition_find(fake_scope, module, token, &base))
        return 0;
    return fake_class(base.module->id, base.type, 0, NULL);
}

static HRESULT fake_GetClassIDInfo2(INFO, ClassID id, ModuleID *module, mdToken *type,
                                    ClassID *parent, uint32_t room, uint32_t *count,
                                    ClassID *arguments)
{
    (void)self;
    const struct fake_type *fake = fake_at(id);
    if (fake == NULL || fake->argument_count > room)
        return E_INVALIDARG;
    *module = fake->module;
    *type = fake->type;
    *parent = fake_parent(fake);
    *count = fake->argument_count;
    memcpy(arguments, fake->arguments, fake->argument_count * sizeof *arguments);
    return S_OK;
}

static HRESULT fake_IsArrayClass(INFO, ClassID id, uint32_t *element, ClassID *item, uint32_t *rank)
{
    (void)self;
    (void)id;
    *element = *rank = 0;
    *item = 0;
    return S_FALSE;
}

static HRESULT fake_GetClassLayout(INFO, ClassID id, struct COR_FIELD_OFFSET *fields, uint32_t room,
                                   uint32_t *count, uint32_t *size)
{
    (void)self;
    const struct fake_type *fake = fake_at(id);
    if (fake == NULL)
        return E_INVALIDARG;
    const struct module *module = fake_module(fake->module);
    struct metadata_rows rows = metadata_type_fields(module->image, fake->type);
    bool value = metadata_type_is_value_type(module->image, fake->type);
    uint32_t n = 0;
    for (mdToken field; (field = metadata_rows_next(module->image, &rows)) != mdTokenNil;) {
        if (metadata_cell(module->image, CLR_TABLE_Field, token_rid(field), METADATA_FIELD_FLAGS) &
            0x0010u /* static */)
            continue;
        if (n < room)
            fields[n] = (struct COR_FIELD_OFFSET){field, (value ? 0 : 8) + 8 * n};
        n++;
    }
    *count = n;
    *size = 8 * n + (value ? 0 : 16);
    return S_OK;
}

static HRESULT fake_GetStringLayout2(INFO, uint32_t *length_at, uint32_t *text_at)
{
    (void)self;
    *length_at = 8;
    *text_at = 12;
    return S_OK;
}
#undef INFO

/* ---- the engine ---- */

struct stage {
    struct standin *standin;
    ModuleID core, linq, http;
    char directory[64];
    struct session_engine *engine;
    pthread_t worker;
    bool running;
};

static inline void *stage_work(void *engine)
{
    session_engine_run(engine);
    return NULL;
}

static inline void stage_types(struct standin *standin)
{
    struct ICorProfilerInfo15Vtbl *table = standin_table(standin);
    table->GetClassFromToken = fake_GetClassFromToken;
    table->GetClassFromTokenAndTypeArgs = fake_GetClassFromTokenAndTypeArgs;
    table->GetClassIDInfo2 = fake_GetClassIDInfo2;
    table->IsArrayClass = fake_IsArrayClass;
    table->GetClassLayout = fake_GetClassLayout;
    table->GetStringLayout2 = fake_GetStringLayout2;
}

static inline void stage_up(struct stage *stage)
{
    struct error error;
    memset(stage, 0, sizeof *stage);
    strcpy(stage->directory, "/tmp/rejig-session-XXXXXX");
    assert_non_null(mkdtemp(stage->directory));
    stage->standin = standin_new();
    stage_types(stage->standin);
    stage->core = harness_load(stage->standin, "System.Private.CoreLib.dll", COR_PRF_MODULE_DISK);
    stage->linq = harness_load(stage->standin, "System.Linq.dll", COR_PRF_MODULE_DISK);
    error_init(&error);
    assert_int_equal(recompile_new(standin_info(stage->standin), &harness_recompile, &error),
                     STATUS_OK);
    standin_set_callback(stage->standin, &harness_callback);
    enum status status = session_engine_new(harness_recompile, standin_info(stage->standin),
                                            stage->directory, false, &stage->engine, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, STATUS_OK);
    fake_scope = session_scope_new(recompile_modules(harness_recompile));
    recompile_pump(harness_recompile);
}

static inline void stage_run(struct stage *stage)
{
    assert_int_equal(pthread_create(&stage->worker, NULL, stage_work, stage->engine), 0);
    stage->running = true;
}

static inline void stage_stop(struct stage *stage)
{
    if (!stage->running)
        return;
    session_engine_stop(stage->engine);
    pthread_join(stage->worker, NULL);
    stage->running = false;
}

/* Nothing of ours is left: no method recompiled, no interface kept, no file. */
static inline void stage_down(struct stage *stage)
{
    stage_stop(stage);
    session_engine_free(stage->engine);
    recompile_pump(harness_recompile);
    assert_int_equal(standin_counts(stage->standin).recompiled, 0);
    session_scope_free(fake_scope);
    recompile_free(harness_recompile);
    assert_int_equal(standin_counts(stage->standin).interfaces, 0);
    standin_free(stage->standin);
    fake_count = 0;
    fake_first += 8 * FAKE_TYPES;
    assert_int_equal(rmdir(stage->directory), 0);
}

static inline void stage_path(const struct stage *stage, char *path, size_t size)
{
    DIR *folder = opendir(stage->directory);
    path[0] = '\0';
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.')
            assert_true(snprintf(path, size, "%s/%.60s", stage->directory, entry->d_name) > 0);
    if (folder != NULL)
        closedir(folder);
}

/* ---- a client ---- */

struct client {
    int fd;
    struct buffer in;
    int passed;             /* the descriptor that came, or -1 */
    struct error error;     /* of the last ERROR */
    struct buffer coverage; /* the last COVERAGE */
    uint32_t coverages;
};

#define CLIENT_WAIT_MS 10000

static inline void client_connect(const struct stage *stage, struct client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    stage_path(stage, address.sun_path, sizeof address.sun_path);
    memset(client, 0, sizeof *client);
    client->passed = -1;
    buffer_init(&client->in, 0);
    buffer_init(&client->coverage, 0);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
}

static inline void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    if (client->passed >= 0)
        close(client->passed);
    buffer_release(&client->in);
    buffer_release(&client->coverage);
    client->fd = client->passed = -1;
}

static inline void client_send_bytes(struct client *client, const void *bytes, size_t length)
{
    assert_int_equal(send(client->fd, bytes, length, MSG_NOSIGNAL), length);
}

static inline void client_send(struct client *client, enum wire_message_type type,
                               const struct buffer *fields)
{
    struct buffer out;
    buffer_init(&out, 0);
    size_t mark = wire_frame_begin(&out, type);
    if (fields != NULL && fields->length > 0)
        buffer_append(&out, fields->data, fields->length);
    wire_frame_end(&out, mark);
    client_send_bytes(client, out.data, out.length);
    buffer_release(&out);
}

static inline bool client_receive(struct client *client)
{
    char bytes[65536];
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct pollfd waiting = {.fd = client->fd, .events = POLLIN};
    if (poll(&waiting, 1, CLIENT_WAIT_MS) != 1)
        return false;
    ssize_t got = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);
    if (got <= 0)
        return false;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head != NULL && head->cmsg_type == SCM_RIGHTS) {
        assert_int_equal(client->passed, -1);
        memcpy(&client->passed, CMSG_DATA(head), sizeof(int));
    }
    buffer_append(&client->in, bytes, (size_t)got);
    return true;
}

/* The next message's type, its fields copied to `fields`; 0: the stream has ended. */
static inline uint16_t client_next(struct client *client, struct buffer *fields)
{
    uint16_t type;
    struct reader payload;
    size_t whole;
    buffer_clear(fields);
    for (;;) {
        enum status status = wire_frame_take(&client->in, &type, &payload, &whole, NULL);
        if (status == STATUS_OK)
            break;
        assert_int_equal(status, STATUS_NOT_FOUND);
        if (!client_receive(client))
            return 0;
    }
    buffer_append(fields, payload.data, payload.length);
    buffer_consume(&client->in, whole);
    struct reader reader;
    reader_init(&reader, fields->data, fields->length);
    if (type == WIRE_MSG_ERROR)
        wire_get_error(reader, &client->error);
    return type;
}

static inline void client_keep_coverage(struct client *client, uint16_t type,
                                        const struct buffer *fields)
{
    if (type != WIRE_MSG_COVERAGE)
        return;
    client->coverages++;
    buffer_clear(&client->coverage);
    buffer_append(&client->coverage, fields->data, fields->length);
}

/* Skips TYPE and STATE, which come when they please; COVERAGE stays with the client. */
static inline uint16_t client_news(struct client *client, struct buffer *fields)
{
    uint16_t type;
    do {
        type = client_next(client, fields);
        client_keep_coverage(client, type, fields);
    } while (type == WIRE_MSG_TYPE || type == WIRE_MSG_STATE || type == WIRE_MSG_COVERAGE);
    return type;
}

/* And NOTICE, too. */
static inline uint16_t client_answer(struct client *client, struct buffer *fields)
{
    uint16_t type;
    do {
        type = client_news(client, fields);
    } while (type == WIRE_MSG_NOTICE);
    return type;
}

static inline struct tlv field_find(const struct buffer *fields, uint16_t tag)
{
    struct reader reader;
    struct tlv field;
    reader_init(&reader, fields->data, fields->length);
    while (tlv_next(&reader, &field))
        if (field.tag == tag)
            return field;
    memset(&field, 0, sizeof field);
    return field;
}

static inline uint64_t field_number(const struct buffer *fields, uint16_t tag)
{
    struct tlv field = field_find(fields, tag);
    return field.tag == 0 ? UINT64_MAX : tlv_u64(&field);
}

/* Valid until the next call. */
static inline const char *field_text(const struct buffer *fields, uint16_t tag)
{
    static char text[1024];
    struct tlv field = field_find(fields, tag);
    text[0] = '\0';
    if (field.tag != 0)
        tlv_copy_text(&field, text, sizeof text);
    return text;
}

static inline uint16_t client_hello(struct client *client, struct buffer *fields, uint32_t major,
                                    const uint64_t *nonce)
{
    buffer_clear(fields);
    tlv_put_u32(fields, WIRE_HELLO_MAJOR, major);
    tlv_put_u32(fields, WIRE_HELLO_MINOR, 0);
    tlv_put_text(fields, WIRE_HELLO_VERSION, "0.0.1");
    if (nonce != NULL)
        tlv_put_bytes(fields, WIRE_HELLO_NONCE, nonce, 16);
    client_send(client, WIRE_MSG_HELLO, fields);
    return client_next(client, fields);
}

static inline void client_greet(const struct stage *stage, struct client *client,
                                struct buffer *fields)
{
    client_connect(stage, client);
    assert_int_equal(client_hello(client, fields, 1, NULL), WIRE_MSG_HELLO);
}

/* A plan with one probe of a method. */
static inline void plan_one(struct plan *plan, struct plan_probe *probe, const char *pattern,
                            enum plan_action action)
{
    plan_init(plan);
    memset(probe, 0, sizeof *probe);
    probe->action = action;
    probe->pattern = pattern;
    probe->show_all = true;
    plan->probe_count = 1;
    plan->probes = probe;
    plan->ring_bytes = PLAN_MIN_RING_BYTES;
    plan->command = "a test";
}

static inline void client_plan(struct client *client, const struct plan *plan)
{
    struct buffer fields;
    buffer_init(&fields, 0);
    wire_plan_put(&fields, plan);
    client_send(client, WIRE_MSG_PLAN, &fields);
    buffer_release(&fields);
}

/* Sends a plan of one probe and takes in all up to SESSION or ERROR, which is returned; *methods
 * counts METHOD messages, the last of which stays in `method` (may be NULL). */
static inline uint16_t client_probe(struct client *client, const char *pattern,
                                    enum plan_action action, struct buffer *fields,
                                    uint32_t *methods, struct buffer *method)
{
    struct plan plan;
    struct plan_probe probe;
    uint16_t type;
    plan_one(&plan, &probe, pattern, action);
    client_plan(client, &plan);
    *methods = 0;
    while ((type = client_answer(client, fields)) == WIRE_MSG_METHOD || type == WIRE_MSG_REFUSED) {
        if (type != WIRE_MSG_METHOD)
            continue;
        ++*methods;
        if (method != NULL) {
            buffer_clear(method);
            buffer_append(method, fields->data, fields->length);
        }
    }
    return type;
}

/* Waits until the condition holds; the worker has its turn meanwhile. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        uint64_t wait_end = clock_monotonic() + UINT64_C(10000000000);                             \
        while (!(condition) && clock_monotonic() < wait_end)                                       \
            usleep(1000);                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static inline mdToken stage_method(struct stage *stage, const char *name)
{
    mdToken token = standin_method(stage->standin, stage->linq, "System.Linq.Enumerable", name);
    assert_int_not_equal(token, 0);
    return token;
}

/* The program calls it: true where it runs something else than its own code. */
static inline bool stage_call(struct stage *stage, const char *name)
{
    return standin_call(stage->standin, stage->linq, stage_method(stage, name)).recompiled;
}

#endif
