/*
 * session_runtime: the questions that this room asks the CLR about types and code, each as one
 * function with a plain answer. Threads: the agent's worker, and inside GetReJITParameters;
 * refused by the CLR elsewhere. An answer of false or 0 means: it does not know.
 */
#ifndef SESSION_RUNTIME_H
#define SESSION_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ICorProfilerInfo15;

#define RUNTIME_MAX_ARGUMENTS 32

struct runtime_class {
    uint64_t module; /* ModuleID */
    uint32_t type;   /* TypeDef */
    uint64_t parent; /* ClassID; 0: none */
    uint32_t argument_count;
    uint64_t arguments[RUNTIME_MAX_ARGUMENTS]; /* ClassIDs */
};
/* False for arrays too. The ClassID must be one that the runtime has handed out. */
bool runtime_class_read(struct ICorProfilerInfo15 *info, uint64_t id, struct runtime_class *class);

struct runtime_array {
    uint8_t element; /* ELEMENT_TYPE_* of the items */
    uint64_t item;   /* ClassID; 0: not known */
    uint32_t rank;
};
bool runtime_array_read(struct ICorProfilerInfo15 *info, uint64_t id, struct runtime_array *array);

struct runtime_offset {
    uint32_t field; /* FieldDef */
    uint32_t offset;
};
/* The type's own instance fields: malloc'd, *count may be 0; false: no layout to be had. */
bool runtime_layout_read(struct ICorProfilerInfo15 *info, uint64_t id,
                         struct runtime_offset **offsets, uint32_t *count, uint32_t *size);

/* The ClassID of a TypeDef. DANGER: on the worker only for types that are loaded. */
uint64_t runtime_class_of(struct ICorProfilerInfo15 *info, uint64_t module, uint32_t type);
uint64_t runtime_class_of_instance(struct ICorProfilerInfo15 *info, uint64_t module, uint32_t type,
                                   const uint64_t *arguments, uint32_t count);

/* Offsets in a string object: of its length and its first character. */
bool runtime_string_read(struct ICorProfilerInfo15 *info, uint32_t *length_at, uint32_t *text_at);

/* Whose native code holds this address: the type's arguments (the type's own, behind its shared
 * form where the runtime knows no better), and the method's. */
struct runtime_function {
    uint64_t class_id; /* 0: not known */
    uint64_t module;
    uint32_t method;
    uint32_t argument_count;
    uint64_t arguments[RUNTIME_MAX_ARGUMENTS];
};
bool runtime_function_at(struct ICorProfilerInfo15 *info, uint64_t address,
                         struct runtime_function *function);

/* "10.0.12"; empty where the runtime does not tell. */
void runtime_version(struct ICorProfilerInfo15 *info, char *text, size_t size);

#endif
