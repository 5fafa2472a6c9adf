/*
 * seen.h - which ids were seen, and where first: for ids of any form, of which
 * some are forgotten again.
 *
 * A table of Lua's would do, were it not for the moment when it grows: with a
 * million ids that takes a quarter of a second, and others may wait.
 */

#ifndef SM_SEEN_H
#define SM_SEEN_H

#include "compat.h"

#pragma GCC visibility push(hidden)

void sm_seen_init(lua_State *L);
int sm_seen_new(lua_State *L);

#pragma GCC visibility pop

#endif
