/*
 * ids.h - taking many ids of the usual form at once.
 *
 * A list of a million uuids is checked and searched for repeats while the
 * provider sends messages. What is unusual is left to Lua.
 */

#ifndef SM_IDS_H
#define SM_IDS_H

#include "compat.h"

#pragma GCC visibility push(hidden)

void sm_ids_init(lua_State *L);
int sm_ids_known(lua_State *L);

#pragma GCC visibility pop

#endif
