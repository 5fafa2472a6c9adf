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

/* The bytes at the index: a string, or lines. NULL if there are none. */
const char *sm_writer_text(lua_State *L, int index, size_t *len);

#pragma GCC visibility pop

#endif
