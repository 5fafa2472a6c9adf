#include "lines.h"

#include <stdint.h>
#include <string.h>

#include "bytes.h"

static const char *check_bytes(lua_State *L, size_t *len, size_t *at) {
  const char *bytes = luaL_checklstring(L, 1, len);
  lua_Integer from = luaL_checkinteger(L, 2);

  luaL_argcheck(L, from >= 1, 2, "out of range");
  *at = from <= (lua_Integer)*len ? (size_t)from - 1 : *len;
  return bytes;
}

/* Where the line that begins at `at` ends, without its CR and LF; NULL where
 * no LF comes. *next is set to what follows. */
static const char *line_end(const char *bytes, size_t len, size_t at,
                            size_t *next) {
  const char *end = at < len ? memchr(bytes + at, '\n', len - at) : NULL;

  if (end == NULL)
    return NULL;
  *next = (size_t)(end - bytes) + 1;
  if (end > bytes + at && end[-1] == '\r')
    end--;
  return end;
}

/* Whether the bytes are printable ASCII without spaces. */
static int is_word(const char *text, size_t len) {
  size_t i = 0;

  for (; len - i >= SM_WORD; i += SM_WORD)
    if (sm_any_below(sm_word(text + i), 33) ||
        sm_any_above(sm_word(text + i), 126))
      return 0;
  for (; i < len; i++)
    if (text[i] < 33 || text[i] > 126)
      return 0;
  return 1;
}

/* The length of the line at `at` where it is whole and a word that does not
 * begin with the byte `comment`; else 0. */
static size_t word_line(const char *bytes, size_t len, size_t at,
                        lua_Integer comment, size_t *next) {
  const char *end = line_end(bytes, len, at, next);
  size_t n = end != NULL ? (size_t)(end - bytes) - at : 0;

  return n > 0 && (unsigned char)bytes[at] != comment && is_word(bytes + at, n)
             ? n
             : 0;
}

/*
 * text, next = command.next_line(bytes, at, comment) | nil
 *
 * The line at `at` where it is whole and nothing but printable ASCII without
 * spaces, and does not begin with the byte `comment`.
 */
int sm_lines_next(lua_State *L) {
  size_t len, at, next;
  const char *bytes = check_bytes(L, &len, &at);
  size_t n = word_line(bytes, len, at, luaL_checkinteger(L, 3), &next);

  if (n == 0)
    return 0;
  lua_pushlstring(L, bytes + at, n);
  lua_pushinteger(L, (lua_Integer)next + 1);
  return 2;
}

/*
 * count, next = command.take_lines(bytes, at, comment, into, after, most)
 *
 * The same of several lines, `most` at most and up to the first that is none:
 * into[after + 1] and so on. `next` is where the rest begins.
 */
int sm_lines_take(lua_State *L) {
  size_t len, at, next, n;
  const char *bytes = check_bytes(L, &len, &at);
  lua_Integer comment = luaL_checkinteger(L, 3);
  int after = (int)luaL_checkinteger(L, 5);
  lua_Integer most = luaL_checkinteger(L, 6), count = 0;

  luaL_checktype(L, 4, LUA_TTABLE);
  while (count < most && (n = word_line(bytes, len, at, comment, &next)) > 0) {
    lua_pushlstring(L, bytes + at, n);
    count++;
    lua_rawseti(L, 4, after + (int)count);
    at = next;
  }
  lua_pushinteger(L, count);
  lua_pushinteger(L, (lua_Integer)at + 1);
  return 2;
}

/*
 * text = command.unify_lines(bytes): a CR without a LF behind it becomes one.
 * The same string where there is none.
 */
int sm_lines_unify(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  const char *end = bytes + len, *cr = bytes;
  char *copy = NULL;

  while ((cr = memchr(cr, '\r', (size_t)(end - cr))) != NULL) {
    if (cr + 1 == end || cr[1] != '\n') {
      if (copy == NULL) {
        /* A userdata: pushing the result may raise. */
        copy = lua_newuserdata(L, len);
        memcpy(copy, bytes, len);
      }
      copy[cr - bytes] = '\n';
    }
    cr++;
  }
  if (copy == NULL)
    lua_settop(L, 1);
  else
    lua_pushlstring(L, copy, len);
  return 1;
}

static int is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * value, next = command.next_field(bytes, at, separator, column, width) | nil
 *
 * The field in that column of the line at `at`, without the white space around
 * it, where the line is whole, has no quote and just `width` fields, and the
 * field is not blank.
 */
int sm_lines_field(lua_State *L) {
  size_t len, at, next, from = 0, to = 0, i, end;
  const char *bytes = check_bytes(L, &len, &at);
  lua_Integer separator = luaL_checkinteger(L, 3);
  lua_Integer column = luaL_checkinteger(L, 4);
  lua_Integer width = luaL_checkinteger(L, 5), field = 1;
  const char *last = line_end(bytes, len, at, &next);

  if (last == NULL)
    return 0;
  end = (size_t)(last - bytes);
  from = column == 1 ? at : end;
  to = end;
  for (i = at; i < end; i++) {
    unsigned char c = (unsigned char)bytes[i];

    if (c == '"' || c == 0xEF)
      return 0;
    if (c != separator)
      continue;
    if (field == column)
      to = i;
    field++;
    if (field == column)
      from = i + 1;
  }
  if (field != width)
    return 0;
  while (from < to && is_blank(bytes[from]))
    from++;
  while (from < to && is_blank(bytes[to - 1]))
    to--;
  if (from >= to)
    return 0;
  lua_pushlstring(L, bytes + from, to - from);
  lua_pushinteger(L, (lua_Integer)next + 1);
  return 2;
}

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
    at++;
  return at;
}

/* What follows the string that begins here; NULL for one with an escape, which
 * is not read here, and for what is none. */
static const char *plain_string(const char *at, const char *end) {
  if (at == end || *at++ != '"')
    return NULL;
  while (at < end && *at != '"') {
    if (*at == '\\' || (unsigned char)*at < 32)
      return NULL;
    at++;
  }
  return at < end ? at + 1 : NULL;
}

static const char *digits(const char *at, const char *end) {
  const char *from = at;

  while (at < end && *at >= '0' && *at <= '9')
    at++;
  return at > from ? at : NULL;
}

/* The same of a number without an exponent, or a literal. */
static const char *plain_scalar(const char *at, const char *end) {
  static const char *const literals[] = {"true", "false", "null"};
  size_t i;

  for (i = 0; i < sizeof(literals) / sizeof(*literals); i++) {
    size_t len = strlen(literals[i]);

    if ((size_t)(end - at) >= len && memcmp(at, literals[i], len) == 0)
      return at + len;
  }
  if (at < end && *at == '-')
    at++;
  if (end - at >= 2 && at[0] == '0' && at[1] >= '0' && at[1] <= '9')
    return NULL;
  at = digits(at, end);
  if (at != NULL && at < end && *at == '.')
    at = digits(at + 1, end);
  return at;
}

/*
 * value, next = command.next_member(bytes, at, name) | nil
 *
 * The text of this member where the line at `at` is whole and nothing but an
 * object of plain strings, numbers and literals that has the member once.
 */
int sm_lines_member(lua_State *L) {
  size_t len, start, next, name_len, value_len = 0;
  const char *bytes = check_bytes(L, &len, &start);
  const char *name = luaL_checklstring(L, 3, &name_len);
  const char *end = line_end(bytes, len, start, &next);
  const char *at, *value = NULL;

  if (end == NULL)
    return 0;
  at = skip_blanks(bytes + start, end);
  if (at == end || *at != '{')
    return 0;
  do {
    const char *key = skip_blanks(at + 1, end), *from, *to;
    int is_wanted;

    at = plain_string(key, end);
    if (at == NULL)
      return 0;
    is_wanted = (size_t)(at - key) == name_len + 2 &&
                memcmp(key + 1, name, name_len) == 0;
    at = skip_blanks(at, end);
    if (at == end || *at != ':')
      return 0;
    from = skip_blanks(at + 1, end);
    to = from < end && *from == '"' ? plain_string(from, end)
                                    : plain_scalar(from, end);
    if (to == NULL || (is_wanted && (value != NULL || *from != '"')))
      return 0;
    if (is_wanted) {
      value = from + 1;
      value_len = (size_t)(to - from) - 2;
    }
    at = skip_blanks(to, end);
  } while (at < end && *at == ',');
  if (value_len == 0 || at == end || *at != '}' ||
      skip_blanks(at + 1, end) != end)
    return 0;
  lua_pushlstring(L, value, value_len);
  lua_pushinteger(L, (lua_Integer)next + 1);
  return 2;
}

/*
 * after, depth, state = command.json_span(bytes, at, depth, state)
 *
 * Looks for the end of a JSON string, object or array that began at depth 0 and
 * state 0: `after` is where the rest begins, nil where the end is not among
 * these bytes. With the other two the search goes on in the bytes that follow.
 */
int sm_lines_json_span(lua_State *L) {
  enum { OUTSIDE, STRING, ESCAPE };
  size_t len, at;
  const char *bytes = check_bytes(L, &len, &at);
  lua_Integer depth = luaL_checkinteger(L, 3);
  int state = (int)luaL_checkinteger(L, 4);
  int is_over = 0;

  for (; at < len && !is_over; at++) {
    char c = bytes[at];

    if (state == ESCAPE) {
      state = STRING;
    } else if (state == STRING) {
      if (c == '\\')
        state = ESCAPE;
      else if (c == '"')
        state = OUTSIDE;
    } else if (c == '"') {
      state = STRING;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      depth--;
    }
    is_over = state == OUTSIDE && depth <= 0;
  }
  if (is_over)
    lua_pushinteger(L, (lua_Integer)at + 1);
  else
    lua_pushnil(L);
  lua_pushinteger(L, depth);
  lua_pushinteger(L, (lua_Integer)state);
  return 3;
}

static int is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
         (c >= 'A' && c <= 'F');
}

/* Whether each of eight bytes is a hex digit. */
static int are_hex(uint64_t word) {
  uint64_t lower = word | SM_EACH(0x20);
  uint64_t digits = sm_from(word, '0') & ~sm_from(word, '9' + 1);
  uint64_t letters = sm_from(lower, 'a') & ~sm_from(lower, 'f' + 1);

  return (word & SM_HIGHS) == 0 && (digits | letters) == SM_HIGHS;
}

/* Whether eight bytes have a shape, in which an x is any hex digit. */
static int fits(const char *bytes, const char *shape) {
  uint64_t word = sm_word(bytes), wanted = sm_word(shape);
  uint64_t other = wanted ^ SM_EACH('x');
  /* 0xFF for each byte that has to be as it is in the shape. */
  uint64_t fixed = (((other & ~SM_HIGHS) + ~SM_HIGHS) | other) & SM_HIGHS;

  fixed = (fixed >> 7) * 0xFF;
  return ((word ^ wanted) & fixed) == 0 &&
         are_hex((word & ~fixed) | (SM_EACH('0') & fixed));
}

static int has_shape(const char *line, const char *shape, size_t width) {
  size_t i = 0;

  for (; width - i >= SM_WORD; i += SM_WORD)
    if (!fits(line + i, shape + i))
      return 0;
  if (i > 0 && i < width)
    return fits(line + width - SM_WORD, shape + width - SM_WORD);
  for (; i < width; i++)
    if (shape[i] == 'x' ? !is_hex(line[i]) : line[i] != shape[i])
      return 0;
  return 1;
}

/*
 * count, next = command.count_lines(bytes, at, shape)
 *
 * How many lines from `at` on have this shape, in which an x stands for any
 * hex digit, and where the first that has not begins.
 */
int sm_lines_count(lua_State *L) {
  size_t len, at, next = 0, width;
  const char *bytes = check_bytes(L, &len, &at);
  const char *shape = luaL_checklstring(L, 3, &width);
  const char *end;
  lua_Integer count = 0;

  while ((end = line_end(bytes, len, at, &next)) != NULL &&
         (size_t)(end - bytes) - at == width &&
         has_shape(bytes + at, shape, width)) {
    count++;
    at = next;
  }
  lua_pushinteger(L, count);
  lua_pushinteger(L, (lua_Integer)at + 1);
  return 2;
}
