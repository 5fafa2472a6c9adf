#include "lines.h"

#include <stdint.h>
#include <string.h>

#include "../bytes.h"

/* Maximum bytes of a shape. */
#define SM_MAX_SHAPE 256

static const char *check_bytes(lua_State *L, size_t *len, size_t *at) {
  const char *bytes = luaL_checklstring(L, 1, len);
  lua_Integer from = luaL_checkinteger(L, 2);

  luaL_argcheck(L, from >= 1, 2, "out of range");
  *at = from <= (lua_Integer)*len ? (size_t)from - 1 : *len;
  return bytes;
}

/* Returns the end of the line that begins at `at`, without its CR and LF; NULL
 * if there is no LF. Sets *next to the start of the next line. */
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

/*
 * text = command.unify_lines(bytes): replaces each CR without LF by LF. Returns
 * the same string if there is none.
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

/* A text within a line, without the surrounding bytes. */
struct piece {
  const char *text;
  size_t len; /* 0 for none */
};

/* Reads a piece of the line at `at`, as specified by `how`, and sets *next to
 * the start of the next line. Returns no piece if the line is incomplete or not
 * plain. */
struct reader {
  struct piece (*read)(const char *bytes, size_t len, size_t at,
                       const void *how, size_t *next);
  const void *how;
};

/* Pushes piece, next | nil. */
static int push_piece(lua_State *L, struct reader reader) {
  size_t len, at, next;
  const char *bytes = check_bytes(L, &len, &at);
  struct piece piece = reader.read(bytes, len, at, reader.how, &next);

  if (piece.len == 0)
    return 0;
  lua_pushlstring(L, piece.text, piece.len);
  lua_pushinteger(L, (lua_Integer)next + 1);
  return 2;
}

/* Appends the pieces of several lines to the list at the index. The next two
 * stack values are the list's length and the maximum number of pieces. Pushes
 * count, next. */
static int push_pieces(lua_State *L, int index, struct reader reader) {
  size_t len, at, next;
  const char *bytes = check_bytes(L, &len, &at);
  int held = (int)luaL_checkinteger(L, index + 1);
  lua_Integer most = luaL_checkinteger(L, index + 2), count = 0;
  struct piece piece;

  luaL_checktype(L, index, LUA_TTABLE);
  while (count < most &&
         (piece = reader.read(bytes, len, at, reader.how, &next)).len > 0) {
    lua_pushlstring(L, piece.text, piece.len);
    count++;
    lua_rawseti(L, index, held + (int)count);
    at = next;
  }
  lua_pushinteger(L, count);
  lua_pushinteger(L, (lua_Integer)at + 1);
  return 2;
}

/* Reads the line if it is a word that does not begin with the byte at `how`. */
static struct piece read_word(const char *bytes, size_t len, size_t at,
                              const void *how, size_t *next) {
  const lua_Integer *comment = how;
  const char *end = line_end(bytes, len, at, next);
  struct piece line;

  line.text = bytes + at;
  line.len = end != NULL ? (size_t)(end - line.text) : 0;
  if (line.len > 0 &&
      ((unsigned char)*line.text == *comment || !is_word(line.text, line.len)))
    line.len = 0;
  return line;
}

/*
 * text, next = command.next_line(bytes, at, comment) | nil
 *
 * Returns the line at `at` if it is complete, has only printable ASCII without
 * spaces, and does not begin with the byte `comment`.
 */
int sm_lines_next(lua_State *L) {
  lua_Integer comment = luaL_checkinteger(L, 3);

  return push_piece(L, (struct reader){read_word, &comment});
}

/*
 * count, next = command.take_lines(bytes, at, comment, into, held, most)
 *
 * Reads several such lines into into[held + 1] and so on, up to the first line
 * that does not qualify.
 */
int sm_lines_take(lua_State *L) {
  lua_Integer comment = luaL_checkinteger(L, 3);

  return push_pieces(L, 4, (struct reader){read_word, &comment});
}

struct column {
  lua_Integer separator, number, width;
};

static struct piece read_field(const char *bytes, size_t len, size_t at,
                               const void *how, size_t *next) {
  const struct column *column = how;
  const struct piece none = {NULL, 0};
  const char *last = line_end(bytes, len, at, next);
  size_t from, to, i, end;
  lua_Integer field = 1;
  struct piece found;

  if (last == NULL)
    return none;
  end = (size_t)(last - bytes);
  from = column->number == 1 ? at : end;
  to = end;
  for (i = at; i < end; i++) {
    unsigned char c = (unsigned char)bytes[i];

    if (c == '"' || c == 0xEF)
      return none;
    if (c != column->separator)
      continue;
    if (field == column->number)
      to = i;
    field++;
    if (field == column->number)
      from = i + 1;
  }
  if (field != column->width)
    return none;
  while (from < to && is_blank(bytes[from]))
    from++;
  while (from < to && is_blank(bytes[to - 1]))
    to--;
  found.text = bytes + from;
  found.len = from < to ? to - from : 0;
  return found;
}

static struct column check_column(lua_State *L) {
  struct column column;

  column.separator = luaL_checkinteger(L, 3);
  column.number = luaL_checkinteger(L, 4);
  column.width = luaL_checkinteger(L, 5);
  return column;
}

/*
 * value, next = command.next_field(bytes, at, separator, column, width) | nil
 *
 * Returns the field in that column of the line at `at`, without surrounding
 * white space. The line must be complete, without quotes and with exactly
 * `width` fields; the field must not be blank.
 */
int sm_lines_field(lua_State *L) {
  struct column column = check_column(L);

  return push_piece(L, (struct reader){read_field, &column});
}

/*
 * count, next = command.take_fields(bytes, at, separator, column, width, into,
 * held, most)
 *
 * Reads the fields of several lines into into[held + 1] and so on, up to the
 * first line without such a field.
 */
int sm_lines_fields(lua_State *L) {
  struct column column = check_column(L);

  return push_pieces(L, 6, (struct reader){read_field, &column});
}

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
    at++;
  return at;
}

/* Returns the position after the string that begins here; NULL if it is invalid
 * or has an escape, which is not supported here. */
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

/* Returns the position after a number without an exponent, or a literal; NULL
 * if there is neither. */
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

/* Reads the text of the member whose name is the piece at `how`. */
static struct piece read_member(const char *bytes, size_t len, size_t start,
                                const void *how, size_t *next) {
  const struct piece none = {NULL, 0}, *name = how;
  struct piece value = {NULL, 0};
  const char *end = line_end(bytes, len, start, next);
  const char *at;

  if (end == NULL)
    return none;
  at = skip_blanks(bytes + start, end);
  if (at == end || *at != '{')
    return none;
  do {
    const char *key = skip_blanks(at + 1, end), *from, *to;
    int is_wanted;

    at = plain_string(key, end);
    if (at == NULL)
      return none;
    is_wanted = (size_t)(at - key) == name->len + 2 &&
                memcmp(key + 1, name->text, name->len) == 0;
    at = skip_blanks(at, end);
    if (at == end || *at != ':')
      return none;
    from = skip_blanks(at + 1, end);
    to = from < end && *from == '"' ? plain_string(from, end)
                                    : plain_scalar(from, end);
    if (to == NULL || (is_wanted && (value.text != NULL || *from != '"')))
      return none;
    if (is_wanted) {
      value.text = from + 1;
      value.len = (size_t)(to - from) - 2;
    }
    at = skip_blanks(to, end);
  } while (at < end && *at == ',');
  if (at == end || *at != '}' || skip_blanks(at + 1, end) != end)
    return none;
  return value;
}

/*
 * value, next = command.next_member(bytes, at, name) | nil
 *
 * Returns the text of this member if the line at `at` is complete and consists
 * of an object of plain strings, numbers and literals that has the member once.
 */
int sm_lines_member(lua_State *L) {
  struct piece name;

  name.text = luaL_checklstring(L, 3, &name.len);
  return push_piece(L, (struct reader){read_member, &name});
}

/*
 * count, next = command.take_members(bytes, at, name, into, held, most)
 *
 * Reads the members of several lines into into[held + 1] and so on, up to the
 * first line without such a member.
 */
int sm_lines_members(lua_State *L) {
  struct piece name;

  name.text = luaL_checklstring(L, 3, &name.len);
  return push_pieces(L, 4, (struct reader){read_member, &name});
}

/*
 * after, depth, state = command.json_span(bytes, at, depth, state)
 *
 * Finds the end of a JSON string, object or array that began at depth 0 and
 * state 0. `after` is the position behind it, or nil if these bytes do not
 * contain the end. To continue in the bytes that follow, pass depth and state.
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

/* Eight bytes of a shape. */
struct part {
  size_t at;
  uint64_t wanted;
  uint64_t fixed; /* 0xFF for each byte that must equal the shape */
};

/* A shape, in which x matches any hex digit: its last part may overlap the one
 * before. */
struct shape {
  const char *text;
  size_t width, parts;
  struct part part[SM_MAX_SHAPE / SM_WORD];
};

static void check_shape(lua_State *L, int index, struct shape *shape) {
  size_t at, last;

  shape->text = luaL_checklstring(L, index, &shape->width);
  luaL_argcheck(L, shape->width <= SM_MAX_SHAPE, index, "too long");
  shape->parts = 0;
  last = shape->width >= SM_WORD ? shape->width - SM_WORD : 0;
  for (at = 0; at < last + SM_WORD && shape->width >= SM_WORD; at += SM_WORD) {
    struct part *part = &shape->part[shape->parts++];
    uint64_t other;

    part->at = at < last ? at : last;
    part->wanted = sm_word(shape->text + part->at);
    other = part->wanted ^ SM_EACH('x');
    part->fixed = (((other & ~SM_HIGHS) + ~SM_HIGHS) | other) & SM_HIGHS;
    part->fixed = (part->fixed >> 7) * 0xFF;
  }
}

static int has_shape(const char *line, const struct shape *shape) {
  uint64_t wrong = 0, capitals = 0;
  size_t i;

  for (i = 0; i < shape->parts; i++) {
    const struct part *part = &shape->part[i];
    uint64_t word = sm_word(line + part->at);

    wrong |= (word ^ part->wanted) & part->fixed;
    (void)sm_hex((word & ~part->fixed) | (SM_EACH('0') & part->fixed), &wrong,
                 &capitals);
  }
  for (i = 0; i < shape->width && shape->parts == 0; i++)
    if (shape->text[i] == 'x' ? !is_hex(line[i]) : line[i] != shape->text[i])
      return 0;
  return wrong == 0;
}

/*
 * count, next = command.count_lines(bytes, at, shape)
 *
 * Counts the lines from `at` on that have this shape, in which x matches any
 * hex digit. `next` is the start of the first line that does not.
 */
int sm_lines_count(lua_State *L) {
  size_t len, at, next = 0;
  const char *bytes = check_bytes(L, &len, &at);
  const char *end;
  lua_Integer count = 0;
  struct shape shape;

  check_shape(L, 3, &shape);
  while ((end = line_end(bytes, len, at, &next)) != NULL &&
         (size_t)(end - bytes) - at == shape.width &&
         has_shape(bytes + at, &shape)) {
    count++;
    at = next;
  }
  lua_pushinteger(L, count);
  lua_pushinteger(L, (lua_Integer)at + 1);
  return 2;
}

/*
 * count = command.count_ids(ids, first, last, shape)
 *
 * Counts how many of ids[first..last] have this shape, up to the first that
 * does not.
 */
int sm_lines_count_ids(lua_State *L) {
  int first = (int)luaL_checkinteger(L, 2);
  int last = (int)luaL_checkinteger(L, 3), i;
  size_t len = 0;
  struct shape shape;

  check_shape(L, 4, &shape);
  luaL_checktype(L, 1, LUA_TTABLE);
  for (i = first; i <= last; i++) {
    const char *id;

    lua_rawgeti(L, 1, i);
    id = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    if (id == NULL || len != shape.width || !has_shape(id, &shape))
      break;
    lua_pop(L, 1);
  }
  lua_pushinteger(L, i - first);
  return 1;
}
