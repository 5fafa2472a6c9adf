#include "resp.h"

#include <string.h>

/* Maximum digits of a number: more do not fit, and Redis writes no more. */
#define SM_RESP_MAX_DIGITS 19

/* Maximum bytes of memory kept between replies. */
#define SM_RESP_KEEP 65536

void sm_resp_init(struct sm_resp *r, size_t limit) {
  memset(r, 0, sizeof(*r));
  sm_buf_init(&r->bytes, limit);
}

void sm_resp_free(struct sm_resp *r) {
  sm_buf_free(&r->bytes);
}

void sm_resp_reset(struct sm_resp *r) {
  size_t limit = r->bytes.limit;
  struct sm_buf bytes;

  sm_buf_reset(&r->bytes, SM_RESP_KEEP);
  bytes = r->bytes;
  memset(r, 0, sizeof(*r));
  r->bytes = bytes;
  r->bytes.limit = limit;
}

/* Reads a whole number in Redis notation. Returns 0 if it is invalid. */
static int read_number(const char *text, size_t len, long long *number) {
  unsigned long long value = 0, most = 0x7fffffffffffffffULL;
  int is_negative = len > 0 && text[0] == '-';
  size_t i = len > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;

  if (i == len || len - i > SM_RESP_MAX_DIGITS)
    return 0;
  for (; i < len; i++) {
    if (text[i] < '0' || text[i] > '9')
      return 0;
    value = value * 10 + (unsigned)(text[i] - '0');
  }
  if (value > most + (is_negative ? 1 : 0))
    return 0;
  *number = !is_negative   ? (long long)value
            : value > most ? -(long long)most - 1
                           : -(long long)value;
  return 1;
}

/* Ends a part, and all arrays of which it was the last element. */
static void end_part(struct sm_resp *r) {
  r->step = SM_RESP_KIND;
  while (r->depth > 0 && --r->open[r->depth - 1] == 0)
    r->depth--;
  if (r->depth == 0)
    r->state = SM_RESP_DONE;
}

static void begin_string(struct sm_resp *r, long long len) {
  if (len == -1) {
    end_part(r);
  } else if (len < 0) {
    r->state = SM_RESP_BROKEN;
  } else if ((unsigned long long)len + 2 > r->bytes.limit - r->bytes.len) {
    r->state = SM_RESP_TOO_LARGE;
  } else {
    r->step = SM_RESP_BYTES;
    r->rest = (size_t)len + 2;
  }
}

static void begin_array(struct sm_resp *r, long long count) {
  size_t room = r->bytes.limit - r->bytes.len;

  if (count == 0 || count == -1) {
    end_part(r);
  } else if (count < 0) {
    r->state = SM_RESP_BROKEN;
  } else if ((unsigned long long)count > room / 3 || /* "+\r\n" is the least */
             r->depth == SM_RESP_MAX_DEPTH) {
    r->state = SM_RESP_TOO_LARGE;
  } else {
    r->open[r->depth++] = (size_t)count;
    r->step = SM_RESP_KIND;
  }
}

/* Handles a complete part line. The reply's bytes end with its line end. */
static void end_line(struct sm_resp *r) {
  const char *text = r->bytes.bytes + r->line;
  size_t len = r->bytes.len - r->line - 2;
  long long number = 0;

  if (text[0] == '+' || text[0] == '-')
    end_part(r);
  else if (!read_number(text + 1, len - 1, &number))
    r->state = SM_RESP_BROKEN;
  else if (text[0] == '$')
    begin_string(r, number);
  else if (text[0] == '*')
    begin_array(r, number);
  else
    end_part(r);
}

/* Returns how many of these bytes belong to the current step; at least one. */
static size_t measure(const struct sm_resp *r, const char *bytes, size_t len) {
  size_t i;

  if (r->step == SM_RESP_BYTES)
    return len < r->rest ? len : r->rest;
  if (r->step != SM_RESP_LINE)
    return 1;
  for (i = 0; i < len; i++)
    if (bytes[i] == '\r' || bytes[i] == '\n')
      return i + 1;
  return len;
}

/* Advances after sm_resp_feed() has added `count` bytes; `last` is the final
 * one. */
static void go_on(struct sm_resp *r, char last, size_t count) {
  switch (r->step) {
  case SM_RESP_KIND:
    r->line = r->bytes.len - 1;
    r->step = SM_RESP_LINE;
    if (last == '\0' || strchr("+-:$*", last) == NULL)
      r->state = SM_RESP_BROKEN;
    break;
  case SM_RESP_LINE:
    if (last == '\r')
      r->step = SM_RESP_FEED;
    else if (last == '\n')
      r->state = SM_RESP_BROKEN;
    else if (r->bytes.len - r->line > SM_RESP_MAX_LINE)
      r->state = SM_RESP_TOO_LARGE;
    break;
  case SM_RESP_FEED:
    if (last == '\n')
      end_line(r);
    else
      r->state = SM_RESP_BROKEN;
    break;
  case SM_RESP_BYTES:
    r->rest -= count;
    if (r->rest > 0)
      break;
    if (memcmp(r->bytes.bytes + r->bytes.len - 2, "\r\n", 2) == 0)
      end_part(r);
    else
      r->state = SM_RESP_BROKEN;
    break;
  }
}

enum sm_resp_state sm_resp_feed(struct sm_resp *r, const char *bytes,
                                size_t len, size_t *used) {
  *used = 0;
  while (r->state == SM_RESP_MORE && *used < len) {
    size_t count = measure(r, bytes + *used, len - *used);
    enum sm_status status = sm_buf_add(&r->bytes, bytes + *used, count);

    if (status != SM_OK) {
      r->state = status == SM_NOMEM ? SM_RESP_NOMEM : SM_RESP_TOO_LARGE;
      break;
    }
    *used += count;
    go_on(r, bytes[*used - 1], count);
  }
  return r->state;
}

int sm_resp_next(struct sm_resp *r, struct sm_resp_part *part) {
  const char *text = r->bytes.bytes + r->visited;
  const char *end;

  memset(part, 0, sizeof(*part));
  if (r->state != SM_RESP_DONE || r->visited == r->bytes.len)
    return 0;
  end = memchr(text, '\r', r->bytes.len - r->visited);
  r->visited += (size_t)(end - text) + 2;
  part->kind = text[0];
  part->text = text + 1;
  part->len = (size_t)(end - text) - 1;
  if (text[0] == '+' || text[0] == '-')
    return 1;
  (void)read_number(part->text, part->len, &part->number);
  part->len = 0;
  if (text[0] == ':')
    return 1;
  if (part->number < 0) {
    part->kind = '_';
    return 1;
  }
  part->len = (size_t)part->number;
  if (text[0] == '$') {
    part->text = end + 2;
    r->visited += part->len + 2;
  }
  return 1;
}
