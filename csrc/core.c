/*
 * core.c - opens stopmsg.core, the C half of the module.
 *
 * C moves bytes; Lua decides what to send and what a response means. No
 * provider is known here.
 */

#include "call.h"
#include "compat.h"
#include "engine.h"
#include "folder.h"
#include "fork.h"
#include "ids.h"
#include "inflate.h"
#include "items.h"
#include "lane.h"
#include "names.h"
#include "openssl.h"
#include "redis.h"
#include "request.h"
#include "secret.h"
#include "seen.h"
#include "usual.h"
#include "uuid.h"

#define SM_EXPORT __attribute__((visibility("default")))

static int push_text(lua_State *L) {
  lua_pushstring(L, lua_touserdata(L, 1));
  return 1;
}

/* Pushes what a base asks for, however it is spelled: its host in lower case,
 * without a default port and slashes at its end. Takes it. */
static void push_address(lua_State *L, CURLU *base) {
  char *text = NULL, *at;
  CURLUcode rc =
      curl_url_get(base, CURLUPART_URL, &text, CURLU_NO_DEFAULT_PORT);
  int status;

  curl_url_cleanup(base);
  if (rc != CURLUE_OK)
    luaL_error(L, "not enough memory");
  for (at = strstr(text, "://") + 3; *at != '\0' && *at != '/'; at++)
    if (*at >= 'A' && *at <= 'Z')
      *at += 'a' - 'A';
  for (at = text + strlen(text); at[-1] == '/'; at--)
    at[-1] = '\0';
  lua_pushlightuserdata(L, text);
  status = lua_pcall(L, 1, 1, 0); /* it may raise */
  curl_free(text);
  if (status != 0)
    lua_error(L);
}

/* address = core.check_base(url, allow_http) | nil, message: what it asks for,
 * the same for each of its spellings */
static int core_check_base(lua_State *L) {
  struct sm_buf prefix;
  CURLU *base = NULL;
  int is_plain;
  const char *url = luaL_checkstring(L, 1);
  const char *fault;

  lua_settop(L, 2);
  lua_pushcfunction(L, push_text);
  sm_buf_init(&prefix, SM_MAX_PATH);
  fault = sm_base_fault(url, lua_toboolean(L, 2), &base, &prefix, &is_plain);
  sm_buf_free(&prefix);
  if (fault == sm_base_nomem)
    return luaL_error(L, "not enough memory");
  if (fault != NULL) {
    lua_pushnil(L);
    lua_pushstring(L, fault);
    return 2;
  }
  push_address(L, base);
  return 1;
}

/* table = core.table(array, hash): an empty table with preallocated space */
static int core_table(lua_State *L) {
  lua_createtable(L, (int)luaL_checkinteger(L, 1),
                  (int)luaL_checkinteger(L, 2));
  return 1;
}

/* text = core.inflate(coding, bytes, limit) | nil, message: decodes "gzip" or
 * "deflate" as engines do */
static int core_inflate(lua_State *L) {
  static const char *const names[] = {"gzip", "deflate", NULL};
  int coding = luaL_checkoption(L, 1, NULL, names);
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  lua_Number limit = luaL_checknumber(L, 3);
  enum sm_status status;
  struct sm_buf *text;

  luaL_argcheck(L, limit >= 0 && limit <= 0x1p30, 3, "out of range");
  text = sm_newbuf(L, (size_t)limit);
  status = sm_inflate(coding == 0 ? SM_CODING_GZIP : SM_CODING_DEFLATE, bytes,
                      len, text);
  if (status == SM_OK) {
    sm_pushbuf(L, text);
    return 1;
  }
  sm_buf_free(text);
  if (status == SM_NOMEM)
    return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  lua_pushstring(L, status == SM_FULL ? "too large" : "broken");
  return 2;
}

/* bytes = core.deflate(text): packed with a zlib header */
static int core_deflate(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  struct sm_buf *packed = sm_newbuf(L, len * 2 + 1024);

  if (sm_deflate(text, len, packed) != SM_OK)
    return luaL_error(L, "not enough memory");
  sm_pushbuf(L, packed);
  return 1;
}

/* flag = core.names_twice(text): whether an object of this JSON has two fields
 * of one name */
static int core_names_twice(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  int is_twice;

  if (sm_names_check(text, len, &is_twice) != SM_OK)
    return luaL_error(L, "not enough memory");
  lua_pushboolean(L, is_twice);
  return 1;
}

/* pid = core.pid() */
static int core_pid(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)sm_fork_pid());
  return 1;
}

static const luaL_Reg functions[] = {
    {"engine", sm_engine_new},     {"secret", sm_secret_new},
    {"now", sm_engine_now},        {"pid", core_pid},
    {"read_items", sm_items_read}, {"meaning", sm_usual_meaning},
    {"redis", sm_redis_new},       {"read_replies", sm_redis_read},
    {"known", sm_ids_known},       {"seen", sm_seen_new},
    {"table", core_table},         {"check_base", core_check_base},
    {"inflate", core_inflate},     {"deflate", core_deflate},
    {"base64", sm_secret_base64},  {"uuid", sm_uuid},
    {"names", sm_folder_names},    {"names_twice", core_names_twice},
    {"walk", sm_ids_walk},         {NULL, NULL},
};

SM_EXPORT int luaopen_stopmsg_core(lua_State *L);

SM_EXPORT int luaopen_stopmsg_core(lua_State *L) {
  sm_fork_init();
  sm_engine_init(L);
  sm_ids_init(L);
  sm_items_init(L);
  sm_usual_init(L);
  sm_redis_init(L);
  sm_secret_init(L);
  sm_seen_init(L);
  luaL_newlib(L, functions);
  sm_call_open(L);
  lua_pushstring(L, curl_version_info(CURLVERSION_NOW)->version);
  lua_setfield(L, -2, "curl");
  /* What carries requests of HTTP/1.1, where nothing else is said. */
  lua_pushstring(L, sm_lane_is_proven() ? "http1" : "libcurl");
  lua_setfield(L, -2, "transport");
  sm_openssl_clash(L);
  lua_setfield(L, -2, "openssl_clash");
  return 1;
}
