#include "names.h"

#include <stdint.h>
#include <stdlib.h>

/* Hashes of the names of all open objects: those of the innermost are the last.
 * Two names with the same hash would cost a response, no more. */
struct names {
  struct sm_json json;
  struct sm_buf hashes;
  size_t from[SM_MAX_DEPTH + 1]; /* where the hashes of an open nest begin */
  int is_twice;
};

static int on_name(void *user) {
  (void)user;
  return 1;
}

static int on_value(void *user, char c) {
  struct names *n = user;

  if (n->json.depth == 0 && c != '{' && c != '[')
    sm_json_refuse(&n->json); /* has no names */
  return 0;
}

static enum sm_status on_text(void *user, enum sm_token token, const char *text,
                              size_t len, int is_whole) {
  struct names *n = user;
  uint64_t hash = 14695981039346656037U; /* FNV-1a */
  size_t i;

  (void)token;
  (void)is_whole;
  if (text == NULL)
    return SM_OK; /* too long to be the name of a field that is read */
  for (i = 0; i < len; i++)
    hash = (hash ^ (unsigned char)text[i]) * 1099511628211U;
  return sm_buf_add(&n->hashes, (const char *)&hash, sizeof(hash));
}

static enum sm_status on_opened(void *user, const char *p) {
  struct names *n = user;

  (void)p;
  n->from[n->json.depth] = n->hashes.len;
  return SM_OK;
}

static int compare(const void *a, const void *b) {
  uint64_t x, y;

  memcpy(&x, a, sizeof(x));
  memcpy(&y, b, sizeof(y));
  return (x > y) - (x < y);
}

static enum sm_status on_closed(void *user, const char *p) {
  struct names *n = user;
  size_t at = n->from[n->json.depth], size = sizeof(uint64_t);
  char *bytes = n->hashes.bytes;

  (void)p;
  if (n->hashes.len - at > size)
    qsort(bytes + at, (n->hashes.len - at) / size, size, compare);
  for (; at + size < n->hashes.len && !n->is_twice; at += size)
    n->is_twice = memcmp(bytes + at, bytes + at + size, size) == 0;
  n->hashes.len = n->from[n->json.depth];
  if (n->is_twice)
    sm_json_refuse(&n->json);
  return SM_OK;
}

static const struct sm_events events = {on_name,   on_value,  on_text,
                                        on_opened, on_closed, NULL};

enum sm_status sm_names_check(const char *text, size_t len, int *is_twice) {
  struct names n;
  enum sm_status status;

  n.is_twice = 0;
  sm_json_init(&n.json);
  sm_buf_init(&n.hashes, SIZE_MAX);
  sm_json_begin(&n.json, &events, &n);
  status = sm_json_feed(&n.json, text, len);
  sm_json_free(&n.json);
  sm_buf_free(&n.hashes);
  *is_twice = n.is_twice;
  return status;
}
