#include "hash.h"

#include <string.h>

static const uint32_t start[2][8] = {
    {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0},
    {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
     0x1f83d9ab, 0x5be0cd19},
};

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t left(uint32_t x, unsigned n) {
  return x << n | x >> (32 - n);
}

static uint32_t right(uint32_t x, unsigned n) {
  return x >> n | x << (32 - n);
}

/* The first 16 words of a block's schedule. */
static void read_words(const unsigned char *block, uint32_t *w) {
  size_t i;

  for (i = 0; i < 16; i++, block += 4)
    w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
           (uint32_t)block[2] << 8 | (uint32_t)block[3];
}

static void sha1(uint32_t *state, const unsigned char *block) {
  uint32_t w[80], s[5], mix;
  size_t i;

  read_words(block, w);
  for (i = 16; i < 80; i++)
    w[i] = left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  memcpy(s, state, sizeof(s));
  for (i = 0; i < 80; i++) {
    if (i < 20)
      mix = ((s[1] & s[2]) | (~s[1] & s[3])) + 0x5a827999;
    else if (i < 40)
      mix = (s[1] ^ s[2] ^ s[3]) + 0x6ed9eba1;
    else if (i < 60)
      mix = ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])) + 0x8f1bbcdc;
    else
      mix = (s[1] ^ s[2] ^ s[3]) + 0xca62c1d6;
    mix += left(s[0], 5) + s[4] + w[i];
    s[4] = s[3];
    s[3] = s[2];
    s[2] = left(s[1], 30);
    s[1] = s[0];
    s[0] = mix;
  }
  for (i = 0; i < 5; i++)
    state[i] += s[i];
  sm_wipe(w, sizeof(w));
  sm_wipe(s, sizeof(s));
}

static void sha256(uint32_t *state, const unsigned char *block) {
  uint32_t w[64], s[8], a, b;
  size_t i;

  read_words(block, w);
  for (i = 16; i < 64; i++) {
    a = right(w[i - 15], 7) ^ right(w[i - 15], 18) ^ w[i - 15] >> 3;
    b = right(w[i - 2], 17) ^ right(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + a + w[i - 7] + b;
  }
  memcpy(s, state, sizeof(s));
  for (i = 0; i < 64; i++) {
    a = s[7] + (right(s[4], 6) ^ right(s[4], 11) ^ right(s[4], 25)) +
        ((s[4] & s[5]) ^ (~s[4] & s[6])) + rounds[i] + w[i];
    b = (right(s[0], 2) ^ right(s[0], 13) ^ right(s[0], 22)) +
        ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof(*s));
    s[4] += a;
    s[0] = a + b;
  }
  for (i = 0; i < 8; i++)
    state[i] += s[i];
  sm_wipe(w, sizeof(w));
  sm_wipe(s, sizeof(s));
}

static void take_block(struct sm_hash *h, const unsigned char *block) {
  if (h->kind == SM_SHA1)
    sha1(h->state, block);
  else
    sha256(h->state, block);
}

void sm_hash_init(struct sm_hash *h, enum sm_hash_kind kind) {
  memset(h, 0, sizeof(*h));
  h->kind = kind;
  memcpy(h->state, start[kind], sizeof(h->state));
}

void sm_hash_add(struct sm_hash *h, const void *bytes, size_t len) {
  const unsigned char *from = bytes;
  size_t i;

  for (i = 0; i < len; i++) {
    h->block[h->count++ % SM_HASH_BLOCK] = from[i];
    if (h->count % SM_HASH_BLOCK == 0)
      take_block(h, h->block);
  }
}

size_t sm_hash_end(struct sm_hash *h, unsigned char *digest) {
  uint64_t bits = h->count * 8;
  size_t i, words = h->kind == SM_SHA1 ? 5 : 8;
  unsigned char byte = 0x80;

  sm_hash_add(h, &byte, 1);
  byte = 0;
  while (h->count % SM_HASH_BLOCK != SM_HASH_BLOCK - 8)
    sm_hash_add(h, &byte, 1);
  for (i = 0; i < 8; i++) {
    byte = (unsigned char)(bits >> (56 - 8 * i));
    sm_hash_add(h, &byte, 1);
  }
  for (i = 0; i < words * 4; i++)
    digest[i] = (unsigned char)(h->state[i / 4] >> (24 - i % 4 * 8));
  sm_wipe(h, sizeof(*h));
  return words * 4;
}

/* The digest of one key block XORed with `pad`, then a text. */
static size_t keyed(enum sm_hash_kind kind, const unsigned char *key,
                    unsigned char pad, const void *bytes, size_t len,
                    unsigned char *digest) {
  unsigned char block[SM_HASH_BLOCK];
  struct sm_hash h;
  size_t i;

  for (i = 0; i < sizeof(block); i++)
    block[i] = key[i] ^ pad;
  sm_hash_init(&h, kind);
  sm_hash_add(&h, block, sizeof(block));
  sm_hash_add(&h, bytes, len);
  sm_wipe(block, sizeof(block));
  return sm_hash_end(&h, digest);
}

size_t sm_hmac(enum sm_hash_kind kind, const struct sm_buf *key,
               const void *bytes, size_t len, unsigned char *digest) {
  unsigned char block[SM_HASH_BLOCK] = {0};
  unsigned char inner[SM_DIGEST_BYTES];
  size_t count;

  if (key->len > sizeof(block)) {
    struct sm_hash h;

    sm_hash_init(&h, kind);
    sm_hash_add(&h, key->bytes, key->len);
    (void)sm_hash_end(&h, block);
  } else if (key->len > 0) {
    memcpy(block, key->bytes, key->len);
  }
  count = keyed(kind, block, 0x36, bytes, len, inner);
  count = keyed(kind, block, 0x5c, inner, count, digest);
  sm_wipe(block, sizeof(block));
  return count;
}
