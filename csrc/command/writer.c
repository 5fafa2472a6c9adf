#include "writer.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../buf.h"
#include "../bytes.h"

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

static struct sm_buf *check_writer(lua_State *L, int index) {
  return luaL_checkudata(L, index, SM_WRITER);
}

static int is_plain_word(uint64_t word) {
  return !(sm_any_below(word, 32) || sm_any_above(word, 126) ||
           sm_any_is(word, '"') || sm_any_is(word, '\\'));
}

/* Whether the text can stand between JSON quotes without escapes. */
static int is_plain(const char *text, size_t len) {
  size_t i;

  for (i = 0; i + SM_WORD < len; i += SM_WORD)
    if (!is_plain_word(sm_word(text + i)))
      return 0;
  if (len >= SM_WORD)
    return is_plain_word(sm_word(text + len - SM_WORD));
  for (; i < len; i++)
    if (text[i] < 32 || text[i] > 126 || text[i] == '"' || text[i] == '\\')
      return 0;
  return 1;
}

/* A text of a line. */
struct piece {
  const char *text;
  size_t len;
};

static void add_pieces(lua_State *L, struct sm_buf *b,
                       const struct piece *pieces, size_t count) {
  size_t i, len = 0;
  char *to;

  for (i = 0; i < count; i++)
    len += pieces[i].len;
  if (sm_buf_reserve(b, len) != SM_OK)
    luaL_error(L, "too many lines for the memory");
  to = b->bytes + b->len;
  for (i = 0; i < count; i++) {
    memcpy(to, pieces[i].text, pieces[i].len);
    to += pieces[i].len;
  }
  b->len += len;
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

/*
 * size = lines:add(open, number, between, id, close, at) | nil
 *
 * Adds all parts in order, with the ID in quotes. number and between may be
 * nil. So may `at`, a time, which is inserted before the last two bytes of
 * `close`. Returns nil and adds nothing if the ID would need escapes.
 */
static int lines_add(lua_State *L) {
  struct sm_buf *b = check_writer(L, 1);
  struct figures number, at;
  struct piece open, between = {"", 0}, id, close, mark = {SM_AT, 0}, end;

  number.len = at.len = 0;
  open.text = luaL_checklstring(L, 2, &open.len);
  if (!lua_isnoneornil(L, 3)) {
    if (!read_figures(L, 3, &number))
      return 0;
    between.text = luaL_checklstring(L, 4, &between.len);
  }
  if (!lua_isnoneornil(L, 7) && !read_figures(L, 7, &at))
    return 0;
  /* A number would be converted in place, perhaps with a decimal point. */
  if (lua_type(L, 5) != LUA_TSTRING)
    return 0;
  id.text = lua_tolstring(L, 5, &id.len);
  close.text = luaL_checklstring(L, 6, &close.len);
  luaL_argcheck(L, at.len == 0 || close.len >= SM_LINE_END, 6, "too short");
  if (!is_plain(id.text, id.len))
    return 0;
  end.text = close.text + close.len;
  end.len = 0;
  if (at.len > 0) {
    mark.len = strlen(SM_AT);
    end.len = SM_LINE_END;
    close.len -= SM_LINE_END;
    end.text -= SM_LINE_END;
  }
  {
    struct piece quote = {"\"", 1};
    struct piece pieces[] = {open,
                             {SM_FIGURES(&number), number.len},
                             between,
                             quote,
                             id,
                             quote,
                             close,
                             mark,
                             {SM_FIGURES(&at), at.len},
                             end};

    add_pieces(L, b, pieces, sizeof(pieces) / sizeof(*pieces));
  }
  lua_pushinteger(L, (lua_Integer)b->len);
  return 1;
}

/* Maximum bytes before the ID of a line with a number. */
#define SM_MAX_HEAD 64

/* What stands before the ID of a line: open, number, between. Numbers come in
 * their order as a rule: then the last one is counted up where it stands. */
struct head {
  struct piece open, between;
  char bytes[SM_MAX_HEAD];
  size_t len; /* 0 for none yet */
  lua_Number number;
};

static int count_up(struct head *head) {
  char *first = head->bytes + head->open.len;
  char *at = head->bytes + head->len - head->between.len;

  while (at > first && at[-1] == '9')
    *--at = '0';
  if (at == first)
    return 0; /* one more digit is needed */
  at[-1]++;
  return 1;
}

/* Sets the number from the top of the stack, and pops it. */
static void read_number(lua_State *L, struct head *head) {
  lua_Number number = lua_tonumber(L, -1);

  int is_next = head->len > 0 && number == head->number + 1 && number >= 1 &&
                number < 0x1p53 && (lua_Number)(uint64_t)number == number;

  if (!is_next || !count_up(head)) {
    struct figures figures;
    struct piece pieces[3];
    size_t i;

    luaL_argcheck(
        L, lua_type(L, -1) == LUA_TNUMBER && read_figures(L, -1, &figures), 2,
        "no such number");
    pieces[0] = head->open;
    pieces[1].text = SM_FIGURES(&figures);
    pieces[1].len = figures.len;
    pieces[2] = head->between;
    luaL_argcheck(L,
                  pieces[0].len + pieces[1].len + pieces[2].len <= SM_MAX_HEAD,
                  6, "too long");
    head->len = 0;
    for (i = 0; i < 3; i++) {
      memcpy(head->bytes + head->len, pieces[i].text, pieces[i].len);
      head->len += pieces[i].len;
    }
  }
  head->number = number;
  lua_pop(L, 1);
}

/* The text at `index`, with the time at `index + 1` before its end. It stays at
 * `index`. */
static struct piece read_close(lua_State *L, int index) {
  struct piece close;
  struct figures at;
  luaL_Buffer b;

  close.text = luaL_checklstring(L, index, &close.len);
  luaL_argcheck(L, close.len >= SM_LINE_END, index, "too short");
  luaL_argcheck(L, read_figures(L, index + 1, &at), index + 1, "out of range");
  luaL_buffinit(L, &b);
  luaL_addlstring(&b, close.text, close.len - SM_LINE_END);
  luaL_addstring(&b, SM_AT);
  luaL_addlstring(&b, SM_FIGURES(&at), at.len);
  luaL_addlstring(&b, close.text + close.len - SM_LINE_END, SM_LINE_END);
  luaL_pushresult(&b);
  lua_replace(L, index);
  close.text = lua_tolstring(L, index, &close.len);
  return close;
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
  struct head head;
  struct piece noted[3], told[3];
  int no = (int)luaL_optinteger(L, 13, '"');

  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  if (!lua_isnil(L, 5)) {
    journal = check_writer(L, 5);
    head.open.text = luaL_checklstring(L, 6, &head.open.len);
    head.between.text = luaL_checklstring(L, 7, &head.between.len);
    head.len = 0;
    noted[0].text = head.bytes;
    noted[2] = read_close(L, 8);
  }
  if (!lua_isnoneornil(L, 10)) {
    results = check_writer(L, 10);
    told[0].text = luaL_checklstring(L, 11, &told[0].len);
    told[2].text = luaL_checklstring(L, 12, &told[2].len);
  }
  for (i = first; i <= last; i++) {
    struct piece id;

    lua_rawgeti(L, 1, i);
    if (lua_type(L, -1) != LUA_TSTRING)
      break;
    id.text = lua_tolstring(L, -1, &id.len);
    if (!is_plain(id.text, id.len) ||
        (no != '"' && memchr(id.text, no, id.len) != NULL))
      break;
    noted[1] = told[1] = id;
    if (journal != NULL) {
      lua_rawgeti(L, 2, i);
      read_number(L, &head);
      noted[0].len = head.len;
      add_pieces(L, journal, noted, 3);
    }
    if (results != NULL)
      add_pieces(L, results, told, 3);
    lua_pop(L, 1);
  }
  lua_pushinteger(L, i - first);
  return 1;
}

/* size = lines:write(text) */
static int lines_write(lua_State *L) {
  struct sm_buf *b = check_writer(L, 1);
  size_t len;
  const char *text = luaL_checklstring(L, 2, &len);

  if (sm_buf_add(b, text, len) != SM_OK)
    return luaL_error(L, "too many lines for the memory");
  lua_pushinteger(L, (lua_Integer)b->len);
  return 1;
}

/* size = lines:size() */
static int lines_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_writer(L, 1)->len);
  return 1;
}

/* text = lines:text(): all text; does not clear it */
static int lines_text(lua_State *L) {
  struct sm_buf *b = check_writer(L, 1);

  lua_pushlstring(L, b->len > 0 ? b->bytes : "", b->len);
  return 1;
}

/* true = lines:send(file) | nil, message: writes all text to an open file of
 * Lua's; does not clear it */
static int lines_send(lua_State *L) {
  const struct sm_buf *b = check_writer(L, 1);
  FILE *file = sm_checkfile(L, 2);

  if ((b->len == 0 || fwrite(b->bytes, 1, b->len, file) == b->len) &&
      fflush(file) == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, strerror(errno));
  return 2;
}

const char *sm_writer_text(lua_State *L, int index, size_t *len) {
  const struct sm_buf *b;

  if (lua_type(L, index) != LUA_TUSERDATA)
    return luaL_checklstring(L, index, len);
  b = check_writer(L, index);
  *len = b->len;
  return b->bytes;
}

/* lines:clear() */
static int lines_clear(lua_State *L) {
  sm_buf_reset(check_writer(L, 1), SM_KEPT_LINES);
  return 0;
}

/* Also __gc and __close: idempotent. */
static int lines_close(lua_State *L) {
  sm_buf_free(check_writer(L, 1));
  return 0;
}

static const luaL_Reg methods[] = {
    {"add", lines_add},     {"write", lines_write}, {"size", lines_size},
    {"text", lines_text},   {"send", lines_send},   {"clear", lines_clear},
    {"close", lines_close}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", lines_close},
    {"__close", lines_close},
    {NULL, NULL},
};

void sm_writer_init(lua_State *L) {
  sm_newtype(L, SM_WRITER, methods, metamethods);
}
