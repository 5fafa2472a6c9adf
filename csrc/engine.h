/*
 * engine.h - many requests in flight on one libcurl multi handle.
 *
 * An engine owns a fixed number of slots, each an easy handle with its
 * buffers, kept and used again. The life of a request: a call submits it in a
 * free slot, steps of the engine move bytes, and the call collects the answer:
 * see call.h.
 *
 * Lua values are made after curl_multi_info_read, from finished transfers, and
 * never in a callback: slot.h says why.
 */

#ifndef SM_ENGINE_H
#define SM_ENGINE_H

#include "compat.h"
#include "multi.h"

struct sm_engine {
  struct sm_multi multi;
  int is_open;
  struct sm_op **ops;
  size_t op_count;
  int has_no_proxy; /* not even the environment's */
  int ids;          /* reference of a table: number of a request -> its id */
};

#pragma GCC visibility push(hidden)

void sm_engine_init(lua_State *L);
int sm_engine_new(lua_State *L);
int sm_engine_now(lua_State *L);

/* Raises for one that is closed, or a parent's. */
void sm_engine_check(lua_State *L, const struct sm_engine *e);

/* The engine at stack index 1, checked. */
struct sm_engine *sm_engine_at(lua_State *L);

/* The operation whose number is at stack index 2; raises without one. */
struct sm_op *sm_engine_op(lua_State *L, const struct sm_engine *e);

/* Waits for `seconds` at index 2, and a connection to Redis at index 3, which
 * may be nil. */
void sm_engine_wait(lua_State *L, struct sm_engine *e);

/* nil, message, code: how many values it pushed. */
int sm_engine_fault(lua_State *L, const char *message, int code);

#pragma GCC visibility pop

#endif
