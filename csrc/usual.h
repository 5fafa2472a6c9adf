/*
 * usual.h - reads Lua's description of usual responses.
 *
 * usual = a list of { status, first, id, code, errors, codes } or { status,
 * first, exactly }. A path is a list of names; `id`, `code` and `errors` are
 * lists of paths. `first` is the meaning's number for the first of `codes`,
 * each a string, integer or flag; without codes there is one meaning. `exactly`
 * is the whole body. See single.h.
 */

#ifndef SM_USUAL_H
#define SM_USUAL_H

#include "compat.h"
#include "request.h"

#pragma GCC visibility push(hidden)

void sm_usual_init(lua_State *L);

/* Reads field `usual` of the table at `index`; it may be nil. Raises on invalid
 * input; `op` then has what was read so far. */
void sm_usual_read(lua_State *L, int index, struct sm_op *op);

int sm_usual_meaning(lua_State *L);

#pragma GCC visibility pop

#endif
