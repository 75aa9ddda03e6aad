/*
 * target_elf: what an ELF file exports, and for which processor it is (System V gABI, ELF-64).
 *
 * Reads section headers and the dynamic symbol table with bounded pread calls; the file is a
 * stranger's and may be forged or change meanwhile: the worst is a wrong answer.
 */
#ifndef TARGET_ELF_H
#define TARGET_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bit n of the answer: names[n] is defined in the file's dynamic symbol table. 0 also where it
 * is not a 64-bit little-endian ELF file with section headers. At most 32 names. */
uint32_t target_elf_exports(int fd, const char *const *names, unsigned count);

/* "x64", "arm64", ..., as .NET calls it; "" where it is not known. */
const char *target_elf_architecture(int fd);

/* The version that a runtime's file carries ("10.0.12"), from its build mark; false: none. */
bool target_elf_runtime_version(int fd, char *to, size_t size);

/* The same from the mark's own text, "10.0.1226.42308 @...": exported for tests. */
bool target_elf_mark_version(const char *mark, size_t length, char *to, size_t size);

#endif
