#include "template.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static const char hex[] = "0123456789ABCDEF";

/* Indexed by enum sm_escape. */
static const char *const escapes[] = {"raw",  "json", "percent",
                                      "path", "xml",  "header"};

void sm_template_init(struct sm_template *t) {
  t->pieces = NULL;
  t->count = 0;
  t->list = 0;
}

void sm_template_free(struct sm_template *t) {
  size_t i;

  for (i = 0; i < t->count; i++) {
    sm_buf_free(&t->pieces[i].text);
    sm_buf_free(&t->pieces[i].after);
  }
  free(t->pieces);
  sm_template_init(t);
}

struct sm_piece *sm_template_add(struct sm_template *t) {
  struct sm_piece *pieces =
      realloc(t->pieces, (t->count + 1) * sizeof(*t->pieces));
  struct sm_piece *piece;

  if (pieces == NULL)
    return NULL;
  t->pieces = pieces;
  piece = &pieces[t->count];
  memset(piece, 0, sizeof(*piece));
  sm_buf_init(&piece->text, SM_MAX_TEXT);
  sm_buf_init(&piece->after, SM_MAX_TEXT);
  if (t->list == t->count)
    t->list++;
  t->count++;
  return piece;
}

enum sm_status sm_piece_escape(struct sm_piece *piece, const char *name) {
  size_t i;

  for (i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
    if (strcmp(name, escapes[i]) == 0) {
      piece->escape = (enum sm_escape)i;
      return SM_OK;
    }
  }
  return SM_REFUSED;
}

int sm_template_has(const struct sm_template *t, enum sm_piece_kind kind) {
  size_t i;

  for (i = 0; i < t->count; i++)
    if (t->pieces[i].kind == kind)
      return 1;
  return 0;
}

int sm_template_has_token(const struct sm_template *t) {
  return sm_template_has(t, SM_PIECE_TOKEN) ||
         sm_template_has(t, SM_PIECE_BASIC);
}

/* Writes the escape for a byte that is not plain and returns its length. */
static size_t json_byte(unsigned char c, char *to) {
  if (c == '"' || c == '\\') {
    to[0] = '\\';
    to[1] = (char)c;
    return 2;
  }
  memcpy(to, "\\u00", 4);
  to[4] = hex[c >> 4];
  to[5] = hex[c & 15];
  return 6;
}

/* Most text in JSON is plain, so this does not check it byte by byte. */
static enum sm_status add_json(struct sm_buf *out, const char *text,
                               size_t len) {
  const char *end = text + len;

  for (;;) {
    const char *plain = sm_json_skip_plain(text, end);
    enum sm_status status = sm_buf_add(out, text, (size_t)(plain - text));
    char escaped[8];

    if (plain == end || status != SM_OK)
      return status;
    status =
        sm_buf_add(out, escaped, json_byte((unsigned char)*plain, escaped));
    if (status != SM_OK)
      return status;
    text = plain + 1;
  }
}

/* Each of these writes the escape for one byte into `to` and returns its
 * length; 0 means that the byte stays as it is. */

/* One bit per character: letters, digits, and "-._~". */
static inline size_t percent_byte(unsigned char c, char *to) {
  static const uint32_t plain[8] = {0, 0x03ff6000, 0x87fffffe, 0x47fffffe};

  if ((plain[c >> 5] >> (c & 31) & 1) != 0)
    return 0;
  to[0] = '%';
  to[1] = hex[c >> 4];
  to[2] = hex[c & 15];
  return 3;
}

static size_t path_byte(unsigned char c, char *to) {
  return c != '\0' && strchr("!$&'()*+,;=:@", c) != NULL ? 0
                                                         : percent_byte(c, to);
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

/* Inline, to avoid a function call for each byte. */
static inline enum sm_status
add_escaped(struct sm_buf *out, const char *id, size_t len,
            size_t (*escape)(unsigned char, char *)) {
  enum sm_status status = SM_OK;
  size_t i, kept = 0; /* id[kept..i) is not yet written */
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

static enum sm_status add_header(struct sm_buf *out, const char *text,
                                 size_t len) {
  size_t i;

  for (i = 0; i < len; i++)
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
      return SM_REFUSED;
  return sm_buf_add(out, text, len);
}

enum sm_status sm_escaped(struct sm_buf *out, enum sm_escape escape,
                          const char *text, size_t len) {
  switch (escape) {
  case SM_ESCAPE_JSON:
    return add_json(out, text, len);
  case SM_ESCAPE_PERCENT:
    return add_escaped(out, text, len, percent_byte);
  case SM_ESCAPE_PATH:
    return add_escaped(out, text, len, path_byte);
  case SM_ESCAPE_XML:
    return add_escaped(out, text, len, xml_byte);
  case SM_ESCAPE_HEADER:
    return add_header(out, text, len);
  default:
    return sm_buf_add(out, text, len);
  }
}

/* Returns the position of `word` in text[0..len); NULL if absent. */
static const char *find(const char *text, size_t len,
                        const struct sm_buf *word) {
  const char *at = text, *end = text + len;

  while (word->len > 0 && (size_t)(end - at) >= word->len) {
    at = memchr(at, word->bytes[0], (size_t)(end - at) - word->len + 1);
    if (at == NULL || memcmp(at, word->bytes, word->len) == 0)
      return at;
    at++;
  }
  return NULL;
}

/* Narrows an ID to one of its parts. The last part may contain the
 * separator. */
static enum sm_status take_part(const struct sm_split *split, unsigned part,
                                const char **id, size_t *len) {
  unsigned i;

  if (split == NULL || part > split->parts)
    return SM_REFUSED;
  for (i = 1; i < split->parts && i <= part; i++) {
    const struct sm_buf *between = &split->between[i - 1];
    const char *at = find(*id, *len, between);

    if (at == NULL)
      return SM_REFUSED;
    if (i == part) {
      *len = (size_t)(at - *id);
    } else {
      *len -= (size_t)(at - *id) + between->len;
      *id = at + between->len;
    }
  }
  return SM_OK;
}

static enum sm_status add_id(const struct sm_piece *piece,
                             const struct sm_split *split, const char *id,
                             size_t len, struct sm_buf *out) {
  enum sm_status status = SM_OK;

  if (piece->part > 0)
    status = take_part(split, piece->part, &id, &len);
  return status == SM_OK ? sm_escaped(out, piece->escape, id, len) : status;
}

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Returns the byte at `i` of three buffers taken as one. */
static unsigned byte_at(const struct sm_buf *const list[3], size_t i) {
  size_t k = 0;

  while (i >= list[k]->len)
    i -= list[k++]->len;
  return (unsigned char)list[k]->bytes[i];
}

enum sm_status sm_piece_basic(const struct sm_piece *piece,
                              const struct sm_buf *token, int has_padding,
                              struct sm_buf *out) {
  const struct sm_buf *const list[3] = {&piece->text, token, &piece->after};
  size_t total = piece->text.len + token->len + piece->after.len;
  enum sm_status status = SM_OK;
  size_t i;

  for (i = 0; i < total && status == SM_OK; i += 3) {
    size_t left = total - i;
    unsigned bits = byte_at(list, i) << 16;
    char four[4];

    if (left > 1)
      bits |= byte_at(list, i + 1) << 8;
    if (left > 2)
      bits |= byte_at(list, i + 2);
    four[0] = digits[bits >> 18];
    four[1] = digits[(bits >> 12) & 63];
    four[2] = left > 1 ? digits[(bits >> 6) & 63] : '=';
    four[3] = left > 2 ? digits[bits & 63] : '=';
    status =
        sm_buf_add(out, four, has_padding || left > 2 ? 4 : (size_t)left + 1);
  }
  return status;
}

static enum sm_status add_token(const struct sm_piece *piece,
                                const struct sm_buf *token,
                                struct sm_buf *out) {
  if (token == NULL)
    return sm_buf_add(out, SM_HIDDEN, sizeof(SM_HIDDEN) - 1);
  if (piece->kind == SM_PIECE_BASIC)
    return sm_piece_basic(piece, token, 1, out);
  return sm_escaped(out, piece->escape, token->bytes, token->len);
}

static enum sm_status add_made(const struct sm_piece *piece,
                               const struct sm_made *made, struct sm_buf *out) {
  if (made->text == NULL)
    return SM_REFUSED;
  return sm_escaped(out, piece->escape, made->text, made->len);
}

/* Writes any piece but the list. */
static enum sm_status add_piece(const struct sm_piece *piece,
                                const struct sm_values *values,
                                struct sm_buf *out) {
  switch (piece->kind) {
  case SM_PIECE_TEXT:
    return sm_buf_add(out, piece->text.bytes, piece->text.len);
  case SM_PIECE_UUID:
    return sm_buf_add(out, values->uuid, strlen(values->uuid));
  case SM_PIECE_TOKEN:
  case SM_PIECE_BASIC:
    return add_token(piece, values->token, out);
  case SM_PIECE_MADE:
    return add_made(piece, &values->made[piece->part - 1], out);
  default:
    if (values->id == NULL)
      return SM_REFUSED;
    return add_id(piece, values->split, values->id, values->id_len, out);
  }
}

static enum sm_status add_pieces(const struct sm_template *t, size_t first,
                                 size_t end, const struct sm_values *values,
                                 struct sm_buf *out) {
  enum sm_status status = SM_OK;
  size_t i;

  for (i = first; i < end && status == SM_OK; i++)
    status = add_piece(&t->pieces[i], values, out);
  return status;
}

enum sm_status sm_template_begin(const struct sm_template *t,
                                 const struct sm_values *values,
                                 struct sm_buf *out) {
  return add_pieces(t, 0, t->list, values, out);
}

enum sm_status sm_template_end(const struct sm_template *t,
                               const struct sm_values *values,
                               struct sm_buf *out) {
  if (t->list == t->count)
    return SM_OK;
  return add_pieces(t, t->list + 1, t->count, values, out);
}

enum sm_status sm_template_id(const struct sm_template *t,
                              const struct sm_values *values, int is_first,
                              const char *id, size_t len, struct sm_buf *out) {
  const struct sm_piece *piece;
  enum sm_status status = SM_OK;

  if (t->list == t->count)
    return SM_OK;
  piece = &t->pieces[t->list];
  if (!is_first)
    status = sm_buf_add(out, piece->text.bytes, piece->text.len);
  return status == SM_OK ? add_id(piece, values->split, id, len, out) : status;
}
