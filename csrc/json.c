#include "json.h"

#include <stdint.h>
#include <string.h>

#include "bytes.h"

/* Some servers write it before UTF-8 text. */
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
  SECOND_ESCAPE, /* the second half of a surrogate pair must follow */
  SECOND_U,
  NUMBER,
  LITERAL,
  END,
  BAD,
};

enum number { START, MINUS, ZERO, INT, DOT, FRACTION, E, SIGN, EXPONENT };

void sm_json_init(struct sm_json *j) {
  memset(j, 0, sizeof(*j));
  sm_buf_init(&j->token, SM_MAX_TOKEN_TEXT);
}

void sm_json_free(struct sm_json *j) {
  sm_buf_free(&j->token);
  sm_json_init(j);
}

void sm_json_begin(struct sm_json *j, const struct sm_events *events,
                   void *user) {
  struct sm_buf token = j->token;

  memset(j, 0, sizeof(*j));
  j->events = events;
  j->user = user;
  j->token = token;
  j->token.len = 0;
  j->state = VALUE;
}

void sm_json_refuse(struct sm_json *j) {
  j->state = BAD;
}

int sm_json_is_refused(const struct sm_json *j) {
  return j->state == BAD;
}

int sm_json_end(const struct sm_json *j) {
  return j->state == END;
}

size_t sm_json_digits(const char *text, size_t len) {
  size_t i;

  for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
    ;
  return i;
}

static enum sm_status open_nest(struct sm_json *j, const char *p) {
  enum sm_status status = SM_OK;

  if (j->depth == SM_MAX_DEPTH) {
    j->state = BAD;
    return SM_OK;
  }
  if (j->events->opened != NULL)
    status = j->events->opened(j->user, p);
  j->nest[j->depth++] = *p;
  j->state = *p == '{' ? FIRST_KEY : FIRST_VALUE;
  return status;
}

static enum sm_status close_nest(struct sm_json *j, const char *p) {
  if (j->depth == 0 || j->nest[j->depth - 1] != (*p == '}' ? '{' : '[')) {
    j->state = BAD;
    return SM_OK;
  }
  j->depth--;
  j->state = j->depth == 0 ? END : AFTER_VALUE;
  return j->events->closed != NULL ? j->events->closed(j->user, p) : SM_OK;
}

/* Reports the text of a completed token. */
static enum sm_status token_done(struct sm_json *j, const char *text,
                                 size_t len, int is_whole) {
  enum sm_token token = SM_TOKEN_STRING;

  if (j->state == NUMBER)
    token = SM_TOKEN_NUMBER;
  else if (j->is_name)
    token = SM_TOKEN_NAME;
  j->state = token == SM_TOKEN_NAME ? COLON : AFTER_VALUE;
  if (!j->is_kept)
    return SM_OK;
  return j->events->text(j->user, token, j->is_long ? NULL : text, len,
                         is_whole);
}

static enum sm_status token_add(struct sm_json *j, const char *text,
                                size_t len) {
  enum sm_status status;

  if (!j->is_kept || j->is_long)
    return SM_OK;
  status = sm_buf_add(&j->token, text, len);
  if (status == SM_FULL) {
    j->is_long = 1;
    status = SM_OK;
  }
  return status;
}

/* Ends a token whose last piece is `text`. A token in one piece is used in
 * place. */
static enum sm_status token_ends(struct sm_json *j, const char *text,
                                 size_t len) {
  enum sm_status status;

  if (j->token.len == 0)
    return token_done(j, text, len, 1);
  status = token_add(j, text, len);
  if (status == SM_OK)
    status = token_done(j, j->token.bytes, j->token.len, 0);
  j->token.len = 0;
  return status;
}

static void string_begins(struct sm_json *j, int is_name) {
  j->is_name = is_name;
  if (is_name) {
    j->is_long = 0;
    j->is_kept = j->events->name(j->user);
  }
  j->token.len = 0;
  j->state = STRING;
}

static void literal_begins(struct sm_json *j, const char *others) {
  j->literal = others;
  j->state = LITERAL;
}

static enum sm_status expect_value(struct sm_json *j, const char *p) {
  int is_wanted;

  j->is_long = 0;
  is_wanted = j->events->value(j->user, *p);
  if (j->state == BAD)
    return SM_OK;
  j->is_kept = is_wanted;
  j->is_name = 0;
  switch (*p) {
  case '{':
  case '[':
    return open_nest(j, p);
  case '"':
    string_begins(j, 0);
    break;
  case 't':
    literal_begins(j, "rue");
    break;
  case 'f':
    literal_begins(j, "alse");
    break;
  case 'n':
    literal_begins(j, "ull");
    break;
  default:
    j->number = START;
    j->state = NUMBER;
    j->token.len = 0;
  }
  return SM_OK;
}

/* Returns the character that \c stands for, 0 if there is none. */
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

static enum sm_status add_code_point(struct sm_json *j, unsigned point) {
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
  j->state = STRING;
  return token_add(j, utf8, len);
}

/* Handles a \u escape after its four hex digits. */
static enum sm_status hex_done(struct sm_json *j) {
  unsigned hex = j->hex, high = j->high;

  j->high = 0;
  if (high != 0) {
    if (hex >= 0xdc00 && hex <= 0xdfff)
      return add_code_point(j,
                            0x10000 + ((high - 0xd800) << 10) + (hex - 0xdc00));
    j->state = BAD;
  } else if (hex >= 0xd800 && hex <= 0xdbff) {
    j->high = hex;
    j->state = SECOND_ESCAPE;
  } else if (hex >= 0xdc00 && hex <= 0xdfff) {
    j->state = BAD;
  } else {
    return add_code_point(j, hex);
  }
  return SM_OK;
}

static enum sm_status expect_escaped(struct sm_json *j, char c) {
  char meant = unescape(c);

  if (meant != 0) {
    j->state = STRING;
    return token_add(j, &meant, 1);
  }
  j->hex = 0;
  j->hex_left = 4;
  j->state = c == 'u' ? HEX : BAD;
  return SM_OK;
}

static char fold(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static enum sm_status expect_hex(struct sm_json *j, char c) {
  unsigned digit = 16;

  if (c >= '0' && c <= '9')
    digit = (unsigned)(c - '0');
  else if (fold(c) >= 'a' && fold(c) <= 'f')
    digit = (unsigned)(fold(c) - 'a' + 10);
  if (digit == 16) {
    j->state = BAD;
    return SM_OK;
  }
  j->hex = j->hex * 16 + digit;
  return --j->hex_left == 0 ? hex_done(j) : SM_OK;
}

/* Whether `c` continues the number. */
static int is_in_number(struct sm_json *j, char c) {
  int is_digit = c >= '0' && c <= '9';

  switch (j->number) {
  case START:
    j->number = c == '-' ? MINUS : c == '0' ? ZERO : INT;
    return is_digit || c == '-';
  case MINUS:
    j->number = c == '0' ? ZERO : INT;
    return is_digit;
  case INT:
    if (is_digit)
      return 1;
    /* fall through */
  case ZERO:
    if (c == '.')
      j->number = DOT;
    else if (c == 'e' || c == 'E')
      j->number = E;
    else
      return 0;
    return 1;
  case DOT:
    j->number = FRACTION;
    return is_digit;
  case FRACTION:
    if (c == 'e' || c == 'E') {
      j->number = E;
      return 1;
    }
    return is_digit;
  case E:
    j->number = is_digit ? EXPONENT : SIGN;
    return is_digit || c == '+' || c == '-';
  case SIGN:
    j->number = EXPONENT;
    return is_digit;
  default:
    return is_digit;
  }
}

/* Whether the number may end here. Call it before is_in_number() advances. */
static int may_end(int number) {
  return number == ZERO || number == INT || number == FRACTION ||
         number == EXPONENT;
}

static enum sm_status expect_more(struct sm_json *j, const char *p) {
  char c = *p;

  if (c == ',' && j->depth > 0)
    j->state = j->nest[j->depth - 1] == '{' ? KEY : VALUE;
  else if (c == '}' || c == ']')
    return close_nest(j, p);
  else
    j->state = BAD;
  return SM_OK;
}

/* Handles one character between tokens that is not white space. */
static enum sm_status expect(struct sm_json *j, const char *p) {
  char c = *p;

  switch (j->state) {
  case FIRST_VALUE:
    if (c == ']')
      return close_nest(j, p);
    /* fall through */
  case VALUE:
    return expect_value(j, p);
  case FIRST_KEY:
    if (c == '}')
      return close_nest(j, p);
    /* fall through */
  case KEY:
    j->state = BAD;
    if (c == '"')
      string_begins(j, 1);
    return SM_OK;
  case COLON:
    j->state = c == ':' ? VALUE : BAD;
    return SM_OK;
  case AFTER_VALUE:
    return expect_more(j, p);
  default: /* END: nothing may follow */
    j->state = BAD;
    return SM_OK;
  }
}

static int is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static int is_plain(char c) {
  return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* Finds bytes for which is_plain() is false among eight. The highest bit of the
 * first such byte is set; bits of more significant bytes may be set as well.
 * For plain bytes no subtraction borrows: none is below 0x20, and none becomes
 * zero when compared with a quote or a backslash. */
static inline uint64_t not_plain(uint64_t word) {
  return sm_any_below(word, 0x20) | sm_any_is(word, '"') |
         sm_any_is(word, '\\');
}

const char *sm_json_skip_plain(const char *p, const char *end) {
  const char *last = end - p >= 8 ? end - 8 : NULL;

  while (last != NULL && p < end) {
    uint64_t found;

    if (p > last)
      p = last; /* some of these bytes are known to be plain */
    found = not_plain(sm_word(p));
    if (found != 0) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
      return p + __builtin_ctzll(found) / 8;
#else
      break;
#endif
    }
    p += 8;
  }
  while (p < end && is_plain(*p))
    p++;
  return p;
}

int sm_json_is_same(const char *p, const char *text, size_t len) {
  size_t i = 0;

  if (len < 8)
    return memcmp(p, text, len) == 0 &&
           sm_json_skip_plain(p, p + len) == p + len;
  while (i < len) {
    uint64_t word;

    if (i > len - 8)
      i = len - 8;
    word = sm_word(p + i);
    if (word != sm_word(text + i) || not_plain(word) != 0)
      return 0;
    i += 8;
  }
  return 1;
}

/* Reads the string content in p..end; returns where it stopped. */
static const char *read_string(struct sm_json *j, const char *p,
                               const char *end, enum sm_status *status) {
  const char *from = p;

  p = sm_json_skip_plain(p, end);
  if (p < end && *p == '"') {
    *status = token_ends(j, from, (size_t)(p - from));
    return p + 1;
  }
  *status = token_add(j, from, (size_t)(p - from));
  if (p == end)
    return p;
  j->state = *p == '\\' ? ESCAPE : BAD;
  return p + 1;
}

static const char *read_number(struct sm_json *j, const char *p,
                               const char *end, enum sm_status *status) {
  const char *from = p;

  while (p < end) {
    int number = j->number;

    if (!is_in_number(j, *p)) {
      if (!may_end(number))
        j->state = BAD;
      else
        *status = token_ends(j, from, (size_t)(p - from));
      return p;
    }
    p++;
  }
  *status = token_add(j, from, (size_t)(p - from));
  return p;
}

static const char *read_literal(struct sm_json *j, const char *p,
                                const char *end) {
  while (p < end && *j->literal != '\0') {
    if (*p != *j->literal) {
      j->state = BAD;
      return p;
    }
    p++;
    j->literal++;
  }
  if (*j->literal == '\0')
    j->state = AFTER_VALUE;
  return p;
}

/* Skips a byte order mark at the start of the text. It may arrive in pieces. */
static const char *skip_mark(struct sm_json *j, const char *p,
                             const char *end) {
  while (p < end && j->bom < SM_BOM_LEN) {
    if (*p == byte_order_mark[j->bom]) {
      j->bom++;
      p++;
    } else {
      if (j->bom > 0)
        j->state = BAD;
      j->bom = SM_BOM_LEN;
    }
  }
  return p;
}

enum sm_status sm_json_feed(struct sm_json *j, const char *bytes, size_t len) {
  const char *p = bytes, *end = bytes + len;
  enum sm_status status = SM_OK;

  if (j->bom < SM_BOM_LEN)
    p = skip_mark(j, p, end);
  while (p < end && status == SM_OK && j->state != BAD) {
    j->steps++;
    switch (j->state) {
    case STRING:
      p = read_string(j, p, end, &status);
      break;
    case NUMBER:
      p = read_number(j, p, end, &status);
      break;
    case LITERAL:
      p = read_literal(j, p, end);
      break;
    case ESCAPE:
      status = expect_escaped(j, *p++);
      break;
    case HEX:
      status = expect_hex(j, *p++);
      break;
    case SECOND_ESCAPE:
      j->state = *p++ == '\\' ? SECOND_U : BAD;
      break;
    case SECOND_U:
      j->hex = 0;
      j->hex_left = 4;
      j->state = *p++ == 'u' ? HEX : BAD;
      break;
    default:
      if (!is_space(*p)) {
        status = expect(j, p);
        if (j->state == NUMBER) /* its text begins with this character */
          break;
      }
      p++;
      if (j->may_skip && status == SM_OK) {
        j->may_skip = 0;
        p = j->events->skip(j->user, p, end, &status);
      }
    }
  }
  return status;
}
