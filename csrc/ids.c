#include "ids.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "mask.h"

#define SM_KNOWN "stopmsg.known"

#define SM_MAX_PLACES ((lua_Number)(1u << 30))
/* Maximum number of IDs looked up together: their memory accesses overlap, so
 * the waiting times do not add up. */
#define SM_GROUP 64

/* Up to this size, Lua's allocator provides the bytes, zeroed at once.
 * Larger tables come from the system, zeroed on first access: no caller
 * waits for all of them, nor for the work that a collector does in return
 * for a large block. */
#define SM_FEW_BYTES ((size_t)1 << 14)

/* From this size on, use huge pages if the system has them: access is random,
 * so with small pages nearly every access would also need an address lookup. */
#define SM_MANY_BYTES ((size_t)1 << 22)

/* The IDs seen so far, by place. 32 hex digits take 16 bytes, which is less
 * than any string, and a collector need not traverse them. */
struct known {
  struct sm_mask mask;
  uint32_t places; /* capacity of `keys` */
  uint32_t last;   /* number of slots minus one; a power of two minus one */
  uint32_t tag;    /* mask of the slot bits that no place needs */
  struct sm_key *keys;
  uint32_t *slots; /* place of a key plus a tag; 0: empty */
  void *own;       /* memory of the arrays, if not behind this struct */
  size_t own_bytes;
};

/* Returns zeroed bytes from the system; NULL if out of memory. */
static void *map_bytes(size_t bytes) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (at == MAP_FAILED)
    return NULL;
#ifdef MADV_HUGEPAGE
  if (bytes >= SM_MANY_BYTES)
    (void)madvise(at, bytes, MADV_HUGEPAGE);
#endif
  return at;
}

/*
 * count, last, key, is_wrong = core.walk(list, count, last, key, most)
 *
 * Counts at most `most` further places of a list, from the one after `key` on
 * (nil: from the first), and finds the last one. key is nil at the end. If it
 * is no place, is_wrong is true.
 */
int sm_ids_walk(lua_State *L) {
  lua_Number count = luaL_checknumber(L, 2);
  lua_Number last = luaL_checknumber(L, 3);
  lua_Number most = luaL_checknumber(L, 5);
  int is_wrong = 0;

  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 4);
  for (; most > 0 && !is_wrong; most--) {
    lua_Number place;

    if (!lua_next(L, 1)) {
      lua_pushnil(L);
      break;
    }
    lua_pop(L, 1);
    place = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    is_wrong = !(place >= 1 && fmod(place, 1) == 0);
    if (place > last)
      last = place;
    count++;
  }
  sm_pushwhole(L, count);
  if (last < 0x1p53)
    sm_pushwhole(L, last);
  else
    lua_pushnumber(L, last);
  lua_pushvalue(L, 4);
  lua_pushboolean(L, is_wrong);
  return 4;
}

/* known = core.known(places, mask): for IDs that fit the mask, at places 1 to
 * `places` */
int sm_ids_known(lua_State *L) {
  lua_Number wanted = luaL_checknumber(L, 1);
  struct sm_mask mask;
  size_t slots = 16, keys, bytes;
  int is_large;
  struct known *k;

  luaL_argcheck(L, wanted >= 0 && wanted <= SM_MAX_PLACES, 1,
                "places out of range");
  sm_mask_read(L, 2, &mask);
  while ((lua_Number)slots < wanted * 2)
    slots *= 2;
  keys = ((size_t)wanted + 1) * sizeof(*k->keys);
  bytes = keys + slots * sizeof(*k->slots);
  is_large = bytes > SM_FEW_BYTES;
  k = lua_newuserdata(L, sizeof(*k) + (is_large ? 0 : bytes));
  memset(k, 0, sizeof(*k));
  k->mask = mask;
  luaL_getmetatable(L, SM_KNOWN);
  lua_setmetatable(L, -2);
  if (is_large) {
    k->own = map_bytes(bytes);
    if (k->own == NULL)
      return luaL_error(L, "not enough memory");
    k->own_bytes = bytes;
  } else {
    memset(k + 1, 0, bytes);
  }
  k->places = (uint32_t)wanted;
  k->tag = ~(uint32_t)0;
  while ((k->tag & k->places) != 0)
    k->tag <<= 1;
  k->last = (uint32_t)(slots - 1);
  k->keys = is_large ? k->own : (void *)(k + 1);
  k->slots = (uint32_t *)(void *)((char *)k->keys + keys);
  return 1;
}

static uint64_t hash(const struct sm_key *key) {
  uint64_t h = key->half[0] * 0x9e3779b97f4a7c15u;

  return (h ^ (h >> 32) ^ key->half[1]) * 0xbf58476d1ce4e5b9u;
}

static uint32_t first_slot(const struct known *k, uint64_t h) {
  return (uint32_t)(h >> 32) & k->last;
}

/* Returns the slot that holds the key, or the free one for it. The tag excludes
 * most other keys: reading a key would mean waiting for memory. */
static uint32_t find(const struct known *k, const struct sm_key *key,
                     uint64_t h) {
  uint32_t slot = first_slot(k, h);

  while (k->slots[slot] != 0) {
    if (((k->slots[slot] ^ (uint32_t)h) & k->tag) == 0) {
      const struct sm_key *other = &k->keys[k->slots[slot] & ~k->tag];

      if (other->half[0] == key->half[0] && other->half[1] == key->half[1])
        break;
    }
    slot = (slot + 1) & k->last;
  }
  return slot;
}

static void add(struct known *k, const struct sm_key *key, uint64_t h,
                uint32_t slot, uint32_t place) {
  k->keys[place] = *key;
  k->slots[slot] = place | ((uint32_t)h & k->tag);
}

static uint32_t check_place(lua_State *L, int index, const struct known *k,
                            lua_Integer more) {
  lua_Number place = luaL_checknumber(L, index);

  luaL_argcheck(L, k->slots != NULL, 1, "closed");
  luaL_argcheck(L, place >= 0 && place + (lua_Number)more <= k->places, index,
                "no such place");
  return (uint32_t)place;
}

/* earlier = known:add(id, place): returns where the ID was first seen.
 * For a new ID, remembers it and returns nil. */
static int known_add(lua_State *L) {
  struct known *k = luaL_checkudata(L, 1, SM_KNOWN);
  uint32_t place = check_place(L, 3, k, 0), slot;
  struct sm_key key;
  uint64_t h;
  size_t len;
  const char *id = luaL_checklstring(L, 2, &len);

  luaL_argcheck(L, sm_mask_key(&k->mask, id, len, &key) != SM_FIT_NONE, 2,
                "not of this form");
  h = hash(&key);
  slot = find(k, &key, h);
  if (k->slots[slot] == 0) {
    add(k, &key, h, slot, place);
    return 0;
  }
  sm_pushwhole(L, k->slots[slot] & ~k->tag);
  return 1;
}

/* Reads the keys of the IDs at chunk[first..last] (index 2): at most SM_GROUP,
 * and only up to the first unusual one. Pushes the IDs that it read. */
static int read_group(lua_State *L, const struct known *k, int first, int last,
                      struct sm_key *keys, uint64_t *hashes) {
  int count = 0;

  while (count < SM_GROUP && first + count <= last) {
    const char *id;
    size_t len;

    lua_rawgeti(L, 2, first + count);
    id = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    if (id == NULL ||
        sm_mask_key(&k->mask, id, len, &keys[count]) == SM_FIT_NONE) {
      lua_pop(L, 1);
      break;
    }
    hashes[count] = hash(&keys[count]);
    __builtin_prefetch(&k->slots[first_slot(k, hashes[count])], 1);
    count++;
  }
  return count;
}

/*
 * count = known:admit(chunk, first, last, place, ids, places, at)
 *
 * Takes IDs from chunk[first] on, up to chunk[last], as long as they fit the
 * set's mask and are new. The i-th becomes ids[at + i], with place + i in
 * places[at + i].
 */
static int known_admit(lua_State *L) {
  struct known *k = luaL_checkudata(L, 1, SM_KNOWN);
  int first = (int)luaL_checkinteger(L, 3);
  int last = (int)luaL_checkinteger(L, 4);
  int at = (int)luaL_checkinteger(L, 8);
  int taken = 0, i;
  struct sm_key keys[SM_GROUP];
  uint64_t hashes[SM_GROUP];
  uint32_t place;

  luaL_checktype(L, 2, LUA_TTABLE);
  place = check_place(L, 5, k, last >= first ? last - first + 1 : 0);
  luaL_checktype(L, 6, LUA_TTABLE);
  luaL_checktype(L, 7, LUA_TTABLE);
  /* luaL_checkstack() would report out of memory as a stack overflow. */
  if (!lua_checkstack(L, SM_GROUP + 4))
    return luaL_error(L, "not enough memory");
  lua_settop(L, 8);
  do {
    int count = read_group(L, k, first + taken, last, keys, hashes);

    for (i = 0; i < count; i++) {
      uint32_t slot = find(k, &keys[i], hashes[i]);

      if (k->slots[slot] != 0)
        break;
      taken++;
      add(k, &keys[i], hashes[i], slot, place + (uint32_t)taken);
      lua_pushvalue(L, 9 + i);
      lua_rawseti(L, 6, at + taken);
      sm_pushwhole(L, place + (uint32_t)taken);
      lua_rawseti(L, 7, at + taken);
    }
    lua_settop(L, 8);
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
    /* A later finalizer may still use it; it then has no places. */
    k->places = 0;
    k->slots = NULL;
    (void)munmap(k->own, k->own_bytes);
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
