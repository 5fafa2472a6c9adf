/*
 * engine.h - many requests in flight on one libcurl multi handle.
 *
 * An engine owns a fixed number of slots, each an easy handle with its
 * buffers, kept and used again. The life of a request: submit takes a free
 * slot, step moves bytes, collect hands the answer to Lua and frees the slot.
 *
 * Lua values are made after curl_multi_info_read, from finished transfers, and
 * never in a callback: slot.h says why.
 */

#ifndef SM_ENGINE_H
#define SM_ENGINE_H

#include "compat.h"

#pragma GCC visibility push(hidden)

void sm_engine_init(lua_State *L);
int sm_engine_new(lua_State *L);
int sm_engine_now(lua_State *L);

#pragma GCC visibility pop

#endif
