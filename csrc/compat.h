/*
 * compat.h - what differs between Lua 5.1 and 5.4, and between libcurls.
 *
 * Code elsewhere is written against Lua 5.4; only this header looks at
 * LUA_VERSION_NUM. A 5.1 build serves LuaJIT as well, so what 5.1 lacks is
 * ours even where LuaJIT would have it.
 */

#ifndef SM_COMPAT_H
#define SM_COMPAT_H

#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>

#include "buf.h"

/* Everything between here and the pop stays inside the module, also where
 * LuaRocks compiles without -fvisibility=hidden. */
#pragma GCC visibility push(hidden)

#if LUA_VERSION_NUM == 501
#  define luaL_setfuncs(L, l, upvalues) luaL_register((L), NULL, (l))
#  define lua_rawlen lua_objlen
#  undef luaL_newlib
#  define luaL_newlib(L, l) (lua_newtable(L), luaL_register((L), NULL, (l)))
#endif

/* Pushes a whole number, as an integer if this Lua has integers. */
#if LUA_VERSION_NUM >= 503
#  define sm_pushwhole(L, n) lua_pushinteger((L), (lua_Integer)(n))
#else
#  define sm_pushwhole(L, n) lua_pushnumber((L), (lua_Number)(n))
#endif

/* The open file of Lua's at the index. */
FILE *sm_checkfile(lua_State *L, int index);

/* Creates metatable `name` with its methods in __index. Pushes nothing. */
void sm_newtype(lua_State *L, const char *name, const luaL_Reg *methods,
                const luaL_Reg *metamethods);

/* newbuf pushes a buffer that Lua owns, as the calls that fill or push it may
 * raise. pushbuf pushes its text and frees that. */
struct sm_buf *sm_newbuf(lua_State *L, size_t limit);
void sm_pushbuf(lua_State *L, struct sm_buf *b);

#pragma GCC visibility pop

#define SM_CURL_AT_LEAST(major, minor, patch)                                  \
  (LIBCURL_VERSION_NUM >= (((major) << 16) | ((minor) << 8) | (patch)))

#if !SM_CURL_AT_LEAST(7, 68, 0)
#  error "stopmsg needs libcurl 7.68 or newer"
#endif

#endif
