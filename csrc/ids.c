#include "ids.h"

/* Whether `id` is what `mask` says: x stands for a hex digit in lower case,
 * everything else for itself. */
static int fits(const char *mask, const char *id, size_t len) {
  size_t i;

  for (i = 0; i < len; i++) {
    char c = id[i];

    if (mask[i] == 'x' ? !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))
                       : c != mask[i])
      return 0;
  }
  return 1;
}

/*
 * count = core.admit(mask, chunk, first, last, seen, place, ids, places, at)
 *
 * Takes ids from chunk[first] on as long as they fit the mask and were not
 * seen, up to chunk[last]. The i-th goes to ids[at + i], with place + i in
 * places[at + i] and in seen[id].
 */
int sm_ids_admit(lua_State *L) {
  size_t mask_len;
  const char *mask = luaL_checklstring(L, 1, &mask_len);
  int first = (int)luaL_checkinteger(L, 3);
  int last = (int)luaL_checkinteger(L, 4);
  lua_Number place = luaL_checknumber(L, 6);
  int at = (int)luaL_checkinteger(L, 9);
  int i;

  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 5, LUA_TTABLE);
  luaL_checktype(L, 7, LUA_TTABLE);
  luaL_checktype(L, 8, LUA_TTABLE);
  for (i = first; i <= last; i++) {
    int taken = i - first + 1;
    const char *id;
    size_t len;

    lua_rawgeti(L, 2, i);
    if (lua_type(L, -1) != LUA_TSTRING)
      break;
    id = lua_tolstring(L, -1, &len);
    if (len != mask_len || !fits(mask, id, len))
      break;
    lua_pushvalue(L, -1);
    lua_rawget(L, 5);
    if (!lua_isnil(L, -1))
      break;
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, 7, at + taken);
    sm_pushwhole(L, place + taken);
    lua_pushvalue(L, -1);
    lua_rawseti(L, 8, at + taken);
    lua_rawset(L, 5);
  }
  lua_pushinteger(L, i - first);
  return 1;
}
