#include "mask.h"

#include <string.h>

#define SM_ONES (~(uint64_t)0 / 255)

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
  mask->has_fours = 1;
  for (i = 0; i < SM_HEX_DIGITS; i += 4)
    mask->has_fours &= mask->digit_at[i + 3] == mask->digit_at[i] + 3;
}

static inline uint64_t read_four(const char *id) {
  uint32_t word;

  memcpy(&word, id, sizeof(word));
  return word;
}

/* Gathers eight digits, one a byte. */
static inline uint64_t gather(const struct sm_mask *mask, const char *id,
                              const unsigned char *at) {
  uint64_t word = 0;
  int i;

  if (mask->has_fours)
    return read_four(id + at[0]) | read_four(id + at[4]) << 32;
  for (i = 0; i < 8; i++)
    word = word << 8 | (unsigned char)id[at[i]];
  return word;
}

/* Returns the values of eight digits: those of two in every other byte. Sets
 * the highest bit of a byte in `wrong` that is no digit. Branches would be
 * mispredicted: digits are random. No sum of bytes below 0x80 carries into the
 * next one. */
static inline uint64_t read_eight(uint64_t word, uint64_t *wrong,
                                  uint64_t *capitals) {
  uint64_t low = (word | SM_ONES * 0x20) & SM_ONES * 0x7f;
  uint64_t is_letter = (low + SM_ONES * 0x1f) & ~(low + SM_ONES * 0x19);
  uint64_t is_number = (low + SM_ONES * 0x50) & ~(low + SM_ONES * 0x46);
  uint64_t value = (word & SM_ONES * 15) + ((word >> 6) & SM_ONES) * 9;

  /* A letter is one with and without bit 0x20, a number only with it. */
  *wrong |= word | ~(is_letter | (is_number & word << 2));
  *capitals |= is_letter & ~(word << 2);
  return (value | value >> 4) & 0x00ff00ff00ff00ff;
}

enum sm_fit sm_mask_key(const struct sm_mask *mask, const char *id, size_t len,
                        struct sm_key *key) {
  uint64_t wrong = 0, capitals = 0;
  size_t i;

  if (len != mask->len)
    return SM_FIT_NONE;
  for (i = 0; i < mask->others; i++)
    if (id[mask->other_at[i]] != mask->other[i])
      return SM_FIT_NONE;
  for (i = 0; i < 2; i++) {
    const unsigned char *at = mask->digit_at + i * 16;

    key->half[i] = read_eight(gather(mask, id, at), &wrong, &capitals) |
                   read_eight(gather(mask, id, at + 8), &wrong, &capitals) << 8;
  }
  if ((wrong & SM_ONES * 0x80) != 0)
    return SM_FIT_NONE;
  return (capitals & SM_ONES * 0x80) == 0 ? SM_FIT_SMALL : SM_FIT_MIXED;
}
