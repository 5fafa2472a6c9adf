/*
 * hash.h - SHA-1, SHA-256 and HMAC (FIPS 180-4, RFC 2104), for signatures.
 *
 * Short texts, a few a second: plain code, so that no other library is needed.
 */

#ifndef SM_HASH_H
#define SM_HASH_H

#include "buf.h"

#include <stdint.h>

enum sm_hash_kind {
  SM_SHA1,
  SM_SHA256,
};

/* Bytes of the longest digest, and of a block. */
#define SM_DIGEST_BYTES 32
#define SM_HASH_BLOCK 64

struct sm_hash {
  enum sm_hash_kind kind;
  uint32_t state[8];
  uint64_t count; /* bytes so far */
  unsigned char block[SM_HASH_BLOCK];
};

#pragma GCC visibility push(hidden)

void sm_hash_init(struct sm_hash *h, enum sm_hash_kind kind);
void sm_hash_add(struct sm_hash *h, const void *bytes, size_t len);

/* Writes the digest, wipes `h`, and returns the digest's length. */
size_t sm_hash_end(struct sm_hash *h, unsigned char *digest);

/* The HMAC of a text. */
size_t sm_hmac(enum sm_hash_kind kind, const struct sm_buf *key,
               const void *bytes, size_t len, unsigned char *digest);

#pragma GCC visibility pop

#endif
