/*
 * output_parts: the steps of writing a value that has parts, for the files of this room alone:
 * output_parts.c (one field, fields, tuples), output_items.c (arrays, lists, spans, dictionaries,
 * sets), output_object.c (kinds of types and of values). They call each other as values nest; the
 * budget and the nesting bound every such walk.
 */
#ifndef OUTPUT_PARTS_H
#define OUTPUT_PARTS_H

#include "output_value.h"

#define VALUE_MORE "…"

/* Bytes of one value inside the data of a list item. */
struct spot {
    const struct value *item;
    uint32_t at;     /* within item->data; may lie behind its end */
    unsigned level;  /* of fields: 0 is the root value */
    unsigned nested; /* of calls, for the bound */
};

/* Bytes from the spot to the end of its item; where they stand. */
uint32_t spot_left(struct spot spot);
const uint8_t *spot_bytes(struct spot spot);

/* Takes one part of the budget; false: too much or too deep, write VALUE_MORE. */
bool value_spend(struct value_writer *writer, unsigned nested);
/* …: something is there and is not shown. */
void value_write_more(struct value_writer *writer);
/* Type {…}: known to be there, not followed. */
void value_write_unfollowed(struct value_writer *writer, const char *name);
/* The child behind the reference at that offset of the parent's data; NULL: none. */
const struct value *value_child_at(const struct value_writer *writer, const struct value *parent,
                                   uint32_t at);
/* One field, element or argument. */
void value_write_at(struct value_writer *writer, uint8_t element, uint64_t type_id,
                    const char *declared, struct spot spot);
/* `shift`: 8 for objects, whose offsets count from the method table word; else 0. */
void value_write_fields(struct value_writer *writer, const struct type_info *type, struct spot spot,
                        uint32_t shift);
void value_write_tuple(struct value_writer *writer, const struct type_info *type, struct spot spot,
                       uint32_t shift);

/* An ARRAY item. */
void value_write_array(struct value_writer *writer, const struct value *array,
                       const struct type_info *type, const char *declared, unsigned level,
                       unsigned nested);
/* A List<T> object or a span: its length field and the array child behind `reference`. */
void value_write_counted(struct value_writer *writer, const struct type_info *type,
                         struct spot spot, uint32_t shift, const char *reference,
                         const char *count_name);

/* A Dictionary<K,V> or HashSet<T> object: the entries that its array child holds. */
void value_write_keyed(struct value_writer *writer, const struct type_info *type, struct spot spot);

/* A value type's bytes; a whole item. */
void value_write_struct(struct value_writer *writer, const struct type_info *type,
                        struct spot spot);
void value_write_item(struct value_writer *writer, const struct value *value, const char *declared,
                      unsigned level, unsigned nested);

#endif
