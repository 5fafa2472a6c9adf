/*
 * writer.h - millions of lines of results and journals, gathered to be written
 * together.
 *
 * What a line means is not known here: Lua gives the text around an id.
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
