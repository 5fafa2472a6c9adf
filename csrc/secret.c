#include "secret.h"

#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "hash.h"
#include "template.h"

#define SM_SECRET "stopmsg.secret"

/* Encoded forms of the token to redact, besides the token itself. */
#define SM_MAX_DISGUISES 16

struct secret {
  struct sm_buf token;
  struct sm_buf disguises[SM_MAX_DISGUISES];
  size_t count;
};

const struct sm_buf *sm_secret_check(lua_State *L, int index) {
  struct secret *s = luaL_checkudata(L, index, SM_SECRET);

  if (s->token.len == 0)
    luaL_error(L, "attempt to use a wiped token");
  return &s->token;
}

/* Whether this form is known already. */
static int is_known(const struct secret *s, const struct sm_buf *text) {
  size_t i;

  if (sm_token_find(&s->token, text->bytes, 0, text->len) >= 0)
    return 1;
  for (i = 0; i < s->count; i++)
    if (s->disguises[i].len == text->len &&
        memcmp(s->disguises[i].bytes, text->bytes, text->len) == 0)
      return 1;
  return 0;
}

/* Adds a form to redact, unless it is redundant. */
static void keep_disguise(struct secret *s) {
  struct sm_buf *text = &s->disguises[s->count];

  if (text->len == 0 || is_known(s, text))
    sm_buf_wipe(text);
  else
    s->count++;
}

static struct sm_buf *next_disguise(struct secret *s, size_t len) {
  struct sm_buf *text = &s->disguises[s->count];

  sm_buf_wipe(text); /* part of one that memory was lacking for */
  sm_buf_init(text, len * 6 + 16);
  text->is_secret = 1;
  return text;
}

static enum sm_status add_disguise(struct secret *s, enum sm_escape escape,
                                   const struct sm_buf *text) {
  enum sm_status status;

  if (s->count == SM_MAX_DISGUISES)
    return SM_OK;
  status =
      sm_escaped(next_disguise(s, text->len), escape, text->bytes, text->len);
  if (status == SM_OK)
    keep_disguise(s);
  return status;
}

/* Hexadecimal digits may have either case. */
static enum sm_status add_lower(struct secret *s, const struct sm_buf *text) {
  struct sm_buf *lower;
  enum sm_status status;
  size_t i, k;

  if (s->count == SM_MAX_DISGUISES)
    return SM_OK;
  lower = next_disguise(s, text->len);
  status = sm_escaped(lower, SM_ESCAPE_PERCENT, text->bytes, text->len);
  if (status != SM_OK)
    return status;
  for (i = 0; i + 2 < lower->len; i++)
    for (k = 1; lower->bytes[i] == '%' && k <= 2; k++)
      if (lower->bytes[i + k] >= 'A' && lower->bytes[i + k] <= 'F')
        lower->bytes[i + k] = (char)(lower->bytes[i + k] - 'A' + 'a');
  keep_disguise(s);
  return SM_OK;
}

/* Adds the forms of a text in a URL, in JSON and in XML. */
static enum sm_status add_disguises(struct secret *s,
                                    const struct sm_buf *text) {
  enum sm_status status = add_disguise(s, SM_ESCAPE_PERCENT, text);

  if (status == SM_OK)
    status = add_lower(s, text);
  if (status == SM_OK)
    status = add_disguise(s, SM_ESCAPE_PATH, text);
  if (status == SM_OK)
    status = add_disguise(s, SM_ESCAPE_JSON, text);
  if (status == SM_OK)
    status = add_disguise(s, SM_ESCAPE_XML, text);
  return status;
}

/* secret = core.secret(token) | nil, message */
int sm_secret_new(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  const char *fault = sm_token_fault(text, len);
  struct secret *s;

  if (fault != NULL) {
    lua_pushnil(L);
    lua_pushstring(L, fault);
    return 2;
  }
  s = lua_newuserdata(L, sizeof(*s));
  memset(s, 0, sizeof(*s));
  sm_buf_init(&s->token, SM_MAX_TOKEN);
  s->token.is_secret = 1;
  luaL_getmetatable(L, SM_SECRET);
  lua_setmetatable(L, -2);
  if (sm_buf_add(&s->token, text, len) != SM_OK ||
      add_disguises(s, &s->token) != SM_OK)
    return luaL_error(L, "not enough memory");
  return 1;
}

/* secret:hide(before, after): also redacts the Base64 of the token with
 * these texts around it */
static int secret_hide(lua_State *L) {
  struct secret *s = luaL_checkudata(L, 1, SM_SECRET);
  size_t before_len, after_len;
  const char *before = luaL_checklstring(L, 2, &before_len);
  const char *after = luaL_checklstring(L, 3, &after_len);
  struct sm_piece piece;
  enum sm_status status;
  size_t place = s->count;

  if (s->token.len == 0 || place == SM_MAX_DISGUISES)
    return 0;
  memset(&piece, 0, sizeof(piece));
  sm_buf_init(&piece.text, before_len + 1);
  sm_buf_init(&piece.after, after_len + 1);
  status = sm_buf_add(&piece.text, before, before_len);
  if (status == SM_OK)
    status = sm_buf_add(&piece.after, after, after_len);
  if (status == SM_OK)
    status =
        sm_piece_basic(&piece, &s->token, 0,
                       next_disguise(s, before_len + s->token.len + after_len));
  sm_buf_free(&piece.text);
  sm_buf_free(&piece.after);
  if (status == SM_OK)
    keep_disguise(s);
  if (status == SM_OK && s->count > place)
    status = add_disguises(s, &s->disguises[place]);
  if (status != SM_OK)
    return luaL_error(L, "not enough memory");
  return 0;
}

/* Replaces the text at index 2 with one without `word`. */
static void redact(lua_State *L, const struct sm_buf *word) {
  size_t len, from = 0;
  const char *text = lua_tolstring(L, 2, &len);
  ptrdiff_t at = sm_token_find(word, text, 0, len);
  luaL_Buffer b;

  if (at < 0)
    return;
  luaL_buffinit(L, &b);
  while (at >= 0) {
    luaL_addlstring(&b, text + from, (size_t)at - from);
    luaL_addlstring(&b, SM_HIDDEN, sizeof(SM_HIDDEN) - 1);
    from = (size_t)at + word->len;
    at = sm_token_find(word, text, from, len);
  }
  luaL_addlstring(&b, text + from, len - from);
  luaL_pushresult(&b);
  lua_replace(L, 2);
}

/* text = secret:redact(text): foreign text without the token */
static int secret_redact(lua_State *L) {
  const struct secret *s = luaL_checkudata(L, 1, SM_SECRET);
  size_t i;

  luaL_checkstring(L, 2);
  lua_settop(L, 2);
  redact(L, &s->token);
  for (i = 0; i < s->count; i++)
    redact(L, &s->disguises[i]);
  return 1;
}

static enum sm_status add_hex(struct sm_buf *to, const char *bytes,
                              size_t len) {
  enum sm_status status = SM_OK;
  char two[3];
  size_t i;

  for (i = 0; i < len && status == SM_OK; i++) {
    (void)snprintf(two, sizeof(two), "%02x", (unsigned char)bytes[i]);
    status = sm_buf_add(to, two, 2);
  }
  return status;
}

static enum sm_status add_base64(struct sm_buf *to, const char *bytes,
                                 size_t len) {
  struct sm_piece piece;
  struct sm_buf from;
  enum sm_status status;

  memset(&piece, 0, sizeof(piece));
  sm_buf_init(&from, len);
  status = sm_buf_add(&from, bytes, len);
  if (status == SM_OK)
    status = sm_piece_basic(&piece, &from, 1, to);
  sm_buf_free(&from);
  return status;
}

/* A text as Base64 or in hex, pushed. */
static int push_encoded(lua_State *L, const char *bytes, size_t len,
                        int is_hex) {
  struct sm_buf *text = sm_newbuf(L, len * 2 + 4);

  if ((is_hex ? add_hex : add_base64)(text, bytes, len) != SM_OK)
    return luaL_error(L, "not enough memory");
  sm_pushbuf(L, text);
  return 1;
}

/* The token with the texts at these indices around it. */
static enum sm_status put_around(lua_State *L, const struct secret *s,
                                 int before, int after, struct sm_buf *to) {
  size_t before_len, after_len;
  const char *first = lua_tolstring(L, before, &before_len);
  const char *last = lua_tolstring(L, after, &after_len);
  enum sm_status status;

  sm_buf_init(to, before_len + s->token.len + after_len + 1);
  to->is_secret = 1;
  status = sm_buf_reserve(to, before_len + s->token.len + after_len + 1);
  if (status == SM_OK)
    status = sm_buf_add(to, first, before_len);
  if (status == SM_OK)
    status = sm_buf_add(to, s->token.bytes, s->token.len);
  if (status == SM_OK)
    status = sm_buf_add(to, last, after_len);
  return status;
}

/* signature = secret:sign(kind, before, after, text, encoding): the HMAC of a
 * text, whose key is the token with texts around it; where the text is nil,
 * the digest of that key alone. kind: "sha1" or "sha256"; encoding: "base64"
 * or "hex" */
static int secret_sign(lua_State *L) {
  static const char *const kinds[] = {"sha1", "sha256", NULL};
  static const char *const encodings[] = {"base64", "hex", NULL};
  const struct secret *s = luaL_checkudata(L, 1, SM_SECRET);
  enum sm_hash_kind kind =
      (enum sm_hash_kind)luaL_checkoption(L, 2, NULL, kinds);
  size_t len = 0, count;
  const char *text;
  int is_hex;
  unsigned char digest[SM_DIGEST_BYTES];
  struct sm_buf key;

  (void)sm_secret_check(L, 1);
  luaL_checkstring(L, 3);
  luaL_checkstring(L, 4);
  text = luaL_optlstring(L, 5, NULL, &len);
  is_hex = luaL_checkoption(L, 6, NULL, encodings) == 1;
  if (put_around(L, s, 3, 4, &key) != SM_OK) {
    sm_buf_wipe(&key);
    return luaL_error(L, "not enough memory");
  }
  if (text != NULL) {
    count = sm_hmac(kind, &key, text, len, digest);
  } else {
    struct sm_hash h;

    sm_hash_init(&h, kind);
    sm_hash_add(&h, key.bytes, key.len);
    count = sm_hash_end(&h, digest);
  }
  sm_buf_wipe(&key);
  return push_encoded(L, (const char *)digest, count, is_hex);
}

/* text = core.base64(bytes) */
int sm_secret_base64(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);

  return push_encoded(L, bytes, len, 0);
}

/* Also __gc and __close: idempotent. */
static int secret_close(lua_State *L) {
  struct secret *s = luaL_checkudata(L, 1, SM_SECRET);
  size_t i;

  sm_buf_wipe(&s->token);
  for (i = 0; i < SM_MAX_DISGUISES; i++)
    sm_buf_wipe(&s->disguises[i]);
  s->count = 0;
  return 0;
}

static int secret_tostring(lua_State *L) {
  luaL_checkudata(L, 1, SM_SECRET);
  lua_pushliteral(L, SM_SECRET);
  return 1;
}

static const luaL_Reg secret_methods[] = {
    {"redact", secret_redact}, {"hide", secret_hide}, {"sign", secret_sign},
    {"close", secret_close},   {NULL, NULL},
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
