/*
 * buf.h - a growable byte buffer with a limit.
 *
 * It holds network data, so no response can use more memory than the limit
 * allows.
 */

#ifndef SM_BUF_H
#define SM_BUF_H

#include <stddef.h>
#include <string.h>

enum sm_status {
  SM_OK,
  SM_FULL,    /* limit reached; the buffer is unchanged */
  SM_NOMEM,   /* out of memory; the buffer is unchanged */
  SM_REFUSED, /* the caller's bytes are invalid */
};

struct sm_buf {
  char *bytes; /* NULL until something is added */
  size_t len;
  size_t cap;
  size_t limit;
  int is_secret; /* overwrite the content before freeing or moving it */
};

#pragma GCC visibility push(hidden)

void sm_buf_init(struct sm_buf *b, size_t limit);
enum sm_status sm_buf_grow(struct sm_buf *b, const char *bytes, size_t len);

/* Inline: usually there is room, and adding costs no function call. */
static inline enum sm_status sm_buf_add(struct sm_buf *b, const char *bytes,
                                        size_t len) {
  if (len > b->limit - b->len || len > b->cap - b->len || len == 0)
    return sm_buf_grow(b, bytes, len);
  memcpy(b->bytes + b->len, bytes, len);
  b->len += len;
  return SM_OK;
}

/* Reserves `more` bytes, so that adding them does not move the buffer. */
enum sm_status sm_buf_reserve(struct sm_buf *b, size_t more);

/* Adds a NUL beyond `len`, for libcurl's C strings. */
enum sm_status sm_buf_terminate(struct sm_buf *b);

/* Empties it; keeps the memory if it is at most `keep` bytes. */
void sm_buf_reset(struct sm_buf *b, size_t keep);
void sm_buf_free(struct sm_buf *b);

/* Overwrites the bytes before freeing them. */
void sm_buf_wipe(struct sm_buf *b);
void sm_wipe(void *bytes, size_t len);

#pragma GCC visibility pop

#endif
