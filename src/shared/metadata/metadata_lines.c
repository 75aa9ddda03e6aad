/* Which methods hold a source line. */
#include <string.h>

#include "base_map.h"
#include "metadata_internal.h"
#include "metadata_pdb.h"

/* How one method stands to the line: lower is nearer. */
struct nearness {
    bool covers;   /* a point of it covers the line; else the line is only between its points */
    uint32_t span; /* lines from its first to its last */
};

struct lines {
    const struct metadata_pdb *pdb;
    const struct metadata_image *image;
    const char *file;
    size_t file_length;
    uint32_t line;
    struct map documents; /* document -> whether its path fits */
    bool file_known;
    struct nearness best;
    mdToken *methods;
    size_t room;
    size_t count;
};

static bool document_fits(struct lines *lines, uint32_t document)
{
    uint64_t fits;
    if (!map_get(&lines->documents, document, &fits)) {
        fits = metadata_document_matches(lines->pdb, document, lines->file, lines->file_length);
        map_put(&lines->documents, document, fits);
    }
    lines->file_known |= fits;
    return fits;
}

/* False where the method does not reach around the line. */
static bool measure(struct lines *lines, mdToken method, struct nearness *nearness)
{
    struct metadata_points points;
    struct metadata_point point;
    uint32_t first = UINT32_MAX, last = 0;
    nearness->covers = false;
    metadata_points_begin(lines->pdb, method, &points);
    while (metadata_points_next(&points, &point)) {
        if (!document_fits(lines, point.document))
            continue;
        first = point.line < first ? point.line : first;
        last = point.end_line > last ? point.end_line : last;
        nearness->covers |= point.line <= lines->line && lines->line <= point.end_line;
    }
    nearness->span = last - first;
    return first <= lines->line && lines->line <= last;
}

static bool is_constructor(const struct metadata_image *image, mdToken method)
{
    return metadata_cell_text(image, CLR_TABLE_MethodDef, token_rid(method),
                              METADATA_METHOD_DEF_NAME)[0] == '.';
}

static int compare(const struct nearness *a, const struct nearness *b)
{
    if (a->span != b->span)
        return a->span < b->span ? -1 : 1;
    return (int)b->covers - (int)a->covers;
}

static bool is_known(const struct lines *lines, mdToken method)
{
    for (size_t i = 0; i < lines->count && i < lines->room; i++)
        if (lines->methods[i] == method)
            return true;
    return false;
}

static void consider(struct lines *lines, mdToken method)
{
    struct nearness nearness;
    if (!measure(lines, method, &nearness))
        return;
    /* The points of a constructor are strewn over its type: field initialisers. Lines between
     * them are not its own. */
    if (!nearness.covers && is_constructor(lines->image, method))
        return;
    int order = lines->count ? compare(&nearness, &lines->best) : -1;
    if (order > 0)
        return;
    if (order < 0)
        lines->count = 0;
    lines->best = nearness;
    method = metadata_source_method(lines->image, method);
    if (is_known(lines, method))
        return;
    if (lines->count < lines->room)
        lines->methods[lines->count] = method;
    lines->count++;
}

size_t metadata_pdb_methods_at(const struct metadata_pdb *pdb, const struct metadata_image *image,
                               const char *file, size_t file_length, uint32_t line,
                               mdToken *methods, size_t room, bool *file_known)
{
    struct lines lines = {.pdb = pdb,
                          .image = image,
                          .file = file,
                          .file_length = file_length,
                          .line = line,
                          .methods = methods,
                          .room = room};
    map_init(&lines.documents);
    uint32_t rows = metadata_row_count(&pdb->image, CLR_TABLE_MethodDebugInformation);
    for (uint32_t row = 1; row <= rows; row++)
        consider(&lines, token_make(CLR_TABLE_MethodDef, row));
    map_release(&lines.documents);
    *file_known = lines.file_known;
    return lines.count;
}
