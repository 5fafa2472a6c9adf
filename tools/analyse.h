/*
 * analyse.h - what Lua's headers do not say, and analysers have to know: these
 * two never return.
 */

#ifndef SM_ANALYSE_H
#define SM_ANALYSE_H

#include <lua.h>

int luaL_error(lua_State *L, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
int luaL_argerror(lua_State *L, int argument, const char *message)
    __attribute__((noreturn));

#endif
