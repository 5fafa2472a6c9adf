#include "compat.h"

#include <lualib.h>

FILE *sm_checkfile(lua_State *L, int index) {
#if LUA_VERSION_NUM >= 502
  const luaL_Stream *stream = luaL_checkudata(L, index, LUA_FILEHANDLE);
  FILE *file = stream->closef != NULL ? stream->f : NULL;
#else
  FILE *file = *(FILE **)luaL_checkudata(L, index, LUA_FILEHANDLE);
#endif

  luaL_argcheck(L, file != NULL, index, "closed");
  return file;
}

void sm_newtype(lua_State *L, const char *name, const luaL_Reg *methods,
                const luaL_Reg *metamethods) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, metamethods, 0);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  /* Returned by getmetatable(), so that scripts cannot reach __gc. */
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

static int buf_gc(lua_State *L) {
  sm_buf_free(lua_touserdata(L, 1));
  return 0;
}

struct sm_buf *sm_newbuf(lua_State *L, size_t limit) {
  struct sm_buf *b = lua_newuserdata(L, sizeof(*b));

  sm_buf_init(b, limit);
  luaL_newmetatable(L, "stopmsg.buf");
  lua_pushcfunction(L, buf_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return b;
}

void sm_pushbuf(lua_State *L, struct sm_buf *b) {
  lua_pushlstring(L, b->len > 0 ? b->bytes : "", b->len);
  sm_buf_free(b);
}
