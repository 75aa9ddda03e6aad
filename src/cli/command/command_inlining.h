/*
 * command_inlining: who holds an inlined copy of some methods, over a set of images.
 *
 * Two sources: what the images record (r2r_inlining.h), and for methods marked NonVersionable,
 * which nothing records, their call sites (r2r_callers.h), through callers that are marked
 * themselves. A recorded inliner whose IL does not call the method has it through another
 * one, which is named.
 */
#ifndef COMMAND_INLINING_H
#define COMMAND_INLINING_H

#include "command_images.h"

enum inliner_how {
    INLINER_RECORDED = 0,
    INLINER_BY_IL,
};

struct inliner {
    uint32_t inlinee; /* position in inlining.methods */
    uint64_t method;
    uint64_t through; /* 0: it calls the inlinee itself */
    uint32_t image;   /* whose table or IL says so */
    uint8_t how;      /* enum inliner_how */
};

struct inlinee {
    uint64_t method;
    bool non_versionable;
    bool intrinsic;
    size_t first, count; /* its run in inlining.inliners */
};

struct inlining {
    struct images *images; /* borrowed */
    struct inlinee *methods;
    size_t method_count, method_capacity;
    struct inliner *inliners; /* by inlinee, image of the method, token; each once */
    size_t inliner_count, inliner_capacity;
    bool out_of_memory;
    size_t malformed;     /* images whose tables break off */
    char why[512];        /* of the first of them */
    size_t unresolved;    /* pairs that lead to no method of the set */
    size_t unreadable_il; /* method bodies */
    struct map wanted;    /* method -> position */
};

void inlining_init(struct inlining *inlining, struct images *images);
void inlining_release(struct inlining *inlining);
/* Before inlining_find. A method that is there already is not added twice. */
bool inlining_want(struct inlining *inlining, uint64_t method);
/* Reads all tables and the IL that must be. STATUS_MEMORY. */
enum status inlining_find(struct inlining *inlining, struct error *error);

#endif
