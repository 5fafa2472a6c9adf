#define ZLIB_CONST /* zlib does not change its input */

#include "inflate.h"

#include <limits.h>
#include <zlib.h>

/* Bytes of output per call of zlib. */
#define PIECE 16384

/* windowBits for inflateInit2(): window size and wrapper. */
static int window_bits(enum sm_coding coding, const unsigned char *bytes,
                       size_t len) {
  if (coding == SM_CODING_GZIP)
    return MAX_WBITS + 16;
  /* RFC 1950, 2.2: method, window size, and a check. */
  if (len >= 2 && (bytes[0] & 15) == Z_DEFLATED && bytes[0] >> 4 <= 7 &&
      (bytes[0] * 256 + bytes[1]) % 31 == 0)
    return MAX_WBITS;
  return -MAX_WBITS;
}

/* Appends the output of one stream to `to`. Z_STREAM_END if it is complete. */
static enum sm_status read_stream(z_stream *z, struct sm_buf *to, int *result) {
  unsigned char piece[PIECE];
  enum sm_status status = SM_OK;

  do {
    z->next_out = piece;
    z->avail_out = sizeof(piece);
    *result = inflate(z, Z_NO_FLUSH);
    if (*result == Z_MEM_ERROR)
      return SM_NOMEM;
    status = sm_buf_add(to, (const char *)piece, sizeof(piece) - z->avail_out);
  } while (status == SM_OK && *result == Z_OK &&
           (z->avail_in > 0 || z->avail_out == 0));
  return status;
}

enum sm_status sm_inflate(enum sm_coding coding, const char *bytes, size_t len,
                          struct sm_buf *to) {
  z_stream z = {0};
  enum sm_status status;
  int result;

  if (len == 0 || len > UINT_MAX)
    return SM_REFUSED;
  z.next_in = (const unsigned char *)bytes;
  z.avail_in = (unsigned)len;
  result = inflateInit2(&z, window_bits(coding, z.next_in, len));
  if (result != Z_OK)
    return result == Z_MEM_ERROR ? SM_NOMEM : SM_REFUSED;
  do
    status = read_stream(&z, to, &result);
  while (status == SM_OK && result == Z_STREAM_END && z.avail_in > 0 &&
         coding == SM_CODING_GZIP && inflateReset(&z) == Z_OK);
  inflateEnd(&z);
  if (status != SM_OK)
    return status;
  /* A complete stream, and nothing after it. */
  return result == Z_STREAM_END && z.avail_in == 0 ? SM_OK : SM_REFUSED;
}

enum sm_status sm_deflate(const char *bytes, size_t len, struct sm_buf *to) {
  uLongf packed = compressBound((uLong)len);
  enum sm_status status = sm_buf_reserve(to, packed);

  if (status != SM_OK)
    return status;
  if (compress((Bytef *)to->bytes + to->len, &packed, (const Bytef *)bytes,
               (uLong)len) != Z_OK)
    return SM_NOMEM;
  to->len += packed;
  return SM_OK;
}
