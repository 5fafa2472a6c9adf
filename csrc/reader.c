#include "reader.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Maximum length of a code; longer ones are not accepted. */
#define SM_MAX_CODE_TEXT ((size_t)256)
#define SM_MAX_TEXTS ((size_t)16 * 1024 * 1024)
#define SM_MAX_IDS ((size_t)64 * 1024 * 1024)

/* A double represents whole numbers of up to this many digits exactly. */
#define SM_EXACT_DIGITS 15

/* Work of an entry that is not the one due, in tokens of the parser. */
#define SM_ENTRY_STEPS 16

#define SM_NO_PLACE ((size_t)-1)

enum field { OTHER, LIST, ID, CODE };

void sm_fields_init(struct sm_fields *f) {
  sm_buf_init(&f->list, SM_MAX_TOKEN_TEXT);
  sm_buf_init(&f->id, SM_MAX_TOKEN_TEXT);
  sm_buf_init(&f->code, SM_MAX_TOKEN_TEXT);
  f->is_folded = 0;
}

void sm_fields_free(struct sm_fields *f) {
  sm_buf_free(&f->list);
  sm_buf_free(&f->id);
  sm_buf_free(&f->code);
}

void sm_items_clear(struct sm_items *items) {
  memset(items, 0, sizeof(*items));
  sm_buf_init(&items->texts, SM_MAX_TEXTS);
}

void sm_items_free(struct sm_items *items) {
  free(items->list);
  sm_buf_free(&items->texts);
  sm_items_clear(items);
}

void sm_reader_init(struct sm_reader *r) {
  memset(r, 0, sizeof(*r));
  sm_items_clear(&r->items);
  sm_buf_init(&r->ids, SM_MAX_IDS);
  sm_json_init(&r->json);
}

void sm_reader_free(struct sm_reader *r) {
  sm_items_free(&r->items);
  sm_buf_free(&r->ids);
  sm_json_free(&r->json);
  free(r->index);
  sm_reader_init(r);
}

/* Makes room for `cap` items. */
static enum sm_status make_room(struct sm_items *items, size_t cap) {
  struct sm_item *list;

  if (cap <= items->cap)
    return SM_OK;
  list = realloc(items->list, cap * sizeof(*list));
  if (list == NULL)
    return SM_NOMEM;
  items->list = list;
  items->cap = cap;
  return SM_OK;
}

enum sm_status sm_reader_expect(struct sm_reader *r, const char *id,
                                size_t len) {
  struct sm_items *items = &r->items;
  struct sm_item *item;
  enum sm_status status;

  if (len > SM_MAX_TOKEN_TEXT)
    return SM_FULL;
  if (items->count == items->cap && make_room(items, items->cap * 2 + 1))
    return SM_NOMEM;
  status = sm_buf_add(&r->ids, id, len);
  if (status != SM_OK)
    return status;
  item = &items->list[items->count++];
  item->kind = SM_ITEM_MISSING;
  item->id_at = (uint32_t)(r->ids.len - len);
  item->id_len = (uint16_t)len;
  return SM_OK;
}

static char fold(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static int is_same(const struct sm_reader *r, size_t place, const char *id,
                   size_t len) {
  const struct sm_item *item = &r->items.list[place];
  const char *asked = r->ids.bytes + item->id_at;
  size_t i;

  if (item->id_len != len)
    return 0;
  if (len == 0 || memcmp(asked, id, len) == 0)
    return 1;
  if (!r->fields->is_folded)
    return 0;
  for (i = 0; i < len; i++)
    if (fold(asked[i]) != fold(id[i]))
      return 0;
  return 1;
}

static size_t hash(const struct sm_reader *r, const char *id, size_t len) {
  uint32_t h = 2166136261u;
  size_t i;

  for (i = 0; i < len; i++)
    h = (h ^ (unsigned char)(r->fields->is_folded ? fold(id[i]) : id[i])) *
        16777619u;
  return h & (r->index_size - 1);
}

static enum sm_status make_index(struct sm_reader *r) {
  size_t size = 16, place;

  while (size < r->items.count * 2)
    size *= 2;
  r->index = calloc(size, sizeof(*r->index));
  if (r->index == NULL)
    return SM_NOMEM;
  r->index_size = size;
  for (place = 0; place < r->items.count; place++) {
    const struct sm_item *item = &r->items.list[place];
    size_t at = hash(r, r->ids.bytes + item->id_at, item->id_len);

    while (r->index[at] != 0)
      at = (at + 1) & (size - 1);
    r->index[at] = (uint32_t)place + 1;
  }
  return SM_OK;
}

/* Sets r->place to the place of this ID among those requested. */
static enum sm_status find(struct sm_reader *r, const char *id, size_t len) {
  size_t at;

  r->place = SM_NO_PLACE;
  if (r->due < r->items.count && is_same(r, r->due, id, len)) {
    r->place = r->due++;
    return SM_OK;
  }
  if (r->items.count == 0)
    return SM_OK;
  if (r->index == NULL && make_index(r) != SM_OK)
    return SM_NOMEM;
  for (at = hash(r, id, len); r->index[at] != 0;
       at = (at + 1) & (r->index_size - 1)) {
    if (is_same(r, r->index[at] - 1, id, len)) {
      r->place = r->index[at] - 1;
      r->due = r->place + 1;
      return SM_OK;
    }
  }
  return SM_OK;
}

static int is_named(const struct sm_buf *name, const char *text, size_t len) {
  return name->len == len && memcmp(name->bytes, text, len) == 0;
}

/* Determines which field a name inside an inspected object announces. Rejects a
 * field named twice, because it would be unclear which of the two counts. */
static void name_done(struct sm_reader *r, const char *text, size_t len) {
  const struct sm_fields *f = r->fields;

  r->field = OTHER;
  if (text == NULL)
    return;
  if (r->json.depth == 1 && is_named(&f->list, text, len)) {
    r->field = LIST;
    if (r->has_list)
      sm_json_refuse(&r->json);
    r->has_list = 1;
  } else if (r->json.depth == 3 && is_named(&f->id, text, len)) {
    r->field = ID;
    if (r->has_id)
      sm_json_refuse(&r->json);
    r->has_id = 1;
  } else if (r->json.depth == 3 && is_named(&f->code, text, len)) {
    r->field = CODE;
    if (r->has_code)
      sm_json_refuse(&r->json);
    r->has_code = 1;
  }
}

static enum sm_status keep_text(struct sm_reader *r, const char *text,
                                size_t len) {
  r->code.kind = SM_ITEM_TEXT;
  r->code.text_at = (uint32_t)r->items.texts.len;
  r->code.text_len = (uint16_t)len;
  return sm_buf_add(&r->items.texts, text, len);
}

/* Converts at most SM_EXACT_DIGITS digits; exact in a double. */
static double whole_number(const char *text, size_t len) {
  int64_t value = 0;
  size_t i;

  for (i = 0; i < len; i++)
    value = value * 10 + (text[i] - '0');
  return (double)value;
}

/* Converts the text of any other number. */
static double parse_number(const char *text, size_t len) {
  char copy[SM_MAX_CODE_TEXT + 1];
  char *point;

  memcpy(copy, text, len);
  copy[len] = '\0';
  point = memchr(copy, '.', len);
  if (point != NULL)
    *point = *localeconv()->decimal_point; /* the one strtod expects */
  return strtod(copy, NULL);
}

static void keep_number(struct sm_reader *r, const char *text, size_t len) {
  if (len <= SM_EXACT_DIGITS && sm_json_digits(text, len) == len)
    r->code.number = whole_number(text, len);
  else
    r->code.number = parse_number(text, len);
  if (isfinite(r->code.number))
    r->code.kind = SM_ITEM_NUMBER;
}

static enum sm_status keep_code(struct sm_reader *r, const char *text,
                                size_t len, int is_number) {
  r->code.kind = SM_ITEM_NONE;
  if (len > SM_MAX_CODE_TEXT)
    return SM_OK;
  if (!is_number)
    return keep_text(r, text, len);
  keep_number(r, text, len);
  return SM_OK;
}

int sm_items_are_alike_texts(const struct sm_items *items,
                             const struct sm_item *a, const struct sm_item *b) {
  const char *texts = items->texts.bytes;

  return a->text_len == b->text_len &&
         (a->text_len == 0 ||
          memcmp(texts + a->text_at, texts + b->text_at, a->text_len) == 0);
}

static void entry_done(struct sm_reader *r) {
  struct sm_item *item;

  r->in_entry = 0;
  if (r->place == SM_NO_PLACE) {
    r->items.surplus++;
    return;
  }
  item = &r->items.list[r->place];
  if (item->kind == SM_ITEM_MISSING) {
    item->kind = r->code.kind;
    item->number = r->code.number;
    item->text_at = r->code.text_at;
    item->text_len = r->code.text_len;
  } else if (!sm_items_are_alike(&r->items, item, &r->code)) {
    item->kind = SM_ITEM_TWICE;
  }
}

static int on_name(void *user) {
  const struct sm_reader *r = user;

  return r->json.depth == 1 || (r->json.depth == 3 && r->in_entry);
}

/* Whether the value that begins with `c` is inspected. */
static int on_value(void *user, char c) {
  struct sm_reader *r = user;
  unsigned depth = r->json.depth;

  if ((depth == 0 && c != '{') ||
      (depth == 1 && r->field == LIST && c != '[')) {
    sm_json_refuse(&r->json);
  } else if (depth == 2 && r->in_list) {
    r->in_entry = c == '{';
    if (!r->in_entry) {
      r->items.surplus++;
      r->from = NULL;
    }
    r->has_id = 0;
    r->has_code = 0;
    r->place = SM_NO_PLACE;
    r->code.kind = SM_ITEM_NONE;
  } else if (depth == 3 && r->in_entry) {
    return r->field == ID || r->field == CODE;
  }
  return 0;
}

/* Everything but the entries is copied to `rest`. */
static enum sm_status on_opened(void *user, const char *p) {
  struct sm_reader *r = user;

  if (r->json.depth != 1 || r->field != LIST)
    return SM_OK;
  r->in_list = 1;
  return sm_buf_add(r->rest, r->piece, (size_t)(p + 1 - r->piece));
}

/* Remembers the entry that ends at `end`, if it is in one piece. */
static void learn_shape(struct sm_reader *r, const char *end) {
  struct sm_shape *s = &r->shape;
  const char *id_end;

  if (r->from == NULL || r->id_text == NULL || r->code_text == NULL ||
      end - r->from > SM_MAX_SHAPE)
    return;
  id_end = r->id_text + r->id_len;
  s->id_at = (size_t)(r->id_text - r->from);
  memcpy(s->bytes, r->from, s->id_at);
  memcpy(s->bytes + s->id_at, id_end, (size_t)(end - id_end));
  s->len = s->id_at + (size_t)(end - id_end);
  s->code_at = (size_t)(r->code_text - r->from);
  if (r->code_text > r->id_text)
    s->code_at -= r->id_len;
  s->code_end = s->code_at + r->code_len;
  s->code = r->code;
  s->is_number = r->is_code_number;
}

/* Prepares for the next entry; `p` is just after an entry. */
static void expect_entry(struct sm_reader *r, const char *p) {
  r->from = p;
  r->id_text = NULL;
  r->code_text = NULL;
}

static enum sm_status on_closed(void *user, const char *p) {
  struct sm_reader *r = user;

  if (r->json.depth == 2 && r->in_entry) {
    entry_done(r);
    learn_shape(r, p + 1);
    expect_entry(r, p + 1);
    r->json.may_skip = r->shape.len > 0;
  }
  if (r->json.depth == 1) {
    if (r->in_list)
      r->piece = p;
    r->in_list = 0;
    r->field = OTHER;
  }
  return SM_OK;
}

static enum sm_status on_text(void *user, enum sm_token token, const char *text,
                              size_t len, int is_whole) {
  struct sm_reader *r = user;

  if (!is_whole)
    r->from = NULL;
  if (token == SM_TOKEN_NAME) {
    name_done(r, text, len);
    return SM_OK;
  }
  if (text == NULL)
    return SM_OK;
  if (r->field == CODE) {
    r->code_text = text;
    r->code_len = len;
    r->is_code_number = token == SM_TOKEN_NUMBER;
    return keep_code(r, text, len, r->is_code_number);
  }
  if (token == SM_TOKEN_STRING) {
    r->id_text = text;
    r->id_len = len;
  } else if (sm_json_digits(text, len) < len) {
    return SM_OK;
  }
  return find(r, text, len);
}

/* Returns the end of the digits at `p` if they form a number, else `p`. */
static const char *skip_digits(const char *p, const char *end) {
  size_t count = sm_json_digits(p, (size_t)(end - p));

  return count > SM_EXACT_DIGITS || (count > 1 && *p == '0') ? p : p + count;
}

/* Whether the entry at `p` is the last one but for its ID, which is due. Moves
 * `p` past it. */
static int is_due(struct sm_reader *r, const char **p, const char *end) {
  const struct sm_shape *s = &r->shape;
  const struct sm_item *item;
  const char *at = *p, *after;

  if (r->due >= r->items.count)
    return 0;
  item = &r->items.list[r->due];
  if ((size_t)(end - at) < s->len + item->id_len)
    return 0;
  after = at + s->id_at + item->id_len;
  if (memcmp(at, s->bytes, s->id_at) != 0 ||
      !sm_json_is_same(at + s->id_at, r->ids.bytes + item->id_at,
                       item->id_len) ||
      memcmp(after, s->bytes + s->id_at, s->len - s->id_at) != 0)
    return 0;
  r->place = r->due++;
  r->code = s->code;
  *p = after + (s->len - s->id_at);
  return 1;
}

/* Whether the bytes of the shape from `from` to `to` are next at `p`. Moves `p`
 * past them. */
static int is_next(const struct sm_shape *s, size_t from, size_t to,
                   const char **p, const char *end) {
  if ((size_t)(end - *p) < to - from ||
      memcmp(*p, s->bytes + from, to - from) != 0)
    return 0;
  *p += to - from;
  return 1;
}

/* Moves `p` past an ID or a code. */
static void take_id(struct sm_reader *r, const char **p, const char *end) {
  r->id_text = *p;
  *p = sm_json_skip_plain(*p, end);
  r->id_len = (size_t)(*p - r->id_text);
}

static void take_code(struct sm_reader *r, const char **p, const char *end) {
  r->code_text = *p;
  *p = r->shape.is_number ? skip_digits(*p, end) : sm_json_skip_plain(*p, end);
  r->code_len = (size_t)(*p - r->code_text);
}

/* Whether the entry at `p` differs from the last one only in the text of ID and
 * code, free of escapes. Moves `p` past it. */
static int is_alike(struct sm_reader *r, const char **p, const char *end) {
  const struct sm_shape *s = &r->shape;
  const char *at = *p;

  if (s->code_at < s->id_at) {
    if (!is_next(s, 0, s->code_at, &at, end))
      return 0;
    take_code(r, &at, end);
    if (!is_next(s, s->code_end, s->id_at, &at, end))
      return 0;
    take_id(r, &at, end);
    if (!is_next(s, s->id_at, s->len, &at, end))
      return 0;
  } else {
    if (!is_next(s, 0, s->id_at, &at, end))
      return 0;
    take_id(r, &at, end);
    if (!is_next(s, s->id_at, s->code_at, &at, end))
      return 0;
    take_code(r, &at, end);
    if (!is_next(s, s->code_end, s->len, &at, end))
      return 0;
  }
  if (s->is_number && r->code_len == 0)
    return 0;
  r->is_code_number = s->is_number;
  *p = at;
  return 1;
}

/*
 * Reads the entries at `p`, just after an entry, without parsing them: all
 * their bytes but ID and code are those of an earlier entry. The parser read
 * these once, in the same state, and returned to that state, so they need not
 * be parsed again.
 */
static const char *read_alike(void *user, const char *p, const char *end,
                              enum sm_status *status) {
  struct sm_reader *r = user;

  for (;;) {
    while (is_due(r, &p, end))
      entry_done(r);
    expect_entry(r, p);
    if (!is_alike(r, &p, end))
      break;
    r->json.steps += SM_ENTRY_STEPS;
    *status = keep_code(r, r->code_text, r->code_len, r->is_code_number);
    if (*status == SM_OK)
      *status = find(r, r->id_text, r->id_len);
    if (*status != SM_OK)
      break;
    entry_done(r);
    learn_shape(r, p);
  }
  expect_entry(r, p);
  return p;
}

static const struct sm_events events = {on_name,   on_value,  on_text,
                                        on_opened, on_closed, read_alike};

enum sm_status sm_reader_begin(struct sm_reader *r,
                               const struct sm_fields *fields, size_t count) {
  struct sm_items items = r->items;
  struct sm_buf ids = r->ids;
  struct sm_json json = r->json;

  free(r->index);
  memset(r, 0, sizeof(*r));
  r->fields = fields;
  r->items = items;
  r->items.count = 0;
  r->items.surplus = 0;
  r->items.texts.len = 0;
  r->ids = ids;
  r->ids.len = 0;
  r->json = json;
  sm_json_begin(&r->json, &events, r);
  return make_room(&r->items, count);
}

enum sm_status sm_reader_feed(struct sm_reader *r, const char *bytes,
                              size_t len, struct sm_buf *rest) {
  enum sm_status status;

  r->rest = rest;
  r->piece = bytes;
  r->from = NULL;
  status = sm_json_feed(&r->json, bytes, len);
  if (status == SM_OK && !r->in_list && !sm_json_is_refused(&r->json))
    status = sm_buf_add(rest, r->piece, (size_t)(bytes + len - r->piece));
  return status;
}

int sm_reader_end(const struct sm_reader *r) {
  return sm_json_end(&r->json) && r->has_list;
}
