#include "buf.h"

#include <stdlib.h>

#define SM_BUF_FIRST 256

void sm_buf_init(struct sm_buf *b, size_t limit) {
  b->bytes = NULL;
  b->len = 0;
  b->cap = 0;
  b->limit = limit;
  b->is_secret = 0;
}

/* Like realloc, but wipes the old copy of the bytes. */
static char *move_secret(struct sm_buf *b, size_t cap) {
  char *bytes = malloc(cap);

  if (bytes == NULL)
    return NULL;
  if (b->len > 0)
    memcpy(bytes, b->bytes, b->len);
  if (b->bytes != NULL)
    sm_wipe(b->bytes, b->cap);
  free(b->bytes);
  return bytes;
}

enum sm_status sm_buf_reserve(struct sm_buf *b, size_t more) {
  size_t cap = b->cap > 0 ? b->cap : SM_BUF_FIRST;
  char *bytes;

  if (more <= b->cap - b->len)
    return SM_OK;
  while (cap - b->len < more) {
    if (cap > ((size_t)-1) / 2)
      return SM_NOMEM;
    cap *= 2;
  }
  bytes = b->is_secret ? move_secret(b, cap) : realloc(b->bytes, cap);
  if (bytes == NULL)
    return SM_NOMEM;
  b->bytes = bytes;
  b->cap = cap;
  return SM_OK;
}

enum sm_status sm_buf_grow(struct sm_buf *b, const char *bytes, size_t len) {
  enum sm_status status;

  if (len > b->limit - b->len)
    return SM_FULL;
  status = sm_buf_reserve(b, len);
  if (status == SM_OK && len > 0) {
    memcpy(b->bytes + b->len, bytes, len);
    b->len += len;
  }
  return status;
}

enum sm_status sm_buf_terminate(struct sm_buf *b) {
  enum sm_status status = sm_buf_reserve(b, 1);

  if (status == SM_OK)
    b->bytes[b->len] = '\0';
  return status;
}

void sm_buf_reset(struct sm_buf *b, size_t keep) {
  if (b->is_secret && b->bytes != NULL)
    sm_wipe(b->bytes, b->cap);
  if (b->cap > keep)
    sm_buf_free(b);
  b->len = 0;
}

void sm_buf_free(struct sm_buf *b) {
  int is_secret = b->is_secret;

  if (is_secret && b->bytes != NULL)
    sm_wipe(b->bytes, b->cap);
  free(b->bytes);
  sm_buf_init(b, b->limit);
  b->is_secret = is_secret;
}

void sm_wipe(void *bytes, size_t len) {
  /* Volatile, because the compiler drops stores to memory that is not read
   * again. */
  volatile unsigned char *p = bytes;

  while (len-- > 0)
    *p++ = 0;
}

void sm_buf_wipe(struct sm_buf *b) {
  if (b->bytes != NULL)
    sm_wipe(b->bytes, b->cap);
  sm_buf_free(b);
}
