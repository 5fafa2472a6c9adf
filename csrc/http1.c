#include "http1.h"

#include <string.h>

#include "ascii.h"
#include "bytes.h"

/* Bytes of a chunk-size line that do not count toward the header limit. */
#define SM_PLAIN_SIZE 20

void sm_http1_init(struct sm_http1 *h) {
  memset(h, 0, sizeof(*h));
  sm_buf_init(&h->line, SM_MAX_HEADERS);
}

void sm_http1_free(struct sm_http1 *h) {
  sm_buf_free(&h->line);
}

static void forget_framing(struct sm_http1 *h) {
  h->has_length = 0;
  h->has_coding = 0;
  h->left = 0;
  h->is_kept = 1;
  h->is_framed = 0;
}

void sm_http1_begin(struct sm_http1 *h) {
  h->state = SM_HTTP1_AT_STATUS;
  h->status = 0;
  h->head_bytes = 0;
  h->fault = NULL;
  h->is_told = 0;
  sm_buf_reset(&h->line, 4096);
  forget_framing(h);
}

/* Whether `c` may be part of a name (RFC 9110, 5.6.2): a letter, a digit, or
 * one of some signs. One bit per character. */
static int is_name(char c) {
  static const uint32_t bits[] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
  unsigned char byte = (unsigned char)c;

  return byte < 128 && (bits[byte >> 5] >> (byte & 31) & 1) != 0;
}

/* Whether the text has no control bytes except tabs. */
static int is_text(const char *text, size_t len) {
  size_t i = 0;

  while (i < len) {
    uint64_t word = len - i >= SM_WORD ? sm_word(text + i) : 0;

    if (!(sm_any_below(word, ' ') | sm_any_is(word, 127))) {
      i += SM_WORD;
      continue;
    }
    if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 127)
      return 0;
    i++;
  }
  return 1;
}

static enum sm_http1_event fail(struct sm_http1 *h, const char *fault) {
  h->fault = fault;
  return SM_HTTP1_BAD;
}

/* Reads the status line at `text`, which has no line end. */
static enum sm_http1_event read_status(struct sm_http1 *h) {
  const char *line = h->text;

  /* A version, one space, a number of three digits, then a space or nothing. */
  if (h->len < 12 || memcmp(line, "HTTP/1.", 7) != 0 ||
      (line[7] != '0' && line[7] != '1') || line[8] != ' ' || line[9] == '0' ||
      !sm_is_digit(line[9]) || !sm_is_digit(line[10]) ||
      !sm_is_digit(line[11]) || (h->len > 12 && line[12] != ' ') ||
      !is_text(line + 12, h->len - 12))
    return fail(h, "the answer's first line is malformed");
  h->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0';
  forget_framing(h);
  h->is_old = line[7] == '0';
  h->is_kept = !h->is_old;
  h->state = SM_HTTP1_AT_FIELDS;
  return SM_HTTP1_STATUS;
}

static const char *read_length(struct sm_http1 *h, const char *text,
                               size_t len) {
  uint64_t length = 0;
  size_t i;

  for (i = 0; i < len; i++) {
    unsigned digit = (unsigned)(text[i] - '0');

    if (!sm_is_digit(text[i]) || length > (UINT64_MAX - digit) / 10)
      return "the answer's length is none";
    length = length * 10 + digit;
  }
  if (len == 0 || (h->has_length && h->left != length))
    return "the answer's length is none";
  h->has_length = 1;
  h->left = length;
  return NULL;
}

/* Reads the comma-separated options of a Connection header. */
static void read_connection(struct sm_http1 *h, const char *text, size_t len) {
  const char *end = text + len;

  while (text < end) {
    const char *comma = memchr(text, ',', (size_t)(end - text));
    size_t word_len = (size_t)((comma != NULL ? comma : end) - text);
    const char *word = sm_trim(text, &word_len);

    if (sm_is_word(word, word_len, "close"))
      h->is_kept = 0;
    text = comma != NULL ? comma + 1 : end;
  }
}

/* Reads a header that determines the response's end. Returns its fault, or NULL
 * if it is valid. */
static const char *read_framing(struct sm_http1 *h, size_t name_len,
                                const char *value, size_t value_len) {
  const char *name = h->text, *fault = NULL;

  if (sm_is_word(name, name_len, "content-length")) {
    if (h->has_coding)
      return "the answer has chunks and a length";
    fault = read_length(h, value, value_len);
  } else if (sm_is_word(name, name_len, "connection")) {
    read_connection(h, value, value_len);
  } else if (sm_is_word(name, name_len, "transfer-encoding")) {
    if (h->has_coding || h->is_old || !sm_is_word(value, value_len, "chunked"))
      return "the answer's Transfer-Encoding is not chunked";
    if (h->has_length)
      return "the answer has chunks and a length";
    h->has_coding = 1;
  }
  return fault;
}

static enum sm_http1_event read_field(struct sm_http1 *h) {
  size_t name_len = 0, value_len;
  const char *value, *fault;

  while (name_len < h->len && is_name(h->text[name_len]))
    name_len++;
  if (name_len == 0 || name_len == h->len || h->text[name_len] != ':')
    return fail(h, "the answer's headers are malformed");
  value = h->text + name_len + 1;
  value_len = h->len - name_len - 1;
  if (!is_text(value, value_len))
    return fail(h, "the answer's headers are malformed");
  value = sm_trim(value, &value_len);
  fault = read_framing(h, name_len, value, value_len);
  if (h->state == SM_HTTP1_AT_TRAILERS) {
    h->is_kept &= fault == NULL; /* too late to matter, but suspicious */
    return SM_HTTP1_TRAILER;
  }
  return fault != NULL ? fail(h, fault) : SM_HTTP1_FIELD;
}

/* Handles the empty line after the headers: determines what follows. */
static enum sm_http1_event end_headers(struct sm_http1 *h) {
  /* No request asked for another protocol. */
  if (h->status == 101)
    return fail(h, "the server changed the protocol");
  h->state = SM_HTTP1_AT_STATUS;
  if (h->status < 200)
    return SM_HTTP1_MORE;
  h->is_framed = h->has_length || h->has_coding || h->status == 204;
  if (h->status == 204 || h->status == 304)
    h->state = SM_HTTP1_AT_END;
  else if (h->has_coding)
    h->state = SM_HTTP1_AT_SIZE;
  else if (h->has_length)
    h->state = h->left > 0 ? SM_HTTP1_AT_BODY : SM_HTTP1_AT_END;
  else
    h->state = SM_HTTP1_AT_REST;
  if (h->state == SM_HTTP1_AT_REST)
    h->is_kept = 0;
  return SM_HTTP1_HEADED;
}

static int hex_of(char c) {
  c = sm_lower(c);
  if (sm_is_digit(c))
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads a chunk size; ignores extensions. */
static enum sm_http1_event read_size(struct sm_http1 *h) {
  uint64_t size = 0;
  size_t i;

  for (i = 0; i < h->len && hex_of(h->text[i]) >= 0; i++) {
    if (size >> 60 != 0)
      return fail(h, "the size of a chunk is malformed");
    size = size * 16 + (uint64_t)hex_of(h->text[i]);
  }
  if (i == 0 || (i < h->len && h->text[i] != ';') ||
      !is_text(h->text + i, h->len - i))
    return fail(h, "the size of a chunk is malformed");
  h->left = size;
  h->state = size > 0 ? SM_HTTP1_AT_BODY : SM_HTTP1_AT_TRAILERS;
  return SM_HTTP1_MORE;
}

/* Handles the complete line at `text`. Returns MORE if there is no event to
 * report. */
static enum sm_http1_event read_line(struct sm_http1 *h) {
  if (h->state > SM_HTTP1_AT_FIELDS && !h->has_cr)
    return fail(h, "a line of the answer's chunks is malformed");
  switch (h->state) {
  case SM_HTTP1_AT_STATUS:
    return read_status(h);
  case SM_HTTP1_AT_FIELDS:
    return h->len == 0 ? end_headers(h) : read_field(h);
  case SM_HTTP1_AT_SIZE:
    return read_size(h);
  case SM_HTTP1_AT_CHUNK_END:
    if (h->len > 0)
      return fail(h, "a chunk is longer than it says");
    h->state = SM_HTTP1_AT_SIZE;
    return SM_HTTP1_MORE;
  default: /* trailers */
    if (h->len > 0)
      return read_field(h);
    h->state = SM_HTTP1_AT_END;
    return SM_HTTP1_DONE;
  }
}

/* Takes the bytes of a line. Returns 1 if the line is complete. */
static enum sm_http1_event take_line(struct sm_http1 *h, const char **bytes,
                                     size_t *len, int *is_whole) {
  const char *text = *bytes, *end = memchr(text, '\n', *len);
  size_t taken = end != NULL ? (size_t)(end - text) + 1 : *len;
  int is_size =
      h->state == SM_HTTP1_AT_SIZE || h->state == SM_HTTP1_AT_CHUNK_END;

  *is_whole = end != NULL;
  if (h->is_told)
    sm_buf_reset(&h->line, 4096);
  h->is_told = *is_whole;
  if (!is_size || h->line.len + taken > SM_PLAIN_SIZE)
    h->head_bytes += taken + (*is_whole ? SM_LINE_WORK : 0);
  if (h->head_bytes > SM_MAX_HEADERS)
    return SM_HTTP1_LARGE;
  *bytes += taken;
  *len -= taken;
  if (!*is_whole || h->line.len > 0) {
    if (sm_buf_add(&h->line, text, taken) != SM_OK)
      return SM_HTTP1_NOMEM; /* the limit was checked above */
    text = h->line.bytes;
    taken = h->line.len;
  }
  if (!*is_whole)
    return SM_HTTP1_MORE;
  h->has_cr = taken > 1 && text[taken - 2] == '\r';
  h->text = text;
  h->len = taken - 1 - (size_t)h->has_cr;
  return SM_HTTP1_MORE;
}

static enum sm_http1_event take_body(struct sm_http1 *h, const char **bytes,
                                     size_t *len) {
  size_t taken = *len;

  if (h->state == SM_HTTP1_AT_BODY) {
    if (h->left < taken)
      taken = (size_t)h->left;
    h->left -= taken;
    if (h->left == 0)
      h->state = h->has_coding ? SM_HTTP1_AT_CHUNK_END : SM_HTTP1_AT_END;
  }
  h->text = *bytes;
  h->len = taken;
  *bytes += taken;
  *len -= taken;
  return SM_HTTP1_BODY;
}

enum sm_http1_event sm_http1_next(struct sm_http1 *h, const char **bytes,
                                  size_t *len) {
  enum sm_http1_event event = SM_HTTP1_MORE;
  int is_whole;

  if (h->state == SM_HTTP1_AT_END)
    return SM_HTTP1_DONE;
  while (event == SM_HTTP1_MORE && *len > 0) {
    if (h->state == SM_HTTP1_AT_BODY || h->state == SM_HTTP1_AT_REST)
      return take_body(h, bytes, len);
    event = take_line(h, bytes, len, &is_whole);
    if (event == SM_HTTP1_MORE && is_whole)
      event = read_line(h);
  }
  return event;
}

int sm_http1_end(struct sm_http1 *h) {
  return h->state == SM_HTTP1_AT_REST || h->state == SM_HTTP1_AT_END;
}
