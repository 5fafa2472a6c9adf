#include "lines.h"

#include <stdio.h>
#include <string.h>

#include "../buf.h"

#define SM_LINES "stopmsg.lines"

/* Whoever adds takes it away long before. */
#define SM_MAX_LINES (64u << 20)

/* Bytes that end an object and its line. */
#define SM_LINE_END 2

/* Kept from one take to the next. */
#define SM_KEPT_LINES (1u << 20)

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

/*
 * text, next = core.next_line(bytes, at, comment) | nil
 *
 * The line at `at` where it is whole and nothing but printable ASCII without
 * spaces, and does not begin with the byte `comment`.
 */
int sm_lines_next(lua_State *L) {
  size_t len, at, next, i, n;
  const char *bytes = check_bytes(L, &len, &at);
  lua_Integer comment = luaL_checkinteger(L, 3);
  const char *end = line_end(bytes, len, at, &next);

  if (end == NULL || end == bytes + at)
    return 0;
  n = (size_t)(end - bytes) - at;
  if ((unsigned char)bytes[at] == comment)
    return 0;
  for (i = 0; i < n; i++)
    if (bytes[at + i] < 33 || bytes[at + i] > 126)
      return 0;
  lua_pushlstring(L, bytes + at, n);
  lua_pushinteger(L, (lua_Integer)next + 1);
  return 2;
}

/*
 * text = core.unify_lines(bytes): a CR without a LF behind it becomes one. The
 * same string where there is none.
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
 * value, next = core.next_field(bytes, at, separator, column, width) | nil
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
 * value, next = core.next_member(bytes, at, name) | nil
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
 * after, depth, state = core.json_span(bytes, at, depth, state)
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

/*
 * count, next = core.count_lines(bytes, at, shape)
 *
 * How many lines from `at` on have this shape, in which an x stands for any
 * hex digit, and where the first that has not begins.
 */
int sm_lines_count(lua_State *L) {
  size_t len, at, next = 0, width, i;
  const char *bytes = check_bytes(L, &len, &at);
  const char *shape = luaL_checklstring(L, 3, &width);
  const char *end;
  lua_Integer count = 0;

  while ((end = line_end(bytes, len, at, &next)) != NULL &&
         (size_t)(end - bytes) - at == width) {
    const char *line = bytes + at;

    for (i = 0; i < width; i++)
      if (shape[i] == 'x' ? !is_hex(line[i]) : line[i] != shape[i])
        break;
    if (i < width)
      break;
    count++;
    at = next;
  }
  lua_pushinteger(L, count);
  lua_pushinteger(L, (lua_Integer)at + 1);
  return 2;
}

/* lines = core.lines() */
int sm_lines_new(lua_State *L) {
  struct sm_buf *b = lua_newuserdata(L, sizeof(*b));

  sm_buf_init(b, SM_MAX_LINES);
  luaL_getmetatable(L, SM_LINES);
  lua_setmetatable(L, -2);
  return 1;
}

static struct sm_buf *check_lines(lua_State *L) {
  return luaL_checkudata(L, 1, SM_LINES);
}

/* Whether JSON can hold the text between quotes as it is. */
static int is_plain(const char *text, size_t len) {
  size_t i;

  for (i = 0; i < len; i++)
    if (text[i] < 32 || text[i] > 126 || text[i] == '"' || text[i] == '\\')
      return 0;
  return 1;
}

static char *append(char *to, const char *text, size_t len) {
  memcpy(to, text, len);
  return to + len;
}

/*
 * size = lines:add(open, number, between, id, close, at) | nil
 *
 * Adds all these, the id in quotes; number and between may be nil, and so may
 * `at`, a time, which stands before the last two bytes of `close`. nil, and
 * nothing added, where the id cannot stand between quotes as it is.
 */
static int lines_add(lua_State *L) {
  struct sm_buf *b = check_lines(L);
  size_t open_len, between_len = 0, id_len, close_len, number_len = 0;
  size_t at_len = 0;
  const char *open = luaL_checklstring(L, 2, &open_len);
  const char *between = "", *id, *close;
  char number[32], at[40];
  char *to;

  if (!lua_isnoneornil(L, 3)) {
    number_len = (size_t)snprintf(number, sizeof(number), "%.0f",
                                  (double)luaL_checknumber(L, 3));
    between = luaL_checklstring(L, 4, &between_len);
  }
  if (!lua_isnoneornil(L, 7))
    at_len = (size_t)snprintf(at, sizeof(at), ",\"at\":%.0f",
                              (double)luaL_checknumber(L, 7));
  /* A number would be converted in place, and may be printed with a dot. */
  if (lua_type(L, 5) != LUA_TSTRING)
    return 0;
  id = lua_tolstring(L, 5, &id_len);
  close = luaL_checklstring(L, 6, &close_len);
  luaL_argcheck(L, at_len == 0 || close_len >= SM_LINE_END, 6, "too short");
  if (number_len >= sizeof(number) || at_len >= sizeof(at) ||
      !is_plain(id, id_len))
    return 0;
  if (sm_buf_reserve(b, open_len + number_len + between_len + id_len + at_len +
                            close_len + 2) != SM_OK)
    return luaL_error(L, "too many lines for the memory");
  to = append(b->bytes + b->len, open, open_len);
  to = append(to, number, number_len);
  to = append(to, between, between_len);
  *to++ = '"';
  to = append(to, id, id_len);
  *to++ = '"';
  if (at_len > 0) {
    close_len -= SM_LINE_END;
    to = append(to, close, close_len);
    to = append(to, at, at_len);
    to = append(to, close + close_len, SM_LINE_END);
  } else {
    to = append(to, close, close_len);
  }
  b->len = (size_t)(to - b->bytes);
  lua_pushinteger(L, (lua_Integer)b->len);
  return 1;
}

/* size = lines:write(text) */
static int lines_write(lua_State *L) {
  struct sm_buf *b = check_lines(L);
  size_t len;
  const char *text = luaL_checklstring(L, 2, &len);

  if (sm_buf_add(b, text, len) != SM_OK)
    return luaL_error(L, "too many lines for the memory");
  lua_pushinteger(L, (lua_Integer)b->len);
  return 1;
}

/* size = lines:size() */
static int lines_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_lines(L)->len);
  return 1;
}

/* text = lines:text(): all of it, which stays */
static int lines_text(lua_State *L) {
  struct sm_buf *b = check_lines(L);

  lua_pushlstring(L, b->len > 0 ? b->bytes : "", b->len);
  return 1;
}

/* lines:clear() */
static int lines_clear(lua_State *L) {
  sm_buf_reset(check_lines(L), SM_KEPT_LINES);
  return 0;
}

/* Also __gc and __close: idempotent. */
static int lines_close(lua_State *L) {
  sm_buf_free(check_lines(L));
  return 0;
}

static const luaL_Reg methods[] = {
    {"add", lines_add},   {"write", lines_write}, {"size", lines_size},
    {"text", lines_text}, {"clear", lines_clear}, {"close", lines_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", lines_close},
    {"__close", lines_close},
    {NULL, NULL},
};

void sm_lines_init(lua_State *L) {
  sm_newtype(L, SM_LINES, methods, metamethods);
}
