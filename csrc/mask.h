/*
 * mask.h - matches IDs of the usual form: hex digits at fixed positions.
 */

#ifndef SM_MASK_H
#define SM_MASK_H

#include <stdint.h>

#include "compat.h"

#define SM_HEX_DIGITS 32

/* Maximum bytes of an ID that are not digits. */
#define SM_MAX_OTHERS 16

/* In a mask, x matches a hex digit in either case; any other character matches
 * itself. */
struct sm_mask {
  size_t len;
  size_t digits, others;
  unsigned char digit_at[SM_HEX_DIGITS], other_at[SM_MAX_OTHERS];
  char other[SM_MAX_OTHERS];
  int is_in_fours; /* the digits stand together in groups of four or more */
};

/* The digits' values, in an order of our own. */
struct sm_key {
  uint64_t half[2];
};

/* How an ID matched the mask. */
enum sm_fit {
  SM_FIT_NONE,
  SM_FIT_MIXED, /* with capital letters */
  SM_FIT_SMALL,
};

#pragma GCC visibility push(hidden)

/* Reads the mask at `index`; raises if it is not a mask of 32 digits. */
void sm_mask_read(lua_State *L, int index, struct sm_mask *mask);

enum sm_fit sm_mask_key(const struct sm_mask *mask, const char *id, size_t len,
                        struct sm_key *key);

#pragma GCC visibility pop

#endif
