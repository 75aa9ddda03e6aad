/*
 * A fake agent for tests of the CLI: a forked child that is its own target. It opens the socket
 * where an agent's would be, speaks wire_message.h, and writes records into a sealed memfd as
 * the recorder does. What it does is a scenario's callback.
 */
#ifndef COMMAND_FAKE_AGENT_H
#define COMMAND_FAKE_AGENT_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_arena.h"
#include "base_clock.h"
#include "clr_element.h"
#include "wire_message.h"
#include "wire_plan.h"
#include "wire_record.h"

#define FAKE_CHUNKS 64u
#define FAKE_SITES  16u
#define FAKE_SHARDS 2u

struct fake {
    int fd; /* connection */
    struct buffer received;
    struct arena arena;
    struct plan plan;
    int memory;
    uint8_t *file;
    size_t file_bytes;
    uint64_t sequence;
    struct wire_chunk *open[4]; /* by thread slot */
    uint64_t call;
};

typedef void fake_scenario(struct fake *fake);

#define FAKE_UNUSED __attribute__((unused))

/* ---- the socket ---- */

FAKE_UNUSED static uint64_t fake_start_time(void)
{
    char text[1024] = "";
    FILE *file = fopen("/proc/self/stat", "r");
    if (!file || !fgets(text, sizeof text, file))
        _exit(99);
    fclose(file);
    unsigned long long start = 0;
    const char *at = strrchr(text, ')');
    for (int field = 2; field < 22; field++)
        at = strchr(at + 1, ' ');
    sscanf(at, " %llu", &start);
    return start;
}

static char fake_path[108]; /* known on both sides of the fork */

FAKE_UNUSED static int fake_listen(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    if (!wire_socket_name(name, sizeof name, (uint64_t)getpid(), fake_start_time()))
        _exit(98);
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/%s", name);
    memcpy(fake_path, address.sun_path, sizeof fake_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    umask(0177);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4) != 0)
        _exit(97);
    return fd;
}

FAKE_UNUSED static void fake_send(struct fake *fake, struct buffer *frame, int descriptor)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec vector = {.iov_base = frame->data, .iov_len = frame->length};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &descriptor, sizeof(int));
    }
    size_t done = 0;
    while (done < frame->length) {
        vector.iov_base = frame->data + done;
        vector.iov_len = frame->length - done;
        ssize_t sent = sendmsg(fake->fd, &message, MSG_NOSIGNAL);
        if (sent <= 0)
            _exit(0); /* the CLI has gone: the lease is over */
        done += (size_t)sent;
        message.msg_control = NULL;
        message.msg_controllen = 0;
    }
    buffer_release(frame);
}

/* The next frame; 0 at the end of the connection. The payload is valid until the next call. */
FAKE_UNUSED static uint16_t fake_receive(struct fake *fake, struct reader *payload, int timeout_ms)
{
    static struct buffer copy;
    for (;;) {
        uint16_t type;
        size_t whole;
        struct error error;
        error_init(&error);
        enum status status = wire_frame_take(&fake->received, &type, payload, &whole, &error);
        if (status == STATUS_OK) {
            buffer_clear(&copy);
            buffer_append(&copy, fake->received.data, whole);
            buffer_consume(&fake->received, whole);
            reader_init(payload, copy.data + sizeof(struct wire_frame),
                        whole - sizeof(struct wire_frame));
            return type;
        }
        if (status != STATUS_NOT_FOUND)
            _exit(96);
        struct pollfd poll_fd = {.fd = fake->fd, .events = POLLIN};
        if (poll(&poll_fd, 1, timeout_ms) == 0)
            return UINT16_MAX;
        char bytes[4096];
        ssize_t got = recv(fake->fd, bytes, sizeof bytes, 0);
        if (got <= 0)
            return 0;
        buffer_append(&fake->received, bytes, (size_t)got);
    }
}

FAKE_UNUSED static void fake_hello(struct fake *fake)
{
    struct reader payload;
    struct buffer frame;
    if (fake_receive(fake, &payload, -1) != WIRE_MSG_HELLO)
        _exit(0);
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_HELLO);
    tlv_put_u32(&frame, WIRE_HELLO_MAJOR, WIRE_MAJOR);
    tlv_put_u32(&frame, WIRE_HELLO_MINOR, WIRE_MINOR);
    tlv_put_text(&frame, WIRE_HELLO_VERSION, "0.1.0");
    tlv_put_text(&frame, WIRE_HELLO_RUNTIME, "10.0.12");
    tlv_put_u32(&frame, WIRE_HELLO_CLOCK, WIRE_CLOCK_MONOTONIC);
    tlv_put_u64(&frame, WIRE_HELLO_TICKS, clock_monotonic());
    tlv_put_u64(&frame, WIRE_HELLO_REALTIME, clock_realtime());
    tlv_put_u64(&frame, WIRE_HELLO_RATE, 1u << 20);
    tlv_put_u32(&frame, WIRE_HELLO_FIRST, 1);
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, -1);
}

FAKE_UNUSED static void fake_take_plan(struct fake *fake)
{
    struct reader payload;
    struct error error;
    error_init(&error);
    if (fake_receive(fake, &payload, -1) != WIRE_MSG_PLAN)
        _exit(0);
    if (wire_plan_get(payload, &fake->arena, &fake->plan, &error) != STATUS_OK)
        _exit(95);
}

/* ---- describing methods and types ---- */

struct fake_value {
    const char *label;
    uint8_t element;
    uint64_t type;
    const char *declared;
};

FAKE_UNUSED static void fake_put_value(struct buffer *frame, uint16_t tag,
                                       const struct fake_value *value)
{
    size_t mark = tlv_begin(frame, tag);
    tlv_put_text(frame, WIRE_VALUE_LABEL, value->label);
    tlv_put_u32(frame, WIRE_VALUE_ELEMENT, value->element);
    if (value->type)
        tlv_put_u64(frame, WIRE_VALUE_TYPE, value->type);
    tlv_put_text(frame, WIRE_VALUE_TYPE_NAME, value->declared);
    tlv_end(frame, mark);
}

FAKE_UNUSED static void fake_method(struct fake *fake, uint32_t site, const char *name,
                                    enum wire_method_kind kind, const struct fake_value *values,
                                    size_t count)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_METHOD);
    tlv_put_u32(&frame, WIRE_METHOD_SITE, site);
    tlv_put_text(&frame, WIRE_METHOD_NAME, name);
    tlv_put_text(&frame, WIRE_METHOD_SIGNATURE, "(Order)");
    tlv_put_text(&frame, WIRE_METHOD_MODULE, "Shop.dll");
    tlv_put_u32(&frame, WIRE_METHOD_TOKEN, 0x06000001 + site);
    tlv_put_u32(&frame, WIRE_METHOD_KIND, kind);
    for (size_t i = 0; i < count; i++)
        fake_put_value(&frame, WIRE_METHOD_VALUE, &values[i]);
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, -1);
}

struct fake_field {
    const char *name;
    uint32_t offset;
    uint8_t element;
    uint64_t type;
    const char *declared;
};

/* Begins a TYPE frame; add fields and members, then fake_type_end. */
FAKE_UNUSED static size_t fake_type_begin(struct buffer *frame, uint64_t id, const char *name,
                                          enum wire_type_kind kind)
{
    buffer_init(frame, 0);
    size_t mark = wire_frame_begin(frame, WIRE_MSG_TYPE);
    tlv_put_u64(frame, WIRE_TYPE_ID, id);
    tlv_put_text(frame, WIRE_TYPE_NAME, name);
    tlv_put_text(frame, WIRE_TYPE_FULL_NAME, name);
    tlv_put_u32(frame, WIRE_TYPE_KIND, kind);
    return mark;
}

FAKE_UNUSED static void fake_put_field(struct buffer *frame, const char *name, uint32_t offset,
                                       uint8_t element, uint64_t type, const char *declared)
{
    size_t mark = tlv_begin(frame, WIRE_TYPE_FIELD);
    tlv_put_text(frame, WIRE_FIELD_NAME, name);
    tlv_put_u32(frame, WIRE_FIELD_OFFSET, offset);
    tlv_put_u32(frame, WIRE_FIELD_ELEMENT, element);
    tlv_put_u64(frame, WIRE_FIELD_TYPE, type);
    tlv_put_text(frame, WIRE_FIELD_DECLARED, declared);
    tlv_end(frame, mark);
}

/* ---- the memory file ---- */

FAKE_UNUSED static struct wire_chunk *fake_chunk(struct fake *fake, uint32_t index)
{
    struct wire_file *file = (struct wire_file *)fake->file;
    return (struct wire_chunk *)(fake->file + file->chunks_offset + index * WIRE_CHUNK_BYTES);
}

FAKE_UNUSED static void fake_make_file(struct fake *fake, bool sealed)
{
    uint64_t counters = 4096;
    uint64_t chunks = counters + FAKE_SHARDS * FAKE_SITES * WIRE_COUNTERS * 8;
    chunks = (chunks + 4095) & ~4095ull;
    fake->file_bytes = chunks + FAKE_CHUNKS * WIRE_CHUNK_BYTES;
    fake->memory = memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fake->memory < 0 || ftruncate(fake->memory, (off_t)fake->file_bytes) != 0)
        _exit(94);
    if (sealed)
        fcntl(fake->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    fake->file = mmap(NULL, fake->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fake->memory, 0);
    struct wire_file *file = (struct wire_file *)fake->file;
    file->magic = WIRE_FILE_MAGIC;
    file->major = WIRE_MAJOR;
    file->minor = WIRE_MINOR;
    file->header_bytes = sizeof *file;
    file->file_bytes = fake->file_bytes;
    file->shards = FAKE_SHARDS;
    file->sites = FAKE_SITES;
    file->counters_offset = counters;
    file->chunk_count = FAKE_CHUNKS;
    file->chunk_bytes = WIRE_CHUNK_BYTES;
    file->chunks_offset = chunks;
    file->clock = WIRE_CLOCK_MONOTONIC;
    file->free_chunks[0] = ~0ull;
}

FAKE_UNUSED static void fake_add(struct fake *fake, uint32_t site, enum wire_counter counter,
                                 uint64_t count)
{
    struct wire_file *file = (struct wire_file *)fake->file;
    uint64_t *counters = (uint64_t *)(fake->file + file->counters_offset);
    uint32_t shard = (uint32_t)(count & 1);
    __atomic_fetch_add(&counters[(shard * FAKE_SITES + site) * WIRE_COUNTERS + counter], count,
                       __ATOMIC_RELAXED);
}

/* Takes a free chunk for a thread; NULL: none. */
FAKE_UNUSED static struct wire_chunk *fake_take_chunk(struct fake *fake, uint32_t slot)
{
    struct wire_file *file = (struct wire_file *)fake->file;
    uint64_t free = atomic_load(&file->free_chunks[0]);
    if (!free)
        return NULL;
    uint32_t index = (uint32_t)__builtin_ctzll(free);
    atomic_fetch_and(&file->free_chunks[0], ~(1ull << index));
    struct wire_chunk *chunk = fake_chunk(fake, index);
    chunk->thread = 100 + slot;
    chunk->slot = slot;
    chunk->sequence = ++fake->sequence;
    atomic_store(&chunk->written, sizeof *chunk);
    atomic_store(&chunk->state, WIRE_CHUNK_OPEN);
    return chunk;
}

/* Writes a whole record for the thread `slot`; false: dropped. */
FAKE_UNUSED static bool fake_write(struct fake *fake, uint32_t slot, const void *record,
                                   size_t bytes)
{
    struct wire_chunk *chunk = fake->open[slot];
    if (chunk && atomic_load(&chunk->written) + bytes > WIRE_CHUNK_BYTES) {
        atomic_store(&chunk->state, WIRE_CHUNK_FULL);
        chunk = fake->open[slot] = NULL;
    }
    if (!chunk)
        chunk = fake->open[slot] = fake_take_chunk(fake, slot);
    if (!chunk)
        return false;
    uint32_t written = atomic_load(&chunk->written);
    memcpy((uint8_t *)chunk + written, record, bytes);
    atomic_store(&chunk->written, written + (uint32_t)bytes);
    return true;
}

/* ---- records ---- */

struct fake_record {
    uint64_t words[512];
    size_t bytes;
};

FAKE_UNUSED static void fake_begin(struct fake_record *record, enum wire_record_kind kind,
                                   uint32_t site, uint64_t call, uint64_t time)
{
    struct wire_record head = {.kind = kind, .site = site, .call = call, .time = time};
    memset(record, 0, sizeof *record);
    memcpy(record->words, &head, sizeof head);
    record->bytes = sizeof head;
}

FAKE_UNUSED static void fake_value(struct fake_record *record, struct wire_value head,
                                   const struct wire_typed *typed, const void *bytes, size_t length)
{
    uint8_t *to = (uint8_t *)record->words + record->bytes;
    head.length = (uint32_t)(length + (typed ? sizeof *typed : 0));
    memcpy(to, &head, sizeof head);
    to += sizeof head;
    if (typed) {
        memcpy(to, typed, sizeof *typed);
        to += sizeof *typed;
    }
    if (length)
        memcpy(to, bytes, length);
    record->bytes = (record->bytes + sizeof head + head.length + 7) & ~(size_t)7;
}

FAKE_UNUSED static void fake_scalar(struct fake_record *record, uint16_t slot, uint8_t element,
                                    uint64_t bits)
{
    struct wire_value head = {.kind = WIRE_VALUE_SCALAR, .element = element, .slot = slot};
    fake_value(record, head, NULL, &bits, 8);
}

FAKE_UNUSED static void fake_key(struct fake_record *record, uint64_t key)
{
    struct wire_value head = {.kind = WIRE_VALUE_KEY, .slot = WIRE_SLOT_KEY};
    fake_value(record, head, NULL, &key, 8);
}

FAKE_UNUSED static void fake_string(struct fake_record *record, uint16_t slot, uint16_t parent,
                                    uint32_t at, const char *text)
{
    struct wire_value head = {.kind = WIRE_VALUE_STRING,
                              .element = ELEMENT_TYPE_STRING,
                              .slot = slot,
                              .parent = parent,
                              .at = at};
    struct wire_typed typed = {.type = 0, .total = (uint32_t)strlen(text)};
    uint16_t units[256];
    for (size_t i = 0; i < strlen(text); i++)
        units[i] = (unsigned char)text[i];
    fake_value(record, head, &typed, units, 2 * strlen(text));
}

FAKE_UNUSED static bool fake_end(struct fake *fake, uint32_t slot, struct fake_record *record)
{
    struct wire_record *head = (struct wire_record *)record->words;
    head->size = (uint16_t)(record->bytes / 8);
    return fake_write(fake, slot, record->words, record->bytes);
}

/* ---- the life of a session ---- */

FAKE_UNUSED static void fake_session(struct fake *fake, uint32_t methods)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_SESSION);
    tlv_put_u32(&frame, WIRE_SESSION_ID, 1);
    tlv_put_u32(&frame, WIRE_SESSION_METHODS, methods);
    tlv_put_u32(&frame, WIRE_SESSION_INLINERS_BY_RUNTIME, 1);
    tlv_put_u32(&frame, WIRE_SESSION_MODULES, 12);
    wire_frame_end(&frame, mark);
    fake_send(fake, &frame, fake->memory);
}

FAKE_UNUSED static void fake_ended(struct fake *fake, uint32_t reverted)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    size_t mark = wire_frame_begin(&frame, WIRE_MSG_ENDED);
    tlv_put_u32(&frame, WIRE_ENDED_REVERTED, reverted);
    wire_frame_end(&frame, mark);
    atomic_store(&((struct wire_file *)fake->file)->ended, 1);
    fake_send(fake, &frame, -1);
}

/* Answers WANT_TYPE by `answer` until END comes (true) or the connection ends. */
FAKE_UNUSED static bool fake_serve(struct fake *fake,
                                   void (*answer)(struct fake *fake, uint64_t id))
{
    for (;;) {
        struct reader payload;
        struct tlv field;
        uint16_t type = fake_receive(fake, &payload, -1);
        if (type == 0)
            return false;
        if (type == WIRE_MSG_END)
            return true;
        if (type == WIRE_MSG_WANT_TYPE)
            while (tlv_next(&payload, &field))
                if (field.tag == WIRE_WANT_ID && answer)
                    answer(fake, tlv_u64(&field));
    }
}

/* Looks like a .NET process: it maps a file of the runtime's name. */
FAKE_UNUSED static void fake_runtime(void)
{
    char folder[] = "/tmp/command_fake_XXXXXX", path[64];
    if (!mkdtemp(folder))
        _exit(92);
    snprintf(path, sizeof path, "%s/libcoreclr.so", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0 ||
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
        _exit(91);
    close(fd);
    unlink(path);
    rmdir(folder);
}

/* What the agent does before it takes the connection; NULL: it takes it at once. */
static void (*fake_prelude)(int listener);

FAKE_UNUSED static pid_t fake_fork(fake_scenario *scenario)
{
    int ready[2];
    if (pipe(ready) != 0)
        return -1;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        fake_runtime();
        int listener = fake_listen();
        static struct fake fake;
        if (write(ready[1], fake_path, sizeof fake_path) != sizeof fake_path)
            _exit(93);
        if (fake_prelude)
            fake_prelude(listener);
        fake.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        buffer_init(&fake.received, 0);
        arena_init(&fake.arena, 0);
        fake_hello(&fake);
        scenario(&fake);
        unlink(fake_path);
        _exit(0);
    }
    close(ready[1]);
    if (read(ready[0], fake_path, sizeof fake_path) != sizeof fake_path)
        pid = -1;
    close(ready[0]);
    return pid;
}

#endif
