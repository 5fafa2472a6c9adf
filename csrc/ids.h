/*
 * ids.h - taking many ids of the usual form at once.
 *
 * A batch of ten thousand ids is read, checked and searched for repeats while
 * the provider sends messages; what is unusual is left to Lua.
 */

#ifndef SM_IDS_H
#define SM_IDS_H

#include "compat.h"

#pragma GCC visibility push(hidden)

int sm_ids_admit(lua_State *L);

#pragma GCC visibility pop

#endif
