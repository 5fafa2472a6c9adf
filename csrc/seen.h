/*
 * seen.h - remembers IDs of any form and where each was first seen. Single IDs
 * can be forgotten again.
 *
 * A Lua table would do, but it blocks when it grows: a quarter of a second with
 * a million IDs, while others may wait.
 */

#ifndef SM_SEEN_H
#define SM_SEEN_H

#include "compat.h"

#pragma GCC visibility push(hidden)

void sm_seen_init(lua_State *L);
int sm_seen_new(lua_State *L);

#pragma GCC visibility pop

#endif
