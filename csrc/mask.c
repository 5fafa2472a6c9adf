#include "mask.h"

/* Table values: these bits plus the value of a hex digit; 0 for other bytes. A
 * table avoids branches: digits are random, so half of the branches would be
 * mispredicted. */
#define SM_IS_DIGIT 16u
#define SM_IS_SMALL 32u /* no capital letter */

static const unsigned char digit[256] = {
    ['0'] = 48, ['1'] = 49, ['2'] = 50, ['3'] = 51, ['4'] = 52, ['5'] = 53,
    ['6'] = 54, ['7'] = 55, ['8'] = 56, ['9'] = 57, ['a'] = 58, ['b'] = 59,
    ['c'] = 60, ['d'] = 61, ['e'] = 62, ['f'] = 63, ['A'] = 26, ['B'] = 27,
    ['C'] = 28, ['D'] = 29, ['E'] = 30, ['F'] = 31,
};

void sm_mask_read(lua_State *L, int index, struct sm_mask *mask) {
  const char *text = luaL_checklstring(L, index, &mask->len);
  size_t i;

  luaL_argcheck(L, mask->len <= SM_HEX_DIGITS + SM_MAX_OTHERS, index,
                "too long");
  mask->digits = mask->others = 0;
  for (i = 0; i < mask->len; i++) {
    if (text[i] == 'x' && mask->digits < SM_HEX_DIGITS) {
      mask->digit_at[mask->digits++] = (unsigned char)i;
      continue;
    }
    luaL_argcheck(L, text[i] != 'x' && mask->others < SM_MAX_OTHERS, index,
                  "32 hex digits expected");
    mask->other[mask->others] = text[i];
    mask->other_at[mask->others++] = (unsigned char)i;
  }
  luaL_argcheck(L, mask->digits == SM_HEX_DIGITS, index,
                "32 hex digits expected");
}

/* Reads sixteen digits; `all` keeps the bits that all of them have. */
static uint64_t read_half(const unsigned char *at, const char *id,
                          unsigned *all) {
  uint64_t bits = 0;
  int i;

  for (i = 0; i < SM_HEX_DIGITS / 2; i++) {
    unsigned value = digit[(unsigned char)id[at[i]]];

    *all &= value;
    bits = bits << 4 | (value & 15);
  }
  return bits;
}

enum sm_fit sm_mask_key(const struct sm_mask *mask, const char *id, size_t len,
                        struct sm_key *key) {
  unsigned all = SM_IS_DIGIT | SM_IS_SMALL;
  size_t i;

  if (len != mask->len)
    return SM_FIT_NONE;
  for (i = 0; i < mask->others; i++)
    if (id[mask->other_at[i]] != mask->other[i])
      return SM_FIT_NONE;
  key->half[0] = read_half(mask->digit_at, id, &all);
  key->half[1] = read_half(mask->digit_at + SM_HEX_DIGITS / 2, id, &all);
  if ((all & SM_IS_DIGIT) == 0)
    return SM_FIT_NONE;
  return (all & SM_IS_SMALL) != 0 ? SM_FIT_SMALL : SM_FIT_MIXED;
}
