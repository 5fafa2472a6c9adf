/*
 * engine.h - keeps many requests in flight on one libcurl multi handle.
 *
 * An engine owns a fixed number of slots. Each slot has an easy handle and
 * buffers, which are reused. A call submits a request in a free slot, engine
 * steps transfer its bytes, and the call collects the response: see call.h.
 *
 * Lua values are created from finished transfers, after curl_multi_info_read,
 * and never in a callback: slot.h explains why.
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
  int has_no_proxy; /* no proxy, not even from the environment */
  int ids;          /* reference to a table: request number -> ID */
};

#pragma GCC visibility push(hidden)

void sm_engine_init(lua_State *L);
int sm_engine_new(lua_State *L);
int sm_engine_now(lua_State *L);

/* Raises if the engine is closed or belongs to the parent process. */
void sm_engine_check(lua_State *L, const struct sm_engine *e);

/* Returns the engine at stack index 1, checked. */
struct sm_engine *sm_engine_at(lua_State *L);

/* Returns the operation whose number is at stack index 2; raises if there is
 * none. */
struct sm_op *sm_engine_op(lua_State *L, const struct sm_engine *e);

/* Waits up to `seconds`. The sockets of a connection to Redis, which may be
 * NULL, can end the wait. */
void sm_engine_wait(struct sm_engine *e, struct sm_sockets *redis,
                    double seconds);

/* Pushes nil, message, code; returns the number of values pushed. */
int sm_engine_fault(lua_State *L, const char *message, int code);

#pragma GCC visibility pop

#endif
