/*
 * redis.h - a connection to Redis: a socket of libcurl's, with TLS where that
 * is asked for, commands that are written to it and replies that are read.
 *
 * Nothing here waits. Whoever uses it steps it, and may let an engine's wait
 * end when the connection has something. When to connect again, and what a
 * command means, is decided in Lua.
 */

#ifndef SM_REDIS_H
#define SM_REDIS_H

#include "compat.h"
#include "sockets.h"

#pragma GCC visibility push(hidden)

void sm_redis_init(lua_State *L);
int sm_redis_new(lua_State *L);
int sm_redis_read(lua_State *L);

/* The sockets of the connection at this stack index; NULL for none or nil. */
struct sm_sockets *sm_redis_sockets(lua_State *L, int index);

#pragma GCC visibility pop

#endif
