/*
 * resp.h - reads Redis replies (RESP2) as their bytes arrive.
 *
 * It checks and keeps a reply until its last byte has arrived. Then the caller
 * can visit its parts in order. A declared length alone allocates nothing: a
 * reply takes only the memory of the bytes received, up to its limit.
 */

#ifndef SM_RESP_H
#define SM_RESP_H

#include "buf.h"

/* Maximum depth of nested arrays. Redis scripts and streams need four. */
#define SM_RESP_MAX_DEPTH 16

/* Maximum bytes of a line: a number, a length, a status or an error. */
#define SM_RESP_MAX_LINE 65536

enum sm_resp_state {
  SM_RESP_MORE,      /* the reply is incomplete */
  SM_RESP_DONE,      /* the reply is complete */
  SM_RESP_BROKEN,    /* the bytes are not a Redis reply */
  SM_RESP_TOO_LARGE, /* the reply is larger or deeper than allowed */
  SM_RESP_NOMEM,
};

enum sm_resp_step {
  SM_RESP_KIND,  /* expects the first byte of a part */
  SM_RESP_LINE,  /* the rest of the part's line */
  SM_RESP_FEED,  /* the line feed after its carriage return */
  SM_RESP_BYTES, /* the bytes of a string, and the line end after them */
};

struct sm_resp {
  struct sm_buf bytes; /* the part of the reply received so far */
  enum sm_resp_step step;
  enum sm_resp_state state;
  size_t line;                    /* offset of the part's line */
  size_t rest;                    /* bytes still missing from a string */
  size_t open[SM_RESP_MAX_DEPTH]; /* elements missing per open array */
  size_t depth;                   /* number of open arrays */
  size_t visited; /* bytes of a complete reply already visited */
};

/* One part: '+' status, '-' error, ':' number, '$' string, '*' array, '_' null.
 * An array's elements are the parts that follow. */
struct sm_resp_part {
  char kind;
  const char *text; /* for a status, an error or a string */
  size_t len;       /* length of the text, or elements of the array */
  long long number;
};

#pragma GCC visibility push(hidden)

/* limit: maximum bytes of one reply in total */
void sm_resp_init(struct sm_resp *r, size_t limit);
void sm_resp_free(struct sm_resp *r);

/* Discards the current reply; the next byte begins a new one. */
void sm_resp_reset(struct sm_resp *r);

/* Reads bytes up to the end of one reply and sets *used to their number. After
 * any result but SM_RESP_MORE it reads nothing until sm_resp_reset(). */
enum sm_resp_state sm_resp_feed(struct sm_resp *r, const char *bytes,
                                size_t len, size_t *used);

/* Reads the next part of a complete reply; returns 0 after the last one. */
int sm_resp_next(struct sm_resp *r, struct sm_resp_part *part);

#pragma GCC visibility pop

#endif
