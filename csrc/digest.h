/*
 * digest.h - a fingerprint of many bytes (FNV-1a, 64 bits).
 *
 * It tells two inputs apart that were mixed up, not two that somebody made to
 * look alike.
 */

#ifndef SM_DIGEST_H
#define SM_DIGEST_H

#include "compat.h"

#pragma GCC visibility push(hidden)

int sm_digest_new(lua_State *L);
void sm_digest_init(lua_State *L);

#pragma GCC visibility pop

#endif
