/*
 * prepare.h - a Lua table that describes an operation, read into an sm_op.
 *
 * Its fields: method, base (URL), allow_http, url and body (templates), headers
 * (a list of lines, each a text or a template), split (the texts between the
 * parts of an id), pause (the header that tells how long to, in lower case),
 * items ({ list, id, code, folds }, the fields of an answer that is read as it
 * arrives; see reader.h), usual (see usual.h). A template is a list of texts
 * and of holes: { "id", escape, part }, { "ids", escape, part, between }, {
 * "uuid" }, { "token", escape }, { "basic", before, after }.
 */

#ifndef SM_PREPARE_H
#define SM_PREPARE_H

#include "compat.h"
#include "request.h"

#pragma GCC visibility push(hidden)

/* Reads the table at index 2 and leaves the stack at that; raises on what
 * cannot be sent, with `op` then fit for sm_op_free only. */
void sm_prepare(lua_State *L, struct sm_op *op);

#pragma GCC visibility pop

#endif
