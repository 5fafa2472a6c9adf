#include "digest.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#define SM_DIGEST "stopmsg.digest"

struct digest {
  uint64_t value;
};

/* digest = core.digest() */
int sm_digest_new(lua_State *L) {
  struct digest *d = lua_newuserdata(L, sizeof(*d));

  d->value = UINT64_C(14695981039346656037);
  luaL_getmetatable(L, SM_DIGEST);
  lua_setmetatable(L, -2);
  return 1;
}

/* digest:add(bytes) */
static int digest_add(lua_State *L) {
  struct digest *d = luaL_checkudata(L, 1, SM_DIGEST);
  size_t i, len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  uint64_t value = d->value;

  for (i = 0; i < len; i++)
    value = (value ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
  d->value = value;
  return 0;
}

/* text = digest:hex(): digest of all bytes added so far */
static int digest_hex(lua_State *L) {
  const struct digest *d = luaL_checkudata(L, 1, SM_DIGEST);
  char text[17];

  (void)snprintf(text, sizeof(text), "%016" PRIx64, d->value);
  lua_pushstring(L, text);
  return 1;
}

static const luaL_Reg methods[] = {
    {"add", digest_add},
    {"hex", digest_hex},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {NULL, NULL},
};

void sm_digest_init(lua_State *L) {
  sm_newtype(L, SM_DIGEST, methods, metamethods);
}
