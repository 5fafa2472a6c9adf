#include "single.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* With more digits, numbers written alike may differ. */
#define SM_EXACT_DIGITS 15

#define SM_NO_FIELD (-1)

/* A longer answer is no example: comparing would not be much faster. */
#define SM_MAX_EXAMPLE ((size_t)4096)

void sm_single_init(struct sm_single *s) {
  memset(s, 0, sizeof(*s));
  sm_buf_init(&s->exactly, SM_MAX_TOKEN_TEXT);
}

void sm_single_free(struct sm_single *s) {
  size_t i;

  for (i = 0; i < s->field_count; i++)
    sm_buf_free(&s->fields[i].name);
  for (i = 0; i < s->code_count; i++)
    sm_buf_free(&s->codes[i].text);
  free(s->fields);
  free(s->codes);
  sm_buf_free(&s->exactly);
  sm_single_init(s);
}

static int is_text(const struct sm_buf *b, const char *text, size_t len) {
  return b->len == len && (len == 0 || memcmp(b->bytes, text, len) == 0);
}

static int find_field(const struct sm_single *s, int around, const char *name,
                      size_t len) {
  size_t i;

  for (i = 1; i < s->field_count; i++)
    if (s->fields[i].around == around && is_text(&s->fields[i].name, name, len))
      return (int)i;
  return SM_NO_FIELD;
}

static int add_field(struct sm_single *s, int around, const char *name,
                     size_t len) {
  struct sm_field *fields, *field;

  if (s->field_count == SM_MAX_FIELDS)
    return SM_NO_FIELD;
  fields = realloc(s->fields, (s->field_count + 1) * sizeof(*fields));
  if (fields == NULL)
    return SM_NO_FIELD;
  s->fields = fields;
  field = &fields[s->field_count++];
  memset(field, 0, sizeof(*field));
  sm_buf_init(&field->name, SM_MAX_TOKEN_TEXT);
  field->around = around;
  return sm_buf_add(&field->name, name, len) == SM_OK
             ? (int)(s->field_count - 1)
             : SM_NO_FIELD;
}

int sm_single_field(struct sm_single *s, int around, const char *name,
                    size_t len) {
  int found;

  if (s->field_count == 0 && add_field(s, SM_NO_FIELD, "", 0) != 0)
    return SM_NO_FIELD;
  found = find_field(s, around, name, len);
  return found != SM_NO_FIELD ? found : add_field(s, around, name, len);
}

struct sm_code *sm_single_code(struct sm_single *s) {
  struct sm_code *codes =
      realloc(s->codes, (s->code_count + 1) * sizeof(*codes));
  struct sm_code *code;

  if (codes == NULL)
    return NULL;
  s->codes = codes;
  code = &codes[s->code_count++];
  memset(code, 0, sizeof(*code));
  sm_buf_init(&code->text, SM_MAX_TOKEN_TEXT);
  return code;
}

void sm_walk_init(struct sm_walk *w) {
  memset(w, 0, sizeof(*w));
  sm_json_init(&w->json);
  sm_buf_init(&w->example.body, SM_MAX_EXAMPLE);
}

void sm_walk_free(struct sm_walk *w) {
  sm_json_free(&w->json);
  sm_buf_free(&w->example.body);
}

static int is_in_list(const struct sm_walk *w) {
  return w->json.depth > 0 && w->json.nest[w->json.depth - 1] == '[';
}

static int on_name(void *user) {
  struct sm_walk *w = user;

  w->field = SM_NO_FIELD;
  return w->around[w->json.depth] != SM_NO_FIELD;
}

/* If a name occurs twice, it is unclear which one counts. */
static void name_done(struct sm_walk *w, const char *name, size_t len) {
  int field = find_field(w->single, w->around[w->json.depth], name, len);

  if (field == SM_NO_FIELD)
    return;
  if (w->seen >> field & 1)
    sm_json_refuse(&w->json);
  w->seen |= 1ULL << field;
  w->field = field;
}

static void take_code(struct sm_walk *w, enum sm_code_kind kind,
                      const char *text, size_t len) {
  const struct sm_single *s = w->single;
  int rank = s->fields[w->field].rank;
  size_t i;

  if (rank > w->rank)
    return;
  w->rank = rank;
  w->code = 0;
  for (i = 0; i < s->code_count && w->code == 0; i++)
    if (s->codes[i].kind == kind && is_text(&s->codes[i].text, text, len))
      w->code = i + 1;
}

/* A value that begins with `c`, at a place where the definition expects one. */
static int expect_field(struct sm_walk *w, char c) {
  enum sm_role role = w->single->fields[w->field].role;

  if (role == SM_ROLE_NONE || c == 'n')
    return 0;
  if (role == SM_ROLE_ERROR || c == '{' || c == '[') {
    sm_json_refuse(&w->json);
  } else if (c == 't' || c == 'f') {
    if (role == SM_ROLE_CODE)
      take_code(w, c == 't' ? SM_CODE_TRUE : SM_CODE_FALSE, "", 0);
    else
      sm_json_refuse(&w->json);
  } else {
    return 1;
  }
  return 0;
}

static int on_value(void *user, char c) {
  struct sm_walk *w = user;
  unsigned depth = w->json.depth;
  int is_wanted = 0;

  if (depth == 0) {
    if (c != '{')
      sm_json_refuse(&w->json);
    w->field = 0;
  } else if (is_in_list(w)) {
    w->field = SM_NO_FIELD;
  } else if (w->field != SM_NO_FIELD) {
    is_wanted = expect_field(w, c);
  }
  if (depth < SM_MAX_DEPTH)
    w->around[depth + 1] = c == '{' ? w->field : SM_NO_FIELD;
  return is_wanted;
}

/* An integer in its usual spelling. */
static int is_canonical(const char *text, size_t len) {
  return len > 0 && len <= SM_EXACT_DIGITS &&
         sm_json_digits(text, len) == len && (len == 1 || text[0] != '0');
}

static enum sm_status on_text(void *user, enum sm_token token, const char *text,
                              size_t len, int is_whole) {
  struct sm_walk *w = user;

  if (token == SM_TOKEN_NAME) {
    if (text != NULL)
      name_done(w, text, len);
  } else if (text == NULL ||
             (token == SM_TOKEN_NUMBER && !is_canonical(text, len))) {
    sm_json_refuse(&w->json);
  } else if (w->single->fields[w->field].role == SM_ROLE_CODE) {
    take_code(w, token == SM_TOKEN_STRING ? SM_CODE_STRING : SM_CODE_NUMBER,
              text, len);
  } else if (w->id_len == len && memcmp(w->id, text, len) == 0) {
    w->id_text =
        is_whole && token == SM_TOKEN_STRING && !w->has_id ? text : NULL;
    w->has_id = 1;
  } else {
    sm_json_refuse(&w->json);
  }
  return SM_OK;
}

static const struct sm_events events = {on_name, on_value, on_text,
                                        NULL,    NULL,     NULL};

static size_t read_paths(const struct sm_single *s, struct sm_walk *w,
                         const char *body, size_t len) {
  w->single = s;
  w->field = SM_NO_FIELD;
  w->seen = 0;
  w->has_id = 0;
  w->id_text = NULL;
  w->rank = INT_MAX;
  w->code = 0;
  sm_json_begin(&w->json, &events, w);
  w->is_nomem = sm_json_feed(&w->json, body, len) != SM_OK;
  if (w->is_nomem || !sm_json_end(&w->json) || (s->has_id && !w->has_id))
    return 0;
  if (!s->has_code)
    return s->first;
  return w->code > 0 ? s->first + w->code - 1 : 0;
}

/* Whether the body has the bytes of the example around its own id. That must
 * stand in a string as it is, too. */
static int is_alike(const struct sm_example *x, const char *id, size_t id_len,
                    const char *body, size_t len) {
  const char *bytes = x->body.bytes;
  size_t rest = x->body.len - x->id_at - x->id_len;

  if (x->id_len == 0)
    return is_text(&x->body, body, len);
  return len == x->id_at + id_len + rest &&
         memcmp(bytes, body, x->id_at) == 0 &&
         memcmp(body + x->id_at, id, id_len) == 0 &&
         memcmp(bytes + x->id_at + x->id_len, body + x->id_at + id_len, rest) ==
             0 &&
         sm_json_skip_plain(id, id + id_len) == id + id_len;
}

/* Without memory there is no example. */
static void keep_example(const struct sm_single *s, struct sm_walk *w,
                         size_t meaning, const char *body, size_t len) {
  struct sm_example *x = &w->example;

  sm_buf_reset(&x->body, SM_MAX_EXAMPLE);
  if (s->has_id && w->id_text == NULL)
    return;
  if (sm_buf_add(&x->body, body, len) != SM_OK)
    return;
  x->single = s;
  x->id_at = s->has_id ? (size_t)(w->id_text - body) : 0;
  x->id_len = s->has_id ? w->id_len : 0;
  x->meaning = meaning;
}

static size_t read_body(const struct sm_single *s, struct sm_walk *w,
                        const char *body, size_t len) {
  const struct sm_example *x = &w->example;
  size_t meaning;

  if (x->body.len > 0 && x->single == s &&
      is_alike(x, w->id, w->id_len, body, len))
    return x->meaning;
  meaning = read_paths(s, w, body, len);
  if (meaning > 0)
    keep_example(s, w, meaning, body, len);
  return meaning;
}

size_t sm_single_read(const struct sm_single *s, struct sm_walk *w,
                      const char *id, size_t id_len, const char *body,
                      size_t len) {
  w->id = id;
  w->id_len = id_len;
  switch (s->kind) {
  case SM_SINGLE_EMPTY:
    return len == 0 ? s->first : 0;
  case SM_SINGLE_EXACT:
    return is_text(&s->exactly, body, len) ? s->first : 0;
  default:
    return len > 0 && id_len > 0 ? read_body(s, w, body, len) : 0;
  }
}
