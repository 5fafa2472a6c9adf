#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include "easy.h"
#include "fork.h"
#include "items.h"
#include "multi.h"
#include "prepare.h"
#include "redis.h"
#include "secret.h"

#define SM_ENGINE "stopmsg.engine"
#define SM_PREVIEW "stopmsg.preview"

/* Where give_out() is kept: some Luas make a new object of a C function. */
#define SM_GIVE_OUT "stopmsg.give_out"

struct engine {
  struct sm_multi multi;
  int is_open;
  int has_met_sandbox; /* one of the answers was from our own sandbox */
  struct sm_op **ops;
  size_t op_count;
  int has_no_proxy;       /* not even the environment's */
  struct sm_slot *giving; /* its answer is being given out */
  int is_doomed;          /* and then the engine is to be closed */
};

/* seconds = core.now() */
int sm_engine_now(lua_State *L) {
  lua_pushnumber(L, sm_now());
  return 1;
}

/* The engine at stack index 1; raises when it is closed, or a parent's. */
static struct engine *check_open(lua_State *L) {
  struct engine *e = luaL_checkudata(L, 1, SM_ENGINE);

  if (!e->is_open || e->is_doomed)
    luaL_error(L, "attempt to use a closed engine");
  if (e->multi.pid != sm_fork_pid())
    luaL_error(L, "attempt to use an engine of another process");
  return e;
}

static int push_fault(lua_State *L, const char *message, int code) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_pushinteger(L, code);
  return 3;
}

/* What libcurl cannot do; but the lack of memory always raises. */
static int push_curl_fault(lua_State *L, CURLcode rc) {
  if (rc == CURLE_OUT_OF_MEMORY)
    return luaL_error(L, "not enough memory");
  return push_fault(L, curl_easy_strerror(rc), (int)rc);
}

/* Where `transport` in the table at index 1 is "http1", and this libcurl fit
 * for it: requests that need no more go over the lane. */
static void open_lane(lua_State *L, struct engine *e) {
  lua_getfield(L, 1, "transport");
  lua_getfield(L, 1, "user_agent");
  if (sm_lane_is_proven() && strcmp(luaL_optstring(L, -2, ""), "http1") == 0 &&
      sm_multi_open_lane(&e->multi, luaL_optstring(L, -1, "")) != SM_OK)
    luaL_error(L, "not enough memory");
  lua_pop(L, 2);
}

/*
 * engine = core.engine(options) | nil, message, code
 *
 * options: slots, connect_timeout (seconds), max_response (bytes), http2,
 * insecure, ca_file, ca_path, cert_file, key_file, proxy, user_agent, resolve
 * (a list for CURLOPT_RESOLVE), transport ("http1": ours where it can be used).
 */
int sm_engine_new(lua_State *L) {
  struct engine *e;
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

  /* Typed and closed first: whatever fails from here on is left to __gc. */
  e = lua_newuserdata(L, sizeof(*e));
  memset(e, 0, sizeof(*e));
  luaL_getmetatable(L, SM_ENGINE);
  lua_setmetatable(L, -2);

  rc = sm_easy_init_curl();
  if (rc != CURLE_OK)
    return push_curl_fault(L, rc);
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

/* Room for one more operation, which the engine then owns. */
static struct sm_op *add_op(lua_State *L, struct engine *e) {
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

/* number = engine:prepare(operation), which prepare.h describes */
static int engine_prepare(lua_State *L) {
  struct engine *e = check_open(L);
  struct sm_op *op = add_op(L, e);

  sm_prepare(L, op);
  op->is_proxied = op->is_plain && !e->has_no_proxy;
  if (sm_lane_prepare(&e->multi.lane, op) != SM_OK)
    return luaL_error(L, "not enough memory");
  lua_pushinteger(L, (lua_Integer)e->op_count);
  return 1;
}

static struct sm_op *check_op(lua_State *L, struct engine *e) {
  lua_Integer number = luaL_checkinteger(L, 2);

  luaL_argcheck(L,
                number >= 1 && number <= (lua_Integer)e->op_count &&
                    e->ops[number - 1]->is_ready,
                2, "no such operation");
  return e->ops[number - 1];
}

/* engine:authorize(operation, secret): at any time, also to renew a token */
static int engine_authorize(lua_State *L) {
  struct engine *e = check_open(L);
  struct sm_op *op = check_op(L, e);
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

/* The ids at positions first..last of the table at index 3, written into the
 * request. Raises before anything is started. */
static enum sm_status write_ids(lua_State *L, struct sm_request *r,
                                struct sm_reader *reader, int first, int last) {
  int is_expected = reader != NULL && r->op->fields.list.len > 0;
  enum sm_status status = SM_OK;
  int i;

  for (i = first; i <= last && status == SM_OK; i++) {
    size_t len;
    const char *id;

    lua_rawgeti(L, 3, i);
    /* A number would be converted in place, and may be printed with a dot. */
    if (lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "id %d is a %s, not a string", i, luaL_typename(L, -1));
    id = lua_tolstring(L, -1, &len);
    status = sm_request_id(r, i == first, id, len);
    if (is_expected && status == SM_OK)
      status = sm_reader_expect(reader, id, len);
    lua_pop(L, 1);
  }
  return status;
}

/* The header lines at this index, which may be nil, added to a request. */
static enum sm_status write_lines(lua_State *L, int index,
                                  struct sm_request *r) {
  enum sm_status status = SM_OK;
  size_t i, count;

  if (lua_isnoneornil(L, index))
    return SM_OK;
  luaL_checktype(L, index, LUA_TTABLE);
  count = lua_rawlen(L, index);
  for (i = 1; i <= count && status == SM_OK; i++) {
    size_t len;
    const char *line;

    lua_rawgeti(L, index, (int)i);
    line = luaL_checklstring(L, -1, &len);
    if (sm_header_fault(line, len) != NULL || strchr(line, ':') == NULL)
      return luaL_error(L, "header %d cannot be sent", (int)i);
    status = sm_request_line(r, line, len);
    lua_pop(L, 1);
  }
  return status;
}

/* What the holes of a request with these ids are filled with. The table keeps
 * the id where it is. */
static void read_values(lua_State *L, int first, int last, int uuid,
                        struct sm_values *values) {
  memset(values, 0, sizeof(*values));
  values->uuid = luaL_optstring(L, uuid, "");
  if (last < first)
    return;
  lua_rawgeti(L, 3, first);
  if (lua_type(L, -1) == LUA_TSTRING)
    values->id = lua_tolstring(L, -1, &values->id_len);
  lua_pop(L, 1);
}

/* What was made for a request, a list of texts at this index, which may be nil;
 * it keeps them where they are. */
static void read_made(lua_State *L, int index, struct sm_values *values) {
  size_t i;

  if (lua_isnoneornil(L, index))
    return;
  luaL_checktype(L, index, LUA_TTABLE);
  for (i = 0; i < SM_MAX_MADE; i++) {
    lua_rawgeti(L, index, (int)i + 1);
    if (lua_type(L, -1) == LUA_TSTRING)
      values->made[i].text = lua_tolstring(L, -1, &values->made[i].len);
    lua_pop(L, 1);
  }
}

/* Keeps the id for its answer, where it is known what that usually is. */
static enum sm_status note_asked(struct sm_slot *s,
                                 const struct sm_values *values, int is_alone) {
  sm_buf_reset(&s->asked, SM_MAX_TOKEN_TEXT);
  if (!is_alone || s->request.op->single_count == 0 ||
      values->id_len > SM_MAX_TOKEN_TEXT)
    return SM_OK;
  return sm_buf_add(&s->asked, values->id, values->id_len);
}

/*
 * slot = engine:submit(operation, ids, first, last, timeout, uuid, lines, made)
 *      | nil, message
 *
 * One request with the ids at first..last, given up after `timeout` seconds.
 * `uuid` is what the operation's templates call so, if they do; `lines` are
 * header lines of this request alone, or nil; `made` are texts that were made
 * for it, or nil. nil when no slot is free or the request would be too large.
 */
static int engine_submit(lua_State *L) {
  struct engine *e = check_open(L);
  struct sm_op *op = check_op(L, e);
  int first = (int)luaL_checkinteger(L, 4);
  int last = (int)luaL_checkinteger(L, 5);
  double timeout = luaL_checknumber(L, 6);
  struct sm_values values;
  enum sm_status status;
  struct sm_slot *s;

  luaL_checktype(L, 3, LUA_TTABLE);
  if (op->has_token && op->auth == NULL)
    return luaL_error(L, "operation %d has no token yet",
                      (int)lua_tointeger(L, 2));
  s = sm_multi_slot(&e->multi, &status);
  if (status != SM_OK)
    return luaL_error(L, "not enough memory");
  if (s == NULL)
    return push_fault(L, "no free slot", 0);

  read_values(L, first, last, 7, &values);
  read_made(L, 9, &values);
  status = sm_request_begin(&s->request, op, &values);
  if (status == SM_OK && op->fields.list.len > 0)
    status = sm_reader_begin(&s->reader, &op->fields,
                             last >= first ? (size_t)(last - first) + 1 : 0);
  if (status == SM_OK)
    status = write_ids(L, &s->request, &s->reader, first, last);
  if (status == SM_OK)
    status = note_asked(s, &values, first == last);
  if (status == SM_OK)
    status = write_lines(L, 8, &s->request);
  if (status == SM_OK)
    status = sm_request_end(&s->request);
  if (status == SM_FULL)
    return push_fault(L, "the request would be too large", 0);
  if (status != SM_OK)
    return luaL_error(L, status == SM_NOMEM
                             ? "not enough memory"
                             : "the request could not be written");
  status = sm_multi_begin(&e->multi, s, timeout);
  if (status != SM_OK)
    return luaL_error(L, "%s",
                      status == SM_NOMEM ? "not enough memory"
                                         : curl_multi_strerror(e->multi.fault));
  lua_pushinteger(L, (lua_Integer)s->number);
  return 1;
}

/* A request that is only looked at; the userdata frees it. */
static int preview_gc(lua_State *L) {
  sm_request_free(luaL_checkudata(L, 1, SM_PREVIEW));
  return 0;
}

/* Scheme, host and port of the operation's base, pushed. */
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

/* A line into the list on top of the stack. */
static void push_line(lua_State *L, const char *line) {
  lua_pushstring(L, line);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
}

/* The lines of a request that is looked at, in the order in which they are
 * sent. */
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
 *   = engine:preview(operation, ids, first, last, uuid, made)
 *
 * The request that engine:submit() would send, with a word in the token's
 * place; body is nil where there is none.
 */
static int engine_preview(lua_State *L) {
  struct engine *e = check_open(L);
  struct sm_op *op = check_op(L, e);
  int first = (int)luaL_checkinteger(L, 4);
  int last = (int)luaL_checkinteger(L, 5);
  struct sm_values values;
  struct sm_request *r;
  enum sm_status status;

  luaL_checktype(L, 3, LUA_TTABLE);
  read_values(L, first, last, 6, &values);
  read_made(L, 7, &values);
  lua_settop(L, 7);
  r = lua_newuserdata(L, sizeof(*r));
  sm_request_init(r);
  luaL_getmetatable(L, SM_PREVIEW);
  lua_setmetatable(L, -2);
  status = sm_request_preview(r, op, &values);
  if (status == SM_OK)
    status = write_ids(L, r, NULL, first, last);
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

/* true, has_done = engine:step() | nil, message, code: moves what can be moved;
 * whether there is something to collect */
static int engine_step(lua_State *L) {
  struct engine *e = check_open(L);

  if (!sm_multi_step(&e->multi))
    return push_fault(L, curl_multi_strerror(e->multi.fault),
                      (int)e->multi.fault);
  lua_pushboolean(L, 1);
  lua_pushboolean(L, e->multi.first_done != NULL);
  return 2;
}

/* engine:start(): lets new requests leave, and does not look at what has come.
 * What fails is told by the next step. */
static int engine_start(lua_State *L) {
  struct engine *e = check_open(L);

  sm_multi_start(&e->multi);
  return 0;
}

/* engine:wait(seconds, redis): until a socket or a timer wants a step, the
 * connection to Redis (which may be nil) has something, or the time is over */
static int engine_wait(lua_State *L) {
  struct engine *e = check_open(L);
  double seconds = luaL_checknumber(L, 2);

  /* Requests of the lane are sent together, here or by the next step. */
  if (e->multi.lane.waiting.first != NULL)
    sm_multi_start(&e->multi);
  if (e->multi.first_done == NULL)
    sm_sockets_wait_both(&e->multi.sockets, sm_redis_sockets(L, 3),
                         sm_multi_patience(&e->multi, seconds));
  return 0;
}

/* What engine_collect() gives, of the engine at index 1. */
static int give_out(lua_State *L) {
  const struct engine *e = lua_touserdata(L, 1);
  struct sm_slot *s = e->giving;
  char detail[CURL_ERROR_SIZE];
  const char *fault, *stage;
  long status = sm_slot_status(s), connections = sm_slot_connections(s);
  int is_usual = s->meaning > 0;

  fault = sm_slot_fault(s);
  stage = sm_slot_stage(s, status);
  (void)snprintf(detail, sizeof(detail), "%s", fault ? sm_slot_detail(s) : "");

  lua_pushinteger(L, (lua_Integer)s->number);
  lua_pushinteger(L, (lua_Integer)status);
  if (is_usual)
    lua_pushnil(L); /* nobody needs it */
  else if (fault == NULL && s->answer.len > 0 && !s->is_unreadable)
    lua_pushlstring(L, s->answer.bytes, s->answer.len);
  else if (fault == NULL && (s->is_unreadable || !sm_slot_is_framed(s, status)))
    lua_pushnil(L);
  else
    lua_pushliteral(L, "");
  lua_pushstring(L, stage);
  lua_pushstring(L, fault); /* nil for NULL */
  lua_pushstring(L, fault != NULL ? detail : NULL);
  if (s->headers.retry_after > 0 || s->headers.pause > 0)
    lua_pushnumber(L, (lua_Number)(s->headers.retry_after > 0
                                       ? s->headers.retry_after
                                       : s->headers.pause));
  else
    lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)connections);
  if (is_usual)
    lua_pushinteger(L, (lua_Integer)s->meaning);
  else if (fault == NULL && sm_slot_has_items(s))
    sm_items_move(sm_items_new(L), &s->reader.items);
  return lua_gettop(L) - 1;
}

static void close_engine(struct engine *e) {
  struct engine owned = *e;
  int is_freed = sm_multi_close(&e->multi);
  size_t i;

  memset(e, 0, sizeof(*e));
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
}

/* Also __gc and __close: idempotent. */
static int engine_close(lua_State *L) {
  struct engine *e = luaL_checkudata(L, 1, SM_ENGINE);

  if (e->giving != NULL)
    e->is_doomed = 1;
  else
    close_engine(e);
  return 0;
}

/*
 * slot, status, body, stage, fault, detail, retry_after, connections, items
 *   = engine:collect() | nil
 *
 * One finished request; its slot is free afterwards. There is a body only where
 * the stage is "complete"; it is nil where it cannot be decoded, and where it
 * is empty and nothing but the end of the connection says so. fault and detail
 * are nil where nothing went wrong, retry_after (seconds) where the answer does
 * not say it; connections is how many this request opened. items is what the
 * answer says of each id, where the operation's answers are read as they arrive
 * and this one could be; body is then the rest of it. Of a usual answer about
 * one id it is the number of what it means, and there is no body.
 *
 * What Lua makes of an answer may set off finalizers, and some Luas run them
 * before they have copied a string's bytes. Those may close the engine, which
 * waits until the answer is out, or use it and collect the next one.
 */
static int engine_collect(lua_State *L) {
  struct engine *e = check_open(L);
  struct sm_slot *outer = e->giving, *s;
  int rc;

  if (e->multi.first_done == NULL)
    return 0;
  lua_settop(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, SM_GIVE_OUT);
  lua_pushvalue(L, 1);
  s = sm_multi_take(&e->multi);
  e->has_met_sandbox |= s->headers.is_sandbox;
  e->giving = s;
  rc = lua_pcall(L, 1, LUA_MULTRET, 0);
  e->giving = outer;
  if (rc != 0)
    sm_multi_put_back(&e->multi, s);
  else
    sm_multi_release(&e->multi, s);
  if (e->is_doomed && outer == NULL)
    close_engine(e);
  return rc == 0 ? lua_gettop(L) - 1 : lua_error(L);
}

static int engine_tostring(lua_State *L) {
  struct engine *e = luaL_checkudata(L, 1, SM_ENGINE);

  lua_pushfstring(L, "%s (%s)", SM_ENGINE,
                  e->is_open && !e->is_doomed ? "open" : "closed");
  return 1;
}

/* flag = engine:has_met_sandbox() */
static int engine_has_met_sandbox(lua_State *L) {
  struct engine *e = luaL_checkudata(L, 1, SM_ENGINE);

  lua_pushboolean(L, e->has_met_sandbox);
  return 1;
}

static const luaL_Reg engine_methods[] = {
    {"prepare", engine_prepare},
    {"authorize", engine_authorize},
    {"submit", engine_submit},
    {"preview", engine_preview},
    {"start", engine_start},
    {"step", engine_step},
    {"wait", engine_wait},
    {"collect", engine_collect},
    {"has_met_sandbox", engine_has_met_sandbox},
    {"close", engine_close},
    {NULL, NULL},
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
  lua_pushcfunction(L, give_out);
  lua_setfield(L, LUA_REGISTRYINDEX, SM_GIVE_OUT);
}
