/*
 * prepare.h - reads a Lua table that describes an operation into an sm_op.
 *
 * Fields: method, base (URL), allow_http, url and body (templates), headers (a
 * list of lines, each a text or a template), split (separators of the parts of
 * an id), pause (lower-case name of the header with a pause's length), items ({
 * list, id, code, folds }, for responses that are parsed as they arrive; see
 * reader.h), usual (see usual.h). A template is a list of texts and holes: {
 * "id", escape, part }, { "ids", escape, part, between }, { "uuid" }, {
 * "token", escape }, { "basic", before, after }.
 */

#ifndef SM_PREPARE_H
#define SM_PREPARE_H

#include "compat.h"
#include "request.h"

#pragma GCC visibility push(hidden)

/* Reads the table at index 2; leaves the stack as it is. Raises on invalid
 * input; then `op` is only fit for sm_op_free. */
void sm_prepare(lua_State *L, struct sm_op *op);

#pragma GCC visibility pop

#endif
