/*
 * call.h - one call's requests, as Lua makes them and takes their answers.
 *
 * A call of a client has a queue of its own in the engine. Requests are
 * submitted one at a time, or offered many at a time, where ids go alone and
 * have no history; answers are collected one at a time, or, as long as they
 * are usual answers to offered ids, many at a time. After one that is not
 * usual the call says so, and nothing is started until Lua has decided.
 */

#ifndef SM_CALL_H
#define SM_CALL_H

#include "engine.h"

#pragma GCC visibility push(hidden)

void sm_call_init(lua_State *L);

/* core.make_items, into the module's table on top of the stack */
void sm_call_open(lua_State *L);

/* call = engine:call() */
int sm_call_new(lua_State *L);

/* The ids at positions first..last of the table at index 3, written into the
 * request. Raises before anything is started. */
enum sm_status sm_write_ids(lua_State *L, struct sm_request *r,
                            struct sm_reader *reader, int first, int last);

/* What the holes of a request are filled with: the ids' table at index 3, a
 * UUID and a list of texts at these indices, both of which may be nil. The
 * tables keep the texts where they are. */
void sm_read_values(lua_State *L, int first, int last, int uuid,
                    struct sm_values *values);
void sm_read_made(lua_State *L, int index, struct sm_values *values);

#pragma GCC visibility pop

#endif
