/*
 * log.h - a file that is only ever appended to, and that one process holds.
 *
 * A record is whole or not there: what was written in part, as on a full disk,
 * is taken back.
 */

#ifndef SM_LOG_H
#define SM_LOG_H

#include "compat.h"

#pragma GCC visibility push(hidden)

int sm_log_new(lua_State *L);
int sm_log_scratch(lua_State *L);
int sm_log_same(lua_State *L);
void sm_log_init(lua_State *L);

#pragma GCC visibility pop

#endif
