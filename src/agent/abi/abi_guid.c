#include "abi_guid.h"

#include <string.h>

#define ABI_INTERFACE(name, slots, data1, data2, data3, ...)                                       \
    const struct GUID IID_##name = {data1, data2, data3, {__VA_ARGS__}};
#include "abi_interfaces.def"

struct interface_row {
    const struct GUID *iid;
    const char *name;
    uint32_t slots;
};

static const struct interface_row interface_rows[] = {
#define ABI_INTERFACE(name, slots, ...) {&IID_##name, #name, slots},
#include "abi_interfaces.def"
};

bool abi_guid_equal(const struct GUID *a, const struct GUID *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static const struct interface_row *find(const struct GUID *iid)
{
    for (size_t i = 0; i < sizeof(interface_rows) / sizeof(interface_rows[0]); i++) {
        if (abi_guid_equal(interface_rows[i].iid, iid))
            return &interface_rows[i];
    }
    return NULL;
}

const char *abi_interface_name(const struct GUID *iid)
{
    const struct interface_row *row = find(iid);
    return row ? row->name : NULL;
}

uint32_t abi_interface_slots(const struct GUID *iid)
{
    const struct interface_row *row = find(iid);
    return row ? row->slots : 0;
}
