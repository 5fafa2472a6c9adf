/*
 * http1.h - reads an HTTP/1.1 response as its bytes arrive (RFC 9112).
 *
 * It refuses a response whose end is in doubt: an invalid length, two lengths
 * that differ, chunks together with a length, any transfer coding other than
 * chunked, or a folded header line. Header lines may end in LF alone, as
 * libcurl allows; chunk lines may not.
 */

#ifndef SM_HTTP1_H
#define SM_HTTP1_H

#include <stdint.h>

#include "buf.h"

/* Maximum bytes of header lines in one response, including interim responses
 * and trailers. */
#define SM_MAX_HEADERS ((size_t)256 * 1024)

/* Bytes that a line counts beyond its own: the shortest one is work, too. */
#define SM_LINE_WORK ((size_t)32)

enum sm_http1_event {
  SM_HTTP1_MORE,   /* all bytes used, the response continues */
  SM_HTTP1_STATUS, /* a status line, perhaps of an interim response */
  SM_HTTP1_FIELD,  /* a header line, in `text` */
  SM_HTTP1_TRAILER,
  SM_HTTP1_HEADED, /* the headers of the final response are complete */
  SM_HTTP1_BODY,   /* bytes of the body, in `text` */
  SM_HTTP1_DONE,
  SM_HTTP1_BAD, /* invalid; `fault` has the reason */
  SM_HTTP1_LARGE,
  SM_HTTP1_NOMEM,
};

enum sm_http1_state {
  SM_HTTP1_AT_STATUS,
  SM_HTTP1_AT_FIELDS,
  SM_HTTP1_AT_BODY,      /* `left` bytes of the body or chunk remain */
  SM_HTTP1_AT_REST,      /* a body that ends with the connection */
  SM_HTTP1_AT_SIZE,      /* the size of a chunk */
  SM_HTTP1_AT_CHUNK_END, /* the line end after a chunk's bytes */
  SM_HTTP1_AT_TRAILERS,
  SM_HTTP1_AT_END,
};

struct sm_http1 {
  enum sm_http1_state state;
  int status;
  int is_kept;   /* the connection may carry another request */
  int is_framed; /* the end of the body is known */
  int is_old;    /* HTTP/1.0 */
  int has_length;
  int has_coding;
  uint64_t left;
  size_t head_bytes; /* bytes of header lines so far */
  const char *fault;
  const char *text; /* of an event; valid until the next call */
  size_t len;
  struct sm_buf line; /* an incomplete line */
  int is_told;        /* the line was returned */
  int has_cr;         /* the last line ended in CR LF */
};

#pragma GCC visibility push(hidden)

void sm_http1_init(struct sm_http1 *h);
void sm_http1_free(struct sm_http1 *h);

/* Call before each response. */
void sm_http1_begin(struct sm_http1 *h);

/* Returns the next event and moves `bytes` past it. Call again until it returns
 * MORE, DONE, or an error. Bytes left after DONE do not belong to this
 * response. */
enum sm_http1_event sm_http1_next(struct sm_http1 *h, const char **bytes,
                                  size_t *len);

/* Call when the connection has ended. Returns whether that completes the
 * response. */
int sm_http1_end(struct sm_http1 *h);

#pragma GCC visibility pop

#endif
