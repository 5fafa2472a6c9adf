#include "marks.h"

#include <stdlib.h>
#include <string.h>

#define SM_MARKS "stopmsg.marks"

/* Limit: 1 GB of marks. */
#define SM_MAX_MARKS 2147483647.0

#define SM_MARK_VALUES 16

struct marks {
  unsigned char *bytes; /* two entries per byte; NULL while all are 0 */
  size_t cap;
  size_t counts[SM_MARK_VALUES];
};

static struct marks *check_marks(lua_State *L) {
  return luaL_checkudata(L, 1, SM_MARKS);
}

static size_t check_position(lua_State *L, int index) {
  lua_Number position = luaL_checknumber(L, index);

  luaL_argcheck(L, position >= 1 && position <= SM_MAX_MARKS, index,
                "position out of range");
  return (size_t)position - 1;
}

static unsigned check_value(lua_State *L, int index) {
  lua_Integer value = luaL_checkinteger(L, index);

  luaL_argcheck(L, value >= 0 && value < SM_MARK_VALUES, index,
                "value out of range");
  return (unsigned)value;
}

static unsigned get(const struct marks *m, size_t at) {
  if (at / 2 >= m->cap)
    return 0;
  return (m->bytes[at / 2] >> (at % 2 * 4)) & 15u;
}

static void set(struct marks *m, size_t at, unsigned value) {
  unsigned shift = (unsigned)(at % 2 * 4);
  unsigned byte = m->bytes[at / 2];

  m->counts[(byte >> shift) & 15u]--;
  m->counts[value]++;
  m->bytes[at / 2] = (unsigned char)((byte & ~(15u << shift)) | value << shift);
}

/* Grows to include the position; new entries are 0. */
static void reach(lua_State *L, struct marks *m, size_t at) {
  size_t cap = m->cap > 0 ? m->cap : 4096;
  unsigned char *bytes;

  if (at / 2 < m->cap)
    return;
  while (cap <= at / 2)
    cap += cap / 2;
  bytes = realloc(m->bytes, cap);
  if (bytes == NULL)
    luaL_error(L, "not enough memory");
  memset(bytes + m->cap, 0, cap - m->cap);
  m->bytes = bytes;
  m->counts[0] += (cap - m->cap) * 2;
  m->cap = cap;
}

/* marks = core.marks() */
int sm_marks_new(lua_State *L) {
  struct marks *m = lua_newuserdata(L, sizeof(*m));

  memset(m, 0, sizeof(*m));
  luaL_getmetatable(L, SM_MARKS);
  lua_setmetatable(L, -2);
  return 1;
}

/* value = marks:get(position) */
static int marks_get(lua_State *L) {
  const struct marks *m = check_marks(L);

  lua_pushinteger(L, (lua_Integer)get(m, check_position(L, 2)));
  return 1;
}

/* marks:set(position, value) */
static int marks_set(lua_State *L) {
  struct marks *m = check_marks(L);
  size_t at = check_position(L, 2);
  unsigned value = check_value(L, 3);

  reach(L, m, at);
  set(m, at, value);
  return 0;
}

/* marks:fill(from, to, value, kept): sets all entries whose value is not in
 * the bit set `kept` (bit v for value v) */
static int marks_fill(lua_State *L) {
  struct marks *m = check_marks(L);
  size_t at = check_position(L, 2), last = check_position(L, 3);
  unsigned value = check_value(L, 4);
  unsigned kept = (unsigned)luaL_checkinteger(L, 5);

  reach(L, m, last);
  for (; at <= last; at++)
    if (!((kept >> get(m, at)) & 1u))
      set(m, at, value);
  return 0;
}

/*
 * first, last = marks:seek(from, to, count, kept) | nil
 *
 * Among the positions from..to whose value is not in the bit set `kept`, the
 * first and the count-th (or the last) one.
 */
static int marks_seek(lua_State *L) {
  const struct marks *m = check_marks(L);
  size_t at = check_position(L, 2), to = check_position(L, 3);
  lua_Integer count = luaL_checkinteger(L, 4);
  unsigned kept = (unsigned)luaL_checkinteger(L, 5);
  size_t first = 0, last = 0; /* positions, counted from 1 */

  for (; at <= to && count > 0; at++) {
    if ((kept >> get(m, at)) & 1u)
      continue;
    last = at + 1;
    if (first == 0)
      first = last;
    count--;
  }
  if (first == 0)
    return 0;
  lua_pushinteger(L, (lua_Integer)first);
  lua_pushinteger(L, (lua_Integer)last);
  return 2;
}

/* number = marks:count(value): number of entries with this value; not for 0 */
static int marks_count(lua_State *L) {
  struct marks *m = check_marks(L);

  lua_pushinteger(L, (lua_Integer)m->counts[check_value(L, 2)]);
  return 1;
}

/* Also __gc and __close: idempotent. */
static int marks_close(lua_State *L) {
  struct marks *m = check_marks(L);
  unsigned char *bytes = m->bytes;

  memset(m, 0, sizeof(*m));
  free(bytes);
  return 0;
}

static const luaL_Reg methods[] = {
    {"get", marks_get},   {"set", marks_set},     {"fill", marks_fill},
    {"seek", marks_seek}, {"count", marks_count}, {"close", marks_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", marks_close},
    {"__close", marks_close},
    {NULL, NULL},
};

void sm_marks_init(lua_State *L) {
  sm_newtype(L, SM_MARKS, methods, metamethods);
}
