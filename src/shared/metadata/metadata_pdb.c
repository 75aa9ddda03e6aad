/* Portable pdbs: opening, documents, sequence points (Portable PDB format document). */
#include "metadata_pdb.h"

#include <string.h>

#include "metadata_inflate.h"
#include "metadata_internal.h"
#include "metadata_names.h"

#define MAX_INFLATED   ((size_t)256 << 20)
#define MAX_PATH_PARTS 256
#define HIDDEN_LINE    0xfeefee
#define WINDOWS_PDB    "Microsoft C/C++"

enum status metadata_pdb_open(struct metadata_pdb *pdb, const void *bytes, size_t length,
                              struct error *error)
{
    memset(pdb, 0, sizeof(*pdb));
    struct reader start;
    reader_init(&start, bytes, length);
    const uint8_t *head = reader_bytes(&start, sizeof(WINDOWS_PDB) - 1);
    if (head && memcmp(head, WINDOWS_PDB, sizeof(WINDOWS_PDB) - 1) == 0)
        return error_set(error, STATUS_UNSUPPORTED,
                         "a Windows pdb, not a portable one (DebugType portable or embedded)");
    enum status status = metadata_image_open_root(&pdb->image, bytes, length, error);
    if (status)
        return status;
    struct reader id = pdb->image.pdb;
    reader_copy(&id, pdb->guid, sizeof(pdb->guid));
    pdb->stamp = reader_u32(&id);
    if (reader_failed(&id))
        return error_set_at(error, STATUS_MALFORMED, 0, "not a portable pdb: no #Pdb stream");
    return STATUS_OK;
}

enum status metadata_pdb_check(const struct metadata_pdb *pdb, const struct metadata_image *image,
                               struct error *error)
{
    struct metadata_debug debug;
    metadata_image_debug(image, &debug);
    if (!debug.has_codeview)
        return error_set(error, STATUS_NOT_FOUND, "'%s' does not say which pdb is its own",
                         metadata_image_module(image));
    if (memcmp(debug.pdb_guid, pdb->guid, sizeof(pdb->guid)) != 0 ||
        (debug.portable && debug.pdb_stamp != pdb->stamp))
        return error_set(error, STATUS_NOT_FOUND, "the pdb belongs to another build of '%s'",
                         metadata_image_module(image));
    return STATUS_OK;
}

enum status metadata_pdb_inflate(const struct metadata_image *image, struct buffer *out,
                                 struct error *error)
{
    struct metadata_debug debug;
    metadata_image_debug(image, &debug);
    if (debug.embedded.length == 0)
        return error_set(error, STATUS_NOT_FOUND, "'%s' holds no embedded pdb",
                         metadata_image_module(image));
    if (debug.embedded_size > MAX_INFLATED)
        return error_set(error, STATUS_LIMIT, "the embedded pdb of '%s' is too big (%u bytes)",
                         metadata_image_module(image), debug.embedded_size);
    return metadata_inflate(debug.embedded, debug.embedded_size, out, error);
}

void metadata_points_begin(const struct metadata_pdb *pdb, mdToken method,
                           struct metadata_points *points)
{
    uint32_t row = token_rid(method);
    memset(points, 0, sizeof(*points));
    points->first_visible = true;
    points->blob = metadata_cell_blob(&pdb->image, CLR_TABLE_MethodDebugInformation, row,
                                      METADATA_METHOD_DEBUG_INFORMATION_SEQUENCE_POINTS);
    points->at.document = metadata_cell(&pdb->image, CLR_TABLE_MethodDebugInformation, row,
                                        METADATA_METHOD_DEBUG_INFORMATION_DOCUMENT);
    if (reader_left(&points->blob) == 0)
        return;
    reader_compressed_u32(&points->blob); /* local signature */
    if (points->at.document == 0)
        points->at.document = reader_compressed_u32(&points->blob);
}

/* Start line and column: absolute at first, then relative to the last visible point. */
static void read_start(struct metadata_points *points, uint32_t lines, int32_t columns)
{
    struct metadata_point *at = &points->at;
    if (points->first_visible) {
        at->line = reader_compressed_u32(&points->blob);
        at->column = (uint16_t)reader_compressed_u32(&points->blob);
    } else {
        at->line += (uint32_t)reader_compressed_i32(&points->blob);
        at->column = (uint16_t)(at->column + reader_compressed_i32(&points->blob));
    }
    points->first_visible = false;
    at->end_line = at->line + lines;
    at->end_column = (uint16_t)(at->column + columns);
}

bool metadata_points_next(struct metadata_points *points, struct metadata_point *point)
{
    struct reader *blob = &points->blob;
    while (reader_left(blob) > 0 && !reader_failed(blob)) {
        uint32_t offset = reader_compressed_u32(blob);
        if (points->begun && offset == 0) { /* from here on another document */
            points->at.document = reader_compressed_u32(blob);
            continue;
        }
        points->at.il_offset = points->begun ? points->at.il_offset + offset : offset;
        points->begun = true;
        uint32_t lines = reader_compressed_u32(blob);
        int32_t columns =
            lines ? reader_compressed_i32(blob) : (int32_t)reader_compressed_u32(blob);
        if (lines == 0 && columns == 0)
            continue; /* hidden */
        read_start(points, lines, columns);
        if (reader_failed(blob))
            return false;
        if (points->at.line == HIDDEN_LINE)
            continue;
        *point = points->at;
        return true;
    }
    return false;
}

/* A document's name: a separator, then blobs of parts that stand between separators. */
static struct reader document_blob(const struct metadata_pdb *pdb, uint32_t document,
                                   char *separator)
{
    struct reader blob =
        metadata_cell_blob(&pdb->image, CLR_TABLE_Document, document, METADATA_DOCUMENT_NAME);
    *separator = (char)reader_u8(&blob);
    return blob;
}

void metadata_document_print(const struct metadata_pdb *pdb, uint32_t document, struct buffer *text)
{
    char separator;
    struct reader blob = document_blob(pdb, document, &separator);
    for (int i = 0; i < MAX_PATH_PARTS && reader_left(&blob) > 0; i++) {
        struct reader part = metadata_blob(&pdb->image, reader_compressed_u32(&blob));
        size_t length = reader_left(&part);
        const uint8_t *bytes = reader_bytes(&part, length);
        if (i > 0 && separator)
            buffer_append(text, &separator, 1);
        if (bytes)
            buffer_append(text, bytes, length);
    }
}

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

bool metadata_document_matches(const struct metadata_pdb *pdb, uint32_t document, const char *file,
                               size_t length)
{
    struct buffer path;
    buffer_init(&path, 64 * 1024);
    metadata_document_print(pdb, document, &path);
    bool same = length > 0 && path.length >= length;
    for (size_t i = 0; same && i < length; i++) {
        char a = (char)path.data[path.length - length + i], b = file[i];
        same = a == b || (is_separator(a) && is_separator(b));
    }
    if (same && path.length > length && !is_separator(file[0]))
        same = is_separator((char)path.data[path.length - length - 1]);
    buffer_release(&path);
    return same;
}

static bool first_point(const struct metadata_pdb *pdb, mdToken method,
                        struct metadata_point *point)
{
    struct metadata_points points;
    metadata_points_begin(pdb, method, &points);
    return method != mdTokenNil && metadata_points_next(&points, point);
}

bool metadata_pdb_first_line(const struct metadata_pdb *pdb, const struct metadata_image *image,
                             mdToken method, uint32_t *document, uint32_t *line)
{
    struct metadata_method described;
    struct metadata_point point;
    if (metadata_method_describe(image, method, &described, NULL))
        return false;
    if (!first_point(pdb, described.move_next, &point) && !first_point(pdb, method, &point))
        return false;
    *document = point.document;
    *line = point.line;
    return true;
}
