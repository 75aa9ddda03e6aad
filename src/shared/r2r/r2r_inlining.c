#include "r2r_inlining.h"

#include "metadata_tables.h"
#include "r2r_native.h"

#define NAME_110 "section 110 (inlining)"
#define NAME_114 "section 114 (inlining)"
#define NAME_119 "section 119 (inlining)"

enum inlinee_flag {
    INLINEE_IMPORTED = 1,
    INLINEE_HAS_IMPORTED_INLINERS = 2,
    INLINEE_SHIFT = 2,
};

struct walk {
    const struct r2r_image *r2r;
    r2r_pair_visit visit;
    void *context;
    struct r2r_inlining_count count;
    struct error *error;
    const char *name;  /* of the section at hand */
    uint32_t self;     /* module index of methods without one */
    uint32_t own_rows; /* MethodDefs of module `self`, as far as they are known */
    size_t budget;     /* numbers that the section may still hold */
    struct r2r_pair pair;
    bool stopped;
};

static enum status malformed(const struct walk *walk, uint64_t offset, const char *what)
{
    return error_set_at(walk->error, STATUS_MALFORMED, (int64_t)offset, "%s: %s", walk->name, what);
}

static enum status check_row(const struct walk *walk, uint32_t module, uint32_t row,
                             uint64_t offset)
{
    if (row == 0 || row > CLR_RID_MAX)
        return malformed(walk, offset, "a method without a row");
    if (module == walk->self && row > walk->own_rows)
        return error_set_at(walk->error, STATUS_MALFORMED, (int64_t)offset,
                            "%s: method row %u, and the assembly has %u", walk->name, row,
                            walk->own_rows);
    return STATUS_OK;
}

static struct r2r_method defined(uint32_t module, uint32_t row)
{
    return (struct r2r_method){.kind = R2R_METHOD_DEFINED,
                               .module = module,
                               .token = token_make(CLR_TABLE_MethodDef, row)};
}

static void begin_entry(struct walk *walk, struct r2r_method inlinee, uint64_t offset)
{
    walk->pair.inlinee = inlinee;
    walk->pair.offset = offset;
    walk->pair.first = true;
    walk->count.inlinees++;
}

static void tell(struct walk *walk, struct r2r_method inliner)
{
    walk->pair.inliner = inliner;
    walk->count.pairs++;
    if (!walk->visit(walk->context, &walk->pair))
        walk->stopped = true;
    walk->pair.first = false;
}

/* ---- 110: an index by row, and lists of nibbles ---- */

struct nibbles {
    struct reader reader;
    uint8_t byte;
    bool half; /* the high nibble of `byte` is next */
};

static uint32_t read_nibble(struct nibbles *nibbles)
{
    nibbles->half = !nibbles->half;
    if (!nibbles->half)
        return nibbles->byte >> 4;
    nibbles->byte = reader_u8(&nibbles->reader);
    return nibbles->byte & 15;
}

/* Three bits a nibble, the highest ones first; the fourth says that more follow. */
static uint32_t read_number(struct nibbles *nibbles)
{
    uint32_t value = 0, nibble = 0;
    do {
        if (value >> 29)
            reader_skip(&nibbles->reader, SIZE_MAX);
        nibble = read_nibble(nibbles);
        value = value << 3 | (nibble & 7);
    } while ((nibble & 8) && !reader_failed(&nibbles->reader));
    return value;
}

static enum status read_nibble_list(struct walk *walk, struct reader list, uint32_t inlinee,
                                    uint64_t offset)
{
    struct nibbles nibbles = {.reader = list};
    uint64_t start = reader_offset(&list);
    uint32_t count = read_number(&nibbles), row = 0;
    if (reader_failed(&nibbles.reader) || count > walk->budget)
        return malformed(walk, start, "a list of inliners longer than the section");
    walk->budget -= count;
    enum status status = check_row(walk, walk->self, inlinee, offset);
    if (status == STATUS_OK)
        begin_entry(walk, defined(walk->self, inlinee), offset);
    for (uint32_t i = 0; status == STATUS_OK && i < count && !walk->stopped; i++) {
        row += read_number(&nibbles);
        if (reader_failed(&nibbles.reader))
            return malformed(walk, start, "a list of inliners is cut off");
        status = check_row(walk, walk->self, row, start);
        if (status == STATUS_OK)
            tell(walk, defined(walk->self, row));
    }
    return status;
}

static enum status walk_nibbles(struct walk *walk, struct reader section)
{
    struct reader index = section;
    uint32_t size = reader_u32(&index);
    struct reader records = reader_window(&section, 4, size);
    if (reader_failed(&index) || reader_failed(&records) || size % 8 != 0)
        return malformed(walk, section.base, "its index does not fit");
    struct reader lists = reader_window(&section, 4 + (size_t)size, section.length - 4 - size);
    enum status status = STATUS_OK;
    walk->budget = section.length * 2;
    while (status == STATUS_OK && reader_left(&records) > 0 && !walk->stopped) {
        uint64_t offset = reader_offset(&records);
        uint32_t row = reader_u32(&records);
        struct reader list = lists;
        reader_seek(&list, reader_u32(&records));
        status = read_nibble_list(walk, list, row, offset);
    }
    return status;
}

/* ---- 114 and 119: hash tables whose entries are counted lists of numbers ---- */

struct numbers {
    struct r2r_stream stream;
    uint32_t left;
};

static uint32_t take(struct numbers *numbers)
{
    if (numbers->left == 0) {
        numbers->stream.failed = true;
        return 0;
    }
    numbers->left--;
    return r2r_stream_next(&numbers->stream);
}

static enum status cut_off(const struct walk *walk)
{
    return malformed(walk, walk->pair.offset, "an entry is cut off");
}

/* Each number takes a byte at least and no byte is of two entries, so all lists together hold
 * no more numbers than the section bytes. */
static enum status begin_numbers(struct walk *walk, struct numbers *numbers)
{
    uint64_t offset = r2r_stream_offset(&numbers->stream);
    walk->pair.offset = offset;
    numbers->left = r2r_stream_next(&numbers->stream);
    if (numbers->stream.failed || numbers->left > walk->budget || numbers->left == 0)
        return malformed(walk, offset, "an entry of more numbers than the section holds");
    walk->budget -= numbers->left;
    return STATUS_OK;
}

static bool row_is_there(const struct walk *walk, uint32_t module, uint32_t row)
{
    return row != 0 && row <= (module == walk->self ? walk->own_rows : CLR_RID_MAX);
}

/* Rows as differences, doubled; odd: a module index follows. */
static enum status read_inliners(struct walk *walk, struct numbers *numbers, uint32_t same,
                                 bool modules)
{
    uint32_t row = 0;
    while (numbers->left > 0 && !walk->stopped) {
        uint32_t value = take(numbers), module = same;
        row += modules ? value >> 1 : value;
        if (modules && (value & 1))
            module = take(numbers);
        if (numbers->stream.failed)
            return cut_off(walk);
        if (!row_is_there(walk, module, row))
            return check_row(walk, module, row, walk->pair.offset);
        tell(walk, defined(module, row));
    }
    return STATUS_OK;
}

static enum status read_entry_114(struct walk *walk, struct numbers *numbers)
{
    uint32_t value = take(numbers), module = walk->self;
    if (value & 1)
        module = take(numbers);
    if (numbers->stream.failed)
        return cut_off(walk);
    enum status status = check_row(walk, module, value >> 1, walk->pair.offset);
    if (status != STATUS_OK)
        return status;
    begin_entry(walk, defined(module, value >> 1), walk->pair.offset);
    return read_inliners(walk, numbers, walk->self, true);
}

static struct r2r_method imported(uint32_t import)
{
    return (struct r2r_method){.kind = R2R_METHOD_IMPORTED, .import = import};
}

static enum status read_imported_inliners(struct walk *walk, struct numbers *numbers)
{
    uint32_t count = take(numbers);
    for (uint32_t i = 0; i < count && !walk->stopped; i++) {
        uint32_t import = take(numbers);
        if (numbers->stream.failed)
            return cut_off(walk);
        if (import >= walk->r2r->import_count)
            return malformed(walk, walk->pair.offset, "an inliner by an import that is not there");
        tell(walk, imported(import));
    }
    return STATUS_OK;
}

static enum status read_entry_119(struct walk *walk, struct numbers *numbers)
{
    bool modules = walk->r2r->core.flags & R2R_FLAG_MULTI_MODULE_BUBBLE;
    uint32_t value = take(numbers), module = 0, index = value >> INLINEE_SHIFT;
    enum status status = STATUS_OK;
    if (!(value & INLINEE_IMPORTED) && modules)
        module = take(numbers);
    if (numbers->stream.failed)
        return cut_off(walk);
    if (!(value & INLINEE_IMPORTED))
        status = check_row(walk, module, index, walk->pair.offset);
    else if (index >= walk->r2r->import_count)
        status = malformed(walk, walk->pair.offset, "an inlinee by an import that is not there");
    if (status != STATUS_OK)
        return status;
    begin_entry(walk, value & INLINEE_IMPORTED ? imported(index) : defined(module, index),
                walk->pair.offset);
    if (value & INLINEE_HAS_IMPORTED_INLINERS)
        status = read_imported_inliners(walk, numbers);
    return status == STATUS_OK ? read_inliners(walk, numbers, module, modules) : status;
}

static enum status walk_table(struct walk *walk, struct reader section,
                              enum status (*read_entry)(struct walk *, struct numbers *))
{
    struct r2r_table table;
    struct numbers numbers;
    struct reader payload;
    enum status status = r2r_table_open(&table, section, walk->name, walk->error);
    walk->budget = section.length;
    while (status == STATUS_OK && !walk->stopped &&
           (status = r2r_table_next(&table, &payload, walk->error)) == STATUS_OK) {
        r2r_stream_init(&numbers.stream, payload);
        status = begin_numbers(walk, &numbers);
        if (status == STATUS_OK)
            status = read_entry(walk, &numbers);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* ---- all tables of an image ---- */

static enum status walk_core(struct walk *walk, const struct r2r_core *core)
{
    struct reader section;
    enum status status = STATUS_OK;
    if (r2r_section(walk->r2r, core, R2R_SECTION_INLINING, &section)) {
        walk->name = NAME_110;
        walk->pair.table = R2R_SECTION_INLINING;
        status = walk_nibbles(walk, section);
    }
    if (status == STATUS_OK && !walk->stopped &&
        r2r_section(walk->r2r, core, R2R_SECTION_INLINING2, &section)) {
        walk->name = NAME_114;
        walk->pair.table = R2R_SECTION_INLINING2;
        status = walk_table(walk, section, read_entry_114);
    }
    if (status == STATUS_OK && !walk->stopped &&
        r2r_section(walk->r2r, core, R2R_SECTION_CROSS_MODULE_INLINING, &section)) {
        walk->name = NAME_119;
        walk->pair.table = R2R_SECTION_CROSS_MODULE_INLINING;
        status = walk_table(walk, section, read_entry_119);
    }
    return status;
}

/* Rows of components are not known here: their metadata stands in other files. */
static enum status walk_components(struct walk *walk)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < walk->r2r->component_count && status == STATUS_OK && !walk->stopped;
         i++) {
        struct r2r_component component;
        status = r2r_component_read(walk->r2r, i, &component, walk->error);
        if (status != STATUS_OK)
            break;
        walk->self = component.module;
        status = walk_core(walk, &component.core);
    }
    return status;
}

enum status r2r_inlining_walk(const struct r2r_image *r2r, r2r_pair_visit visit, void *context,
                              struct r2r_inlining_count *count, struct error *error)
{
    struct walk walk = {.r2r = r2r, .visit = visit, .context = context, .error = error};
    walk.own_rows =
        r2r->composite ? CLR_RID_MAX : metadata_row_count(r2r->image, CLR_TABLE_MethodDef);
    enum status status = walk_core(&walk, &r2r->core);
    if (status == STATUS_OK && !walk.stopped)
        status = walk_components(&walk);
    if (count)
        *count = walk.count;
    return status;
}

static bool core_records(const struct r2r_image *r2r, const struct r2r_core *core)
{
    struct reader section;
    return r2r_section(r2r, core, R2R_SECTION_INLINING, &section) ||
           r2r_section(r2r, core, R2R_SECTION_INLINING2, &section) ||
           r2r_section(r2r, core, R2R_SECTION_CROSS_MODULE_INLINING, &section);
}

bool r2r_inlining_recorded(const struct r2r_image *r2r)
{
    struct r2r_component component;
    if (core_records(r2r, &r2r->core))
        return true;
    for (uint32_t i = 0; i < r2r->component_count; i++)
        if (r2r_component_read(r2r, i, &component, NULL) == STATUS_OK &&
            core_records(r2r, &component.core))
            return true;
    return false;
}
