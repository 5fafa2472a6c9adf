/*
 * ids.h - checks many IDs of the usual form at once, and finds duplicates.
 *
 * Speed matters, because the provider keeps sending meanwhile. Lua handles
 * unusual IDs.
 */

#ifndef SM_IDS_H
#define SM_IDS_H

#include "compat.h"

#pragma GCC visibility push(hidden)

void sm_ids_init(lua_State *L);
int sm_ids_known(lua_State *L);
int sm_ids_walk(lua_State *L);

#pragma GCC visibility pop

#endif
