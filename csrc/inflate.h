/*
 * inflate.h - decodes complete gzip and deflate bodies, and packs a text.
 *
 * stopmsg asks for no coding, but some servers and proxies use one anyway.
 * libcurl 7.88 takes a truncated body for complete. Here zlib must reach the
 * end with the right checksum and use every byte.
 */

#ifndef SM_INFLATE_H
#define SM_INFLATE_H

#include "buf.h"

enum sm_coding {
  SM_CODING_GZIP,
  SM_CODING_DEFLATE, /* with or without a zlib header: servers send both */
};

#pragma GCC visibility push(hidden)

/* Decodes `bytes` into `to`, up to its limit. SM_REFUSED if they are not a
 * complete body in this coding. */
enum sm_status sm_inflate(enum sm_coding coding, const char *bytes, size_t len,
                          struct sm_buf *to);

/* Adds `bytes` to `to`, packed with a zlib header: what signed tickets are. */
enum sm_status sm_deflate(const char *bytes, size_t len, struct sm_buf *to);

#pragma GCC visibility pop

#endif
