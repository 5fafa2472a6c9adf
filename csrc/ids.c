#include "ids.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SM_KNOWN "stopmsg.known"

#define SM_MAX_PLACES ((lua_Number)(1u << 30))
#define SM_HEX_DIGITS 32

/* Ids that are looked up together: each waits for memory, all at one time. */
#define SM_GROUP 64

struct key {
  uint64_t half[2];
};

/* Bytes that Lua's allocator gives, zeroed at once. More come from the system,
 * zeroed when they are first touched: nobody waits for all of them, nor for the
 * work that a collector does in return for a large block. */
#define SM_FEW_BYTES ((size_t)1 << 14)

/* The ids that were seen, by place. 32 hex digits are 16 bytes, which is less
 * than any string, and nothing that a collector would have to walk. */
struct known {
  uint32_t places; /* keys has room for */
  uint32_t last;   /* of the slots: one less than a power of two */
  struct key *keys;
  uint32_t *slots; /* place of a key, 0 for none */
  void *own;       /* all of it, where it does not stand behind this */
};

/* known = core.known(places): for ids at places up to that number */
int sm_ids_known(lua_State *L) {
  lua_Number wanted = luaL_checknumber(L, 1);
  size_t slots = 16, keys, bytes;
  int is_large;
  struct known *k;

  luaL_argcheck(L, wanted >= 0 && wanted <= SM_MAX_PLACES, 1,
                "places out of range");
  while ((lua_Number)slots < wanted * 2)
    slots *= 2;
  keys = ((size_t)wanted + 1) * sizeof(*k->keys);
  bytes = keys + slots * sizeof(*k->slots);
  is_large = bytes > SM_FEW_BYTES;
  k = lua_newuserdata(L, sizeof(*k) + (is_large ? 0 : bytes));
  memset(k, 0, sizeof(*k));
  luaL_getmetatable(L, SM_KNOWN);
  lua_setmetatable(L, -2);
  if (is_large) {
    k->own = calloc(1, bytes);
    if (k->own == NULL)
      return luaL_error(L, "not enough memory");
  } else {
    memset(k + 1, 0, bytes);
  }
  k->places = (uint32_t)wanted;
  k->last = (uint32_t)(slots - 1);
  k->keys = is_large ? k->own : (void *)(k + 1);
  k->slots = (uint32_t *)(void *)((char *)k->keys + keys);
  return 1;
}

/* One more than the value of a hex digit, 0 for all else: which digit comes is
 * random, and branches on it would be guessed wrong half of the time. */
static const unsigned char digit[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
    ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* Reads an id that is what `mask` says: x stands for a hex digit, of which case
 * makes no difference, everything else for itself. 0 for any other. */
static int read_key(const char *mask, const char *id, size_t len,
                    struct key *key) {
  unsigned digits = 0, is_wrong = 0;
  uint64_t bits = 0;
  size_t i;

  for (i = 0; i < len; i++) {
    unsigned value = digit[(unsigned char)id[i]];

    if (mask[i] != 'x') {
      is_wrong |= id[i] != mask[i];
      continue;
    }
    is_wrong |= value == 0;
    bits = bits << 4 | ((value - 1) & 15);
    if (++digits == SM_HEX_DIGITS / 2)
      key->half[0] = bits;
  }
  key->half[1] = bits;
  return !is_wrong && digits == SM_HEX_DIGITS;
}

static uint32_t first_slot(const struct known *k, const struct key *key) {
  uint64_t h = key->half[0] * 0x9e3779b97f4a7c15u;

  h = (h ^ (h >> 32) ^ key->half[1]) * 0xbf58476d1ce4e5b9u;
  return (uint32_t)(h >> 32) & k->last;
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t find(const struct known *k, const struct key *key,
                     uint32_t slot) {
  while (k->slots[slot] != 0) {
    const struct key *other = &k->keys[k->slots[slot]];

    if (other->half[0] == key->half[0] && other->half[1] == key->half[1])
      break;
    slot = (slot + 1) & k->last;
  }
  return slot;
}

static void add(struct known *k, const struct key *key, uint32_t slot,
                uint32_t place) {
  k->keys[place] = *key;
  k->slots[slot] = place;
}

static uint32_t check_place(lua_State *L, int index, const struct known *k,
                            lua_Integer more) {
  lua_Number place = luaL_checknumber(L, index);

  luaL_argcheck(L, k->slots != NULL, 1, "closed");
  luaL_argcheck(L, place >= 0 && place + (lua_Number)more <= k->places, index,
                "no such place");
  return (uint32_t)place;
}

static void check_key(lua_State *L, struct key *key) {
  size_t mask_len, len;
  const char *mask = luaL_checklstring(L, 2, &mask_len);
  const char *id = luaL_checklstring(L, 3, &len);

  luaL_argcheck(L, len == mask_len && read_key(mask, id, len, key), 3,
                "not of this form");
}

/* earlier = known:add(mask, id, place): where the id was seen before; nil where
 * it was not, and then it is known from now on */
static int known_add(lua_State *L) {
  struct known *k = luaL_checkudata(L, 1, SM_KNOWN);
  uint32_t place = check_place(L, 4, k, 0), slot;
  struct key key;

  check_key(L, &key);
  slot = find(k, &key, first_slot(k, &key));
  if (k->slots[slot] == 0) {
    add(k, &key, slot, place);
    return 0;
  }
  sm_pushwhole(L, k->slots[slot]);
  return 1;
}

/* Reads the keys of the ids at chunk[first..last] (index 3), SM_GROUP at most
 * and up to the first that is unusual. Pushes the ids that it read. */
static int read_group(lua_State *L, const struct known *k, int first, int last,
                      struct key *keys, uint32_t *slots) {
  size_t mask_len;
  const char *mask = lua_tolstring(L, 2, &mask_len);
  int count = 0;

  while (count < SM_GROUP && first + count <= last) {
    const char *id;
    size_t len;

    lua_rawgeti(L, 3, first + count);
    id = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    if (id == NULL || len != mask_len ||
        !read_key(mask, id, len, &keys[count])) {
      lua_pop(L, 1);
      break;
    }
    slots[count] = first_slot(k, &keys[count]);
    __builtin_prefetch(&k->slots[slots[count]], 1);
    count++;
  }
  return count;
}

/*
 * count = known:admit(mask, chunk, first, last, place, ids, places, at)
 *
 * Takes ids from chunk[first] on as long as they fit the mask and were not
 * seen, up to chunk[last]. The i-th becomes ids[at + i], with place + i in
 * places[at + i].
 */
static int known_admit(lua_State *L) {
  struct known *k = luaL_checkudata(L, 1, SM_KNOWN);
  int first = (int)luaL_checkinteger(L, 4);
  int last = (int)luaL_checkinteger(L, 5);
  int at = (int)luaL_checkinteger(L, 9);
  int taken = 0, i;
  struct key keys[SM_GROUP];
  uint32_t slots[SM_GROUP], place;

  luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  place = check_place(L, 6, k, last >= first ? last - first + 1 : 0);
  luaL_checktype(L, 7, LUA_TTABLE);
  luaL_checktype(L, 8, LUA_TTABLE);
  /* luaL_checkstack() would call the lack of memory a stack overflow. */
  if (!lua_checkstack(L, SM_GROUP + 4))
    return luaL_error(L, "not enough memory");
  lua_settop(L, 9);
  do {
    int count = read_group(L, k, first + taken, last, keys, slots);

    for (i = 0; i < count; i++) {
      uint32_t slot = find(k, &keys[i], slots[i]);

      if (k->slots[slot] != 0)
        break;
      taken++;
      add(k, &keys[i], slot, place + (uint32_t)taken);
      lua_pushvalue(L, 10 + i);
      lua_rawseti(L, 7, at + taken);
      sm_pushwhole(L, place + (uint32_t)taken);
      lua_rawseti(L, 8, at + taken);
    }
    lua_settop(L, 9);
  } while (i == SM_GROUP);
  lua_pushinteger(L, taken);
  return 1;
}

static const luaL_Reg known_methods[] = {
    {"add", known_add},
    {"admit", known_admit},
    {NULL, NULL},
};

/* __gc */
static int known_close(lua_State *L) {
  struct known *k = luaL_checkudata(L, 1, SM_KNOWN);

  if (k->own != NULL) {
    /* A finalizer that still gets at it finds no place. */
    k->places = 0;
    k->slots = NULL;
    free(k->own);
    k->own = NULL;
  }
  return 0;
}

static const luaL_Reg known_metamethods[] = {
    {"__gc", known_close},
    {NULL, NULL},
};

void sm_ids_init(lua_State *L) {
  sm_newtype(L, SM_KNOWN, known_methods, known_metamethods);
}
