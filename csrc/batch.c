#include "batch.h"

#include <string.h>

/* The longest text around ids that a definition may ask for. */
#define SM_MAX_FORM ((size_t)64 * 1024)

static const char hex[] = "0123456789ABCDEF";

/* Indexed by enum sm_escape. */
static const char *const escapes[] = {"none", "json", "percent", "xml", "raw"};

void sm_form_init(struct sm_form *f) {
  sm_buf_init(&f->open, SM_MAX_FORM);
  sm_buf_init(&f->between, SM_MAX_FORM);
  sm_buf_init(&f->close, SM_MAX_FORM);
  f->escape = SM_ESCAPE_NONE;
}

void sm_form_free(struct sm_form *f) {
  sm_buf_free(&f->open);
  sm_buf_free(&f->between);
  sm_buf_free(&f->close);
}

enum sm_status sm_form_escape(struct sm_form *f, const char *name) {
  size_t i;

  for (i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
    if (strcmp(name, escapes[i]) == 0) {
      f->escape = (enum sm_escape)i;
      return SM_OK;
    }
  }
  return SM_REFUSED;
}

/* Each of these writes what stands for one byte into `to`, and returns how
 * many bytes that took; 0 means that the byte stands for itself. */

static size_t json_byte(unsigned char c, char *to) {
  if (c == '"' || c == '\\') {
    to[0] = '\\';
    to[1] = (char)c;
    return 2;
  }
  if (c >= 0x20)
    return 0;
  memcpy(to, "\\u00", 4);
  to[4] = hex[c >> 4];
  to[5] = hex[c & 15];
  return 6;
}

static size_t percent_byte(unsigned char c, char *to) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
      (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~')
    return 0;
  to[0] = '%';
  to[1] = hex[c >> 4];
  to[2] = hex[c & 15];
  return 3;
}

static size_t xml_byte(unsigned char c, char *to) {
  const char *entity;

  switch (c) {
  case '&':
    entity = "&amp;";
    break;
  case '<':
    entity = "&lt;";
    break;
  case '>':
    entity = "&gt;";
    break;
  case '"':
    entity = "&quot;";
    break;
  case '\'':
    entity = "&apos;";
    break;
  default:
    return 0;
  }
  memcpy(to, entity, strlen(entity));
  return strlen(entity);
}

/* Inline, so that no byte costs a call. */
static inline enum sm_status
add_escaped(struct sm_buf *out, const char *id, size_t len,
            size_t (*escape)(unsigned char, char *)) {
  enum sm_status status = SM_OK;
  size_t i, kept = 0; /* id[kept..i) is not written yet */
  char text[8];

  for (i = 0; i < len && status == SM_OK; i++) {
    size_t n = escape((unsigned char)id[i], text);

    if (n == 0)
      continue;
    status = sm_buf_add(out, id + kept, i - kept);
    if (status == SM_OK)
      status = sm_buf_add(out, text, n);
    kept = i + 1;
  }
  if (status == SM_OK)
    status = sm_buf_add(out, id + kept, len - kept);
  return status;
}

enum sm_status sm_form_begin(const struct sm_form *f, struct sm_buf *out) {
  return sm_buf_add(out, f->open.bytes, f->open.len);
}

enum sm_status sm_form_end(const struct sm_form *f, struct sm_buf *out) {
  return sm_buf_add(out, f->close.bytes, f->close.len);
}

enum sm_status sm_form_id(const struct sm_form *f, struct sm_buf *out,
                          int is_first, const char *id, size_t len) {
  enum sm_status status = SM_OK;

  if (f->escape == SM_ESCAPE_NONE)
    return SM_OK;
  if (!is_first)
    status = sm_buf_add(out, f->between.bytes, f->between.len);
  if (status != SM_OK)
    return status;

  switch (f->escape) {
  case SM_ESCAPE_JSON:
    status = sm_buf_add(out, "\"", 1);
    if (status == SM_OK)
      status = add_escaped(out, id, len, json_byte);
    if (status == SM_OK)
      status = sm_buf_add(out, "\"", 1);
    return status;
  case SM_ESCAPE_PERCENT:
    return add_escaped(out, id, len, percent_byte);
  case SM_ESCAPE_XML:
    return add_escaped(out, id, len, xml_byte);
  default:
    return sm_buf_add(out, id, len);
  }
}
