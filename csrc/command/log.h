/*
 * log.h - an append-only file locked by one process.
 *
 * A record is written completely or not at all: a partial write, as on a full
 * disk, is undone.
 */

#ifndef SM_LOG_H
#define SM_LOG_H

#include "../compat.h"

#pragma GCC visibility push(hidden)

int sm_log_new(lua_State *L);
int sm_log_scratch(lua_State *L);
int sm_log_same(lua_State *L);
int sm_log_kind(lua_State *L);
void sm_log_init(lua_State *L);

#pragma GCC visibility pop

#endif
