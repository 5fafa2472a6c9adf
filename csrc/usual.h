/*
 * usual.h - what usual answers look like, as Lua says it.
 *
 * usual = a list of { status, first, id, code, errors, codes } or { status,
 * first, exactly }. A path is a list of names; `id`, `code` and `errors` are
 * lists of paths. `first` is the number of what the first of `codes` means,
 * each a string, a whole number or a flag; without codes there is one meaning.
 * `exactly` is the whole body. See single.h.
 */

#ifndef SM_USUAL_H
#define SM_USUAL_H

#include "compat.h"
#include "request.h"

#pragma GCC visibility push(hidden)

void sm_usual_init(lua_State *L);

/* Field `usual` of the table at `index`, which may be nil. Raises on what is
 * wrong; `op` has what was read by then. */
void sm_usual_read(lua_State *L, int index, struct sm_op *op);

int sm_usual_meaning(lua_State *L);

#pragma GCC visibility pop

#endif
