/*
 * secret.h - an opaque Lua value that holds a token.
 */

#ifndef SM_SECRET_H
#define SM_SECRET_H

#include "buf.h"
#include "compat.h"

#pragma GCC visibility push(hidden)

void sm_secret_init(lua_State *L);
int sm_secret_new(lua_State *L);
int sm_secret_base64(lua_State *L);

/* The token at this stack index. Raises if it was wiped. */
const struct sm_buf *sm_secret_check(lua_State *L, int index);

#pragma GCC visibility pop

#endif
