/*
 * resp.h - replies of Redis (RESP2), read as their bytes arrive.
 *
 * A reply is checked and kept until its last byte is here; then its parts can
 * be visited in their order. Nothing is allocated because a length says so: a
 * reply takes the memory of the bytes that came, and no more than its limit.
 */

#ifndef SM_RESP_H
#define SM_RESP_H

#include "buf.h"

/* Arrays within arrays. Scripts and streams of Redis need four. */
#define SM_RESP_MAX_DEPTH 16

/* Bytes of a line: a number, a length, a status or an error. */
#define SM_RESP_MAX_LINE 65536

enum sm_resp_state {
  SM_RESP_MORE,      /* the reply goes on */
  SM_RESP_DONE,      /* it is complete */
  SM_RESP_BROKEN,    /* these bytes are no reply of Redis */
  SM_RESP_TOO_LARGE, /* it has more bytes, or is deeper, than allowed */
  SM_RESP_NOMEM,
};

enum sm_resp_step {
  SM_RESP_KIND,  /* the first byte of a part comes next */
  SM_RESP_LINE,  /* the rest of its line */
  SM_RESP_FEED,  /* the line feed after its carriage return */
  SM_RESP_BYTES, /* the bytes of a string, and the line end after them */
};

struct sm_resp {
  struct sm_buf bytes; /* the reply as far as it is here */
  enum sm_resp_step step;
  enum sm_resp_state state;
  size_t line;                    /* where the part's line begins */
  size_t rest;                    /* bytes to come of a string */
  size_t open[SM_RESP_MAX_DEPTH]; /* elements to come of each open array */
  size_t depth;                   /* open arrays */
  size_t visited;                 /* of a complete reply, in bytes */
};

/* One part: '+' status, '-' error, ':' number, '$' string, '*' array, '_' null.
 * An array's elements are the parts that follow. */
struct sm_resp_part {
  char kind;
  const char *text; /* of a status, an error, a string */
  size_t len;       /* its bytes, or the elements of an array */
  long long number;
};

#pragma GCC visibility push(hidden)

/* limit: bytes of one reply, all in all */
void sm_resp_init(struct sm_resp *r, size_t limit);
void sm_resp_free(struct sm_resp *r);

/* Forgets what was read: the next byte begins a reply. */
void sm_resp_reset(struct sm_resp *r);

/* Takes bytes up to the end of one reply, and says in *used how many. After
 * anything but SM_RESP_MORE nothing is taken until sm_resp_reset(). */
enum sm_resp_state sm_resp_feed(struct sm_resp *r, const char *bytes,
                                size_t len, size_t *used);

/* The next part of a complete reply: 0 after the last one. */
int sm_resp_next(struct sm_resp *r, struct sm_resp_part *part);

#pragma GCC visibility pop

#endif
