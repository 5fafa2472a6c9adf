#include "secret.h"

#include <string.h>

#include "auth.h"

#define SM_SECRET "stopmsg.secret"

/* What stands where a token was found. */
static const char hidden[] = "[token]";

const struct sm_buf *sm_secret_check(lua_State *L, int index) {
  struct sm_buf *token = luaL_checkudata(L, index, SM_SECRET);

  if (token->len == 0)
    luaL_error(L, "attempt to use a wiped token");
  return token;
}

/* secret = core.secret(token) | nil, message */
int sm_secret_new(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  const char *fault = sm_token_fault(text, len);
  struct sm_buf *token;

  if (fault != NULL) {
    lua_pushnil(L);
    lua_pushstring(L, fault);
    return 2;
  }
  token = lua_newuserdata(L, sizeof(*token));
  sm_buf_init(token, SM_MAX_TOKEN);
  luaL_getmetatable(L, SM_SECRET);
  lua_setmetatable(L, -2);
  if (sm_buf_add(token, text, len) != SM_OK)
    return luaL_error(L, "not enough memory");
  return 1;
}

/* text = secret:redact(text): what others wrote, without the token */
static int secret_redact(lua_State *L) {
  const struct sm_buf *token = luaL_checkudata(L, 1, SM_SECRET);
  size_t len, from = 0, width = token->len;
  const char *text = luaL_checklstring(L, 2, &len);
  ptrdiff_t at = sm_token_find(token, text, 0, len);
  luaL_Buffer b;

  if (at < 0) {
    lua_pushvalue(L, 2);
    return 1;
  }
  luaL_buffinit(L, &b);
  while (at >= 0) {
    luaL_addlstring(&b, text + from, (size_t)at - from);
    luaL_addlstring(&b, hidden, sizeof(hidden) - 1);
    from = (size_t)at + width;
    at = sm_token_find(token, text, from, len);
  }
  luaL_addlstring(&b, text + from, len - from);
  luaL_pushresult(&b);
  return 1;
}

/* Also __gc and __close: idempotent. */
static int secret_close(lua_State *L) {
  sm_buf_wipe(luaL_checkudata(L, 1, SM_SECRET));
  return 0;
}

static int secret_tostring(lua_State *L) {
  luaL_checkudata(L, 1, SM_SECRET);
  lua_pushliteral(L, SM_SECRET);
  return 1;
}

static const luaL_Reg secret_methods[] = {
    {"redact", secret_redact},
    {"close", secret_close},
    {NULL, NULL},
};

static const luaL_Reg secret_metamethods[] = {
    {"__gc", secret_close},
    {"__close", secret_close},
    {"__tostring", secret_tostring},
    {NULL, NULL},
};

void sm_secret_init(lua_State *L) {
  sm_newtype(L, SM_SECRET, secret_methods, secret_metamethods);
}
