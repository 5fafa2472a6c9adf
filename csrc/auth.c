#include "auth.h"

#include <string.h>

#include "ascii.h"

const char *sm_header_fault(const char *text, size_t len) {
  size_t i;

  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];

    if (c < 0x20 || c == 0x7f) {
      if (i + 1 == len && (c == '\n' || c == '\r'))
        return "ends with a line break: remove it";
      return "contains a control character";
    }
  }
  return NULL;
}

const char *sm_token_fault(const char *token, size_t len) {
  const char *fault;

  if (len == 0)
    return "is empty";
  if (len > SM_MAX_TOKEN)
    return "is longer than 8192 bytes";
  fault = sm_header_fault(token, len);
  if (fault != NULL)
    return fault;
  if (token[0] == ' ' || token[len - 1] == ' ')
    return "begins or ends with a space: remove it";
  return NULL;
}

/* A token of fewer bytes protects nothing, and stands in many words. */
#define SM_MIN_TOKEN 4

static int is_of_word(char c) {
  return sm_is_digit(c) || (sm_lower(c) >= 'a' && sm_lower(c) <= 'z');
}

/* Whether neither end of text[at..at + count) is inside of a word. */
static int stands_alone(const char *text, size_t len, size_t at, size_t count) {
  size_t end = at + count;

  return !(at > 0 && is_of_word(text[at - 1]) && is_of_word(text[at])) &&
         !(end < len && is_of_word(text[end]) && is_of_word(text[end - 1]));
}

ptrdiff_t sm_token_find(const struct sm_buf *token, const char *text,
                        size_t from, size_t len) {
  const char *at = text + from;
  const char *end = text + len;

  while (token->len > 0 && (size_t)(end - at) >= token->len) {
    at = memchr(at, token->bytes[0], (size_t)(end - at) - token->len + 1);
    if (at == NULL)
      return -1;
    if (memcmp(at, token->bytes, token->len) == 0 &&
        (token->len >= SM_MIN_TOKEN ||
         stands_alone(text, len, (size_t)(at - text), token->len)))
      return at - text;
    at++;
  }
  return -1;
}
