/*
 * marks.h - an array of 4-bit numbers, indexed from 1.
 *
 * Ten million entries take 5 MB; a Lua table would take 160 MB.
 */

#ifndef SM_MARKS_H
#define SM_MARKS_H

#include "../compat.h"

#pragma GCC visibility push(hidden)

int sm_marks_new(lua_State *L);
void sm_marks_init(lua_State *L);

#pragma GCC visibility pop

#endif
