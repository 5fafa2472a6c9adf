#include "seen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "mask.h"

#ifdef __linux__
#  include <sys/random.h>
#endif

#define SM_SEEN "stopmsg.seen"

/* Number of entries, or chains, in the first piece; each further piece has
 * twice as many. The system provides large pieces zeroed, page by page on first
 * access. */
#define SM_FIRST_PIECE ((uint32_t)1 << SM_FIRST_BITS)
#define SM_FIRST_BITS 6

/* Memory ends before this many pieces are full. */
#define SM_MAX_PIECES 24

/* An ID that fits the mask is stored as the 128 bits that it is. Any other one
 * as 128 bits of SipHash under a secret key: no two IDs will ever share them,
 * not even by intention. */
struct entry {
  uint64_t half[2];
  lua_Number place;
  uint32_t next; /* next in its chain or in the free list; 0: none */
};

/* 128 bits, 32 at a time. */
#define SM_FACTORS 4

/* An array of pieces that never move. */
struct pieces {
  char *list[SM_MAX_PIECES];
  uint32_t count;
  size_t size; /* size of an element */
};

/* Linear hashing: when the entries outnumber the chains, one more entry splits
 * a single chain in two, so that no step takes longer than another. */
struct seen {
  uint64_t key[2];
  uint64_t factor[SM_FACTORS], term; /* of spread(); secret, too */
  struct sm_mask mask;
  int has_mask;
  struct pieces entries; /* index 0 is not used */
  struct pieces chains;  /* uint32_t: index of the first entry */
  uint32_t used;         /* entries ever used */
  uint32_t unused;       /* first entry of the free list */
  uint32_t count;
  uint32_t lists; /* chains in use; 0 once freed */
  uint32_t round; /* power of two <= lists; these chains are split */
};

static void *element(const struct pieces *p, uint32_t i) {
  uint32_t from_first = i + SM_FIRST_PIECE;
  uint32_t piece = 31 - (uint32_t)__builtin_clz(from_first) - SM_FIRST_BITS;

  return p->list[piece] + (from_first - (SM_FIRST_PIECE << piece)) * p->size;
}

static struct entry *entry_at(const struct seen *s, uint32_t i) {
  return element(&s->entries, i);
}

static uint32_t *chain_at(const struct seen *s, uint32_t i) {
  return element(&s->chains, i);
}

/* Makes room for element i, the first without memory. Returns 0 if out of
 * memory. */
static int reach(struct pieces *p, uint32_t i) {
  uint32_t room = (SM_FIRST_PIECE << p->count) - SM_FIRST_PIECE;

  if (i < room)
    return 1;
  if (p->count == SM_MAX_PIECES)
    return 0;
  p->list[p->count] = calloc(SM_FIRST_PIECE << p->count, p->size);
  if (p->list[p->count] == NULL)
    return 0;
  p->count++;
  return 1;
}

static void free_pieces(struct pieces *p) {
  while (p->count > 0)
    free(p->list[--p->count]);
}

static uint64_t rotate(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}

static void mix(uint64_t v[4], int rounds) {
  while (rounds-- > 0) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
  }
}

static uint64_t read_word(const unsigned char *bytes, size_t count) {
  uint64_t word = 0;

  while (count-- > 0)
    word = word << 8 | bytes[count];
  return word;
}

/* SipHash-2-4 with a 128-bit result. */
static void hash(const uint64_t key[2], const char *text, size_t len,
                 uint64_t half[2]) {
  const unsigned char *bytes = (const unsigned char *)text;
  uint64_t v[4], word;
  size_t left;

  v[0] = key[0] ^ 0x736f6d6570736575u;
  v[1] = key[1] ^ 0x646f72616e646f6du ^ 0xee;
  v[2] = key[0] ^ 0x6c7967656e657261u;
  v[3] = key[1] ^ 0x7465646279746573u;
  for (left = len; left >= 8; left -= 8, bytes += 8) {
    /* The machine's byte order makes no difference to how IDs spread. */
    word = sm_word((const char *)bytes);
    v[3] ^= word;
    mix(v, 2);
    v[0] ^= word;
  }
  word = read_word(bytes, left) | (uint64_t)len << 56;
  v[3] ^= word;
  mix(v, 2);
  v[0] ^= word;
  v[2] ^= 0xee;
  mix(v, 4);
  half[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
  v[1] ^= 0xdd;
  mix(v, 4);
  half[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Whether the ID is stored as what it is, and what is stored of it. */
static int read_key(const struct seen *s, const char *id, size_t len,
                    uint64_t half[2]) {
  struct sm_key key;

  if (!s->has_mask || sm_mask_key(&s->mask, id, len, &key) != SM_FIT_SMALL) {
    hash(s->key, id, len, half);
    return 0;
  }
  half[0] = key.half[0];
  half[1] = key.half[1];
  return 1;
}

/* Spreads what is stored over the chains. With factors that nobody knows, two
 * IDs meet as often as by chance, whoever chose them (multiply-shift, which is
 * strongly universal). */
static uint32_t spread(const struct seen *s, const uint64_t half[2]) {
  uint64_t sum = s->term + s->factor[0] * (uint32_t)half[0] +
                 s->factor[1] * (half[0] >> 32) +
                 s->factor[2] * (uint32_t)half[1] +
                 s->factor[3] * (half[1] >> 32);

  return (uint32_t)(sum >> 32);
}

/* Returns the chain for what is stored of an ID. */
static uint32_t *chain_of(const struct seen *s, const uint64_t half[2]) {
  uint32_t at = spread(s, half) & (s->round * 2 - 1);

  return chain_at(s, at < s->lists ? at : at & (s->round - 1));
}

/* Returns the link to the ID's entry; it holds 0 if there is none. */
static uint32_t *find(const struct seen *s, const uint64_t half[2]) {
  uint32_t *link = chain_of(s, half);

  while (*link != 0) {
    struct entry *e = entry_at(s, *link);

    if (e->half[0] == half[0] && e->half[1] == half[1])
      break;
    link = &e->next;
  }
  return link;
}

/* Adds one chain and moves its share of the chain that it splits. */
static int split(struct seen *s) {
  uint32_t *from, *to, at, moved = 0, kept = 0;
  uint32_t bit = s->lists == s->round * 2 ? s->round * 2 : s->round;

  if (!reach(&s->chains, s->lists))
    return 0;
  s->round = bit;
  from = chain_at(s, s->lists - bit);
  to = chain_at(s, s->lists);
  s->lists++;
  at = *from;
  while (at != 0) {
    struct entry *e = entry_at(s, at);
    uint32_t next = e->next;
    uint32_t *head = spread(s, e->half) & bit ? &moved : &kept;

    e->next = *head;
    *head = at;
    at = next;
  }
  *from = kept;
  *to = moved;
  return 1;
}

/* Returns the index of a free entry; 0 if out of memory. */
static uint32_t take_entry(struct seen *s) {
  uint32_t at = s->unused;

  if (at != 0) {
    s->unused = entry_at(s, at)->next;
    return at;
  }
  if (!reach(&s->entries, s->used + 1))
    return 0;
  return ++s->used;
}

/* Makes an unpredictable key. If the system cannot provide one, makes one that
 * is hard to guess: IDs must not be refused for that. */
static void make_key(struct seen *s) {
  struct timespec now;

#ifdef __linux__
  if (getrandom(s->key, sizeof(s->key), GRND_NONBLOCK) ==
      (ssize_t)sizeof(s->key))
    return;
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__)
  arc4random_buf(s->key, sizeof(s->key));
  return;
#endif
  (void)clock_gettime(CLOCK_REALTIME, &now);
  s->key[0] = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
  s->key[1] = (uint64_t)(uintptr_t)s->chains.list[0] << 16 ^ (uintptr_t)s;
}

/* seen = core.seen(mask): for IDs of any form. Those that fit the mask, which
 * may be nil, cost less. */
int sm_seen_new(lua_State *L) {
  uint64_t half[2];
  struct seen *s;
  char i;

  lua_settop(L, 1);
  s = lua_newuserdata(L, sizeof(*s));
  memset(s, 0, sizeof(*s));
  luaL_getmetatable(L, SM_SEEN);
  lua_setmetatable(L, -2);
  s->has_mask = !lua_isnil(L, 1);
  if (s->has_mask)
    sm_mask_read(L, 1, &s->mask);
  s->entries.size = sizeof(struct entry);
  s->chains.size = sizeof(uint32_t);
  if (!reach(&s->chains, 0) || !reach(&s->entries, 0))
    return luaL_error(L, "not enough memory");
  make_key(s);
  for (i = 0; i < SM_FACTORS; i++) {
    hash(s->key, &i, 1, half);
    s->factor[(size_t)i] = half[0];
    s->term ^= half[1];
  }
  s->lists = s->round = 1;
  return 1;
}

static struct seen *check_open(lua_State *L) {
  struct seen *s = luaL_checkudata(L, 1, SM_SEEN);

  luaL_argcheck(L, s->lists > 0, 1, "closed");
  return s;
}

static struct seen *check(lua_State *L, uint64_t half[2]) {
  struct seen *s = check_open(L);
  size_t len;
  const char *id = luaL_checklstring(L, 2, &len);

  (void)read_key(s, id, len, half);
  return s;
}

/* Appends an entry at `link`, the end of a chain. Returns 0 if out of
 * memory. */
static int insert(struct seen *s, const uint64_t half[2], uint32_t *link,
                  lua_Number place) {
  struct entry *e;
  uint32_t at;

  if (s->count >= s->lists) {
    if (!split(s))
      return 0;
    link = find(s, half);
  }
  at = take_entry(s);
  if (at == 0)
    return 0;
  e = entry_at(s, at);
  e->half[0] = half[0];
  e->half[1] = half[1];
  e->place = place;
  e->next = 0;
  *link = at;
  s->count++;
  return 1;
}

/* earlier = seen:add(id, place): returns the place where the ID was first seen.
 * For a new ID, remembers it and returns nil; place defaults to 0. */
static int seen_add(lua_State *L) {
  uint64_t half[2];
  struct seen *s = check(L, half);
  lua_Number place = luaL_optnumber(L, 3, 0);
  uint32_t *link = find(s, half);

  if (*link != 0) {
    sm_pushwhole(L, entry_at(s, *link)->place);
    return 1;
  }
  if (!insert(s, half, link, place))
    return luaL_error(L, "not enough memory");
  return 0;
}

/* IDs looked up together: their memory accesses overlap, so the waiting times
 * do not add up. */
#define SM_GROUP 32

/* Reads what is stored of ids[from..last] at the index, at most SM_GROUP. If
 * keys[i] is set, it is used in place of ids[i]; the index of keys may be 0.
 * Returns how many there are before the first that is no string, or does not
 * fit if `must_fit`. */
static int read_group(lua_State *L, const struct seen *s, int ids, int keys,
                      int from, int last, int must_fit, uint64_t half[][2]) {
  int count = 0, i;

  for (; count < SM_GROUP && from + count <= last; count++) {
    const char *id = NULL;
    size_t len = 0;
    int fits;

    lua_pushnil(L);
    if (keys != 0)
      lua_rawgeti(L, keys, from + count);
    if (lua_isnil(L, -1))
      lua_rawgeti(L, ids, from + count);
    if (lua_type(L, -1) == LUA_TSTRING)
      id = lua_tolstring(L, -1, &len);
    fits = id != NULL && read_key(s, id, len, half[count]);
    lua_settop(L, 8);
    if (id == NULL || (must_fit && !fits))
      break;
    __builtin_prefetch(chain_of(s, half[count]));
  }
  for (i = 0; i < count; i++) {
    uint32_t at = *chain_of(s, half[i]);

    if (at != 0)
      __builtin_prefetch(entry_at(s, at));
  }
  return count;
}

/*
 * count = seen:admit(chunk, first, last, place, ids, places, at)
 *
 * Takes IDs from chunk[first] on, up to chunk[last], as long as they fit the
 * set's mask, have no capital letters, and are new. The i-th becomes ids[at +
 * i], with place + i in places[at + i].
 */
static int seen_admit(lua_State *L) {
  struct seen *s = check_open(L);
  int first = (int)luaL_checkinteger(L, 3);
  int last = (int)luaL_checkinteger(L, 4);
  lua_Number place = luaL_checknumber(L, 5);
  int at = (int)luaL_checkinteger(L, 8);
  uint64_t half[SM_GROUP][2];
  int taken = 0, i;

  luaL_argcheck(L, s->has_mask, 1, "made without a mask");
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 6, LUA_TTABLE);
  luaL_checktype(L, 7, LUA_TTABLE);
  do {
    int count = read_group(L, s, 2, 0, first + taken, last, 1, half);

    for (i = 0; i < count; i++) {
      uint32_t *link = find(s, half[i]);

      if (*link != 0)
        break;
      /* Store it before remembering it: storing raises if memory runs out. */
      lua_rawgeti(L, 2, first + taken);
      taken++;
      lua_rawseti(L, 6, at + taken);
      sm_pushwhole(L, place + taken);
      lua_rawseti(L, 7, at + taken);
      if (!insert(s, half[i], link, place + taken))
        return luaL_error(L, "not enough memory");
    }
  } while (i == SM_GROUP);
  lua_pushinteger(L, taken);
  return 1;
}

static void forget(struct seen *s, const uint64_t half[2]) {
  uint32_t *link = find(s, half), at = *link;

  if (at != 0) {
    struct entry *e = entry_at(s, at);

    *link = e->next;
    e->next = s->unused;
    s->unused = at;
    s->count--;
  }
}

/* seen:remove(id): forgets the ID, if it is known */
static int seen_remove(lua_State *L) {
  uint64_t half[2];
  struct seen *s = check(L, half);

  forget(s, half);
  return 0;
}

/* seen:remove_all(ids, first, last, keys): forgets ids[first..last]. If keys[i]
 * is set, it is used in place of ids[i]; keys may be nil. */
static int seen_remove_all(lua_State *L) {
  struct seen *s = check_open(L);
  int first = (int)luaL_checkinteger(L, 3);
  int last = (int)luaL_checkinteger(L, 4);
  int keys = lua_isnoneornil(L, 5) ? 0 : 5, i;
  uint64_t half[SM_GROUP][2];

  luaL_checktype(L, 2, LUA_TTABLE);
  if (keys != 0)
    luaL_checktype(L, keys, LUA_TTABLE);
  while (first <= last) {
    int count = read_group(L, s, 2, keys, first, last, 0, half);

    for (i = 0; i < count; i++)
      forget(s, half[i]);
    first += count;
    if (count < SM_GROUP && first <= last)
      return luaL_error(L, "id %d is no string", first);
  }
  return 0;
}

/* is_known = seen:has(id) */
static int seen_has(lua_State *L) {
  uint64_t half[2];
  const struct seen *s = check(L, half);

  lua_pushboolean(L, *find(s, half) != 0);
  return 1;
}

/* ids, bytes = seen:count(): number of known IDs, and memory in use */
static int seen_count(lua_State *L) {
  const struct seen *s = luaL_checkudata(L, 1, SM_SEEN);

  sm_pushwhole(L, s->count);
  sm_pushwhole(L, (lua_Number)s->used * sizeof(struct entry) +
                      (lua_Number)s->lists * sizeof(uint32_t));
  return 2;
}

/* Also __gc and __close: idempotent. */
static int seen_close(lua_State *L) {
  struct seen *s = luaL_checkudata(L, 1, SM_SEEN);

  s->lists = s->used = s->count = 0; /* a finalizer may still use it */
  free_pieces(&s->chains);
  free_pieces(&s->entries);
  return 0;
}

static const luaL_Reg seen_methods[] = {
    {"add", seen_add},
    {"admit", seen_admit},
    {"has", seen_has},
    {"remove", seen_remove},
    {"remove_all", seen_remove_all},
    {"count", seen_count},
    {"close", seen_close},
    {NULL, NULL},
};

static const luaL_Reg seen_metamethods[] = {
    {"__gc", seen_close},
    {"__close", seen_close},
    {NULL, NULL},
};

void sm_seen_init(lua_State *L) {
  sm_newtype(L, SM_SEEN, seen_methods, seen_metamethods);
}
