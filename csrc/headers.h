/*
 * headers.h - what the headers of an answer say of its body, when to come back,
 * and whether it is from our own sandbox: Transfer-Encoding, Content-Encoding,
 * Retry-After, Server.
 *
 * libcurl reads Retry-After with functions that make a number of anything:
 * 2026 seconds of a date in another form, 1 of "1.9". Here it is a number of
 * seconds in digits or an HTTP date, as RFC 9110 has it, or nothing at all.
 */

#ifndef SM_HEADERS_H
#define SM_HEADERS_H

#include <stddef.h>
#include <time.h>

#include "inflate.h"

/* Codings that one answer may have, one in another. */
#define SM_MAX_CODINGS 4

/* Nothing that says "later" says more seconds than this. */
#define SM_MAX_RETRY_AFTER 1e9

struct sm_headers {
  int is_chunked;
  double length; /* of the body, as the last Content-Length has it */
  int length_count;
  int is_contradictory; /* two lengths that differ, more than chunks */
  enum sm_coding codings[SM_MAX_CODINGS]; /* in the order they were applied */
  int coding_count;
  int has_unknown_coding;
  double retry_after; /* seconds; 0 where it does not say any */
  double pause;       /* the same by another header */
  int is_sandbox;     /* nobody's messages were stopped */
};

#pragma GCC visibility push(hidden)

/* clear, then each line up to the end of the headers. `now` is the time of
 * day, which dates are compared with. */
void sm_headers_clear(struct sm_headers *h);
void sm_headers_line(struct sm_headers *h, const char *line, size_t len,
                     time_t now);

/* The same of a header of the provider's own: seconds, with a fraction or
 * without. `name` is in lower case, or empty. */
void sm_headers_pause(struct sm_headers *h, const char *name, const char *line,
                      size_t len);

#pragma GCC visibility pop

#endif
