/*
 * metadata_names: what a method is called in its C# source, and what it is.
 *
 * Compilers turn one method into several: an async method or iterator into a starting method
 * (the kickoff, which has the name, parameters and attributes) and a state machine type whose
 * MoveNext holds the code; lambdas and local functions into methods of their own with names
 * like <Place>b__0_1 and <Place>g__Check|0_0. rejig speaks the source's names:
 *     Shop.OrderService.PlaceAsync            the kickoff, and for its MoveNext too
 *     Shop.OrderService.Place+lambda          <Place>b__0_1 in Shop.OrderService+<>c
 *     Shop.OrderService.Place+Check           <Place>g__Check|0_0
 * Name rules: those of Roslyn since C# 6 (its GeneratedNames); of Visual Basic's all but its
 * lambdas, whose names do not say where they stand. No allocation but in the caller's buffer;
 * any thread.
 */
#ifndef METADATA_NAMES_H
#define METADATA_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "base_error.h"
#include "clr_token.h"
#include "metadata_image.h"
#include "metadata_signature.h"

enum metadata_method_kind {
    METADATA_METHOD_PLAIN = 0,
    METADATA_METHOD_ASYNC,
    METADATA_METHOD_ITERATOR,
    METADATA_METHOD_ASYNC_ITERATOR,
};

enum metadata_accessor {
    METADATA_ACCESSOR_NONE = 0,
    METADATA_ACCESSOR_GET,
    METADATA_ACCESSOR_SET,
    METADATA_ACCESSOR_ADD,
    METADATA_ACCESSOR_REMOVE,
    METADATA_ACCESSOR_OTHER,
};

struct metadata_method {
    mdToken token;
    mdToken type;     /* TypeDef that owns it */
    const char *name; /* as in metadata; borrowed */
    uint32_t rva;
    uint16_t flags;      /* enum clr_method_attributes */
    uint16_t impl_flags; /* enum clr_method_impl */

    enum metadata_method_kind kind;
    mdToken state_machine; /* TypeDef; kickoff methods only, else nil */
    mdToken move_next;     /* MethodDef of the state machine */
    bool runtime_async;    /* miAsync: no state machine, the runtime suspends it */

    bool has_il; /* has a body of IL */
    bool is_static;
    bool is_abstract;
    bool is_pinvoke;     /* extern, by DllImport */
    bool is_runtime;     /* internal call, or supplied by the runtime (delegates) */
    bool is_constructor; /* .ctor */
    bool is_static_constructor;
    bool generic_method;
    bool generic_type; /* the type or one around it */
    bool value_type;   /* `this` is a reference to a struct */
    enum metadata_accessor accessor;
};

/* STATUS_NOT_FOUND where the token is no MethodDef of the image. */
enum status metadata_method_describe(const struct metadata_image *image, mdToken token,
                                     struct metadata_method *method, struct error *error);

/* Parses the method's signature. */
enum status metadata_method_signature(const struct metadata_image *image, mdToken method,
                                      struct arena *arena, struct meta_signature *signature,
                                      struct error *error);

/* The kickoff of the state machine whose MoveNext (or whose type) this is; nil: none. */
mdToken metadata_kickoff(const struct metadata_image *image, mdToken move_next_or_type);
/* Full name of the builder's type as declared: "System.Runtime.CompilerServices.
 * AsyncTaskMethodBuilder`1"; and its field. False for iterators and where there is none. */
bool metadata_builder(const struct metadata_image *image, mdToken state_machine,
                      struct buffer *name, mdToken *field);

enum metadata_name_style {
    METADATA_NAME_PLAIN = 0,  /* Shop.OrderService.Place */
    METADATA_NAME_TYPES = 1,  /* Shop.OrderService.Place(Order, CancellationToken) */
    METADATA_NAME_PARAMS = 2, /* …Place(Order order, CancellationToken token) */
};

/* Appends the full name in the source's words. Generic parameters are shown with their
 * names: Shop.Repository<T>.Find<U>. */
void metadata_method_print(const struct metadata_image *image, mdToken method,
                           enum metadata_name_style style, struct buffer *text);
/* Namespace.Outer<T>+Inner; compiler-generated type names as they are. */
void metadata_type_print_name(const struct metadata_image *image, mdToken type,
                              struct buffer *text);
/* What a method returns, short: Task<Receipt>. */
void metadata_method_print_result(const struct metadata_image *image, mdToken method,
                                  struct buffer *text);

/* What is behind a compiler's name; windows into the text given. */
enum metadata_generated {
    METADATA_GENERATED_NONE = 0,
    METADATA_GENERATED_LAMBDA,        /* <Place>b__0_1 */
    METADATA_GENERATED_LOCAL,         /* <Place>g__Check|0_0 */
    METADATA_GENERATED_STATE_MACHINE, /* <PlaceAsync>d__5 */
    METADATA_GENERATED_BACKING_FIELD, /* <Customer>k__BackingField */
    METADATA_GENERATED_HOISTED,       /* <order>5__2: a local of a state machine */
    METADATA_GENERATED_PARAMETER,     /* <customer>P: of a primary constructor */
    METADATA_GENERATED_CLOSURE,       /* <>c, <>c__DisplayClass0_0: types */
    METADATA_GENERATED_THIS,          /* <>4__this */
    METADATA_GENERATED_STATE,         /* <>1__state */
    METADATA_GENERATED_BUILDER,       /* <>t__builder */
    METADATA_GENERATED_CURRENT,       /* <>2__current */
    METADATA_GENERATED_TOP_LEVEL,     /* <Main>$: top-level statements */
    METADATA_GENERATED_OTHER,         /* any other name that no C# source can spell */
};

struct metadata_generated_name {
    enum metadata_generated kind;
    const char *source; /* Place, Customer, order: not terminated */
    size_t source_length;
    const char *local; /* LOCAL: Check */
    size_t local_length;
};

struct metadata_generated_name metadata_generated_parse(const char *name);

/* The name of a field in the source: Customer for its backing field, order for what a state
 * machine or primary constructor keeps, this for <>4__this. False (and the name as it is)
 * where the compiler alone knows it. */
bool metadata_field_source_name(const char *name, const char **start, size_t *length);

#endif
