/*
 * bytes.h - tests eight bytes in one step.
 *
 * A word holds eight bytes in any order. The tests set the high bit of each
 * byte that matches. They may also set the high bits of bytes that do not.
 */

#ifndef SM_BYTES_H
#define SM_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SM_WORD sizeof(uint64_t)
#define SM_EACH(byte) (UINT64_C(0x0101010101010101) * (uint64_t)(byte))
#define SM_HIGHS SM_EACH(0x80)

static inline uint64_t sm_word(const char *bytes) {
  uint64_t word;

  memcpy(&word, bytes, sizeof(word));
  return word;
}

/* Nonzero if any byte is below n; n is at most 128. */
static inline uint64_t sm_any_below(uint64_t word, unsigned n) {
  return (word - SM_EACH(n)) & ~word & SM_HIGHS;
}

/* Nonzero if any byte is above n; n is at most 127. */
static inline uint64_t sm_any_above(uint64_t word, unsigned n) {
  return ((word + SM_EACH(127 - n)) | word) & SM_HIGHS;
}

static inline uint64_t sm_any_is(uint64_t word, char c) {
  return sm_any_below(word ^ SM_EACH((unsigned char)c), 1);
}

/* The values of eight hex digits. Sets bits in *wrong where a byte is none, and
 * in *capitals where it is a capital letter. */
static inline uint64_t sm_hex(uint64_t word, uint64_t *wrong,
                              uint64_t *capitals) {
  uint64_t lower = word | (word >> 1 & SM_EACH(0x20));
  uint64_t value = (lower & SM_EACH(0x0F)) + (lower >> 6 & SM_EACH(1)) * 9;
  uint64_t is_letter = (value + SM_EACH(6)) >> 4 & SM_EACH(1);
  /* What the values are written as. */
  uint64_t text = value + SM_EACH('0') + is_letter * ('a' - '0' - 10);

  *wrong |= (text ^ lower) | (value & SM_EACH(0xF0));
  *capitals |= word ^ lower;
  return value;
}

#endif
