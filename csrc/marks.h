/*
 * marks.h - a number from 0 to 15 for each of many positions, counted from 1.
 *
 * Half a byte a position: ten million of them are five megabytes, where a Lua
 * table would take a hundred and sixty.
 */

#ifndef SM_MARKS_H
#define SM_MARKS_H

#include "compat.h"

#pragma GCC visibility push(hidden)

int sm_marks_new(lua_State *L);
void sm_marks_init(lua_State *L);

#pragma GCC visibility pop

#endif
