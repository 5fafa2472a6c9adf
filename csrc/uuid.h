/*
 * uuid.h - random UUIDs, used as idempotency keys.
 */

#ifndef SM_UUID_H
#define SM_UUID_H

#include "compat.h"

#pragma GCC visibility push(hidden)

int sm_uuid(lua_State *L);

#pragma GCC visibility pop

#endif
