#include "call.h"

#include <math.h>
#include <string.h>

#include "items.h"
#include "redis.h"

#define SM_CALL "stopmsg.call"

/* Registry key of give_out(): some Luas allocate each time they push a C
 * function. */
#define SM_GIVE_OUT "stopmsg.give_out"

/* Maximum time in seconds for which call:serve() keeps responses back. */
#define SM_SERVE_TIME 0.001

struct call {
  struct sm_queue queue;
  struct sm_engine *engine; /* valid while the queue belongs to an engine */
  struct sm_reply *giving;  /* the reply being pushed */
};

/* Returns the call at stack index 1. Raises if its engine is closed or belongs
 * to the parent process. */
static struct call *check_call(lua_State *L) {
  struct call *c = luaL_checkudata(L, 1, SM_CALL);

  if (c->queue.of == NULL)
    luaL_error(L, "attempt to use a closed engine");
  else
    sm_engine_check(L, c->engine);
  return c;
}

int sm_call_new(lua_State *L) {
  struct sm_engine *e = sm_engine_at(L);
  struct call *c = lua_newuserdata(L, sizeof(*c));

  memset(c, 0, sizeof(*c));
  luaL_getmetatable(L, SM_CALL);
  lua_setmetatable(L, -2);
  c->engine = e;
  sm_queue_join(&c->queue, &e->multi.queues);
  return 1;
}

/* Writes the IDs at positions first..last of the table at index 3 into the
 * request. Raises before anything is started. */
enum sm_status sm_write_ids(lua_State *L, struct sm_request *r,
                            struct sm_reader *reader, int first, int last) {
  int is_expected = reader != NULL && r->op->fields.list.len > 0;
  enum sm_status status = SM_OK;
  int i;

  for (i = first; i <= last && status == SM_OK; i++) {
    size_t len;
    const char *id;

    lua_rawgeti(L, 3, i);
    /* A number would be converted in place, perhaps with a decimal point. */
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

/* Reads the placeholder values of a request with these IDs. The table keeps the
 * first ID alive. */
void sm_read_values(lua_State *L, int first, int last, int uuid,
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

/* Reads the texts generated for a request from the list at this index, which
 * may be nil. The list keeps them alive. */
void sm_read_made(lua_State *L, int index, struct sm_values *values) {
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

/* Adds the header lines in the list at this index, which may be nil, to a
 * request. */
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

/* Keeps the ID for reading the response, if the operation defines usual
 * responses. */
static enum sm_status note_asked(struct sm_slot *s, const char *id,
                                 size_t len) {
  sm_buf_reset(&s->asked, SM_MAX_TOKEN_TEXT);
  if (s->request.op->single_count == 0 || len > SM_MAX_TOKEN_TEXT)
    return SM_OK;
  return sm_buf_add(&s->asked, id, len);
}

static struct sm_op *check_op(lua_State *L, const struct sm_engine *e) {
  struct sm_op *op = sm_engine_op(L, e);

  if (op->has_token && op->auth == NULL)
    luaL_error(L, "operation %d has no token yet", (int)lua_tointeger(L, 2));
  return op;
}

/* Raises because a request could not begin. */
static int refuse(lua_State *L, const struct call *c, enum sm_status status) {
  CURLMcode fault = c->engine->multi.fault;

  return luaL_error(L, "%s",
                    status == SM_NOMEM  ? "not enough memory"
                    : fault != CURLM_OK ? curl_multi_strerror(fault)
                                        : "the request could not be written");
}

/*
 * number = call:submit(operation, ids, first, last, timeout, uuid, lines, made)
 * | nil, message
 *
 * Submits one request with the IDs at first..last. It is given up after
 * `timeout` seconds. `uuid` fills the UUID placeholder of the operation's
 * templates, if they have one. `lines` are header lines of this request alone,
 * or nil; `made` are texts generated for it, or nil. Returns nil if no slot is
 * free or the request would be too large. The number is not reused until the
 * response has been collected.
 */
static int call_submit(lua_State *L) {
  struct call *c = check_call(L);
  struct sm_engine *e = c->engine;
  struct sm_op *op = check_op(L, e);
  int first = (int)luaL_checkinteger(L, 4);
  int last = (int)luaL_checkinteger(L, 5);
  double timeout = luaL_checknumber(L, 6);
  struct sm_values values;
  enum sm_status status;
  struct sm_slot *s;

  luaL_checktype(L, 3, LUA_TTABLE);
  s = sm_multi_slot(&e->multi, &status);
  if (status != SM_OK)
    return luaL_error(L, "not enough memory");
  if (s == NULL)
    return sm_engine_fault(L, "no free slot", 0);

  sm_read_values(L, first, last, 7, &values);
  sm_read_made(L, 9, &values);
  status = sm_request_begin(&s->request, op, &values);
  if (status == SM_OK && op->fields.list.len > 0)
    status = sm_reader_begin(&s->reader, &op->fields,
                             last >= first ? (size_t)(last - first) + 1 : 0);
  if (status == SM_OK)
    status = sm_write_ids(L, &s->request, &s->reader, first, last);
  if (status == SM_OK)
    status = note_asked(s, values.id, first == last ? values.id_len : 0);
  if (status == SM_OK)
    status = write_lines(L, 8, &s->request);
  if (status == SM_OK)
    status = sm_request_end(&s->request);
  if (status == SM_FULL)
    return sm_engine_fault(L, "the request would be too large", 0);
  if (status == SM_OK)
    status = sm_multi_begin(&e->multi, s, &c->queue, timeout);
  if (status != SM_OK)
    return refuse(L, c, status);
  lua_pushinteger(L, (lua_Integer)s->reply->number);
  return 1;
}

/* Writes a request for one ID. */
static enum sm_status write_one(struct sm_slot *s, const struct sm_op *op,
                                const struct sm_values *values) {
  enum sm_status status = sm_request_begin(&s->request, op, values);

  if (status == SM_OK && op->fields.list.len > 0) {
    status = sm_reader_begin(&s->reader, &op->fields, 1);
    if (status == SM_OK)
      status = sm_reader_expect(&s->reader, values->id, values->id_len);
  }
  if (status == SM_OK)
    status = sm_request_id(&s->request, 1, values->id, values->id_len);
  if (status == SM_OK)
    status = note_asked(s, values->id, values->id_len);
  return status == SM_OK ? sm_request_end(&s->request) : status;
}

/* IDs for requests of one ID each, at the stack indices of call:offer(). */
struct offer {
  const struct sm_op *op;
  int next, last;
  double timeout; /* of each request, in seconds */
  double deadline;
  double sends, generation;
};

static void check_offer(lua_State *L, const struct call *c, struct offer *o) {
  o->op = check_op(L, c->engine);
  o->next = (int)luaL_checkinteger(L, 5);
  o->last = (int)luaL_checkinteger(L, 6);
  o->timeout = luaL_checknumber(L, 7);
  o->deadline = HUGE_VAL;
  o->sends = luaL_checknumber(L, 8);
  o->generation = luaL_checknumber(L, 9);
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_checktype(L, 4, LUA_TTABLE);
}

/* Begins a request for each of the next `most` IDs, in order. Returns SM_FULL
 * at an ID for which there is no free slot, or that is too large. The engine's
 * table of IDs is on top of the stack. */
static enum sm_status begin_offer(lua_State *L, struct call *c, struct offer *o,
                                  size_t most) {
  double now = sm_now(), timeout = o->timeout;
  int top = lua_gettop(L);

  if (o->deadline - now < timeout)
    timeout = o->deadline - now;
  for (; o->next <= o->last && most > 0 && timeout > 0; o->next++, most--) {
    struct sm_values values;
    enum sm_status status;
    struct sm_slot *s = sm_multi_slot(&c->engine->multi, &status);

    if (s == NULL)
      return status == SM_OK ? SM_FULL : status;
    memset(&values, 0, sizeof(values));
    values.uuid = "";
    lua_rawgeti(L, 4, o->next);
    lua_rawgeti(L, 3, o->next);
    if (lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "id %d is a %s, not a string", o->next,
                 luaL_typename(L, -1));
    values.id = lua_tolstring(L, -1, &values.id_len);
    lua_rawseti(L, top, (int)s->reply->number);
    status = write_one(s, o->op, &values);
    if (status == SM_OK)
      status = sm_multi_begin(&c->engine->multi, s, &c->queue, timeout);
    if (status != SM_OK)
      return status;
    s->reply->is_offered = 1;
    s->reply->asked.place = lua_tonumber(L, -1);
    s->reply->asked.count = ++o->sends;
    s->reply->asked.generation = o->generation;
    s->reply->asked.started = now;
    lua_settop(L, top);
  }
  return SM_OK;
}

/*
 * count = call:offer(operation, ids, places, first, last, timeout, sends,
 * generation)
 *
 * Submits one request for each of the IDs at first..last, in order, while slots
 * are free and the requests small enough. Returns how many it began. `sends` is
 * how many requests the call has made before.
 */
static int call_offer(lua_State *L) {
  struct call *c = check_call(L);
  enum sm_status status;
  struct offer o;
  int first;

  check_offer(L, c, &o);
  first = o.next;
  lua_settop(L, 9);
  lua_rawgeti(L, LUA_REGISTRYINDEX, c->engine->ids);
  status = begin_offer(L, c, &o, SM_MAX_SLOTS);
  if (status != SM_OK && status != SM_FULL)
    return refuse(L, c, status);
  lua_pushinteger(L, o.next - first);
  return 1;
}

/* Counts the responses after `*last` (NULL for all), and moves it to the last
 * one. Returns -1 if any of them is not usual. */
static int count_usual(const struct sm_queue *q, const struct sm_reply **last) {
  const struct sm_reply *r = *last != NULL ? (*last)->next : q->first;
  int count = 0;

  for (; r != NULL; r = r->next) {
    if (!r->is_offered || r->meaning == 0)
      return -1;
    *last = r;
    count++;
  }
  return count;
}

/*
 * count = call:serve(operation, ids, places, first, last, timeout, sends,
 * generation, seconds, redis, deadline)
 *
 * Waits like call:wait(). When a usual response arrives, it goes on for a
 * moment, and submits one of the IDs for each usual response, as call:offer()
 * does: Lua then has many responses to look at, and no slot waits for it
 * meanwhile. After any other response it submits nothing. Returns how many
 * requests it began. No request outlasts `deadline`.
 */
static int call_serve(lua_State *L) {
  struct call *c = check_call(L);
  struct sm_engine *e = c->engine;
  double seconds = luaL_checknumber(L, 10), until = 0;
  const struct sm_reply *seen = NULL;
  struct offer o;
  int first, is_usual;

  check_offer(L, c, &o);
  first = o.next;
  o.deadline = luaL_checknumber(L, 12);
  lua_settop(L, 12);
  lua_rawgeti(L, LUA_REGISTRYINDEX, e->ids);
  is_usual = count_usual(&c->queue, &seen) >= 0;
  if (seen != NULL)
    seconds = 0; /* look, but do not wait */
  while (is_usual) {
    int count;

    sm_engine_wait(e, sm_redis_sockets(L, 11), seconds);
    if (!sm_multi_step(&e->multi))
      break; /* as the next step will say */
    count = count_usual(&c->queue, &seen);
    if ((count == 0 && until == 0) || count < 0 ||
        begin_offer(L, c, &o, (size_t)count) != SM_OK || o.next > o.last)
      break;
    if (until == 0)
      until = sm_now() + SM_SERVE_TIME;
    seconds = until - sm_now();
    is_usual = seconds > 0;
  }
  lua_pushinteger(L, o.next - first);
  return 1;
}

/* Pushes place, count, generation and started of an offered ID. */
static void push_asked(lua_State *L, const struct sm_reply *r) {
  sm_pushwhole(L, r->asked.place);
  sm_pushwhole(L, r->asked.count);
  sm_pushwhole(L, r->asked.generation);
  lua_pushnumber(L, r->asked.started);
}

/* Pushes the values of call_collect() for the call at index 1. Creating an
 * object may run finalizers, which may close the engine, so the ID is fetched
 * first. */
static int give_out(lua_State *L) {
  struct call *c = lua_touserdata(L, 1);
  struct sm_reply *r = c->giving;

  luaL_checkstack(L, 18, NULL);
  if (r->is_offered) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->engine->ids);
    lua_rawgeti(L, -1, (int)r->number);
  } else {
    lua_settop(L, 3);
  }
  lua_pushinteger(L, (lua_Integer)r->number);
  lua_pushinteger(L, (lua_Integer)r->status);
  if (r->body_is == SM_BODY_TEXT)
    lua_pushlstring(L, r->body.bytes, r->body.len);
  else if (r->body_is == SM_BODY_EMPTY && r->meaning == 0)
    lua_pushliteral(L, "");
  else
    lua_pushnil(L);
  lua_pushstring(L, r->stage);
  lua_pushstring(L, r->fault); /* pushes nil for NULL */
  lua_pushstring(L, r->fault != NULL ? r->detail : NULL);
  if (r->pause > 0)
    lua_pushnumber(L, r->pause);
  else
    lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)r->connections);
  if (r->meaning > 0) {
    lua_pushinteger(L, (lua_Integer)r->meaning);
  } else if (r->has_items) {
    sm_items_move(sm_items_new(L), &r->items);
    r->has_items = 0;
  } else {
    lua_pushnil(L);
  }
  if (!r->is_offered)
    return 9;
  lua_pushvalue(L, 3);
  push_asked(L, r);
  return 14;
}

/* Delivers requests that libcurl refused at once; they need no step. */
static void deliver(struct call *c) {
  struct sm_multi *m = &c->engine->multi;

  if (m->first_done != NULL)
    sm_multi_deliver(m);
}

/*
 * number, status, body, stage, fault, detail, retry_after, connections, items,
 * id, place, count, generation, started = call:collect() | nil
 *
 * Returns the result of one request, in the order in which requests ended. body
 * is set only if the stage is "complete". It is nil if it cannot be decoded, or
 * if it is empty and only the end of the connection marks its end. fault and
 * detail are nil if nothing failed. retry_after (seconds) is nil if the
 * response does not ask for a delay. connections is the number of connections
 * opened for this request. items has the response's content for each ID, if the
 * operation's responses are read as they arrive and this one was readable; body
 * is then the rest of the response. For a usual response about one ID, items is
 * the number of its meaning and there is no body. The values from id on are set
 * for an offered ID.
 *
 * Creating Lua values for a response may run finalizers, and some Luas run them
 * before they have copied a string's bytes. A finalizer may close the engine,
 * or use it and collect the next response. So this reply is already out of all
 * lists.
 */
static int call_collect(lua_State *L) {
  struct call *c = check_call(L);
  struct sm_reply *outer = c->giving, *r;
  int rc;

  deliver(c);
  if (c->queue.first == NULL)
    return 0;
  lua_settop(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, SM_GIVE_OUT);
  lua_pushvalue(L, 1);
  r = sm_queue_take(&c->queue);
  c->giving = r;
  rc = lua_pcall(L, 1, LUA_MULTRET, 0);
  c->giving = outer;
  if (rc != 0 && c->queue.of != NULL)
    sm_queue_put_back(&c->queue, r);
  else
    sm_reply_free(r, c->queue.of);
  return rc == 0 ? lua_gettop(L) - 1 : lua_error(L);
}

/*
 * count, is_more, meaning, connections, generation, oldest
 * = call:codes(ids, places, most)
 *
 * Collects at most `most` responses to offered IDs, as long as they are usual
 * and have the same meaning. The i-th is about ids[i], whose position was
 * places[i]; `meaning` is the number of the meaning. is_more: whether another
 * response is ready. connections: how many were opened. generation: the number
 * of the token of the last response. oldest: when the first of the requests
 * began.
 */
static int call_codes(lua_State *L) {
  struct call *c = check_call(L);
  int most = (int)luaL_checkinteger(L, 4);
  double generation = 0, oldest = 0;
  long connections = 0;
  size_t meaning = 0;
  int count = 0;

  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 4);
  lua_rawgeti(L, LUA_REGISTRYINDEX, c->engine->ids);
  deliver(c);
  while (count < most) {
    const struct sm_reply *r = c->queue.first;

    if (r == NULL || !r->is_offered || r->meaning == 0 ||
        (count > 0 && r->meaning != meaning))
      break;
    count++;
    lua_rawgeti(L, 5, (int)r->number);
    lua_rawseti(L, 2, count);
    sm_pushwhole(L, r->asked.place);
    lua_rawseti(L, 3, count);
    meaning = r->meaning;
    connections += r->connections;
    generation = r->asked.generation;
    if (count == 1 || r->asked.started < oldest)
      oldest = r->asked.started;
    sm_reply_free(sm_queue_take(&c->queue), c->queue.of);
  }
  lua_pushinteger(L, count);
  lua_pushboolean(L, c->queue.first != NULL);
  lua_pushinteger(L, (lua_Integer)meaning);
  lua_pushinteger(L, (lua_Integer)connections);
  sm_pushwhole(L, generation);
  lua_pushnumber(L, oldest);
  return 6;
}

/* Field names of an item, as upvalues of make_alike(). */
#define SM_ID lua_upvalueindex(1)
#define SM_OUTCOME lua_upvalueindex(2)
#define SM_CODE lua_upvalueindex(3)
#define SM_VERIFIED lua_upvalueindex(4)

/* Sets a field of the table on top; `key` and `value` are stack indices. */
static void set_field(lua_State *L, int key, int value) {
  lua_pushvalue(L, key);
  lua_pushvalue(L, value);
  lua_rawset(L, -3);
}

/*
 * core.make_alike(ids, own_places, first, last, outcome, code, verified,
 * result, items, places, at)
 *
 * Creates an item for each of ids[first..last]. Stores it in `result` under its
 * place, which is own_places[first..last], and in `items` from at + 1 on, with
 * the place in `places`. result, items and verified may be nil.
 */
static int make_alike(lua_State *L) {
  int first = (int)luaL_checkinteger(L, 3);
  int last = (int)luaL_checkinteger(L, 4);
  int at = (int)luaL_checkinteger(L, 11) - first + 1;
  int has_result = !lua_isnil(L, 8), has_items = !lua_isnil(L, 9);
  int has_verified = !lua_isnil(L, 7), i;

  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  if (has_result)
    luaL_checktype(L, 8, LUA_TTABLE);
  if (has_items) {
    luaL_checktype(L, 9, LUA_TTABLE);
    luaL_checktype(L, 10, LUA_TTABLE);
  }
  for (i = first; i <= last; i++) {
    lua_settop(L, 11);
    lua_createtable(L, 0, has_verified ? 4 : 3);
    lua_pushvalue(L, SM_ID);
    lua_rawgeti(L, 1, i);
    lua_rawset(L, 12);
    set_field(L, SM_OUTCOME, 5);
    set_field(L, SM_CODE, 6);
    if (has_verified)
      set_field(L, SM_VERIFIED, 7);
    if (has_items) {
      lua_pushvalue(L, 12);
      lua_rawseti(L, 9, at + i);
      lua_rawgeti(L, 2, i);
      lua_rawseti(L, 10, at + i);
    }
    if (has_result) {
      lua_rawgeti(L, 2, i);
      lua_pushvalue(L, 12);
      lua_settable(L, 8); /* honors metamethods: `result` may be paged */
    }
  }
  return 0;
}

void sm_call_open(lua_State *L) {
  lua_pushliteral(L, "id");
  lua_pushliteral(L, "outcome");
  lua_pushliteral(L, "code");
  lua_pushliteral(L, "verified");
  lua_pushcclosure(L, make_alike, 4);
  lua_setfield(L, -2, "make_alike");
}

/* number, id, place, count, generation, started = call:forsake() | nil:
 * abandons one request in flight; its response will be discarded */
static int call_forsake(lua_State *L) {
  struct call *c = check_call(L);
  const struct sm_engine *e = c->engine;
  const struct sm_reply *r = sm_queue_forsake(&c->queue);

  if (r == NULL)
    return 0;
  lua_pushinteger(L, (lua_Integer)r->number);
  if (!r->is_offered)
    return 1;
  lua_rawgeti(L, LUA_REGISTRYINDEX, e->ids);
  lua_rawgeti(L, -1, (int)r->number);
  lua_remove(L, -2);
  push_asked(L, r);
  return 6;
}

/* count = call:ready(): number of responses ready to collect */
static int call_ready(lua_State *L) {
  struct call *c = check_call(L);

  deliver(c);
  lua_pushinteger(L, (lua_Integer)c->queue.ready);
  return 1;
}

/* count = call:in_flight(): requests of all calls in flight, plus responses to
 * this call not collected yet */
static int call_in_flight(lua_State *L) {
  const struct call *c = check_call(L);

  lua_pushinteger(L, (lua_Integer)(c->engine->multi.used + c->queue.ready));
  return 1;
}

/* call:wait(seconds, redis): like engine:wait(), but does not wait if a
 * response is ready. A finalizer that used the engine may just have delivered
 * it. */
static int call_wait(lua_State *L) {
  struct call *c = check_call(L);

  double seconds = luaL_checknumber(L, 2);

  if (c->queue.first == NULL)
    sm_engine_wait(c->engine, sm_redis_sockets(L, 3), seconds);
  return 0;
}

/* number = call:number(), as returned by engine:news() */
static int call_number(lua_State *L) {
  const struct call *c = luaL_checkudata(L, 1, SM_CALL);

  sm_pushwhole(L, c->queue.number);
  return 1;
}

/* __gc: abandons all requests in flight. */
static int call_gc(lua_State *L) {
  struct call *c = luaL_checkudata(L, 1, SM_CALL);

  sm_queue_leave(&c->queue);
  return 0;
}

static const luaL_Reg call_methods[] = {
    {"submit", call_submit},
    {"offer", call_offer},
    {"serve", call_serve},
    {"collect", call_collect},
    {"codes", call_codes},
    {"forsake", call_forsake},
    {"ready", call_ready},
    {"in_flight", call_in_flight},
    {"wait", call_wait},
    {"number", call_number},
    {NULL, NULL},
};

static const luaL_Reg call_metamethods[] = {
    {"__gc", call_gc},
    {NULL, NULL},
};

void sm_call_init(lua_State *L) {
  sm_newtype(L, SM_CALL, call_methods, call_metamethods);
  lua_pushcfunction(L, give_out);
  lua_setfield(L, LUA_REGISTRYINDEX, SM_GIVE_OUT);
}
