/*
 * lines.h - millions of short lines, read and written where Lua's patterns and
 * concatenation would cost more than the network.
 *
 * What a line means is not known here: Lua gives the text around an id, and
 * the shape that ids have.
 */

#ifndef SM_LINES_H
#define SM_LINES_H

#include "../compat.h"

#pragma GCC visibility push(hidden)

int sm_lines_new(lua_State *L);
int sm_lines_next(lua_State *L);
int sm_lines_count(lua_State *L);
int sm_lines_unify(lua_State *L);
int sm_lines_field(lua_State *L);
int sm_lines_member(lua_State *L);
int sm_lines_json_span(lua_State *L);
void sm_lines_init(lua_State *L);

#pragma GCC visibility pop

#endif
