/*
 * redis.h - a connection to Redis: a libcurl socket, optionally with TLS. It
 * writes commands and reads replies.
 *
 * Nothing here waits. The caller drives the connection with step(), and can let
 * activity on it end an engine's wait. Lua decides when to reconnect and what
 * commands mean.
 */

#ifndef SM_REDIS_H
#define SM_REDIS_H

#include "compat.h"
#include "sockets.h"

#pragma GCC visibility push(hidden)

void sm_redis_init(lua_State *L);
int sm_redis_new(lua_State *L);
int sm_redis_read(lua_State *L);

/* Returns the sockets of the connection at this stack index. NULL for nil, or
 * if there is no connection. */
struct sm_sockets *sm_redis_sockets(lua_State *L, int index);

#pragma GCC visibility pop

#endif
