/*
 * mask.h - ids of the usual form: hex digits at fixed places.
 */

#ifndef SM_MASK_H
#define SM_MASK_H

#include <stdint.h>

#include "compat.h"

#define SM_HEX_DIGITS 32

/* Bytes of an id that are no digits. */
#define SM_MAX_OTHERS 16

/* x stands for a hex digit, of which case makes no difference, everything else
 * for itself. */
struct sm_mask {
  size_t len;
  size_t digits, others;
  unsigned char digit_at[SM_HEX_DIGITS], other_at[SM_MAX_OTHERS];
  char other[SM_MAX_OTHERS];
};

/* What the digits say. */
struct sm_key {
  uint64_t half[2];
};

/* What came of an id. */
enum sm_fit {
  SM_FIT_NONE,
  SM_FIT_MIXED, /* it has capital letters */
  SM_FIT_SMALL,
};

#pragma GCC visibility push(hidden)

/* The text at `index`; raises for what is no mask of 32 digits. */
void sm_mask_read(lua_State *L, int index, struct sm_mask *mask);

enum sm_fit sm_mask_key(const struct sm_mask *mask, const char *id, size_t len,
                        struct sm_key *key);

#pragma GCC visibility pop

#endif
