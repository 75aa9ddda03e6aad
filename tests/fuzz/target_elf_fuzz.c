// uses: target wire clr base
/* The executable of a process that wants to be looked at. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target_elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"DllGetClassObject", "a"};
    char version[16];
    int fd = memfd_create("elf", MFD_CLOEXEC);
    if (fd < 0)
        return 0;
    if (write(fd, data, size) == (ssize_t)size) {
        if (target_elf_exports(fd, names, 2) > 3)
            abort();
        target_elf_architecture(fd);
        if (target_elf_runtime_version(fd, version, sizeof version) &&
            strlen(version) >= sizeof version)
            abort();
    }
    close(fd);
    return 0;
}
