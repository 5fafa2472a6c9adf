#include "inflate.h"

#include <stdint.h>
#include <string.h>

#define MAX_BITS 15 /* of a code */
#define MAX_LENGTHS 286
#define MAX_DISTANCES 30
#define END_OF_BLOCK 256

struct input {
  const unsigned char *at, *end;
  uint32_t bits; /* read and not used, the first one lowest */
  unsigned count;
  enum sm_status status; /* SM_OK until something is wrong */
};

/* Prefix codes: how many there are of each size, and what they stand for, the
 * shortest first. Of codes of one size each is the one before plus one. */
struct codes {
  uint16_t count[MAX_BITS + 1];
  uint16_t symbol[MAX_LENGTHS + 2];
};

static unsigned fail(struct input *in, enum sm_status status) {
  if (in->status == SM_OK)
    in->status = status;
  return 0;
}

/* The next `count` bits, 16 at most; 0 at the end of the input. */
static unsigned take_bits(struct input *in, unsigned count) {
  unsigned bits;

  while (in->count < count) {
    if (in->at == in->end)
      return fail(in, SM_REFUSED);
    in->bits |= (uint32_t)*in->at++ << in->count;
    in->count += 8;
  }
  bits = in->bits & ((1u << count) - 1);
  in->bits >>= count;
  in->count -= count;
  return bits;
}

/* The number in the next `count` bytes, 4 at most, the lowest first. */
static uint32_t take_bytes(struct input *in, unsigned count) {
  uint32_t number = 0;
  unsigned i;

  for (i = 0; i < count; i++)
    number |= (uint32_t)take_bits(in, 8) << (8 * i);
  return number;
}

/* What is left of a byte is not used. */
static void skip_to_byte(struct input *in) {
  in->bits >>= in->count % 8;
  in->count -= in->count % 8;
}

/* Whether sizes[0..n-1] make codes that no text can be read in two ways. Some
 * may be missing only where there is but one, of one bit, or none. */
static int make_codes(struct codes *codes, const unsigned char *sizes,
                      unsigned n) {
  uint16_t next[MAX_BITS + 1];
  int left = 1, size;
  unsigned symbol, total = 0;

  memset(codes->count, 0, sizeof(codes->count));
  for (symbol = 0; symbol < n; symbol++)
    codes->count[sizes[symbol]]++;
  codes->count[0] = 0;
  next[1] = 0;
  for (size = 1; size <= MAX_BITS; size++) {
    left = left * 2 - codes->count[size];
    if (left < 0)
      return 0;
    total += codes->count[size];
    if (size < MAX_BITS)
      next[size + 1] = (uint16_t)(next[size] + codes->count[size]);
  }
  for (symbol = 0; symbol < n; symbol++)
    if (sizes[symbol] != 0)
      codes->symbol[next[sizes[symbol]]++] = (uint16_t)symbol;
  return left == 0 || (total <= 1 && codes->count[1] == total);
}

static unsigned take_symbol(struct input *in, const struct codes *codes) {
  unsigned code = 0, first = 0, index = 0, size;

  for (size = 1; size <= MAX_BITS; size++) {
    unsigned count = codes->count[size];

    code |= take_bits(in, 1);
    if (in->status != SM_OK)
      return 0;
    if (code - first < count)
      return codes->symbol[index + (code - first)];
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  return fail(in, SM_REFUSED);
}

static void put(struct input *in, struct sm_buf *to, const char *bytes,
                size_t len) {
  enum sm_status status = sm_buf_add(to, bytes, len);

  if (status != SM_OK)
    (void)fail(in, status);
}

/* Repeats `len` bytes that end `distance` bytes back, which may be fewer. */
static void repeat(struct input *in, struct sm_buf *to, size_t start,
                   size_t distance, size_t len) {
  if (distance > to->len - start) {
    (void)fail(in, SM_REFUSED);
    return;
  }
  if (len > to->limit - to->len) {
    (void)fail(in, SM_FULL);
    return;
  }
  if (sm_buf_reserve(to, len) != SM_OK) {
    (void)fail(in, SM_NOMEM);
    return;
  }
  for (; len > 0; len--) {
    to->bytes[to->len] = to->bytes[to->len - distance];
    to->len++;
  }
}

/* The text of a block, where a symbol is a byte, or a length to repeat. */
static void read_codes(struct input *in, struct sm_buf *to, size_t start,
                       const struct codes *lengths,
                       const struct codes *distances) {
  /* What the symbols from 257 on begin with, and in how many more bits the
   * rest stands; of distances, the same by arithmetic. */
  static const uint16_t base[] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                  15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                  67, 83, 99, 115, 131, 163, 195, 227, 258};
  static const unsigned char more[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1,
                                       1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
                                       4, 4, 4, 4, 5, 5, 5, 5, 0};

  while (in->status == SM_OK) {
    unsigned symbol = take_symbol(in, lengths), bits;
    size_t len, distance;

    if (in->status != SM_OK || symbol == END_OF_BLOCK)
      return;
    if (symbol < END_OF_BLOCK) {
      char byte = (char)symbol;

      put(in, to, &byte, 1);
      continue;
    }
    symbol -= END_OF_BLOCK + 1;
    if (symbol >= sizeof(more)) {
      (void)fail(in, SM_REFUSED);
      return;
    }
    len = base[symbol] + take_bits(in, more[symbol]);
    symbol = take_symbol(in, distances);
    if (symbol >= MAX_DISTANCES) {
      (void)fail(in, SM_REFUSED);
      return;
    }
    bits = symbol < 4 ? 0 : symbol / 2 - 1;
    distance = symbol < 4 ? symbol + 1 : ((size_t)(2 + symbol % 2) << bits) + 1;
    distance += take_bits(in, bits);
    if (in->status == SM_OK)
      repeat(in, to, start, distance, len);
  }
}

static void read_stored(struct input *in, struct sm_buf *to) {
  uint32_t len, check;

  skip_to_byte(in);
  len = take_bytes(in, 2);
  check = take_bytes(in, 2);
  if (in->status != SM_OK || (len ^ check) != 0xffff) {
    (void)fail(in, SM_REFUSED);
    return;
  }
  /* Never more than a byte ahead, so nothing of it stands in `bits`. */
  if (len > (size_t)(in->end - in->at)) {
    (void)fail(in, SM_REFUSED);
    return;
  }
  put(in, to, (const char *)in->at, len);
  in->at += len;
}

static void read_fixed(struct input *in, struct sm_buf *to, size_t start) {
  struct codes lengths, distances;
  unsigned char sizes[MAX_LENGTHS + 2];

  memset(sizes, 8, 144);
  memset(sizes + 144, 9, 112);
  memset(sizes + 256, 7, 24);
  memset(sizes + 280, 8, 8);
  (void)make_codes(&lengths, sizes, sizeof(sizes));
  /* Two of the 32 have no meaning, and are refused when they come. */
  memset(sizes, 5, 32);
  (void)make_codes(&distances, sizes, 32);
  read_codes(in, to, start, &lengths, &distances);
}

/* The sizes of both sets of codes, themselves in codes; 0 where they are none.
 */
static int take_sizes(struct input *in, const struct codes *codes,
                      unsigned char *sizes, unsigned n) {
  unsigned i = 0;

  while (i < n) {
    unsigned symbol = take_symbol(in, codes), times;
    unsigned char size = 0;

    if (in->status != SM_OK)
      return 0;
    if (symbol < 16) {
      sizes[i++] = (unsigned char)symbol;
      continue;
    }
    if (symbol == 16) {
      if (i == 0)
        return 0;
      size = sizes[i - 1];
      times = 3 + take_bits(in, 2);
    } else if (symbol == 17) {
      times = 3 + take_bits(in, 3);
    } else {
      times = 11 + take_bits(in, 7);
    }
    if (times > n - i)
      return 0;
    memset(sizes + i, size, times);
    i += times;
  }
  return 1;
}

static void read_dynamic(struct input *in, struct sm_buf *to, size_t start) {
  static const unsigned char order[] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                        11, 4,  12, 3, 13, 2, 14, 1, 15};
  struct codes lengths, distances;
  unsigned char sizes[MAX_LENGTHS + MAX_DISTANCES];
  unsigned length_count = take_bits(in, 5) + 257;
  unsigned distance_count = take_bits(in, 5) + 1;
  unsigned order_count = take_bits(in, 4) + 4, i;

  memset(sizes, 0, sizeof(sizes));
  for (i = 0; i < order_count; i++)
    sizes[order[i]] = (unsigned char)take_bits(in, 3);
  if (in->status != SM_OK || length_count > MAX_LENGTHS ||
      distance_count > MAX_DISTANCES ||
      !make_codes(&lengths, sizes, sizeof(order)) ||
      !take_sizes(in, &lengths, sizes, length_count + distance_count) ||
      sizes[END_OF_BLOCK] == 0 ||
      !make_codes(&distances, sizes + length_count, distance_count) ||
      !make_codes(&lengths, sizes, length_count)) {
    (void)fail(in, SM_REFUSED);
    return;
  }
  read_codes(in, to, start, &lengths, &distances);
}

/* All blocks, up to the byte in which the last one ends. */
static void read_blocks(struct input *in, struct sm_buf *to) {
  size_t start = to->len;
  unsigned is_last = 0;

  while (!is_last && in->status == SM_OK) {
    is_last = take_bits(in, 1);
    switch (take_bits(in, 2)) {
    case 0:
      read_stored(in, to);
      break;
    case 1:
      read_fixed(in, to, start);
      break;
    case 2:
      read_dynamic(in, to, start);
      break;
    default:
      (void)fail(in, SM_REFUSED);
    }
  }
  skip_to_byte(in);
}

/* What was added since `start`. */
static const char *text_from(const struct sm_buf *to, size_t start) {
  return to->len > start ? to->bytes + start : "";
}

static uint32_t crc32_of(const char *bytes, size_t len) {
  static const uint32_t table[16] = {
      0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
      0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
      0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  uint32_t crc = 0xffffffff;
  size_t i;

  for (i = 0; i < len; i++) {
    crc ^= (unsigned char)bytes[i];
    crc = table[crc & 15] ^ (crc >> 4);
    crc = table[crc & 15] ^ (crc >> 4);
  }
  return ~crc;
}

static uint32_t adler32_of(const char *bytes, size_t len) {
  uint32_t a = 1, b = 0;
  size_t i;

  for (i = 0; i < len; i++) {
    a = (a + (unsigned char)bytes[i]) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

static void skip_text(struct input *in) {
  while (in->status == SM_OK && take_bits(in, 8) != 0)
    ;
}

/* One member of a gzip text: a header, blocks, checksum and length. */
static void read_member(struct input *in, struct sm_buf *to) {
  size_t start = to->len;
  const unsigned char *header = in->at;
  unsigned flags;

  if (take_bytes(in, 3) != 0x088b1f)
    (void)fail(in, SM_REFUSED);
  flags = take_bits(in, 8);
  (void)take_bytes(in, 4); /* time */
  (void)take_bytes(in, 2); /* how it was packed, and where */
  if (flags & 0xe0)
    (void)fail(in, SM_REFUSED);
  if (flags & 4) { /* further fields */
    uint32_t len = take_bytes(in, 2);

    while (len-- > 0 && in->status == SM_OK)
      (void)take_bits(in, 8);
  }
  if (flags & 8) /* a file's name */
    skip_text(in);
  if (flags & 16) /* a comment */
    skip_text(in);
  if (flags & 2 && in->status == SM_OK) {
    uint32_t crc = crc32_of((const char *)header, (size_t)(in->at - header));

    if (take_bytes(in, 2) != (crc & 0xffff))
      (void)fail(in, SM_REFUSED);
  }
  read_blocks(in, to);
  if (in->status != SM_OK)
    return;
  if (take_bytes(in, 4) != crc32_of(text_from(to, start), to->len - start) ||
      take_bytes(in, 4) != ((to->len - start) & 0xffffffff))
    (void)fail(in, SM_REFUSED);
}

static int is_zlib(const unsigned char *bytes, size_t len) {
  return len >= 2 && (bytes[0] & 15) == 8 && bytes[0] >> 4 <= 7 &&
         (bytes[0] * 256 + bytes[1]) % 31 == 0 && !(bytes[1] & 32);
}

static void read_zlib(struct input *in, struct sm_buf *to) {
  size_t start = to->len;
  uint32_t sum = 0;
  int i;

  (void)take_bytes(in, 2);
  read_blocks(in, to);
  for (i = 0; i < 4; i++)
    sum = sum << 8 | take_bits(in, 8);
  if (in->status == SM_OK &&
      sum != adler32_of(text_from(to, start), to->len - start))
    (void)fail(in, SM_REFUSED);
}

enum sm_status sm_inflate(enum sm_coding coding, const char *bytes, size_t len,
                          struct sm_buf *to) {
  struct input in = {NULL, NULL, 0, 0, SM_OK};

  if (len == 0)
    return SM_REFUSED;
  in.at = (const unsigned char *)bytes;
  in.end = in.at + len;
  if (coding == SM_CODING_GZIP) {
    do
      read_member(&in, to);
    while (in.status == SM_OK && in.at < in.end);
  } else if (is_zlib(in.at, len)) {
    read_zlib(&in, to);
  } else {
    read_blocks(&in, to);
  }
  return in.status == SM_OK && in.at < in.end ? SM_REFUSED : in.status;
}
