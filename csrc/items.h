/*
 * items.h - lets Lua take the items of a batch response, a slice at a time.
 *
 * A response holds thousands of items. They stay here as codes and become Lua
 * values only on request, so that no response blocks a whole program.
 */

#ifndef SM_ITEMS_H
#define SM_ITEMS_H

#include "compat.h"
#include "reader.h"

#pragma GCC visibility push(hidden)

void sm_items_init(lua_State *L);

/* new pushes an object without items; move moves the items read into it. */
struct sm_items *sm_items_new(lua_State *L);
void sm_items_move(struct sm_items *to, struct sm_items *from);

/* Reads the table at `index`, { list, id, code, folds }, into `fields`. */
void sm_fields_read(lua_State *L, int index, struct sm_fields *fields);

int sm_items_read(lua_State *L);

#pragma GCC visibility pop

#endif
