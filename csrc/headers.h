/*
 * headers.h - reads an answer's headers about its body, the time to retry, and
 * the sandbox: Transfer-Encoding, Content-Encoding, Retry-After, Server.
 *
 * libcurl's parser of Retry-After turns anything into a number: a date in
 * another form becomes 2026 seconds, "1.9" becomes 1. Here it must be digits or
 * an HTTP date (RFC 9110), or it is ignored.
 */

#ifndef SM_HEADERS_H
#define SM_HEADERS_H

#include <stddef.h>

#include "inflate.h"

/* Maximum number of nested codings. */
#define SM_MAX_CODINGS 4

/* Upper limit for a retry delay, in seconds. */
#define SM_MAX_RETRY_AFTER 1e9

struct sm_headers {
  int is_chunked;
  double length; /* of the body, from the last Content-Length */
  int length_count;
  int is_contradictory; /* contradicting lengths, or codings besides chunked */
  enum sm_coding codings[SM_MAX_CODINGS]; /* in the order they were applied */
  int coding_count;
  int has_unknown_coding;
  double retry_after; /* seconds; 0 if absent */
  double pause;       /* the same, from the provider's own header */
  int is_sandbox;     /* from the sandbox: no real message was stopped */
};

#pragma GCC visibility push(hidden)

/* Call clear, then pass each header line. */
void sm_headers_clear(struct sm_headers *h);
void sm_headers_line(struct sm_headers *h, const char *line, size_t len);

/* The same for a provider's own header, in seconds, perhaps with a fraction.
 * `name` is lower case, or empty. */
void sm_headers_pause(struct sm_headers *h, const char *name, const char *line,
                      size_t len);

#pragma GCC visibility pop

#endif
