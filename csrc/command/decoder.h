/*
 * decoder.h - converts text to UTF-8 as its bytes arrive, with the C library's
 * iconv.
 */

#ifndef SM_DECODER_H
#define SM_DECODER_H

#include "../compat.h"

#pragma GCC visibility push(hidden)

int sm_decoder_new(lua_State *L);
void sm_decoder_init(lua_State *L);

#pragma GCC visibility pop

#endif
