/*
 * uuid.h - random UUIDs, for requests that a provider must not carry out
 * twice.
 */

#ifndef SM_UUID_H
#define SM_UUID_H

#include "compat.h"

#pragma GCC visibility push(hidden)

int sm_uuid(lua_State *L);

#pragma GCC visibility pop

#endif
