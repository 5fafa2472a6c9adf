/*
 * call.h - submits the requests of one call and collects their responses, for
 * Lua.
 *
 * Each call of a client has its own queue in the engine. Lua submits requests
 * one at a time. It can also offer IDs in bulk, if each request has a single ID
 * and no earlier attempts. Lua collects responses one at a time. Usual
 * responses to offered IDs can be collected in bulk. After an unusual response
 * the call reports it and starts nothing until Lua has decided.
 */

#ifndef SM_CALL_H
#define SM_CALL_H

#include "engine.h"

#pragma GCC visibility push(hidden)

void sm_call_init(lua_State *L);

/* Adds core.make_alike to the module table on top of the stack. */
void sm_call_open(lua_State *L);

/* call = engine:call() */
int sm_call_new(lua_State *L);

/* Writes the IDs at positions first..last of the table at index 3 into the
 * request. Raises before anything is started. */
enum sm_status sm_write_ids(lua_State *L, struct sm_request *r,
                            struct sm_reader *reader, int first, int last);

/* Reads the placeholder values of a request: the table of IDs at index 3, and a
 * UUID and a list of texts at the given indices. Both may be nil. The values
 * point into the tables, which must stay alive. */
void sm_read_values(lua_State *L, int first, int last, int uuid,
                    struct sm_values *values);
void sm_read_made(lua_State *L, int index, struct sm_values *values);

#pragma GCC visibility pop

#endif
