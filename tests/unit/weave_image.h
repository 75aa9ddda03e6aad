/*
 * weave_image: metadata made by hand for the tests of room weave: one module with a method of
 * every shape that matters (ECMA-335 II.24; all indices two bytes wide).
 */
#ifndef WEAVE_IMAGE_H
#define WEAVE_IMAGE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base_buffer.h"
#include "metadata_image.h"

struct image_maker {
    struct buffer tables;
    struct buffer strings;
    struct buffer blobs;
    struct buffer root;
};

static inline uint16_t make_name(struct image_maker *maker, const char *text)
{
    uint16_t at = (uint16_t)maker->strings.length;
    buffer_append(&maker->strings, text, strlen(text) + 1);
    return *text ? at : 0;
}

static inline uint16_t make_blob(struct image_maker *maker, const void *bytes, size_t length)
{
    uint16_t at = (uint16_t)maker->blobs.length;
    buffer_append_u8(&maker->blobs, (uint8_t)length);
    buffer_append(&maker->blobs, bytes, length);
    return at;
}

#define MAKE_BLOB(maker, ...)                                                                      \
    make_blob((maker), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void make_type_ref(struct image_maker *maker, const char *name_space,
                                 const char *name)
{
    buffer_append_u16(&maker->tables, 1 << 2 | 2); /* AssemblyRef 1 */
    buffer_append_u16(&maker->tables, make_name(maker, name));
    buffer_append_u16(&maker->tables, make_name(maker, name_space));
}

static inline void make_type(struct image_maker *maker, const char *name, uint16_t base,
                             uint16_t fields, uint16_t methods)
{
    buffer_append_u32(&maker->tables, 0x100000);
    buffer_append_u16(&maker->tables, make_name(maker, name));
    buffer_append_u16(&maker->tables, make_name(maker, "Shop"));
    buffer_append_u16(&maker->tables, base ? (uint16_t)(base << 2 | 1) : 0); /* TypeRef */
    buffer_append_u16(&maker->tables, fields);
    buffer_append_u16(&maker->tables, methods);
}

static inline void make_field(struct image_maker *maker, const char *name, uint16_t signature)
{
    buffer_append_u16(&maker->tables, 6);
    buffer_append_u16(&maker->tables, make_name(maker, name));
    buffer_append_u16(&maker->tables, signature);
}

static inline void make_method(struct image_maker *maker, const char *name, uint16_t impl,
                               uint16_t flags, uint16_t signature)
{
    buffer_append_u32(&maker->tables, 0x2050);
    buffer_append_u16(&maker->tables, impl);
    buffer_append_u16(&maker->tables, flags);
    buffer_append_u16(&maker->tables, make_name(maker, name));
    buffer_append_u16(&maker->tables, signature);
    buffer_append_u16(&maker->tables, 1);
}

static inline void make_member(struct image_maker *maker, uint16_t parent, const char *name,
                               uint16_t signature)
{
    buffer_append_u16(&maker->tables, parent);
    buffer_append_u16(&maker->tables, make_name(maker, name));
    buffer_append_u16(&maker->tables, signature);
}

/* TypeRef rows */
enum {
    REF_OBJECT = 1,
    REF_VALUE_TYPE,
    REF_TASK,
    REF_TASK1,
    REF_BUILDER,
    REF_BUILDER1,
    REF_VOID_BUILDER,
    REF_VALUE_BUILDER,
    REF_COUNT = REF_VALUE_BUILDER,
};

#define CODED_REF(row) ((uint8_t)((row) << 2 | 1))

/* TypeDef rows */
enum {
    TYPE_MODULE = 1,
    TYPE_PLACE,    /* class */
    TYPE_MONEY,    /* struct */
    TYPE_ITERATOR, /* class <It>d__1`1 */
    TYPE_MACHINE,  /* struct, AsyncTaskMethodBuilder<int> */
    TYPE_VOID,     /* struct, AsyncVoidMethodBuilder */
    TYPE_VALUE,    /* struct, AsyncValueTaskMethodBuilder */
    TYPE_PAIR,     /* struct Pair`1 */
    TYPE_COUNT = TYPE_PAIR,
};

/* MethodDef tokens */
enum {
    METHOD_STATIC_VOID = 0x06000001, /* static void () */
    METHOD_ADD,                      /* static int (int, uint) */
    METHOD_MANY,    /* string (bool, float, string, Money, ref int, T[], object, long) */
    METHOD_CTOR,    /* instance void (int) */
    METHOD_REF,     /* static ref readonly int () */
    METHOD_TASK,    /* static Task<int> () */
    METHOD_INIT,    /* instance modreq void (int) */
    METHOD_RUNTIME, /* static Task<int> (), impl async */
    METHOD_FIRE,    /* static void (), async void */
    METHOD_TYPED,   /* static void (typedref) */
    METHOD_SPARE,   /* static int () */
    METHOD_MONEY,   /* instance int () of a struct */
    METHOD_MOVE_NEXT_ITERATOR,
    METHOD_DISPOSE,
    METHOD_MOVE_NEXT,
    METHOD_MOVE_NEXT_VOID,
    METHOD_MOVE_NEXT_VALUE,
    METHOD_PAIR, /* instance void (out int, out Money, ref long, out T, out string, out double) */
    METHOD_LAST = METHOD_PAIR,
};

/* Field tokens */
enum {
    FIELD_ITERATOR_STATE = 0x04000001, /* int */
    FIELD_ITERATOR_ITEM,               /* T */
    FIELD_ITERATOR_NAME,               /* string */
    FIELD_ITERATOR_UNUSED,             /* int; no reference to it anywhere */
    FIELD_MACHINE_STATE,
    FIELD_MACHINE_BUILDER,
    FIELD_VOID_STATE,
    FIELD_VOID_BUILDER,
    FIELD_VALUE_STATE,
    FIELD_VALUE_BUILDER,
    FIELD_LAST = FIELD_VALUE_BUILDER,
};

/* MemberRef tokens */
enum {
    MEMBER_STATE = 0x0a000001, /* of Iterator<!0> */
    MEMBER_ITEM,
    MEMBER_NAME,
    MEMBER_SET_RESULT,    /* AsyncTaskMethodBuilder<int> */
    MEMBER_SET_EXCEPTION, /* of the same */
    MEMBER_VOID_SET_RESULT,
    MEMBER_VOID_SET_EXCEPTION,
    MEMBER_VALUE_SET_RESULT,
    MEMBER_LAST = MEMBER_VALUE_SET_RESULT,
};

#define TOKEN_LOCALS 0x11000001u /* int, string */

static inline void make_methods(struct image_maker *maker)
{
    const uint16_t plain = 0x0016;    /* public static */
    const uint16_t instance = 0x0006; /* public */
    uint16_t void_blob = MAKE_BLOB(maker, 0x00, 0, 0x01);
    uint16_t task = MAKE_BLOB(maker, 0x00, 0, 0x15, 0x12, CODED_REF(REF_TASK1), 1, 0x08);
    uint16_t move = MAKE_BLOB(maker, 0x20, 0, 0x01);
    make_method(maker, "Run", 0, plain, void_blob);
    make_method(maker, "Add", 0, plain, MAKE_BLOB(maker, 0x00, 2, 0x08, 0x08, 0x09));
    make_method(maker, "Many", 0, instance,
                MAKE_BLOB(maker, 0x30, 1, 8, 0x0e, 0x02, 0x0c, 0x0e, 0x11, TYPE_MONEY << 2, 0x10,
                          0x08, 0x1e, 0x00, 0x1c, 0x0a));
    make_method(maker, ".ctor", 0, instance, MAKE_BLOB(maker, 0x20, 1, 0x01, 0x08));
    make_method(maker, "First", 0, plain,
                MAKE_BLOB(maker, 0x00, 0, 0x1f, CODED_REF(REF_OBJECT), 0x10, 0x08));
    make_method(maker, "PlaceAsync", 0, plain, task);
    make_method(maker, "set_Id", 0, instance,
                MAKE_BLOB(maker, 0x20, 1, 0x1f, CODED_REF(REF_OBJECT), 0x01, 0x08));
    make_method(maker, "WaitAsync", 0x2000, plain, task);
    make_method(maker, "Fire", 0, plain, void_blob);
    make_method(maker, "Typed", 0, plain, MAKE_BLOB(maker, 0x00, 1, 0x01, 0x16));
    make_method(maker, "Spare", 0, plain, MAKE_BLOB(maker, 0x00, 0, 0x08));
    make_method(maker, "Cents", 0, instance, MAKE_BLOB(maker, 0x20, 0, 0x08));
    make_method(maker, "MoveNext", 0, instance, MAKE_BLOB(maker, 0x20, 0, 0x02));
    make_method(maker, "System.IDisposable.Dispose", 0, instance, move);
    make_method(maker, "MoveNext", 0, instance, move);
    make_method(maker, "MoveNext", 0, instance, move);
    make_method(maker, "MoveNext", 0, instance, move);
    make_method(maker, ".ctor", 0, instance,
                MAKE_BLOB(maker, 0x20, 6, 0x01, 0x10, 0x08, 0x10, 0x11, TYPE_MONEY << 2, 0x10, 0x0a,
                          0x10, 0x13, 0x00, 0x10, 0x0e, 0x10, 0x0d));
}

/* All of the last method, of which every parameter but the third is an out one. */
static inline void make_params(struct image_maker *maker)
{
    for (uint16_t i = 1; i <= 6; i++) {
        buffer_append_u16(&maker->tables, i == 3 ? 0 : 2);
        buffer_append_u16(&maker->tables, i);
        buffer_append_u16(&maker->tables, 0);
    }
}

static inline void make_types(struct image_maker *maker)
{
    make_type_ref(maker, "System", "Object");
    make_type_ref(maker, "System", "ValueType");
    make_type_ref(maker, "System.Threading.Tasks", "Task");
    make_type_ref(maker, "System.Threading.Tasks", "Task`1");
    make_type_ref(maker, "System.Runtime.CompilerServices", "AsyncTaskMethodBuilder");
    make_type_ref(maker, "System.Runtime.CompilerServices", "AsyncTaskMethodBuilder`1");
    make_type_ref(maker, "System.Runtime.CompilerServices", "AsyncVoidMethodBuilder");
    make_type_ref(maker, "System.Runtime.CompilerServices", "AsyncValueTaskMethodBuilder");
    make_type(maker, "<Module>", 0, 1, 1);
    make_type(maker, "Place", REF_OBJECT, 1, 1);
    make_type(maker, "Money", REF_VALUE_TYPE, 1, 12);
    make_type(maker, "<It>d__1`1", REF_OBJECT, 1, 13);
    make_type(maker, "<PlaceAsync>d__2", REF_VALUE_TYPE, 5, 15);
    make_type(maker, "<Fire>d__3", REF_VALUE_TYPE, 7, 16);
    make_type(maker, "<Value>d__4", REF_VALUE_TYPE, 9, 17);
    make_type(maker, "Pair`1", REF_VALUE_TYPE, 11, 18);
}

/* Fields of the iterator and of the three machines. */
static inline void make_fields(struct image_maker *maker, uint16_t number, uint16_t item,
                               uint16_t text)
{
    make_field(maker, "<>1__state", number);
    make_field(maker, "item", item);
    make_field(maker, "name", text);
    make_field(maker, "unused", number);
    make_field(maker, "<>1__state", number);
    make_field(maker, "<>t__builder",
               MAKE_BLOB(maker, 0x06, 0x15, 0x11, CODED_REF(REF_BUILDER1), 1, 0x08));
    make_field(maker, "<>1__state", number);
    make_field(maker, "<>t__builder", MAKE_BLOB(maker, 0x06, 0x11, CODED_REF(REF_VOID_BUILDER)));
    make_field(maker, "<>1__state", number);
    make_field(maker, "<>t__builder", MAKE_BLOB(maker, 0x06, 0x11, CODED_REF(REF_VALUE_BUILDER)));
}

static inline void make_members(struct image_maker *maker, uint16_t number, uint16_t item,
                                uint16_t text)
{
    const uint16_t own = 1 << 3 | 4;     /* TypeSpec 1: Iterator<!0> */
    const uint16_t builder = 2 << 3 | 4; /* TypeSpec 2: AsyncTaskMethodBuilder<int> */
    uint16_t takes_var = MAKE_BLOB(maker, 0x20, 1, 0x01, 0x13, 0x00);
    uint16_t takes_object = MAKE_BLOB(maker, 0x20, 1, 0x01, 0x1c);
    uint16_t takes_nothing = MAKE_BLOB(maker, 0x20, 0, 0x01);
    make_member(maker, own, "<>1__state", number);
    make_member(maker, own, "item", item);
    make_member(maker, own, "name", text);
    make_member(maker, builder, "SetResult", takes_var);
    make_member(maker, builder, "SetException", takes_object);
    make_member(maker, REF_VOID_BUILDER << 3 | 1, "SetResult", takes_nothing);
    make_member(maker, REF_VOID_BUILDER << 3 | 1, "SetException", takes_object);
    make_member(maker, REF_VALUE_BUILDER << 3 | 1, "SetResult", takes_nothing);
}

static inline void make_generic(struct image_maker *maker, uint16_t owner, const char *name)
{
    buffer_append_u16(&maker->tables, 0);
    buffer_append_u16(&maker->tables, 0);
    buffer_append_u16(&maker->tables, owner);
    buffer_append_u16(&maker->tables, make_name(maker, name));
}

static inline void make_rows(struct image_maker *maker)
{
    uint16_t number = MAKE_BLOB(maker, 0x06, 0x08);
    uint16_t item = MAKE_BLOB(maker, 0x06, 0x13, 0x00);
    uint16_t text = MAKE_BLOB(maker, 0x06, 0x0e);
    buffer_append_zeros(&maker->tables, 10); /* Module */
    make_types(maker);
    make_fields(maker, number, item, text);
    make_methods(maker);
    make_params(maker);
    make_members(maker, number, item, text);
    buffer_append_u16(&maker->tables, MAKE_BLOB(maker, 0x07, 2, 0x08, 0x0e)); /* StandAloneSig */
    buffer_append_u16(&maker->tables,                                         /* TypeSpec */
                      MAKE_BLOB(maker, 0x15, 0x12, TYPE_ITERATOR << 2, 1, 0x13, 0x00));
    buffer_append_u16(&maker->tables,
                      MAKE_BLOB(maker, 0x15, 0x11, CODED_REF(REF_BUILDER1), 1, 0x08));
    buffer_append_zeros(&maker->tables, 14); /* AssemblyRef */
    buffer_append_u16(&maker->tables, make_name(maker, "System.Runtime"));
    buffer_append_zeros(&maker->tables, 4);
    make_generic(maker, TYPE_ITERATOR << 1, "T");
    make_generic(maker, (METHOD_MANY & 0xff) << 1 | 1, "U");
    make_generic(maker, TYPE_PAIR << 1, "T");
}

static inline void make_tables_head(struct buffer *to)
{
    static const struct {
        uint8_t table;
        uint32_t rows;
    } present[] = {{0x00, 1},
                   {0x01, REF_COUNT},
                   {0x02, TYPE_COUNT},
                   {0x04, FIELD_LAST & 0xffffff},
                   {0x06, METHOD_LAST & 0xffffff},
                   {0x08, 6},
                   {0x0a, MEMBER_LAST & 0xffffff},
                   {0x11, 1},
                   {0x1b, 2},
                   {0x23, 1},
                   {0x2a, 3}};
    uint64_t valid = 0;
    for (size_t i = 0; i < sizeof present / sizeof present[0]; i++)
        valid |= UINT64_C(1) << present[i].table;
    buffer_append_u32(to, 0);
    buffer_append_u32(to, 0x01000002); /* version 2.0, small heaps, 1 */
    buffer_append_u64(to, valid);
    buffer_append_u64(to, 0);
    for (size_t i = 0; i < sizeof present / sizeof present[0]; i++)
        buffer_append_u32(to, present[i].rows);
}

static inline void make_pad(struct buffer *buffer)
{
    buffer_append_zeros(buffer, (4 - buffer->length % 4) % 4);
}

static inline void make_stream(struct buffer *root, uint32_t *at, const struct buffer *stream,
                               const char *name)
{
    char padded[12] = {0};
    size_t length = strlen(name) + 1;
    memcpy(padded, name, length);
    buffer_append_u32(root, *at);
    buffer_append_u32(root, (uint32_t)stream->length);
    buffer_append(root, padded, (length + 3) / 4 * 4);
    *at += (uint32_t)stream->length;
}

static inline void make_release(struct image_maker *maker)
{
    buffer_release(&maker->tables);
    buffer_release(&maker->strings);
    buffer_release(&maker->blobs);
    buffer_release(&maker->root);
}

/* The image borrows the maker's bytes: make_release at the end. */
static inline enum status make_image(struct image_maker *maker, struct metadata_image *image)
{
    struct buffer head;
    buffer_init(&head, 0);
    buffer_init(&maker->tables, 0);
    buffer_init(&maker->strings, 0);
    buffer_init(&maker->blobs, 0);
    buffer_init(&maker->root, 0);
    buffer_append_u8(&maker->strings, 0);
    buffer_append_u8(&maker->blobs, 0);
    make_tables_head(&head);
    make_rows(maker);
    buffer_append(&head, maker->tables.data, maker->tables.length);
    make_pad(&head);
    make_pad(&maker->strings);
    make_pad(&maker->blobs);
    struct buffer *root = &maker->root;
    buffer_append_u32(root, 0x424a5342);
    buffer_append_u32(root, 0x00010001);
    buffer_append_u32(root, 0);
    buffer_append_u32(root, 12);
    buffer_append(root, "v4.0.30319\0", 12);
    buffer_append_u32(root, 3u << 16);
    uint32_t at = 32 + 12 + 20 + 16;
    make_stream(root, &at, &head, "#~");
    make_stream(root, &at, &maker->strings, "#Strings");
    make_stream(root, &at, &maker->blobs, "#Blob");
    buffer_append(root, head.data, head.length);
    buffer_append(root, maker->strings.data, maker->strings.length);
    buffer_append(root, maker->blobs.data, maker->blobs.length);
    buffer_release(&head);
    return metadata_image_open_root(image, root->data, root->length, NULL);
}

#endif
