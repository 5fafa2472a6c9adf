/*
 * inflate.h - gzip and deflate, read to their end.
 *
 * stopmsg asks for no coding; some servers and proxies use one all the same.
 * libcurl would decode it, but takes a text that was cut off for complete
 * (7.88). Here zlib must reach the end of the text, with the right checksum,
 * and use every byte.
 */

#ifndef SM_INFLATE_H
#define SM_INFLATE_H

#include "buf.h"

enum sm_coding {
  SM_CODING_GZIP,
  SM_CODING_DEFLATE, /* in a zlib envelope, or without one: servers do both */
};

#pragma GCC visibility push(hidden)

/* Adds what `bytes` hold to `to`, up to its limit. SM_REFUSED where they are
 * not a complete text of this coding. */
enum sm_status sm_inflate(enum sm_coding coding, const char *bytes, size_t len,
                          struct sm_buf *to);

#pragma GCC visibility pop

#endif
