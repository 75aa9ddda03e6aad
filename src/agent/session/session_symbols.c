#include "session_symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES ((size_t)256 << 10)

/* Read, not mapped: a mapped file that shrinks would fault in the target. */
static bool read_file(const char *path, struct buffer *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    ssize_t got = -1;
    void *room;
    while ((room = buffer_reserve(bytes, READ_BYTES)) != NULL) {
        got = read(fd, room, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        bytes->length += (size_t)got;
    }
    close(fd);
    return got == 0 && bytes->length > 0;
}

static bool try_bytes(struct session_symbols *symbols, const struct module *module)
{
    return metadata_pdb_open(&symbols->pdb, symbols->bytes.data, symbols->bytes.length, NULL) ==
               STATUS_OK &&
           metadata_pdb_check(&symbols->pdb, module->image, NULL) == STATUS_OK;
}

static bool try_file(struct session_symbols *symbols, const struct module *module, const char *path)
{
    buffer_release(&symbols->bytes);
    buffer_init(&symbols->bytes, SYMBOLS_MAX_BYTES);
    return read_file(path, &symbols->bytes) && try_bytes(symbols, module);
}

static bool try_embedded(struct session_symbols *symbols, const struct module *module)
{
    return metadata_pdb_inflate(module->image, &symbols->bytes, NULL) == STATUS_OK &&
           try_bytes(symbols, module);
}

bool session_symbols_open(struct session_symbols *symbols, const struct module *module)
{
    struct metadata_debug debug;
    char path[PATH_MAX];
    memset(symbols, 0, sizeof *symbols);
    buffer_init(&symbols->bytes, SYMBOLS_MAX_BYTES);
    if (module->image == NULL)
        return false;
    metadata_image_debug(module->image, &debug);
    if (debug.embedded_size > 0 && try_embedded(symbols, module))
        return true;
    if (!debug.has_codeview || !debug.portable)
        return false;
    const char *dot = strrchr(module->path, '.'), *slash = strrchr(module->path, '/');
    if (dot != NULL && (slash == NULL || dot > slash)) {
        int length =
            snprintf(path, sizeof path, "%.*s.pdb", (int)(dot - module->path), module->path);
        if (length > 0 && (size_t)length < sizeof path && try_file(symbols, module, path))
            return true;
    }
    return debug.pdb_path[0] == '/' && try_file(symbols, module, debug.pdb_path);
}

void session_symbols_release(struct session_symbols *symbols)
{
    buffer_release(&symbols->bytes);
}
