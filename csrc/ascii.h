/*
 * ascii.h - words of protocols, whatever the locale says.
 */

#ifndef SM_ASCII_H
#define SM_ASCII_H

#include <stddef.h>
#include <string.h>

static inline int sm_is_digit(char c) {
  return c >= '0' && c <= '9';
}

static inline char sm_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* `word` is in lower case. Most words differ in length, which costs nothing to
 * compare where `word` is a literal. */
static inline int sm_is_word(const char *text, size_t len, const char *word) {
  size_t i;

  if (len != strlen(word))
    return 0;
  for (i = 0; i < len; i++)
    if (sm_lower(text[i]) != word[i])
      return 0;
  return 1;
}

static inline int sm_is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without white space around it. */
static inline const char *sm_trim(const char *text, size_t *len) {
  while (*len > 0 && sm_is_blank(text[*len - 1]))
    (*len)--;
  while (*len > 0 && sm_is_blank(*text)) {
    text++;
    (*len)--;
  }
  return text;
}

#endif
