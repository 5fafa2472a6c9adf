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

/* Sets the high bits of exactly those bytes that are n or more. No byte of the
 * word may have its high bit set; n is at most 128. */
static inline uint64_t sm_from(uint64_t word, unsigned n) {
  return ((word | SM_HIGHS) - SM_EACH(n)) & SM_HIGHS;
}

#endif
