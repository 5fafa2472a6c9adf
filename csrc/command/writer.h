/*
 * writer.h - buffers millions of result and journal lines, so that they are
 * written in large blocks.
 *
 * This code does not interpret a line: Lua passes the text around an ID.
 */

#ifndef SM_WRITER_H
#define SM_WRITER_H

#include "../compat.h"

#pragma GCC visibility push(hidden)

int sm_writer_new(lua_State *L);
int sm_writer_put(lua_State *L);
void sm_writer_init(lua_State *L);

#pragma GCC visibility pop

#endif
