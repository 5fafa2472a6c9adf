/*
 * buf.h - bytes that grow up to a named limit.
 *
 * What comes from the network is collected here, so no answer can make the
 * process larger than its limit says.
 */

#ifndef SM_BUF_H
#define SM_BUF_H

#include <stddef.h>

enum sm_status {
  SM_OK,
  SM_FULL,    /* the limit is reached; the buffer is as it was */
  SM_NOMEM,   /* no memory; the buffer is as it was */
  SM_REFUSED, /* the caller's bytes cannot be used */
};

struct sm_buf {
  char *bytes; /* NULL while nothing was ever added */
  size_t len;
  size_t cap;
  size_t limit;
  int is_secret; /* what it held is overwritten, also when it moves */
};

#pragma GCC visibility push(hidden)

void sm_buf_init(struct sm_buf *b, size_t limit);
enum sm_status sm_buf_add(struct sm_buf *b, const char *bytes, size_t len);

/* Makes room for `more` bytes, so that adding them moves nothing. */
enum sm_status sm_buf_reserve(struct sm_buf *b, size_t more);

/* Adds a NUL that `len` does not count, for libcurl's C strings. */
enum sm_status sm_buf_terminate(struct sm_buf *b);

/* Empties it and keeps the memory, unless that is more than `keep` bytes. */
void sm_buf_reset(struct sm_buf *b, size_t keep);
void sm_buf_free(struct sm_buf *b);

/* Overwrites the bytes before they go back to the allocator. */
void sm_buf_wipe(struct sm_buf *b);
void sm_wipe(void *bytes, size_t len);

#pragma GCC visibility pop

#endif
