#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "easy.h"
#include "fork.h"
#include "prepare.h"
#include "redis.h"
#include "secret.h"

#define SM_ENGINE "stopmsg.engine"
#define SM_PREVIEW "stopmsg.preview"

/* seconds = core.now() */
int sm_engine_now(lua_State *L) {
  lua_pushnumber(L, sm_now());
  return 1;
}

void sm_engine_check(lua_State *L, const struct sm_engine *e) {
  if (!e->is_open)
    luaL_error(L, "attempt to use a closed engine");
  else if (e->multi.pid != sm_fork_pid())
    luaL_error(L, "attempt to use an engine of another process");
}

struct sm_engine *sm_engine_at(lua_State *L) {
  struct sm_engine *e = luaL_checkudata(L, 1, SM_ENGINE);

  sm_engine_check(L, e);
  return e;
}

int sm_engine_fault(lua_State *L, const char *message, int code) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_pushinteger(L, code);
  return 3;
}

/* Reports a libcurl error as nil, message, code. Out of memory always
 * raises. */
static int push_curl_fault(lua_State *L, CURLcode rc) {
  if (rc == CURLE_OUT_OF_MEMORY)
    return luaL_error(L, "not enough memory");
  return sm_engine_fault(L, curl_easy_strerror(rc), (int)rc);
}

/* Opens the lane if this libcurl is fit for it and `transport` in the table at
 * index 1 is not "libcurl". Requests that need no more than HTTP/1.1 then go
 * over the lane. */
static void open_lane(lua_State *L, struct sm_engine *e) {
  lua_getfield(L, 1, "transport");
  lua_getfield(L, 1, "user_agent");
  if (sm_lane_is_proven() &&
      strcmp(luaL_optstring(L, -2, ""), "libcurl") != 0 &&
      sm_multi_open_lane(&e->multi, luaL_optstring(L, -1, "")) != SM_OK)
    luaL_error(L, "not enough memory");
  lua_pop(L, 2);
}

/*
 * engine = core.engine(options) | nil, message, code
 *
 * options: slots, connect_timeout (seconds), max_response (bytes), http2,
 * insecure, ca_file, ca_path, cert_file, key_file, proxy, user_agent, resolve
 * (a list for CURLOPT_RESOLVE), transport ("libcurl": libcurl carries all
 * requests).
 */
int sm_engine_new(lua_State *L) {
  struct sm_engine *e;
  lua_Number slots, max_response;
  CURLcode rc;

  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  slots = sm_easy_number(L, "slots");
  max_response = sm_easy_number(L, "max_response");
  luaL_argcheck(L, slots >= 1 && slots <= SM_MAX_SLOTS, 1,
                "slots out of range");
  luaL_argcheck(L, max_response >= 1 && max_response < 1e15, 1,
                "max_response out of range");

  /* Set the type and the closed state first: __gc cleans up after any later
   * failure. */
  e = lua_newuserdata(L, sizeof(*e));
  memset(e, 0, sizeof(*e));
  luaL_getmetatable(L, SM_ENGINE);
  lua_setmetatable(L, -2);

  rc = sm_easy_init_curl();
  if (rc != CURLE_OK)
    return push_curl_fault(L, rc);
  lua_createtable(L, (int)slots, 0);
  e->ids = luaL_ref(L, LUA_REGISTRYINDEX);
  e->is_open = 1;
  if (sm_multi_init(&e->multi, (size_t)slots, (size_t)max_response) != SM_OK)
    return luaL_error(L, "not enough memory");
  rc = sm_easy_set(L, e->multi.model, &e->multi.sockets, &e->has_no_proxy);
  if (rc == CURLE_OK && !sm_easy_strings(L, "resolve", &e->multi.resolve))
    return luaL_error(L, "not enough memory");
  if (rc == CURLE_OK)
    open_lane(L, e);
  lua_settop(L, 2);
  if (rc != CURLE_OK)
    return push_curl_fault(L, rc);
  return 1;
}

/* Adds an operation, which the engine then owns. */
static struct sm_op *add_op(lua_State *L, struct sm_engine *e) {
  size_t bytes = (e->op_count + 1) * sizeof(*e->ops);
  struct sm_op **ops = realloc(e->ops, bytes);
  struct sm_op *op;

  if (ops != NULL)
    e->ops = ops;
  op = ops != NULL ? malloc(sizeof(*op)) : NULL;
  if (op == NULL)
    luaL_error(L, "not enough memory");
  sm_op_init(op);
  e->ops[e->op_count++] = op;
  return op;
}

/* number, transport = engine:prepare(operation): see prepare.h. `transport`
 * names what carries the requests. */
static int engine_prepare(lua_State *L) {
  struct sm_engine *e = sm_engine_at(L);
  struct sm_op *op = add_op(L, e);

  sm_prepare(L, op);
  op->is_proxied = op->is_plain && !e->has_no_proxy;
  if (sm_lane_prepare(&e->multi.lane, op) != SM_OK)
    return luaL_error(L, "not enough memory");
  lua_pushinteger(L, (lua_Integer)e->op_count);
  lua_pushstring(L, op->is_on_lane ? "http1" : "libcurl");
  return 2;
}

struct sm_op *sm_engine_op(lua_State *L, const struct sm_engine *e) {
  lua_Integer number = luaL_checkinteger(L, 2);

  luaL_argcheck(L,
                number >= 1 && number <= (lua_Integer)e->op_count &&
                    e->ops[number - 1]->is_ready,
                2, "no such operation");
  return e->ops[number - 1];
}

/* engine:authorize(operation, secret): may be called at any time, also to renew
 * a token */
static int engine_authorize(lua_State *L) {
  struct sm_engine *e = sm_engine_at(L);
  struct sm_op *op = sm_engine_op(L, e);
  struct sm_auth **older;

  if (!op->has_token)
    return 0;
  if (sm_op_authorize(op, sm_secret_check(L, 3)) != SM_OK)
    return luaL_error(L, "not enough memory");
  older = &op->auth->older;
  while (*older != NULL) {
    if (sm_multi_uses(&e->multi, *older))
      older = &(*older)->older;
    else
      sm_auth_drop(older);
  }
  return 0;
}

/* Frees a previewed request. */
static int preview_gc(lua_State *L) {
  sm_request_free(luaL_checkudata(L, 1, SM_PREVIEW));
  return 0;
}

/* Pushes scheme, host and port of the operation's base. */
static void push_origin(lua_State *L, const struct sm_op *op) {
  static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST,
                                    CURLUPART_PORT};
  static const char *const before[] = {"", "://", ":"};
  luaL_Buffer b;
  size_t i;

  luaL_buffinit(L, &b);
  for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    char *text = NULL;

    if (curl_url_get(op->base, parts[i], &text, 0) != CURLUE_OK)
      continue;
    luaL_addstring(&b, before[i]);
    luaL_addstring(&b, text);
    curl_free(text);
  }
  luaL_pushresult(&b);
}

/* Appends a line to the list on top of the stack. */
static void push_line(lua_State *L, const char *line) {
  lua_pushstring(L, line);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
}

/* Pushes the header lines of a previewed request, in the order sent. */
static void push_lines(lua_State *L, struct sm_request *r) {
  const struct sm_op *op = r->op;
  const struct curl_slist *line;
  const char *text = r->text.bytes;
  size_t i;

  lua_newtable(L);
  for (i = 0; i < op->request_lines.count; i++) {
    push_line(L, text);
    text += strlen(text) + 1;
  }
  for (i = 0; i < op->token_lines.count; i++) {
    sm_buf_reset(&r->text, (size_t)-1);
    if (sm_template_begin(&op->token_lines.list[i], &r->values, &r->text) !=
            SM_OK ||
        sm_buf_terminate(&r->text) != SM_OK)
      luaL_error(L, "not enough memory");
    push_line(L, r->text.bytes);
  }
  for (line = op->headers; line != NULL; line = line->next)
    push_line(L, line->data);
}

/*
 * method, origin, target, headers, body
 * = engine:preview(operation, ids, first, last, uuid, made)
 *
 * Returns the request that engine:submit() would send, with a placeholder for
 * the token. body is nil if there is none.
 */
static int engine_preview(lua_State *L) {
  struct sm_engine *e = sm_engine_at(L);
  struct sm_op *op = sm_engine_op(L, e);
  int first = (int)luaL_checkinteger(L, 4);
  int last = (int)luaL_checkinteger(L, 5);
  struct sm_values values;
  struct sm_request *r;
  enum sm_status status;

  luaL_checktype(L, 3, LUA_TTABLE);
  sm_read_values(L, first, last, 6, &values);
  sm_read_made(L, 7, &values);
  lua_settop(L, 7);
  r = lua_newuserdata(L, sizeof(*r));
  sm_request_init(r);
  luaL_getmetatable(L, SM_PREVIEW);
  lua_setmetatable(L, -2);
  status = sm_request_preview(r, op, &values);
  if (status == SM_OK)
    status = sm_write_ids(L, r, NULL, first, last);
  if (status == SM_OK)
    status = sm_request_end(r);
  if (status != SM_OK)
    return luaL_error(L, status == SM_NOMEM
                             ? "not enough memory"
                             : "the request could not be written");
  lua_pushstring(L, op->method.bytes);
  push_origin(L, op);
  lua_pushlstring(L, r->path.bytes, r->path.len);
  push_lines(L, r);
  if (op->has_body)
    lua_pushlstring(L, r->body.bytes, r->body.len);
  else
    lua_pushnil(L);
  return 5;
}

/* true, has_more = engine:step() | nil, message, code: drives all transfers.
 * has_more: more has arrived than one step may take. */
static int engine_step(lua_State *L) {
  struct sm_engine *e = sm_engine_at(L);

  if (!sm_multi_step(&e->multi))
    return sm_engine_fault(L, curl_multi_strerror(e->multi.fault),
                           (int)e->multi.fault);
  lua_pushboolean(L, 1);
  lua_pushboolean(L, e->multi.sockets.ready_count > 0 ||
                         e->multi.sockets.behind > 0);
  return 2;
}

/* engine:start(): sends new requests without reading responses. The next step
 * reports any failure. */
static int engine_start(lua_State *L) {
  struct sm_engine *e = sm_engine_at(L);

  sm_multi_start(&e->multi);
  return 0;
}

/* Waits until a socket or a timer needs a step, the connection to Redis has
 * data, or the time is over. */
void sm_engine_wait(struct sm_engine *e, struct sm_sockets *redis,
                    double seconds) {
  /* The lane sends its requests together, here or in the next step. */
  if (e->multi.lane.waiting.first != NULL)
    sm_multi_start(&e->multi);
  if (e->multi.first_done == NULL)
    sm_sockets_wait_both(&e->multi.sockets, redis,
                         sm_multi_patience(&e->multi, seconds));
}

/* engine:wait(seconds, redis) */
static int engine_wait(lua_State *L) {
  struct sm_engine *e = sm_engine_at(L);
  double seconds = luaL_checknumber(L, 2);

  sm_engine_wait(e, sm_redis_sockets(L, 3), seconds);
  return 0;
}

/* count = engine:in_flight(): number of requests in flight */
static int engine_in_flight(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)sm_engine_at(L)->multi.used);
  return 1;
}

/* number = engine:news(): number of the next call that received a reply since
 * it was last returned here; nil if there is none */
static int engine_news(lua_State *L) {
  const struct sm_queue *q = sm_queues_news(&sm_engine_at(L)->multi.queues);

  if (q == NULL)
    return 0;
  sm_pushwhole(L, q->number);
  return 1;
}

/* Also __gc and __close: idempotent. */
static int engine_close(lua_State *L) {
  struct sm_engine *e = luaL_checkudata(L, 1, SM_ENGINE);
  struct sm_engine owned = *e;
  int is_freed = sm_multi_close(&e->multi);
  size_t i;

  memset(e, 0, sizeof(*e));
  if (owned.is_open)
    luaL_unref(L, LUA_REGISTRYINDEX, owned.ids);
  for (i = 0; i < owned.op_count; i++) {
    if (is_freed) {
      sm_op_free(owned.ops[i]);
      free(owned.ops[i]);
    } else {
      sm_op_forget(owned.ops[i]);
    }
  }
  if (is_freed)
    free(owned.ops);
  return 0;
}

static int engine_tostring(lua_State *L) {
  struct sm_engine *e = luaL_checkudata(L, 1, SM_ENGINE);

  lua_pushfstring(L, "%s (%s)", SM_ENGINE, e->is_open ? "open" : "closed");
  return 1;
}

/* flag = engine:has_met_sandbox() */
static int engine_has_met_sandbox(lua_State *L) {
  const struct sm_engine *e = luaL_checkudata(L, 1, SM_ENGINE);

  lua_pushboolean(L, e->multi.has_met_sandbox);
  return 1;
}

static const luaL_Reg engine_methods[] = {
    {"prepare", engine_prepare}, {"authorize", engine_authorize},
    {"call", sm_call_new},       {"preview", engine_preview},
    {"start", engine_start},     {"step", engine_step},
    {"wait", engine_wait},       {"in_flight", engine_in_flight},
    {"news", engine_news},       {"has_met_sandbox", engine_has_met_sandbox},
    {"close", engine_close},     {NULL, NULL},
};

static const luaL_Reg engine_metamethods[] = {
    {"__gc", engine_close},
    {"__close", engine_close},
    {"__tostring", engine_tostring},
    {NULL, NULL},
};

static const luaL_Reg preview_methods[] = {
    {NULL, NULL},
};

static const luaL_Reg preview_metamethods[] = {
    {"__gc", preview_gc},
    {NULL, NULL},
};

void sm_engine_init(lua_State *L) {
  sm_newtype(L, SM_PREVIEW, preview_methods, preview_metamethods);
  sm_newtype(L, SM_ENGINE, engine_methods, engine_metamethods);
  sm_call_init(L);
}
