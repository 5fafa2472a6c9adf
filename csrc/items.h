/*
 * items.h - what a batch's answer says, as Lua takes it: a slice at a time.
 *
 * An answer holds thousands of items. They stay here as codes, and become Lua
 * values when somebody wants them, so that no answer holds up a whole program.
 */

#ifndef SM_ITEMS_H
#define SM_ITEMS_H

#include "compat.h"
#include "reader.h"

#pragma GCC visibility push(hidden)

void sm_items_init(lua_State *L);

/* Pushes an answer without items yet, and moves what was read into it. */
struct sm_items *sm_items_new(lua_State *L);
void sm_items_move(struct sm_items *to, struct sm_items *from);

/* { list, id, code, folds }: the table at `index`, read into `fields`. */
void sm_fields_read(lua_State *L, int index, struct sm_fields *fields);

int sm_items_read(lua_State *L);

#pragma GCC visibility pop

#endif
