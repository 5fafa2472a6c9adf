#include "seen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "uuid.h"

#define SM_SEEN "stopmsg.seen"

/* Each table grows by itself, so that nobody waits for all of them. */
#define SM_TABLES 1024u
#define SM_FEW_KEYS 8u

struct key {
  uint64_t half[2]; /* both 0 where there is none */
};

struct table {
  struct key *keys;
  uint32_t cap; /* a power of two, or 0 */
  uint32_t count;
};

struct seen {
  struct table *tables; /* NULL until the first id, and when it is closed */
  uint64_t secret[2];
  size_t count;
  size_t bytes;
};

static struct seen *check_seen(lua_State *L) {
  return luaL_checkudata(L, 1, SM_SEEN);
}

/* seen = core.seen() */
int sm_seen_new(lua_State *L) {
  struct seen *s = lua_newuserdata(L, sizeof(*s));
  unsigned char *to = (unsigned char *)s->secret;
  const char *text;
  size_t i, len;

  memset(s, 0, sizeof(*s));
  luaL_getmetatable(L, SM_SEEN);
  lua_setmetatable(L, -2);
  /* 122 random bits, and six that are always the same. */
  sm_uuid(L);
  text = lua_tolstring(L, -1, &len);
  for (i = 0; i < len; i++)
    to[i % sizeof(s->secret)] =
        (unsigned char)(to[i % sizeof(s->secret)] * 31u +
                        (unsigned char)text[i]);
  lua_pop(L, 1);
  return 1;
}

static uint64_t rotate(uint64_t v, unsigned by) {
  return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[0] = rotate(v[0], 32);
  v[2] += v[3];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  sip_round(v);
  sip_round(v);
  v[0] ^= word;
}

static uint64_t sip_end(uint64_t v[4]) {
  unsigned i;

  for (i = 0; i < 4; i++)
    sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* SipHash-2-4 with an output of 128 bits: https://github.com/veorq/SipHash */
static struct key key_of(const struct seen *s, const char *id, size_t len) {
  uint64_t v[4], word;
  struct key key;
  size_t at;

  v[0] = s->secret[0] ^ UINT64_C(0x736f6d6570736575);
  v[1] = s->secret[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
  v[2] = s->secret[0] ^ UINT64_C(0x6c7967656e657261);
  v[3] = s->secret[1] ^ UINT64_C(0x7465646279746573);
  for (at = 0; at + 8 <= len; at += 8) {
    memcpy(&word, id + at, 8);
    sip_word(v, word);
  }
  word = 0;
  memcpy(&word, id + at, len - at);
  sip_word(v, word ^ (uint64_t)len << 56);
  v[2] ^= 0xee;
  key.half[0] = sip_end(v);
  v[1] ^= 0xdd;
  key.half[1] = sip_end(v);
  if (key.half[0] == 0 && key.half[1] == 0)
    key.half[1] = 1;
  return key;
}

static struct table *table_of(const struct seen *s, const struct key *key) {
  return &s->tables[key->half[1] % SM_TABLES];
}

/* Where the key is, or the free place where it belongs. */
static struct key *find(const struct table *t, const struct key *key) {
  uint32_t at = (uint32_t)key->half[0] & (t->cap - 1);

  while ((t->keys[at].half[0] | t->keys[at].half[1]) != 0) {
    if (t->keys[at].half[0] == key->half[0] &&
        t->keys[at].half[1] == key->half[1])
      break;
    at = (at + 1) & (t->cap - 1);
  }
  return &t->keys[at];
}

static int is_free(const struct key *key) {
  return (key->half[0] | key->half[1]) == 0;
}

/* Makes room for one more: 0 without memory, and then nothing has changed. */
static int reach(struct seen *s, struct table *t) {
  struct table larger;
  uint32_t i;

  if (t->count < t->cap / 4 * 3)
    return 1;
  larger.cap = t->cap > 0 ? t->cap * 2 : SM_FEW_KEYS;
  larger.count = t->count;
  if (larger.cap == 0)
    return 0; /* four billion ids in one of the tables */
  larger.keys = calloc(larger.cap, sizeof(*larger.keys));
  if (larger.keys == NULL)
    return 0;
  for (i = 0; i < t->cap; i++)
    if (!is_free(&t->keys[i]))
      *find(&larger, &t->keys[i]) = t->keys[i];
  s->bytes += (larger.cap - t->cap) * sizeof(*larger.keys);
  free(t->keys);
  *t = larger;
  return 1;
}

/* is_new = seen:add(id): true where it was not there before */
static int seen_add(lua_State *L) {
  struct seen *s = check_seen(L);
  size_t len;
  const char *id = luaL_checklstring(L, 2, &len);
  struct key key = key_of(s, id, len), *place;
  struct table *t;

  if (s->tables == NULL) {
    s->tables = calloc(SM_TABLES, sizeof(*s->tables));
    if (s->tables == NULL)
      return luaL_error(L, "not enough memory");
    s->bytes += SM_TABLES * sizeof(*s->tables);
  }
  t = table_of(s, &key);
  if (!reach(s, t))
    return luaL_error(L, "not enough memory");
  place = find(t, &key);
  lua_pushboolean(L, is_free(place));
  if (is_free(place)) {
    *place = key;
    t->count++;
    s->count++;
  }
  return 1;
}

/* is_there = seen:has(id) */
static int seen_has(lua_State *L) {
  struct seen *s = check_seen(L);
  size_t len;
  const char *id = luaL_checklstring(L, 2, &len);
  struct key key = key_of(s, id, len);
  const struct table *t = s->tables != NULL ? table_of(s, &key) : NULL;

  lua_pushboolean(L, t != NULL && t->cap > 0 && !is_free(find(t, &key)));
  return 1;
}

/* ids, bytes = seen:count() */
static int seen_count(lua_State *L) {
  struct seen *s = check_seen(L);

  sm_pushwhole(L, s->count);
  sm_pushwhole(L, s->bytes);
  return 2;
}

/* Empties it. Also __gc and __close: idempotent. */
static int seen_close(lua_State *L) {
  struct seen *s = check_seen(L);
  struct table *tables = s->tables;
  size_t i;

  s->tables = NULL;
  s->count = s->bytes = 0;
  for (i = 0; tables != NULL && i < SM_TABLES; i++)
    free(tables[i].keys);
  free(tables);
  return 0;
}

static const luaL_Reg methods[] = {
    {"add", seen_add},     {"has", seen_has}, {"count", seen_count},
    {"close", seen_close}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", seen_close},
    {"__close", seen_close},
    {NULL, NULL},
};

void sm_seen_init(lua_State *L) {
  sm_newtype(L, SM_SEEN, methods, metamethods);
}
