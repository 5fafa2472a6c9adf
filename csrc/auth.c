#include "auth.h"

#include <string.h>

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

ptrdiff_t sm_token_find(const struct sm_buf *token, const char *text,
                        size_t from, size_t len) {
  const char *at = text + from;
  const char *end = text + len;

  while (token->len > 0 && (size_t)(end - at) >= token->len) {
    at = memchr(at, token->bytes[0], (size_t)(end - at) - token->len + 1);
    if (at == NULL)
      return -1;
    if (memcmp(at, token->bytes, token->len) == 0)
      return at - text;
    at++;
  }
  return -1;
}
