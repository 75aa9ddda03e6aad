// uses: metadata
/* Pattern texts; matched against the assembly that REJIG_FUZZ_IMAGE names, where it does. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata_pattern.h"

static struct metadata_image image;
static bool opened;

static void open_image(void)
{
    static uint8_t bytes[1 << 20];
    const char *path = getenv("REJIG_FUZZ_IMAGE");
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file)
        return;
    size_t length = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    opened = metadata_image_open(&image, bytes, length, false, NULL) == STATUS_OK;
}

static bool ignore(void *context, mdToken method)
{
    (void)context;
    (void)method;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool tried;
    const struct metadata_pattern *pattern;
    const struct metadata_image *images[] = {&image};
    struct arena arena;
    struct buffer text;
    struct error error;
    char copy[600];
    if (!tried)
        open_image();
    tried = true;
    size = size < sizeof(copy) - 1 ? size : sizeof(copy) - 1;
    memcpy(copy, data, size);
    copy[size] = 0;
    arena_init(&arena, 1 << 22);
    buffer_init(&text, 1 << 20);
    enum status status = metadata_pattern_parse(copy, &arena, &pattern, &error);
    if (status && (error.offset < 0 || (size_t)error.offset > strlen(copy)))
        abort(); /* every error has its column, within the text */
    if (!status && opened) {
        metadata_pattern_match(pattern, &image, NULL, ignore, NULL, NULL);
        metadata_pattern_nearest(pattern, images, 1, 3, &text);
    }
    buffer_release(&text);
    arena_release(&arena);
    return 0;
}
