#include "decoder.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#define SM_DECODER "stopmsg.decoder"

/* Maximum length of an incomplete character, and the replacement for an invalid
 * one. */
#define SM_MOST_HELD 8
#define SM_REPLACEMENT "\xEF\xBF\xBD"

#define SM_NO_ICONV ((iconv_t)(-1))

struct decoder {
  iconv_t cd; /* SM_NO_ICONV once closed */
  size_t unit;
  size_t held_len;
  char held[SM_MOST_HELD]; /* beginning of an incomplete character */
};

/* decoder = core.decoder(encoding, unit) | nil, message: `unit` is the number
 * of bytes to skip at an invalid character */
int sm_decoder_new(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  lua_Integer unit = luaL_checkinteger(L, 2);
  struct decoder *d;

  luaL_argcheck(L, unit >= 1 && unit <= SM_MOST_HELD, 2, "out of range");
  d = lua_newuserdata(L, sizeof(*d));
  memset(d, 0, sizeof(*d));
  d->cd = SM_NO_ICONV;
  d->unit = (size_t)unit;
  luaL_getmetatable(L, SM_DECODER);
  lua_setmetatable(L, -2);
  d->cd = iconv_open("UTF-8", name);
  if (d->cd != SM_NO_ICONV)
    return 1;
  lua_pushnil(L);
  lua_pushfstring(L, "this system's iconv does not know %s", name);
  return 2;
}

/*
 * text = decoder:decode(bytes, is_last)
 *
 * Invalid characters become U+FFFD. An incomplete character at the end is kept
 * for the next call.
 */
static int decoder_decode(lua_State *L) {
  struct decoder *d = luaL_checkudata(L, 1, SM_DECODER);
  size_t len, left;
  const char *bytes = luaL_checklstring(L, 2, &len);
  int is_last = lua_toboolean(L, 3);
  char *in;
  char out[4096];
  luaL_Buffer result;

  if (d->cd == SM_NO_ICONV)
    return luaL_error(L, "attempt to use a closed decoder");
  left = d->held_len + len;
  in = lua_newuserdata(L, left + 1);
  memcpy(in, d->held, d->held_len);
  memcpy(in + d->held_len, bytes, len);
  d->held_len = 0;
  luaL_buffinit(L, &result);
  while (left > 0) {
    char *to = out;
    size_t room = sizeof(out), before = left;
    size_t got = iconv(d->cd, &in, &left, &to, &room);
    int fault = got == (size_t)-1 ? errno : 0;

    luaL_addlstring(&result, out, (size_t)(to - out));
    if (fault == 0 || (fault == E2BIG && left < before))
      continue;
    if (fault == EINVAL && !is_last && left < SM_MOST_HELD) {
      memcpy(d->held, in, left);
      d->held_len = left;
      break;
    }
    luaL_addstring(&result, SM_REPLACEMENT);
    in += left < d->unit ? left : d->unit;
    left -= left < d->unit ? left : d->unit;
  }
  luaL_pushresult(&result);
  return 1;
}

/* Also __gc and __close: idempotent. */
static int decoder_close(lua_State *L) {
  struct decoder *d = luaL_checkudata(L, 1, SM_DECODER);
  iconv_t cd = d->cd;

  d->cd = SM_NO_ICONV;
  if (cd != SM_NO_ICONV)
    iconv_close(cd);
  return 0;
}

static const luaL_Reg methods[] = {
    {"decode", decoder_decode},
    {"close", decoder_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", decoder_close},
    {"__close", decoder_close},
    {NULL, NULL},
};

void sm_decoder_init(lua_State *L) {
  sm_newtype(L, SM_DECODER, methods, metamethods);
}
