/*
 * seen.h - which ids were met before, of any form, however many.
 *
 * An id is kept as 16 bytes that stand for it, in tables that are at least
 * three eighths full: 43 bytes an id at most. Which bytes these are depends
 * on a random key, so nobody can choose ids that are taken for each other; by
 * chance it happens to ten million ids once in 10^24 times.
 */

#ifndef SM_SEEN_H
#define SM_SEEN_H

#include "compat.h"

#pragma GCC visibility push(hidden)

int sm_seen_new(lua_State *L);
void sm_seen_init(lua_State *L);

#pragma GCC visibility pop

#endif
