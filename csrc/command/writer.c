#include "writer.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../buf.h"
#include "bytes.h"

#define SM_WRITER "stopmsg.writer"

/* Safety limit; callers flush at 64 KiB. */
#define SM_MAX_LINES (64u << 20)

/* Number of bytes that end an object and its line. */
#define SM_LINE_END 2

/* Maximum bytes of memory kept after a flush. */
#define SM_KEPT_LINES (1u << 20)

/* lines = command.lines() */
int sm_writer_new(lua_State *L) {
  struct sm_buf *b = lua_newuserdata(L, sizeof(*b));

  sm_buf_init(b, SM_MAX_LINES);
  luaL_getmetatable(L, SM_WRITER);
  lua_setmetatable(L, -2);
  return 1;
}

static struct sm_buf *check_writer(lua_State *L) {
  return luaL_checkudata(L, 1, SM_WRITER);
}

/* Whether the text can stand between JSON quotes without escapes. */
static int is_plain(const char *text, size_t len) {
  size_t i = 0;

  for (; len - i >= SM_WORD; i += SM_WORD) {
    uint64_t word = sm_word(text + i);

    if (sm_any_below(word, 32) || sm_any_above(word, 126) ||
        sm_any_is(word, '"') || sm_any_is(word, '\\'))
      return 0;
  }
  for (; i < len; i++)
    if (text[i] < 32 || text[i] > 126 || text[i] == '"' || text[i] == '\\')
      return 0;
  return 1;
}

static char *append(char *to, const char *text, size_t len) {
  memcpy(to, text, len);
  return to + len;
}

/* A number as text, in the last `len` bytes of `bytes`. */
struct figures {
  char bytes[32];
  size_t len;
};

#define SM_FIGURES(f) ((f)->bytes + sizeof((f)->bytes) - (f)->len)

/* Formats a whole number. printf() would take longer than everything else. */
static void write_whole(struct figures *f, uint64_t n) {
  char *at = f->bytes + sizeof(f->bytes);

  do {
    *--at = (char)('0' + n % 10);
    n /= 10;
  } while (n > 0);
  f->len = (size_t)(f->bytes + sizeof(f->bytes) - at);
}

/* Formats the number at the index without a fraction. Returns 0 if it is too
 * large. */
static int read_figures(lua_State *L, int index, struct figures *f) {
  lua_Number n = luaL_checknumber(L, index);
  char text[sizeof(f->bytes)];
  int len;

  if (n >= 0 && n < 0x1p53 && (lua_Number)(uint64_t)n == n) {
    write_whole(f, (uint64_t)n);
    return 1;
  }
  len = snprintf(text, sizeof(text), "%.0f", (double)n);
  if (len <= 0 || len >= (int)sizeof(text))
    return 0;
  f->len = (size_t)len;
  memcpy(SM_FIGURES(f), text, f->len);
  return 1;
}

#define SM_AT ",\"at\":"
#define SM_AT_LEN (sizeof(SM_AT) - 1)

/* Parts of a line: open, number, between, the ID, close. If `at` is not empty,
 * it is the time, inserted before the last bytes of `close`. */
struct line {
  const char *open, *between, *close;
  size_t open_len, between_len, close_len;
  struct figures number, at;
  int is_quoted; /* put the ID in quotes */
};

static void line_init(struct line *line) {
  line->open = line->between = line->close = "";
  line->open_len = line->between_len = line->close_len = 0;
  line->number.len = line->at.len = 0;
  line->is_quoted = 0;
}

/* Adds the line of a plain ID. */
static void add_line(lua_State *L, struct sm_buf *b, const struct line *line,
                     const char *id, size_t id_len) {
  size_t close_len = line->close_len;
  char *to;

  if (sm_buf_reserve(b, line->open_len + line->number.len + line->between_len +
                            id_len + line->at.len + SM_AT_LEN + close_len +
                            2) != SM_OK)
    luaL_error(L, "too many lines for the memory");
  to = append(b->bytes + b->len, line->open, line->open_len);
  to = append(to, SM_FIGURES(&line->number), line->number.len);
  to = append(to, line->between, line->between_len);
  if (line->is_quoted)
    *to++ = '"';
  to = append(to, id, id_len);
  if (line->is_quoted)
    *to++ = '"';
  if (line->at.len > 0) {
    close_len -= SM_LINE_END;
    to = append(to, line->close, close_len);
    to = append(to, SM_AT, SM_AT_LEN);
    to = append(to, SM_FIGURES(&line->at), line->at.len);
    to = append(to, line->close + close_len, SM_LINE_END);
  } else {
    to = append(to, line->close, close_len);
  }
  b->len = (size_t)(to - b->bytes);
}

/*
 * size = lines:add(open, number, between, id, close, at) | nil
 *
 * Adds all parts in order, with the ID in quotes. number and between may be
 * nil. So may `at`, a time, which is inserted before the last two bytes of
 * `close`. Returns nil and adds nothing if the ID would need escapes.
 */
static int lines_add(lua_State *L) {
  struct sm_buf *b = check_writer(L);
  struct line line;
  const char *id;
  size_t id_len;

  line_init(&line);
  line.is_quoted = 1;
  line.open = luaL_checklstring(L, 2, &line.open_len);
  if (!lua_isnoneornil(L, 3)) {
    if (!read_figures(L, 3, &line.number))
      return 0;
    line.between = luaL_checklstring(L, 4, &line.between_len);
  }
  if (!lua_isnoneornil(L, 7) && !read_figures(L, 7, &line.at))
    return 0;
  /* A number would be converted in place, perhaps with a decimal point. */
  if (lua_type(L, 5) != LUA_TSTRING)
    return 0;
  id = lua_tolstring(L, 5, &id_len);
  line.close = luaL_checklstring(L, 6, &line.close_len);
  luaL_argcheck(L, line.at.len == 0 || line.close_len >= SM_LINE_END, 6,
                "too short");
  if (!is_plain(id, id_len))
    return 0;
  add_line(L, b, &line, id, id_len);
  lua_pushinteger(L, (lua_Integer)b->len);
  return 1;
}

/*
 * count = command.put(ids, places, first, last, journal, open, between, close,
 * at, results, open, close, no)
 *
 * Adds a line to the journal and one to the results for each of
 * ids[first..last]. Works as lines:add with places[i] as the number, but adds
 * no quotes. journal and results may be nil, together with the texts that
 * follow them. Stops before the first ID that is not a string, would need
 * escapes, or contains the byte `no`, which may be nil.
 */
int sm_writer_put(lua_State *L) {
  int first = (int)luaL_checkinteger(L, 3);
  int last = (int)luaL_checkinteger(L, 4), i;
  struct sm_buf *journal = NULL, *results = NULL;
  struct line noted, told;
  int no = (int)luaL_optinteger(L, 13, '"');

  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  line_init(&noted);
  line_init(&told);
  if (!lua_isnil(L, 5)) {
    journal = luaL_checkudata(L, 5, SM_WRITER);
    noted.open = luaL_checklstring(L, 6, &noted.open_len);
    noted.between = luaL_checklstring(L, 7, &noted.between_len);
    noted.close = luaL_checklstring(L, 8, &noted.close_len);
    luaL_argcheck(L, read_figures(L, 9, &noted.at), 9, "out of range");
    luaL_argcheck(L, noted.close_len >= SM_LINE_END, 8, "too short");
  }
  if (!lua_isnoneornil(L, 10)) {
    results = luaL_checkudata(L, 10, SM_WRITER);
    told.open = luaL_checklstring(L, 11, &told.open_len);
    told.close = luaL_checklstring(L, 12, &told.close_len);
  }
  for (i = first; i <= last; i++) {
    const char *id;
    size_t len;

    lua_rawgeti(L, 1, i);
    if (lua_type(L, -1) != LUA_TSTRING)
      break;
    id = lua_tolstring(L, -1, &len);
    if (!is_plain(id, len) || (no != '"' && memchr(id, no, len) != NULL))
      break;
    if (journal != NULL) {
      lua_rawgeti(L, 2, i);
      luaL_argcheck(L, read_figures(L, -1, &noted.number), 2, "out of range");
      add_line(L, journal, &noted, id, len);
      lua_pop(L, 1);
    }
    if (results != NULL)
      add_line(L, results, &told, id, len);
    lua_pop(L, 1);
  }
  lua_pushinteger(L, i - first);
  return 1;
}

/* size = lines:write(text) */
static int lines_write(lua_State *L) {
  struct sm_buf *b = check_writer(L);
  size_t len;
  const char *text = luaL_checklstring(L, 2, &len);

  if (sm_buf_add(b, text, len) != SM_OK)
    return luaL_error(L, "too many lines for the memory");
  lua_pushinteger(L, (lua_Integer)b->len);
  return 1;
}

/* size = lines:size() */
static int lines_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_writer(L)->len);
  return 1;
}

/* text = lines:text(): all text; does not clear it */
static int lines_text(lua_State *L) {
  struct sm_buf *b = check_writer(L);

  lua_pushlstring(L, b->len > 0 ? b->bytes : "", b->len);
  return 1;
}

/* lines:clear() */
static int lines_clear(lua_State *L) {
  sm_buf_reset(check_writer(L), SM_KEPT_LINES);
  return 0;
}

/* Also __gc and __close: idempotent. */
static int lines_close(lua_State *L) {
  sm_buf_free(check_writer(L));
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

void sm_writer_init(lua_State *L) {
  sm_newtype(L, SM_WRITER, methods, metamethods);
}
