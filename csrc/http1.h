/*
 * http1.h - reads an HTTP/1.1 answer as its bytes arrive (RFC 9112).
 *
 * Where the end of an answer is in doubt, it is refused: a length that is none,
 * or two that differ, chunks beside a length, any other coding for the way, a
 * line that goes on in the next. In its headers a line may end in LF alone, as
 * libcurl takes it; in its chunks it may not.
 */

#ifndef SM_HTTP1_H
#define SM_HTTP1_H

#include <stdint.h>

#include "buf.h"

/* Bytes of all header lines of one answer, interim answers and trailers
 * included. */
#define SM_MAX_HEADERS ((size_t)256 * 1024)

enum sm_http1_event {
  SM_HTTP1_MORE,   /* all bytes are used, and the answer goes on */
  SM_HTTP1_STATUS, /* the first line of an answer, which may be an interim one
                    */
  SM_HTTP1_FIELD,  /* a line of its headers, in `text` */
  SM_HTTP1_TRAILER,
  SM_HTTP1_HEADED, /* the headers of the answer itself are complete */
  SM_HTTP1_BODY,   /* bytes of its body, in `text` */
  SM_HTTP1_DONE,
  SM_HTTP1_BAD, /* `fault` says why */
  SM_HTTP1_LARGE,
  SM_HTTP1_NOMEM,
};

enum sm_http1_state {
  SM_HTTP1_AT_STATUS,
  SM_HTTP1_AT_FIELDS,
  SM_HTTP1_AT_BODY,      /* `left` bytes of it, or of the chunk */
  SM_HTTP1_AT_REST,      /* a body up to the end of the connection */
  SM_HTTP1_AT_SIZE,      /* of a chunk */
  SM_HTTP1_AT_CHUNK_END, /* the line behind its bytes */
  SM_HTTP1_AT_TRAILERS,
  SM_HTTP1_AT_END,
};

struct sm_http1 {
  enum sm_http1_state state;
  int status;
  int is_kept;   /* the connection may carry one more request */
  int is_framed; /* it is known where the body ends */
  int is_old;    /* HTTP/1.0 */
  int has_length;
  int has_coding;
  uint64_t left;
  size_t head_bytes; /* of header lines so far */
  const char *fault;
  const char *text; /* of an event; good until the next call */
  size_t len;
  struct sm_buf line; /* one whose end has not come */
  int is_told;        /* and it was handed out */
  int has_cr;         /* the last line ended in CR LF */
};

#pragma GCC visibility push(hidden)

void sm_http1_init(struct sm_http1 *h);
void sm_http1_free(struct sm_http1 *h);

/* Before each answer. */
void sm_http1_begin(struct sm_http1 *h);

/* What comes next in these bytes, which are then behind `bytes`; called again
 * until it says MORE, DONE, or what is wrong. Bytes that are left where it is
 * DONE are not of this answer. */
enum sm_http1_event sm_http1_next(struct sm_http1 *h, const char **bytes,
                                  size_t *len);

/* The connection has ended: whether the answer is complete by that. */
int sm_http1_end(struct sm_http1 *h);

#pragma GCC visibility pop

#endif
