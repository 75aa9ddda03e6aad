/*
 * output_value: the values of one record, parsed and written as text or JSON.
 *
 * Parsing checks every length, ordinal and offset of the copied record; writing is bounded in
 * depth and in the number of parts, whatever types the other side describes.
 *
 * Text:                                       JSON:
 *   42  true  'x'  "text"  null  120.50       42  true  "x"  "text"  null  120.50
 *   Closed   Read | Write                     "Closed"   "Read, Write"
 *   Order { Id=1042, Customer=Customer {…} }  {"$type":"Order","Id":1042,"Customer":{…}}
 *   int[3] [1, 2, 3]   List<Line>(3)          [1,2,3]
 *   Dictionary<string, int>(1) { ["a"]=1 }    [{"key":"a","value":1}]
 *   (1, "a")                                  {"$type":"…","Item1":1,"Item2":"a"}
 *   TimeoutException: "no answer"             {"type":"System.TimeoutException","message":"…"}
 *   what was not followed: … or Type {…}      {"$type":"Type","$more":true}
 */
#ifndef OUTPUT_VALUE_H
#define OUTPUT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buffer.h"
#include "output_method.h"
#include "output_types.h"
#include "wire_record.h"

#define VALUES_MAX 1024

struct value {
    uint8_t kind; /* enum wire_value_kind */
    uint8_t flags;
    uint8_t element;
    uint16_t slot;
    uint16_t parent; /* slot WIRE_SLOT_CHILD: ordinal */
    uint32_t at;     /* offset within the parent's data */
    uint64_t type;
    uint32_t total;
    const uint8_t *data; /* payload behind struct wire_typed where there is one */
    uint32_t length;
    uint16_t first_child; /* ordinals; 0: none, because no child has ordinal 0 */
    uint16_t next_child;
};

struct value_list {
    uint32_t count;
    struct value items[VALUES_MAX];
};

/* False where the bytes are not a list of values; then the list holds those before. Borrows
 * the bytes. */
bool value_list_parse(struct value_list *list, const uint8_t *bytes, size_t length);
/* The root value of that slot; NULL: it has none. */
const struct value *value_list_slot(const struct value_list *list, uint16_t slot);
/* Wants every type that writing these values needs; true where one is not known yet. */
bool value_list_need_types(const struct value_list *list, struct types *types);

struct value_writer {
    struct buffer *out;
    struct types *types;
    const struct value_list *list;
    bool json;
    uint32_t depth;  /* levels of fields shown below a value */
    bool cut;        /* set where something was left out */
    unsigned budget; /* parts that may still be written */
};

/* Writes one root value; `declared` (may be NULL) gives what the record does not say. */
void value_write(struct value_writer *writer, const struct value *value,
                 const struct method_value *declared);

/* ---- for the files of this room ---- */

/* output_scalar.c: 64 bits as a value of that element type; r4 and r8 as a double's bits. */
void value_write_scalar(struct value_writer *writer, uint8_t element, uint64_t bits);
void value_write_enum(struct value_writer *writer, const struct type_info *type, uint64_t bits);
/* Text that JSON quotes. */
void value_write_word(struct value_writer *writer, const char *text);
/* A string value; `quote` is '"' or '\''. */
void value_write_units(struct value_writer *writer, const uint8_t *utf16, size_t units, bool cut,
                       char quote);
bool value_element_is_signed(uint8_t element);
/* Loads a primitive from bytes, extended as a SCALAR payload is. */
uint64_t value_load(uint8_t element, const uint8_t *bytes);

#endif
