/*
 * digest.h - fingerprints a stream of bytes (FNV-1a, 64 bits).
 *
 * It detects inputs that were mixed up, not deliberate collisions.
 */

#ifndef SM_DIGEST_H
#define SM_DIGEST_H

#include "../compat.h"

#pragma GCC visibility push(hidden)

int sm_digest_new(lua_State *L);
void sm_digest_init(lua_State *L);

#pragma GCC visibility pop

#endif
