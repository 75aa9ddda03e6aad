/*
 * entry_callback: the object that the runtime calls back. Its methods convert and forward,
 * and nothing else; those that we have no use for answer S_OK.
 *
 * There is one object, static: references are counted, nothing is freed.
 */
#ifndef ENTRY_CALLBACK_H
#define ENTRY_CALLBACK_H

#include "abi_profiler.h"

/* As QueryInterface of IUnknown: E_NOINTERFACE for what it is not. */
HRESULT callback_query(const struct GUID *iid, void **object);

#endif
