/*
 * lines.h - reads millions of short lines. Lua patterns would take longer than
 * the network.
 *
 * This code does not interpret a line: Lua passes the shape of an ID.
 */

#ifndef SM_LINES_H
#define SM_LINES_H

#include "../compat.h"

#pragma GCC visibility push(hidden)

int sm_lines_next(lua_State *L);
int sm_lines_take(lua_State *L);
int sm_lines_count(lua_State *L);
int sm_lines_count_ids(lua_State *L);
int sm_lines_unify(lua_State *L);
int sm_lines_field(lua_State *L);
int sm_lines_fields(lua_State *L);
int sm_lines_member(lua_State *L);
int sm_lines_members(lua_State *L);
int sm_lines_json_span(lua_State *L);

#pragma GCC visibility pop

#endif
