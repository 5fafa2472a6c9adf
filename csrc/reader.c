#include "reader.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Names and ids longer than this match nothing, codes are none. */
#define SM_MAX_TOKEN_TEXT ((size_t)4096)
#define SM_MAX_CODE_TEXT ((size_t)256)
#define SM_MAX_TEXTS ((size_t)16 * 1024 * 1024)
#define SM_MAX_IDS ((size_t)64 * 1024 * 1024)

/* Whole numbers of so many digits are the same in a double. */
#define SM_EXACT_DIGITS 15

#define SM_NO_PLACE ((size_t)-1)

/* What some servers write before a text in UTF-8. */
static const char byte_order_mark[] = "\xef\xbb\xbf";

#define SM_BOM_LEN (sizeof(byte_order_mark) - 1)

enum state {
  VALUE,
  FIRST_VALUE, /* or the end of the array */
  FIRST_KEY,   /* or the end of the object */
  KEY,
  COLON,
  AFTER_VALUE,
  STRING,
  ESCAPE,
  HEX,
  SECOND_ESCAPE, /* the second half of a surrogate pair has to follow */
  SECOND_U,
  NUMBER,
  LITERAL,
  END,
  BAD,
};

enum number { START, MINUS, ZERO, INT, DOT, FRACTION, E, SIGN, EXPONENT };

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
  sm_buf_init(&r->token, SM_MAX_TOKEN_TEXT);
}

void sm_reader_free(struct sm_reader *r) {
  sm_items_free(&r->items);
  sm_buf_free(&r->ids);
  sm_buf_free(&r->token);
  free(r->index);
  sm_reader_init(r);
}

/* Room for `cap` items. */
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

enum sm_status sm_reader_begin(struct sm_reader *r,
                               const struct sm_fields *fields, size_t count) {
  struct sm_items items = r->items;
  struct sm_buf ids = r->ids, token = r->token;

  free(r->index);
  memset(r, 0, sizeof(*r));
  r->fields = fields;
  r->items = items;
  r->items.count = 0;
  r->items.surplus = 0;
  r->items.texts.len = 0;
  r->ids = ids;
  r->ids.len = 0;
  r->token = token;
  r->state = VALUE;
  return make_room(&r->items, count);
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

/* Where the id stands among those asked about, left in r->place. */
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

/* A name inside of what is looked at: which field does it announce? Naming one
 * twice would leave it open which of the two is meant. */
static void name_done(struct sm_reader *r, const char *text, size_t len) {
  const struct sm_fields *f = r->fields;

  r->field = OTHER;
  if (r->is_long)
    return;
  if (r->depth == 1 && is_named(&f->list, text, len)) {
    r->field = LIST;
    if (r->has_list)
      r->state = BAD;
    r->has_list = 1;
  } else if (r->depth == 3 && is_named(&f->id, text, len)) {
    r->field = ID;
    if (r->has_id)
      r->state = BAD;
    r->has_id = 1;
  } else if (r->depth == 3 && is_named(&f->code, text, len)) {
    r->field = CODE;
    if (r->has_code)
      r->state = BAD;
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

/* How many digits `text` begins with. */
static size_t digits(const char *text, size_t len) {
  size_t i;

  for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
    ;
  return i;
}

/* What so many digits say; exact in a double. */
static double whole_number(const char *text, size_t len) {
  int64_t value = 0;
  size_t i;

  for (i = 0; i < len; i++)
    value = value * 10 + (text[i] - '0');
  return (double)value;
}

/* What the text of any other number says. */
static double parse_number(const char *text, size_t len) {
  char copy[SM_MAX_CODE_TEXT + 1];
  char *point;

  memcpy(copy, text, len);
  copy[len] = '\0';
  point = memchr(copy, '.', len);
  if (point != NULL)
    *point = *localeconv()->decimal_point; /* the only one strtod knows */
  return strtod(copy, NULL);
}

static void keep_number(struct sm_reader *r, const char *text, size_t len) {
  if (len <= SM_EXACT_DIGITS && digits(text, len) == len)
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

static int is_same_code(const struct sm_reader *r, const struct sm_item *a,
                        const struct sm_item *b) {
  const char *texts = r->items.texts.bytes;

  if (a->kind != b->kind)
    return 0;
  if (a->kind == SM_ITEM_NUMBER)
    return a->number == b->number;
  if (a->kind != SM_ITEM_TEXT)
    return 1;
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
  } else if (!is_same_code(r, item, &r->code)) {
    item->kind = SM_ITEM_TWICE;
  }
}

/* A value begins with `c`: is it one that is looked at? */
static void value_begins(struct sm_reader *r, char c) {
  r->is_kept = 0;
  r->is_long = 0;
  if ((r->depth == 0 && c != '{') ||
      (r->depth == 1 && r->field == LIST && c != '[')) {
    r->state = BAD;
  } else if (r->depth == 2 && r->in_list) {
    r->in_entry = c == '{';
    if (!r->in_entry) {
      r->items.surplus++;
      r->from = NULL;
    }
    r->has_id = 0;
    r->has_code = 0;
    r->place = SM_NO_PLACE;
    r->code.kind = SM_ITEM_NONE;
  } else if (r->depth == 3 && r->in_entry) {
    r->is_kept = r->field == ID || r->field == CODE;
  }
}

static void open_nest(struct sm_reader *r, char c) {
  if (r->depth == SM_MAX_DEPTH) {
    r->state = BAD;
    return;
  }
  if (r->depth == 1 && r->field == LIST)
    r->in_list = 1;
  r->nest[r->depth++] = c;
  r->state = c == '{' ? FIRST_KEY : FIRST_VALUE;
}

/* Remembers the entry that ends at `end`, if it is in one piece. */
static void learn_shape(struct sm_reader *r, const char *end) {
  struct sm_shape *s = &r->shape;
  const char *id_end, *code_end, *part[3], *part_end[3];
  char *to = s->bytes;
  int i;

  if (r->from == NULL || r->id_text == NULL || r->code_text == NULL ||
      end - r->from > SM_MAX_SHAPE)
    return;
  id_end = r->id_text + r->id_len;
  code_end = r->code_text + r->code_len;
  s->is_number = r->is_code_number;
  s->is_code_first = r->code_text < r->id_text;
  part[0] = r->from;
  part_end[0] = s->is_code_first ? r->code_text : r->id_text;
  part[1] = s->is_code_first ? code_end : id_end;
  part_end[1] = s->is_code_first ? r->id_text : r->code_text;
  part[2] = s->is_code_first ? id_end : code_end;
  part_end[2] = end;
  for (i = 0; i < 3; i++) {
    s->part[i] = (size_t)(part_end[i] - part[i]);
    memcpy(to, part[i], s->part[i]);
    to += s->part[i];
  }
}

/* `p` is just after an entry. */
static void expect_entry(struct sm_reader *r, const char *p) {
  r->from = p;
  r->id_text = NULL;
  r->code_text = NULL;
}

static void close_nest(struct sm_reader *r, const char *p) {
  if (r->depth == 0 || r->nest[r->depth - 1] != (*p == '}' ? '{' : '[')) {
    r->state = BAD;
    return;
  }
  r->depth--;
  if (r->depth == 2 && r->in_entry) {
    entry_done(r);
    learn_shape(r, p + 1);
    expect_entry(r, p + 1);
  }
  if (r->depth == 1) {
    r->in_list = 0;
    r->field = OTHER;
  }
  r->state = r->depth == 0 ? END : AFTER_VALUE;
}

/* The text of a string or number that is wanted. */
static enum sm_status token_done(struct sm_reader *r, const char *text,
                                 size_t len) {
  int is_number = r->state == NUMBER;

  r->state = r->is_key ? COLON : AFTER_VALUE;
  if (!r->is_kept)
    return SM_OK;
  if (r->is_key) {
    name_done(r, text, len);
    return SM_OK;
  }
  if (r->is_long)
    return SM_OK;
  if (r->field == CODE) {
    r->code_text = text;
    r->code_len = len;
    r->is_code_number = is_number;
    return keep_code(r, text, len, is_number);
  }
  if (!is_number) {
    r->id_text = text;
    r->id_len = len;
  } else if (digits(text, len) < len) {
    return SM_OK;
  }
  return find(r, text, len);
}

static enum sm_status token_add(struct sm_reader *r, const char *text,
                                size_t len) {
  enum sm_status status;

  if (!r->is_kept || r->is_long)
    return SM_OK;
  status = sm_buf_add(&r->token, text, len);
  if (status == SM_FULL) {
    r->is_long = 1;
    status = SM_OK;
  }
  return status;
}

/* The end of a token whose last piece is `text`. A token in one piece is used
 * where it stands. */
static enum sm_status token_ends(struct sm_reader *r, const char *text,
                                 size_t len) {
  enum sm_status status;

  if (r->token.len == 0)
    return token_done(r, text, len);
  r->from = NULL;
  status = token_add(r, text, len);
  if (status == SM_OK)
    status = token_done(r, r->token.bytes, r->token.len);
  r->token.len = 0;
  return status;
}

static void string_begins(struct sm_reader *r, int is_key) {
  r->is_key = is_key;
  if (is_key) {
    r->is_long = 0;
    r->is_kept = r->depth == 1 || (r->depth == 3 && r->in_entry);
  }
  r->token.len = 0;
  r->state = STRING;
}

static void expect_value(struct sm_reader *r, char c) {
  value_begins(r, c);
  if (r->state == BAD)
    return;
  r->is_key = 0;
  switch (c) {
  case '{':
  case '[':
    open_nest(r, c);
    break;
  case '"':
    string_begins(r, 0);
    break;
  case 't':
    r->literal = "rue";
    r->state = LITERAL;
    break;
  case 'f':
    r->literal = "alse";
    r->state = LITERAL;
    break;
  case 'n':
    r->literal = "ull";
    r->state = LITERAL;
    break;
  default:
    r->number = START;
    r->state = NUMBER;
    r->token.len = 0;
  }
}

/* The character that \c stands for, 0 where there is none. */
static char unescape(char c) {
  switch (c) {
  case '"':
  case '\\':
  case '/':
    return c;
  case 'b':
    return '\b';
  case 'f':
    return '\f';
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  default:
    return 0;
  }
}

static enum sm_status add_code_point(struct sm_reader *r, unsigned point) {
  char utf8[4];
  size_t len = 0;

  if (point < 0x80) {
    utf8[len++] = (char)point;
  } else {
    if (point < 0x800) {
      utf8[len++] = (char)(0xc0 | (point >> 6));
    } else {
      if (point < 0x10000) {
        utf8[len++] = (char)(0xe0 | (point >> 12));
      } else {
        utf8[len++] = (char)(0xf0 | (point >> 18));
        utf8[len++] = (char)(0x80 | ((point >> 12) & 0x3f));
      }
      utf8[len++] = (char)(0x80 | ((point >> 6) & 0x3f));
    }
    utf8[len++] = (char)(0x80 | (point & 0x3f));
  }
  r->state = STRING;
  return token_add(r, utf8, len);
}

/* Four hex digits are read. */
static enum sm_status hex_done(struct sm_reader *r) {
  unsigned hex = r->hex, high = r->high;

  r->high = 0;
  if (high != 0) {
    if (hex >= 0xdc00 && hex <= 0xdfff)
      return add_code_point(r,
                            0x10000 + ((high - 0xd800) << 10) + (hex - 0xdc00));
    r->state = BAD;
  } else if (hex >= 0xd800 && hex <= 0xdbff) {
    r->high = hex;
    r->state = SECOND_ESCAPE;
  } else if (hex >= 0xdc00 && hex <= 0xdfff) {
    r->state = BAD;
  } else {
    return add_code_point(r, hex);
  }
  return SM_OK;
}

static enum sm_status expect_escaped(struct sm_reader *r, char c) {
  char meant = unescape(c);

  if (meant != 0) {
    r->state = STRING;
    return token_add(r, &meant, 1);
  }
  r->hex = 0;
  r->hex_left = 4;
  r->state = c == 'u' ? HEX : BAD;
  return SM_OK;
}

static enum sm_status expect_hex(struct sm_reader *r, char c) {
  unsigned digit = 16;

  if (c >= '0' && c <= '9')
    digit = (unsigned)(c - '0');
  else if (fold(c) >= 'a' && fold(c) <= 'f')
    digit = (unsigned)(fold(c) - 'a' + 10);
  if (digit == 16) {
    r->state = BAD;
    return SM_OK;
  }
  r->hex = r->hex * 16 + digit;
  return --r->hex_left == 0 ? hex_done(r) : SM_OK;
}

/* Whether `c` goes on with the number. */
static int is_in_number(struct sm_reader *r, char c) {
  int is_digit = c >= '0' && c <= '9';

  switch (r->number) {
  case START:
    r->number = c == '-' ? MINUS : c == '0' ? ZERO : INT;
    return is_digit || c == '-';
  case MINUS:
    r->number = c == '0' ? ZERO : INT;
    return is_digit;
  case INT:
    if (is_digit)
      return 1;
    /* fall through */
  case ZERO:
    if (c == '.')
      r->number = DOT;
    else if (c == 'e' || c == 'E')
      r->number = E;
    else
      return 0;
    return 1;
  case DOT:
    r->number = FRACTION;
    return is_digit;
  case FRACTION:
    if (c == 'e' || c == 'E') {
      r->number = E;
      return 1;
    }
    return is_digit;
  case E:
    r->number = is_digit ? EXPONENT : SIGN;
    return is_digit || c == '+' || c == '-';
  case SIGN:
    r->number = EXPONENT;
    return is_digit;
  default:
    return is_digit;
  }
}

/* Whether the number may end here; asked before is_in_number() moved on. */
static int may_end(int number) {
  return number == ZERO || number == INT || number == FRACTION ||
         number == EXPONENT;
}

static void expect_more(struct sm_reader *r, const char *p) {
  char c = *p;
  int is_object = r->nest[r->depth - 1] == '{';

  if (c == ',')
    r->state = is_object ? KEY : VALUE;
  else if (c == '}' || c == ']')
    close_nest(r, p);
  else
    r->state = BAD;
}

/* One character between tokens that is no white space. */
static void expect(struct sm_reader *r, const char *p) {
  char c = *p;

  switch (r->state) {
  case FIRST_VALUE:
    if (c == ']') {
      close_nest(r, p);
      break;
    }
    /* fall through */
  case VALUE:
    expect_value(r, c);
    break;
  case FIRST_KEY:
    if (c == '}') {
      close_nest(r, p);
      break;
    }
    /* fall through */
  case KEY:
    r->state = BAD;
    if (c == '"')
      string_begins(r, 1);
    break;
  case COLON:
    r->state = c == ':' ? VALUE : BAD;
    break;
  case AFTER_VALUE:
    expect_more(r, p);
    break;
  default: /* END: nothing may follow */
    r->state = BAD;
  }
}

static int is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

#define ONES (~(uint64_t)0 / 255)

static int is_plain(char c) {
  return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* is_plain() of eight bytes at once: no byte is below 0x20, and none is zero
 * after what would be zero for a quote or a backslash. */
static int are_plain(const char *p) {
  uint64_t word, quote, slash;

  memcpy(&word, p, sizeof(word));
  quote = word ^ ONES * '"';
  slash = word ^ ONES * '\\';
  return ((((word - ONES * 0x20) & ~word) | ((quote - ONES) & ~quote) |
           ((slash - ONES) & ~slash)) &
          ONES * 0x80) == 0;
}

static const char *skip_plain(const char *p, const char *end) {
  while (end - p >= 8 && are_plain(p))
    p += 8;
  while (p < end && is_plain(*p))
    p++;
  return p;
}

/* What of a string stands in p..end; where it stops. */
static const char *read_string(struct sm_reader *r, const char *p,
                               const char *end, enum sm_status *status) {
  const char *from = p;

  p = skip_plain(p, end);
  if (p < end && *p == '"') {
    *status = token_ends(r, from, (size_t)(p - from));
    return p + 1;
  }
  *status = token_add(r, from, (size_t)(p - from));
  if (p == end)
    return p;
  r->state = *p == '\\' ? ESCAPE : BAD;
  return p + 1;
}

static const char *read_number(struct sm_reader *r, const char *p,
                               const char *end, enum sm_status *status) {
  const char *from = p;

  while (p < end) {
    int number = r->number;

    if (!is_in_number(r, *p)) {
      if (!may_end(number))
        r->state = BAD;
      else
        *status = token_ends(r, from, (size_t)(p - from));
      return p;
    }
    p++;
  }
  *status = token_add(r, from, (size_t)(p - from));
  return p;
}

static const char *read_literal(struct sm_reader *r, const char *p,
                                const char *end) {
  while (p < end && *r->literal != '\0') {
    if (*p != *r->literal) {
      r->state = BAD;
      return p;
    }
    p++;
    r->literal++;
  }
  if (*r->literal == '\0')
    r->state = AFTER_VALUE;
  return p;
}

/* The end of digits that are a number, `p` itself if they are none. */
static const char *skip_digits(const char *p, const char *end) {
  size_t count = digits(p, (size_t)(end - p));

  return count > SM_EXACT_DIGITS || (count > 1 && *p == '0') ? p : p + count;
}

/*
 * Where `p` is just after an entry: reads those that follow and differ from one
 * before in nothing but the text of id and code, free of escapes. All their
 * other bytes were read once, in the same state, and took it back to where it
 * was, so they need not be understood again.
 */
static const char *read_alike(struct sm_reader *r, const char *p,
                              const char *end, enum sm_status *status) {
  const struct sm_shape *s = &r->shape;
  const char *text[2] = {NULL, NULL}; /* of the id and of the code */
  size_t len[2] = {0, 0};

  while (*status == SM_OK) {
    const char *at = p, *bytes = s->bytes;
    int i;

    for (i = 0; i < 3; i++) {
      if ((size_t)(end - at) < s->part[i] || memcmp(at, bytes, s->part[i]) != 0)
        return p;
      at += s->part[i];
      bytes += s->part[i];
      if (i < 2) {
        int is_code = i != s->is_code_first;

        text[is_code] = at;
        if (is_code && s->is_number)
          at = skip_digits(at, end);
        else
          at = skip_plain(at, end);
        len[is_code] = (size_t)(at - text[is_code]);
      }
    }
    if (s->is_number && len[1] == 0)
      return p;
    *status = keep_code(r, text[1], len[1], s->is_number);
    if (*status == SM_OK)
      *status = find(r, text[0], len[0]);
    if (*status == SM_OK)
      entry_done(r);
    p = at;
    expect_entry(r, p);
  }
  return p;
}

/* Where the text begins, of which these are the first bytes, or the next ones
 * of a byte order mark. */
static const char *skip_mark(struct sm_reader *r, const char *p,
                             const char *end) {
  while (p < end && r->bom < SM_BOM_LEN) {
    if (*p == byte_order_mark[r->bom]) {
      r->bom++;
      p++;
    } else {
      if (r->bom > 0)
        r->state = BAD;
      r->bom = SM_BOM_LEN;
    }
  }
  return p;
}

enum sm_status sm_reader_feed(struct sm_reader *r, const char *bytes,
                              size_t len, struct sm_buf *rest) {
  const char *p = bytes, *end = bytes + len;
  const char *from = bytes; /* what `rest` has not got yet */
  enum sm_status status = SM_OK;

  r->from = NULL;
  if (r->bom < SM_BOM_LEN)
    p = skip_mark(r, p, end);
  while (p < end && status == SM_OK && r->state != BAD) {
    switch (r->state) {
    case STRING:
      p = read_string(r, p, end, &status);
      break;
    case NUMBER:
      p = read_number(r, p, end, &status);
      break;
    case LITERAL:
      p = read_literal(r, p, end);
      break;
    case ESCAPE:
      status = expect_escaped(r, *p++);
      break;
    case HEX:
      status = expect_hex(r, *p++);
      break;
    case SECOND_ESCAPE:
      r->state = *p++ == '\\' ? SECOND_U : BAD;
      break;
    case SECOND_U:
      r->hex = 0;
      r->hex_left = 4;
      r->state = *p++ == 'u' ? HEX : BAD;
      break;
    default: {
      int was_in_list = r->in_list;

      if (!is_space(*p)) {
        expect(r, p);
        if (r->state == NUMBER) /* its text begins with this character */
          break;
      }
      p++;
      if (r->in_list && !was_in_list)
        status = sm_buf_add(rest, from, (size_t)(p - from));
      else if (!r->in_list && was_in_list)
        from = p - 1;
      else if (r->from == p && r->shape.part[0] > 0)
        p = read_alike(r, p, end, &status);
    }
    }
  }
  if (status == SM_OK && !r->in_list && r->state != BAD)
    status = sm_buf_add(rest, from, (size_t)(end - from));
  return status;
}

int sm_reader_end(const struct sm_reader *r) {
  return r->state == END && r->has_list;
}
