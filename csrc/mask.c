#include "mask.h"

#include "bytes.h"

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
  mask->is_in_fours = 1;
  for (i = 0; i < SM_HEX_DIGITS; i += 4)
    mask->is_in_fours &= mask->digit_at[i + 3] - mask->digit_at[i] == 3;
}

/* Eight digits, from position `first` of all. */
static uint64_t take_digits(const struct sm_mask *mask, const char *id,
                            size_t first) {
  const unsigned char *at = mask->digit_at + first;
  char digits[SM_WORD];

  if (mask->is_in_fours) {
    memcpy(digits, id + at[0], 4);
    memcpy(digits + 4, id + at[4], 4);
  } else {
    size_t i;

    for (i = 0; i < SM_WORD; i++)
      digits[i] = id[at[i]];
  }
  return sm_word(digits);
}

/* Eight values of a byte each in 32 bits. */
static uint64_t pack(uint64_t value) {
  value = (value | value >> 4) & UINT64_C(0x00FF00FF00FF00FF);
  value = (value | value >> 8) & UINT64_C(0x0000FFFF0000FFFF);
  return (value | value >> 16) & UINT64_C(0x00000000FFFFFFFF);
}

enum sm_fit sm_mask_key(const struct sm_mask *mask, const char *id, size_t len,
                        struct sm_key *key) {
  uint64_t part[SM_HEX_DIGITS / SM_WORD], wrong = 0, capitals = 0;
  size_t i;

  if (len != mask->len)
    return SM_FIT_NONE;
  for (i = 0; i < mask->others; i++)
    if (id[mask->other_at[i]] != mask->other[i])
      return SM_FIT_NONE;
  for (i = 0; i < SM_HEX_DIGITS / SM_WORD; i++)
    part[i] =
        pack(sm_hex(take_digits(mask, id, i * SM_WORD), &wrong, &capitals));
  key->half[0] = part[0] << 32 | part[1];
  key->half[1] = part[2] << 32 | part[3];
  if (wrong != 0)
    return SM_FIT_NONE;
  return capitals == 0 ? SM_FIT_SMALL : SM_FIT_MIXED;
}
