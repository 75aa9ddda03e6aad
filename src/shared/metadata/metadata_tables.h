/*
 * metadata_tables: rows, columns and heaps of an opened image (ECMA-335 II.22, II.24.2).
 *
 * Everything here reads untrusted rows and never fails loudly: a row that does not exist, an
 * index that leaves its heap, a tag that means nothing reads as 0, "" or an empty window.
 * Texts and windows are borrowed from the image. No allocation; any thread.
 * Tables are named CLR_TABLE_TypeDef (clr_token.h), columns METADATA_TYPE_DEF_NAME; rows
 * count from 1, as in tokens.
 */
#ifndef METADATA_TABLES_H
#define METADATA_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_reader.h"
#include "clr_token.h"
#include "metadata_image.h"

/* METADATA_TYPE_DEF_FLAGS = 0, METADATA_TYPE_DEF_NAME = 1, … */
enum metadata_column {
#define METADATA_COLUMN(table, position, name, kind, argument) METADATA_##name = position,
#include "metadata_tables.def"
};

uint32_t metadata_row_count(const struct metadata_image *image, uint32_t table);

/* The raw value of a cell. */
uint32_t metadata_cell(const struct metadata_image *image, uint32_t table, uint32_t row,
                       uint32_t column);
/* A cell that holds a row or coded index, as a token; mdTokenNil for none. */
mdToken metadata_cell_token(const struct metadata_image *image, uint32_t table, uint32_t row,
                            uint32_t column);
/* Cells that hold heap indices. Text is UTF-8 as far as the image is well-formed. */
const char *metadata_cell_text(const struct metadata_image *image, uint32_t table, uint32_t row,
                               uint32_t column);
struct reader metadata_cell_blob(const struct metadata_image *image, uint32_t table, uint32_t row,
                                 uint32_t column);

const char *metadata_string(const struct metadata_image *image, uint32_t index);
struct reader metadata_blob(const struct metadata_image *image, uint32_t index);
/* 16 bytes, or NULL; index counts from 1. */
const uint8_t *metadata_guid(const struct metadata_image *image, uint32_t index);
/* A user string (token 0x70…): its UTF-16LE bytes without the trailing flag byte. */
struct reader metadata_user_string(const struct metadata_image *image, mdToken token);

/* True where the token names a row that exists. */
bool metadata_token_exists(const struct metadata_image *image, mdToken token);
/* A run or selection of rows, walked as tokens in ascending order:
 *     struct metadata_rows rows = metadata_type_methods(image, type);
 *     for (mdToken method; (method = metadata_rows_next(image, &rows)) != mdTokenNil;) */
struct metadata_rows {
    uint32_t table;
    uint32_t next, end; /* rows, end exclusive */
    uint32_t column;    /* where `filtered`: only rows whose cell equals key */
    uint32_t key;
    bool filtered;
    uint32_t through; /* a *Ptr table that leads to the rows, or 0 */
};
mdToken metadata_rows_next(const struct metadata_image *image, struct metadata_rows *rows);

struct metadata_rows metadata_type_methods(const struct metadata_image *image, mdToken type);
struct metadata_rows metadata_type_fields(const struct metadata_image *image, mdToken type);
struct metadata_rows metadata_type_properties(const struct metadata_image *image, mdToken type);
struct metadata_rows metadata_type_events(const struct metadata_image *image, mdToken type);
/* InterfaceImpl rows: read METADATA_INTERFACE_IMPL_INTERFACE. */
struct metadata_rows metadata_type_interfaces(const struct metadata_image *image, mdToken type);
/* NestedClass rows whose enclosing type is `type` (a walk over the whole table). */
struct metadata_rows metadata_type_nested(const struct metadata_image *image, mdToken type);
/* Param rows; one with sequence 0 speaks of the return value, others may be missing. */
struct metadata_rows metadata_method_params(const struct metadata_image *image, mdToken method);
/* GenericParam rows of a TypeDef (those of enclosing types included, as the compilers write
 * them) or MethodDef. */
struct metadata_rows metadata_generic_params(const struct metadata_image *image, mdToken owner);
/* CustomAttribute rows of any token. */
struct metadata_rows metadata_attributes(const struct metadata_image *image, mdToken token);
/* MethodSemantics rows of a Property or Event. */
struct metadata_rows metadata_accessors(const struct metadata_image *image, mdToken member);

/* The TypeDef that owns a MethodDef, Field, Property or Event; mdTokenNil where none does. */
mdToken metadata_owner(const struct metadata_image *image, mdToken member);
/* The TypeDef around a nested TypeDef; mdTokenNil where it is not nested. */
mdToken metadata_enclosing(const struct metadata_image *image, mdToken type);
/* The Param row of a parameter (1: the first behind `this`; 0: the return value). */
mdToken metadata_method_param(const struct metadata_image *image, mdToken method,
                              uint32_t sequence);
/* Name of a parameter, "" where the image has none. */
const char *metadata_param_name(const struct metadata_image *image, mdToken method,
                                uint32_t sequence);
/* The MethodSemantics row of a method that is an accessor, 0 where it is none. */
uint32_t metadata_method_semantics(const struct metadata_image *image, mdToken method);
/* The ImplMap row of a P/Invoke method, the Constant row of a field, the ClassLayout row of
 * a type; 0: none. */
uint32_t metadata_method_import(const struct metadata_image *image, mdToken method);
uint32_t metadata_constant(const struct metadata_image *image, mdToken token);
uint32_t metadata_type_layout(const struct metadata_image *image, mdToken type);

#endif
