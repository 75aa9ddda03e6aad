/*
 * abi_guid: the ids of the interfaces, as IID_<name> (abi_interfaces.def), and comparing them.
 */
#ifndef ABI_GUID_H
#define ABI_GUID_H

#include <stdbool.h>
#include <stdint.h>

#include "abi_types.h"

#define ABI_INTERFACE(name, slots, ...) extern const struct GUID IID_##name;
#include "abi_interfaces.def"

bool abi_guid_equal(const struct GUID *a, const struct GUID *b);

/* The interface's name ("ICorProfilerInfo4") for messages and logs; NULL where unknown. */
const char *abi_interface_name(const struct GUID *iid);
/* The slots of its vtable, those of IUnknown included; 0 where unknown. */
uint32_t abi_interface_slots(const struct GUID *iid);

#endif
