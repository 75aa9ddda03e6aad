/* Runs of rows and look-ups by key (ECMA-335 II.22: which tables are sorted, and by what). */
#include "clr_flags.h"
#include "metadata_internal.h"
#include "metadata_tables.h"

static struct metadata_rows rows_of(uint32_t table, uint32_t next, uint32_t end)
{
    struct metadata_rows rows = {.table = table, .next = next, .end = end};
    return rows;
}

/* The run that row `owner` of a table begins in another: up to where the next owner's begins. */
static struct metadata_rows run_of(const struct metadata_image *image, uint32_t owners,
                                   uint32_t owner, uint32_t column, uint32_t table,
                                   uint32_t pointers)
{
    if (owner == 0 || owner > metadata_row_count(image, owners))
        return rows_of(table, 0, 0);
    bool indirect = metadata_row_count(image, pointers) > 0;
    uint32_t last = metadata_row_count(image, indirect ? pointers : table) + 1;
    uint32_t next = metadata_cell(image, owners, owner, column);
    uint32_t end = last;
    if (owner < metadata_row_count(image, owners))
        end = metadata_cell(image, owners, owner + 1, column);
    if (end > last)
        end = last;
    struct metadata_rows rows = rows_of(table, next ? next : end, end);
    rows.through = indirect ? pointers : 0;
    return rows;
}

mdToken metadata_rows_next(const struct metadata_image *image, struct metadata_rows *rows)
{
    while (rows->next < rows->end) {
        uint32_t row = rows->next++;
        if (rows->filtered && metadata_cell(image, rows->table, row, rows->column) != rows->key)
            continue;
        if (!rows->through)
            return token_make(rows->table, row);
        mdToken token = metadata_cell_token(image, rows->through, row, 0);
        if (metadata_token_exists(image, token))
            return token;
    }
    return mdTokenNil;
}

/* The first row whose key is not below `key`. */
static uint32_t lower_bound(const struct metadata_image *image, uint32_t table, uint32_t column,
                            uint32_t key)
{
    uint32_t low = 1, high = metadata_row_count(image, table) + 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (metadata_cell(image, table, middle, column) < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* All rows with that key: a run where the table is sorted by it, else a filter. */
static struct metadata_rows rows_with_key(const struct metadata_image *image, uint32_t table,
                                          uint32_t column, uint32_t key)
{
    uint32_t end = metadata_row_count(image, table) + 1;
    struct metadata_rows rows = rows_of(table, 1, end);
    rows.column = column;
    rows.key = key;
    rows.filtered = true;
    if (key == 0) {
        rows.end = 0;
    } else if (table < METADATA_TABLE_COUNT && image->tables[table].sorted) {
        rows.next = lower_bound(image, table, column, key);
        rows.end = rows.next;
        while (rows.end < end && metadata_cell(image, table, rows.end, column) == key)
            rows.end++;
        rows.filtered = false;
    }
    return rows;
}

/* The one row with that key, or 0. */
static uint32_t row_with_key(const struct metadata_image *image, uint32_t table, uint32_t column,
                             uint32_t key)
{
    struct metadata_rows rows = rows_with_key(image, table, column, key);
    return token_rid(metadata_rows_next(image, &rows));
}

struct metadata_rows metadata_type_methods(const struct metadata_image *image, mdToken type)
{
    return run_of(image, CLR_TABLE_TypeDef, token_rid(type), METADATA_TYPE_DEF_METHODS,
                  CLR_TABLE_MethodDef, CLR_TABLE_MethodPtr);
}

struct metadata_rows metadata_type_fields(const struct metadata_image *image, mdToken type)
{
    return run_of(image, CLR_TABLE_TypeDef, token_rid(type), METADATA_TYPE_DEF_FIELDS,
                  CLR_TABLE_Field, CLR_TABLE_FieldPtr);
}

/* PropertyMap and EventMap are sorted by nothing that one may rely on. */
static uint32_t map_row(const struct metadata_image *image, uint32_t map, mdToken type)
{
    uint32_t rows = metadata_row_count(image, map);
    for (uint32_t row = 1; row <= rows; row++)
        if (metadata_cell(image, map, row, 0) == token_rid(type))
            return row;
    return 0;
}

struct metadata_rows metadata_type_properties(const struct metadata_image *image, mdToken type)
{
    return run_of(image, CLR_TABLE_PropertyMap, map_row(image, CLR_TABLE_PropertyMap, type),
                  METADATA_PROPERTY_MAP_PROPERTIES, CLR_TABLE_Property, CLR_TABLE_PropertyPtr);
}

struct metadata_rows metadata_type_events(const struct metadata_image *image, mdToken type)
{
    return run_of(image, CLR_TABLE_EventMap, map_row(image, CLR_TABLE_EventMap, type),
                  METADATA_EVENT_MAP_EVENTS, CLR_TABLE_Event, CLR_TABLE_EventPtr);
}

struct metadata_rows metadata_type_interfaces(const struct metadata_image *image, mdToken type)
{
    return rows_with_key(image, CLR_TABLE_InterfaceImpl, METADATA_INTERFACE_IMPL_CLASS,
                         token_rid(type));
}

struct metadata_rows metadata_type_nested(const struct metadata_image *image, mdToken type)
{
    struct metadata_rows rows =
        rows_of(CLR_TABLE_NestedClass, 1, metadata_row_count(image, CLR_TABLE_NestedClass) + 1);
    rows.column = METADATA_NESTED_CLASS_ENCLOSING;
    rows.key = token_rid(type);
    rows.filtered = true;
    return rows;
}

struct metadata_rows metadata_method_params(const struct metadata_image *image, mdToken method)
{
    return run_of(image, CLR_TABLE_MethodDef, token_rid(method), METADATA_METHOD_DEF_PARAMS,
                  CLR_TABLE_Param, CLR_TABLE_ParamPtr);
}

struct metadata_rows metadata_generic_params(const struct metadata_image *image, mdToken owner)
{
    return rows_with_key(image, CLR_TABLE_GenericParam, METADATA_GENERIC_PARAM_OWNER,
                         metadata_encode(METADATA_CODED_TYPE_OR_METHOD_DEF, owner));
}

struct metadata_rows metadata_attributes(const struct metadata_image *image, mdToken token)
{
    return rows_with_key(image, CLR_TABLE_CustomAttribute, METADATA_CUSTOM_ATTRIBUTE_PARENT,
                         metadata_encode(METADATA_CODED_HAS_CUSTOM_ATTRIBUTE, token));
}

struct metadata_rows metadata_accessors(const struct metadata_image *image, mdToken member)
{
    return rows_with_key(image, CLR_TABLE_MethodSemantics, METADATA_METHOD_SEMANTICS_ASSOCIATION,
                         metadata_encode(METADATA_CODED_HAS_SEMANTICS, member));
}

/* The position of a row within its *Ptr table, which runs speak of; the row itself without. */
static uint32_t position_of(const struct metadata_image *image, uint32_t row, uint32_t pointers)
{
    uint32_t count = metadata_row_count(image, pointers);
    if (count == 0)
        return row;
    for (uint32_t i = 1; i <= count; i++)
        if (metadata_cell(image, pointers, i, 0) == row)
            return i;
    return 0;
}

/* The last owner whose run begins at or before the position. */
static uint32_t owner_of(const struct metadata_image *image, uint32_t owners, uint32_t column,
                         uint32_t position)
{
    return position ? lower_bound(image, owners, column, position + 1) - 1 : 0;
}

static mdToken owner_through_map(const struct metadata_image *image, uint32_t map, uint32_t column,
                                 uint32_t position)
{
    return metadata_cell_token(image, map, owner_of(image, map, column, position), 0);
}

static mdToken type_or_nil(const struct metadata_image *image, uint32_t row)
{
    mdToken type = token_make(CLR_TABLE_TypeDef, row);
    return metadata_token_exists(image, type) ? type : mdTokenNil;
}

mdToken metadata_owner(const struct metadata_image *image, mdToken member)
{
    uint32_t row = token_rid(member);
    if (!metadata_token_exists(image, member))
        return mdTokenNil;
    switch (token_table(member)) {
    case CLR_TABLE_MethodDef:
        row = position_of(image, row, CLR_TABLE_MethodPtr);
        return type_or_nil(image,
                           owner_of(image, CLR_TABLE_TypeDef, METADATA_TYPE_DEF_METHODS, row));
    case CLR_TABLE_Field:
        row = position_of(image, row, CLR_TABLE_FieldPtr);
        return type_or_nil(image,
                           owner_of(image, CLR_TABLE_TypeDef, METADATA_TYPE_DEF_FIELDS, row));
    case CLR_TABLE_Property:
        row = position_of(image, row, CLR_TABLE_PropertyPtr);
        return owner_through_map(image, CLR_TABLE_PropertyMap, METADATA_PROPERTY_MAP_PROPERTIES,
                                 row);
    case CLR_TABLE_Event:
        row = position_of(image, row, CLR_TABLE_EventPtr);
        return owner_through_map(image, CLR_TABLE_EventMap, METADATA_EVENT_MAP_EVENTS, row);
    default:
        return mdTokenNil;
    }
}

mdToken metadata_enclosing(const struct metadata_image *image, mdToken type)
{
    uint32_t flags =
        metadata_cell(image, CLR_TABLE_TypeDef, token_rid(type), METADATA_TYPE_DEF_FLAGS);
    if ((flags & tdVisibilityMask) < tdNestedPublic)
        return mdTokenNil;
    uint32_t row =
        row_with_key(image, CLR_TABLE_NestedClass, METADATA_NESTED_CLASS_NESTED, token_rid(type));
    mdToken enclosing =
        metadata_cell_token(image, CLR_TABLE_NestedClass, row, METADATA_NESTED_CLASS_ENCLOSING);
    return metadata_token_exists(image, enclosing) ? enclosing : mdTokenNil;
}

mdToken metadata_method_param(const struct metadata_image *image, mdToken method, uint32_t sequence)
{
    struct metadata_rows rows = metadata_method_params(image, method);
    for (mdToken param; (param = metadata_rows_next(image, &rows)) != mdTokenNil;)
        if (metadata_cell(image, CLR_TABLE_Param, token_rid(param), METADATA_PARAM_SEQUENCE) ==
            sequence)
            return param;
    return mdTokenNil;
}

const char *metadata_param_name(const struct metadata_image *image, mdToken method,
                                uint32_t sequence)
{
    mdToken param = metadata_method_param(image, method, sequence);
    return metadata_cell_text(image, CLR_TABLE_Param, token_rid(param), METADATA_PARAM_NAME);
}

uint32_t metadata_method_semantics(const struct metadata_image *image, mdToken method)
{
    uint32_t rows = metadata_row_count(image, CLR_TABLE_MethodSemantics);
    for (uint32_t row = 1; row <= rows; row++)
        if (metadata_cell_token(image, CLR_TABLE_MethodSemantics, row,
                                METADATA_METHOD_SEMANTICS_METHOD) == method)
            return row;
    return 0;
}

uint32_t metadata_method_import(const struct metadata_image *image, mdToken method)
{
    return row_with_key(image, CLR_TABLE_ImplMap, METADATA_IMPL_MAP_MEMBER,
                        metadata_encode(METADATA_CODED_MEMBER_FORWARDED, method));
}

uint32_t metadata_constant(const struct metadata_image *image, mdToken token)
{
    return row_with_key(image, CLR_TABLE_Constant, METADATA_CONSTANT_PARENT,
                        metadata_encode(METADATA_CODED_HAS_CONSTANT, token));
}

uint32_t metadata_type_layout(const struct metadata_image *image, mdToken type)
{
    return row_with_key(image, CLR_TABLE_ClassLayout, METADATA_CLASS_LAYOUT_PARENT,
                        token_rid(type));
}
