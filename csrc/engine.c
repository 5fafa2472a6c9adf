#include "engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fork.h"
#include "items.h"
#include "prepare.h"
#include "redis.h"
#include "secret.h"
#include "slot.h"

#define SM_ENGINE "stopmsg.engine"
#define SM_PREVIEW "stopmsg.preview"

/* Where give_out() is kept: some Luas make a new object of a C function. */
#define SM_GIVE_OUT "stopmsg.give_out"

/* More requests in flight than this help nobody. */
#define SM_MAX_SLOTS 1024

/* How often libcurl's timer is answered in one step. */
#define SM_MAX_TIMERS 8

struct engine {
  int is_open;
  int has_met_sandbox; /* one of the answers was from our own sandbox */
  CURLM *multi;        /* NULL before the first request, and after a failure */
  CURLMcode fault;     /* what the multi handle failed with, until it is gone */
  CURL *model; /* an easy handle with the options that all slots share */
  pid_t pid;   /* handles must not be used, nor freed, by a forked child */
  struct curl_slist *resolve;
  struct sm_sockets sockets;
  struct sm_op **ops;
  size_t op_count;
  struct sm_slot **slots;
  size_t slot_count; /* made so far */
  struct sm_slot *first_free;
  size_t slot_limit;
  size_t max_response;
  size_t stuck; /* slots that wait for a resolver, not counted as used */
  struct sm_slot *first_done;
  struct sm_slot *last_done;
  int lost_port; /* of a connection that was lost before it answered, or 0 */
  double next_expiry; /* no busy slot expires before this */
  double timer;       /* when libcurl wants to be called; 0 for not at all */
  int has_no_proxy;   /* not even the environment's */
  struct sm_slot *giving; /* its answer is being given out */
  int is_doomed;          /* and then the engine is to be closed */
};

/* Seconds of a clock that nobody sets. */
static double now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* seconds = core.now() */
int sm_engine_now(lua_State *L) {
  lua_pushnumber(L, now());
  return 1;
}

/* The engine at stack index 1; raises when it is closed, or a parent's. */
static struct engine *check_open(lua_State *L) {
  struct engine *e = luaL_checkudata(L, 1, SM_ENGINE);

  if (!e->is_open || e->is_doomed)
    luaL_error(L, "attempt to use a closed engine");
  if (e->pid != sm_fork_pid())
    luaL_error(L, "attempt to use an engine of another process");
  return e;
}

static int push_fault(lua_State *L, const char *message, int code) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_pushinteger(L, code);
  return 3;
}

/* Detached resolver threads run on in libcurl after everything is closed, so
 * it must stay mapped when lua_close() unloads this module. */
static void pin_libcurl(void) {
  union {
    CURLMcode (*function)(CURLM *, int *);
    void *address;
  } curl = {curl_multi_perform};
  Dl_info info;

  if (dladdr(curl.address, &info) != 0)
    (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/* Lua states of several threads may come here at once. What failed once, for
 * the lack of memory, is tried again. */
CURLcode sm_engine_init_curl(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static int is_ready;
  CURLcode rc = CURLE_OK;

  (void)pthread_mutex_lock(&lock);
  if (!is_ready)
    rc = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (!is_ready && rc == CURLE_OK) {
    pin_libcurl();
    is_ready = 1;
  }
  (void)pthread_mutex_unlock(&lock);
  return rc;
}

/* What libcurl cannot do; but the lack of memory always raises. */
static int push_curl_fault(lua_State *L, CURLcode rc) {
  if (rc == CURLE_OUT_OF_MEMORY)
    return luaL_error(L, "not enough memory");
  return push_fault(L, curl_easy_strerror(rc), (int)rc);
}

/* A string option of the table at index 1, given to libcurl when it is there.
 */
static CURLcode set_string(lua_State *L, CURL *easy, const char *name,
                           CURLoption option) {
  CURLcode rc = CURLE_OK;

  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1)) {
    size_t len;
    const char *text = luaL_checklstring(L, -1, &len);

    if (sm_header_fault(text, len) != NULL)
      luaL_error(L, "%s %s", name, sm_header_fault(text, len));
    rc = curl_easy_setopt(easy, option, text);
  }
  lua_pop(L, 1);
  return rc;
}

static int get_flag(lua_State *L, const char *name) {
  int is_set;

  lua_getfield(L, 1, name);
  is_set = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_set;
}

static lua_Number get_number(lua_State *L, const char *name) {
  lua_Number n;

  lua_getfield(L, 1, name);
  n = luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return n;
}

/* libcurl's one timer: milliseconds from now, -1 to stop it. */
static int on_timer(CURLM *multi, long milliseconds, void *user) {
  struct engine *e = user;

  (void)multi;
  e->timer = milliseconds < 0 ? 0 : now() + (double)milliseconds / 1000;
  return 0;
}

static CURLcode set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}

/* The options that all requests of the engine share. */
static CURLcode set_common(lua_State *L, struct engine *e) {
  CURL *easy = e->model;
  /* An older libcurl cannot be kept from repeating a refused stream. */
  int is_http2 = get_flag(L, "http2") && SM_CURL_AT_LEAST(7, 80, 0);
  long verify = get_flag(L, "insecure") ? 0 : 1;
#if SM_CURL_AT_LEAST(7, 87, 0)
  long connect = (long)(get_number(L, "connect_timeout") * 1000);
#else
  /* This libcurl would wait for its resolver thread when that time is up. */
  long connect = 86400L * 1000;
#endif
  CURLcode rc;

  e->sockets.is_shared = is_http2;
  e->sockets.is_http2_offered = is_http2;
  rc = set_long(easy, CURLOPT_NOSIGNAL, 1);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_FOLLOWLOCATION, 0);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_NETRC, CURL_NETRC_IGNORED);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_SSL_VERIFYPEER, verify);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_HTTP_VERSION,
                  is_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
  /* Never CURLOPT_PIPEWAIT: all requests would wait for one whose handshake
   * stalls, and since 8.10 for the first answer, where the server does not
   * speak HTTP/2. */
  /* libcurl deals this out over a host's addresses; the attempt's own end is
   * kept by expire(), which lets an answer that is there already win. */
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, connect > 0 ? connect : 1);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, sm_sockets_open);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &e->sockets);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, sm_sockets_close);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, &e->sockets);
#if SM_CURL_AT_LEAST(7, 87, 0)
  /* Letting go of a handle must not wait for its resolver thread. */
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_QUICK_EXIT, 1);
#endif
  if (rc == CURLE_OK)
    rc = set_string(L, easy, "ca_file", CURLOPT_CAINFO);
  if (rc == CURLE_OK)
    rc = set_string(L, easy, "ca_path", CURLOPT_CAPATH);
  if (rc == CURLE_OK)
    rc = set_string(L, easy, "cert_file", CURLOPT_SSLCERT);
  if (rc == CURLE_OK)
    rc = set_string(L, easy, "key_file", CURLOPT_SSLKEY);
  /* Or OpenSSL would ask the terminal for the password of a locked key. */
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
  if (rc == CURLE_OK)
    rc = set_string(L, easy, "proxy", CURLOPT_PROXY);
  if (rc == CURLE_OK)
    rc = set_string(L, easy, "user_agent", CURLOPT_USERAGENT);
  lua_getfield(L, 1, "proxy");
  e->has_no_proxy = lua_isstring(L, -1) && lua_rawlen(L, -1) == 0;
  /* Or libcurl would look for exceptions in the environment, each time. */
  if (rc == CURLE_OK && e->has_no_proxy)
    rc = curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  lua_pop(L, 1);
  return rc;
}

/* Options of newer libcurls, by their numbers: this one may be newer than the
 * headers. An older one refuses them, and needs neither. */
#define SM_RESOLVE_THREADS_MAX ((CURLMoption)(CURLOPTTYPE_LONG + 20))
#define SM_QUICK_EXIT ((CURLMoption)(CURLOPTTYPE_LONG + 21))

/* A multi handle that calls back to the engine; NULL, and errno where that is
 * known, when none can be made. */
static CURLM *new_multi(struct engine *e) {
  CURLM *multi;

  errno = 0;
  multi = curl_multi_init();
  if (multi == NULL)
    return NULL;
  /* Its cleanup must not wait for resolver threads, and those that hang must
   * not keep others from being asked. */
  (void)curl_multi_setopt(multi, SM_QUICK_EXIT, 1L);
  (void)curl_multi_setopt(multi, SM_RESOLVE_THREADS_MAX, (long)SM_MAX_SLOTS);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)e->slot_limit);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, sm_sockets_watch);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, &e->sockets);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, e);
  return multi;
}

/* The list at index `list`, appended to *to. Raises on what is no string; what
 * was appended by then is still the caller's. */
static int append_strings(lua_State *L, int list, struct curl_slist **to) {
  size_t i, count = lua_rawlen(L, list);

  for (i = 1; i <= count; i++) {
    struct curl_slist *longer;

    lua_rawgeti(L, list, (int)i);
    longer = curl_slist_append(*to, luaL_checkstring(L, -1));
    if (longer == NULL)
      return 0;
    *to = longer;
    lua_pop(L, 1);
  }
  return 1;
}

/*
 * engine = core.engine(options) | nil, message, code
 *
 * options: slots, connect_timeout (seconds), max_response (bytes), http2,
 * insecure, ca_file, ca_path, cert_file, key_file, proxy, user_agent, resolve
 * (a list for CURLOPT_RESOLVE).
 */
int sm_engine_new(lua_State *L) {
  struct engine *e;
  lua_Number slots, max_response;
  CURLcode rc;

  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  slots = get_number(L, "slots");
  max_response = get_number(L, "max_response");
  luaL_argcheck(L, slots >= 1 && slots <= SM_MAX_SLOTS, 1,
                "slots out of range");
  luaL_argcheck(L, max_response >= 1 && max_response < 1e15, 1,
                "max_response out of range");

  /* Typed and closed first: whatever fails from here on is left to __gc. */
  e = lua_newuserdata(L, sizeof(*e));
  memset(e, 0, sizeof(*e));
  luaL_getmetatable(L, SM_ENGINE);
  lua_setmetatable(L, -2);

  rc = sm_engine_init_curl();
  if (rc != CURLE_OK)
    return push_curl_fault(L, rc);
  e->pid = sm_fork_pid();
  e->slot_limit = (size_t)slots;
  e->max_response = (size_t)max_response;
  e->is_open = 1;
  e->model = curl_easy_init();
  e->slots = calloc((size_t)SM_MAX_SLOTS, sizeof(*e->slots));
  if (e->model == NULL || e->slots == NULL)
    return luaL_error(L, "not enough memory");
  rc = set_common(L, e);
  if (rc == CURLE_OK) {
    lua_getfield(L, 1, "resolve");
    if (lua_istable(L, -1) && !append_strings(L, lua_gettop(L), &e->resolve))
      return luaL_error(L, "not enough memory");
  }
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

static int is_used(const struct engine *e, const struct sm_auth *auth) {
  size_t i;

  for (i = 0; i < e->slot_count; i++)
    if (e->slots[i]->request.auth == auth)
      return 1;
  return 0;
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
    if (is_used(e, *older))
      older = &(*older)->older;
    else
      sm_auth_drop(older);
  }
  return 0;
}

static void free_slot(struct engine *e, struct sm_slot *s) {
  sm_request_forget(&s->request);
  s->state = SM_SLOT_FREE;
  s->next = e->first_free;
  e->first_free = s;
}

/* A slot that is free, made where the limit allows one more; NULL when all
 * are in use. A stuck slot lends its place, but not for ever. */
static struct sm_slot *find_slot(lua_State *L, struct engine *e) {
  size_t limit = e->slot_limit + e->stuck;
  struct sm_slot *s;

  if (e->first_free != NULL)
    return e->first_free;
  if (e->slot_count >= limit || e->slot_count >= SM_MAX_SLOTS)
    return NULL;
  s = sm_slot_new(e->model, e->resolve, &e->sockets, e->max_response);
  if (s == NULL)
    luaL_error(L, "not enough memory");
  e->slots[e->slot_count++] = s;
  s->number = e->slot_count;
  free_slot(e, s);
  return s;
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

static void slot_done(struct engine *e, struct sm_slot *s, CURLcode result) {
  s->state = SM_SLOT_DONE;
  s->result = result;
  s->next = NULL;
  if (e->last_done != NULL)
    e->last_done->next = s;
  else
    e->first_done = s;
  e->last_done = s;
}

/* A multi handle that has failed is not to be trusted with anything more, but
 * for the removal of its requests: they are given out as lost, each with the
 * stage it had reached, and the next request makes another. False where that
 * would wait for a resolver. */
static int drop_multi(struct engine *e) {
  size_t i;

  if (e->stuck > 0)
    return 0;
  for (i = 0; i < e->slot_count; i++) {
    struct sm_slot *s = e->slots[i];

    if (s->state != SM_SLOT_BUSY)
      continue;
    curl_multi_remove_handle(e->multi, s->request.easy);
    s->is_nomem = e->fault == CURLM_OUT_OF_MEMORY;
    slot_done(e, s, CURLE_ABORTED_BY_CALLBACK);
  }
  curl_multi_cleanup(e->multi);
  sm_sockets_forget(&e->sockets);
  e->multi = NULL;
  e->timer = 0;
  e->fault = CURLM_OK;
  return 1;
}

/* What the multi handle said, and what it kept to itself. */
static void note_fault(struct engine *e, CURLMcode rc) {
  if (rc == CURLM_OK && e->sockets.is_broken)
    rc = CURLM_ABORTED_BY_CALLBACK;
  e->fault = rc;
}

/* Gives out a request that libcurl did not take. */
static void refuse(struct engine *e, struct sm_slot *s, CURLcode result,
                   const char *why) {
  (void)snprintf(s->error, sizeof(s->error), "%s", why);
  s->is_rejected = 1;
  e->first_free = s->next;
  slot_done(e, s, result);
}

/* Hands the slot's request to libcurl, or gives it out at once: the lack of a
 * descriptor is a connection that cannot be made, and may pass. Fails for the
 * lack of memory alone. */
static CURLMcode begin(struct engine *e, struct sm_slot *s) {
  int has_room = sm_sockets_begin(&e->sockets);
  CURLMcode rc;

  if (has_room && e->multi == NULL) {
    e->multi = new_multi(e);
    has_room = e->multi != NULL;
    if (!has_room && errno != EMFILE && errno != ENFILE)
      return CURLM_OUT_OF_MEMORY;
  }
  if (!has_room) {
    refuse(e, s, CURLE_COULDNT_CONNECT, strerror(errno));
    return CURLM_OK;
  }
  rc = curl_multi_add_handle(e->multi, s->request.easy);
  if (rc == CURLM_OUT_OF_MEMORY)
    return rc;
  if (rc != CURLM_OK) {
    e->fault = rc;
    refuse(e, s, CURLE_ABORTED_BY_CALLBACK, curl_multi_strerror(rc));
    return CURLM_OK;
  }
  e->first_free = s->next;
  s->state = SM_SLOT_BUSY;
  if (e->next_expiry == 0 || s->expires < e->next_expiry)
    e->next_expiry = s->expires;
  return CURLM_OK;
}

/*
 * slot = engine:submit(operation, ids, first, last, timeout, uuid, lines)
 *      | nil, message
 *
 * One request with the ids at first..last, given up after `timeout` seconds.
 * `uuid` is what the operation's templates call so, if they do; `lines` are
 * header lines of this request alone, or nil. nil when no
 * slot is free or the request would be too large.
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
  s = find_slot(L, e);
  if (s == NULL)
    return push_fault(L, "no free slot", 0);

  read_values(L, first, last, 7, &values);
  status = sm_request_begin(&s->request, op, &values);
  if (status == SM_OK && op->fields.list.len > 0)
    status = sm_reader_begin(&s->reader, &op->fields,
                             last >= first ? (size_t)(last - first) + 1 : 0);
  if (status == SM_OK)
    status = write_ids(L, &s->request, &s->reader, first, last);
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
  /* engine:start() may have been the last call before this one. */
  if (e->fault != CURLM_OK && !drop_multi(e))
    return luaL_error(L, "%s", curl_multi_strerror(e->fault));

  sm_slot_reset(s);
  s->expires = now() + timeout;
  if (begin(e, s) != CURLM_OK)
    return luaL_error(L, "not enough memory");
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
 *   = engine:preview(operation, ids, first, last, uuid)
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
  lua_settop(L, 6);
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

/* What the server turned out to speak tells how its connections are used. */
static void learn_version(struct engine *e, CURL *easy) {
  long version = 0;

  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
  if (version == CURL_HTTP_VERSION_2_0)
    e->sockets.is_shared = 1;
  else if (version == CURL_HTTP_VERSION_1_1 || version == CURL_HTTP_VERSION_1_0)
    e->sockets.is_shared = 0;
}

/* What was sent over the connection of `refused` was not read either. */
static void share_refusal(struct engine *e, const struct sm_slot *refused) {
  size_t i;

  for (i = 0; i < e->slot_count; i++)
    if (e->slots[i]->state != SM_SLOT_FREE)
      sm_slot_share_refusal(e->slots[i], refused);
}

/* Takes what libcurl has finished out of the multi handle. */
static void harvest(struct engine *e) {
  CURLMsg *message;
  int left;

  while ((message = curl_multi_info_read(e->multi, &left)) != NULL) {
    CURLcode result = message->data.result; /* gone after the removal */
    char *private = NULL;
    struct sm_slot *s;

    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    curl_multi_remove_handle(e->multi, message->easy_handle);
    s = (struct sm_slot *)(void *)private;
    learn_version(e, s->request.easy);
    if (result == CURLE_OK)
      sm_slot_decode(s);
    /* Nothing was sent: it costs no attempt. */
    if (s->state == SM_SLOT_BUSY && sm_slot_refresh(s)) {
      CURLMcode rc = curl_multi_add_handle(e->multi, s->request.easy);

      if (rc == CURLM_OK)
        continue;
      s->is_rejected = 1;
      s->is_nomem = rc == CURLM_OUT_OF_MEMORY;
      e->fault = rc;
    }
    if (s->state == SM_SLOT_BUSY)
      slot_done(e, s, result);
    if (sm_slot_is_refused(s))
      share_refusal(e, s);
    else if (result != CURLE_OK && s->header_bytes == 0)
      e->lost_port = s->port;
    if (s->state == SM_SLOT_STUCK) {
      free_slot(e, s);
      e->stuck--;
    }
    s->is_held = 0;
  }
}

/* Ends the attempts whose time is up. This comes after libcurl has read what
 * was there, so that a caller who was busy elsewhere loses no answer. */
static void expire(struct engine *e) {
  double t = now(), next = 0;
  size_t i;

  if (e->next_expiry == 0 || t < e->next_expiry)
    return;
  for (i = 0; i < e->slot_count; i++) {
    struct sm_slot *s = e->slots[i];

    if (s->state != SM_SLOT_BUSY)
      continue;
    if (s->expires > t) {
      if (next == 0 || s->expires < next)
        next = s->expires;
      continue;
    }
    s->is_expired = 1;
    s->is_held = sm_slot_is_resolving(s);
    if (!s->is_held)
      curl_multi_remove_handle(e->multi, s->request.easy);
    slot_done(e, s, CURLE_OPERATION_TIMEDOUT);
  }
  e->next_expiry = next;
}

/* Tells libcurl that its time has come, where it has. */
static CURLMcode move_timers(struct engine *e) {
  CURLMcode rc = CURLM_OK;
  int i, running;

  /* It may want to be called again at once, but others have work, too. */
  for (i = 0; i < SM_MAX_TIMERS && rc == CURLM_OK; i++) {
    if (e->timer == 0 || e->timer > now())
      break;
    e->timer = 0;
    rc = curl_multi_socket_action(e->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  return rc;
}

/* The same, and which sockets are ready. */
static CURLMcode move(struct engine *e) {
  CURLMcode rc = CURLM_OK;
  int i, running;

  sm_sockets_wait(&e->sockets, 0);
  for (i = 0; i < e->sockets.ready_count && rc == CURLM_OK; i++) {
    const struct sm_ready *ready = &e->sockets.ready[i];

    if (ready->events != 0)
      rc = curl_multi_socket_action(e->multi, ready->fd, ready->events,
                                    &running);
  }
  e->sockets.ready_count = 0;
  return rc == CURLM_OK ? move_timers(e) : rc;
}

static int is_port_busy(const struct engine *e, int port) {
  size_t i;

  for (i = 0; i < e->slot_count; i++)
    if (e->slots[i]->state == SM_SLOT_BUSY && e->slots[i]->port == port)
      return 1;
  return 0;
}

/* Of requests that shared a lost connection only one is told why it was, and
 * not the first one: lets libcurl go on until it has told them all. */
static CURLMcode hear_why(struct engine *e) {
  CURLMcode rc = CURLM_OK;
  int i, port = e->lost_port;

  e->lost_port = 0;
  for (i = 0; i < SM_MAX_TIMERS && rc == CURLM_OK; i++) {
    if (port == 0 || !is_port_busy(e, port))
      break;
    rc = move(e);
    harvest(e);
  }
  return rc;
}

/* true, has_done = engine:step() | nil, message, code: moves what can be moved;
 * whether there is something to collect */
static int engine_step(lua_State *L) {
  struct engine *e = check_open(L);

  if (e->multi != NULL && e->fault == CURLM_OK) {
    note_fault(e, move(e));
    harvest(e);
    if (e->fault == CURLM_OK && e->lost_port != 0)
      e->fault = hear_why(e);
  }
  if (e->fault != CURLM_OK && !drop_multi(e))
    return push_fault(L, curl_multi_strerror(e->fault), (int)e->fault);
  expire(e);
  lua_pushboolean(L, 1);
  lua_pushboolean(L, e->first_done != NULL);
  return 2;
}

/* engine:start(): lets new requests leave, and does not look at what has come.
 * What fails is told by the next step. */
static int engine_start(lua_State *L) {
  struct engine *e = check_open(L);

  if (e->multi != NULL && e->fault == CURLM_OK)
    note_fault(e, move_timers(e));
  return 0;
}

/* engine:wait(seconds, redis): until a socket or a timer wants a step, the
 * connection to Redis (which may be nil) has something, or the time is over */
static int engine_wait(lua_State *L) {
  struct engine *e = check_open(L);
  double seconds = luaL_checknumber(L, 2), t = now();

  if (e->first_done != NULL)
    return 0;
  if (e->next_expiry > 0 && e->next_expiry - t < seconds)
    seconds = e->next_expiry - t;
  if (e->timer > 0 && e->timer - t < seconds)
    seconds = e->timer - t;
  if (seconds > 60)
    seconds = 60;
  /* Rounded up: waking a little early would mean waiting twice. */
  sm_sockets_wait_both(&e->sockets, sm_redis_sockets(L, 3),
                       seconds > 0 ? (int)(seconds * 1000) + 1 : 0);
  return 0;
}

/* What engine_collect() gives, of the engine at index 1. */
static int give_out(lua_State *L) {
  const struct engine *e = lua_touserdata(L, 1);
  struct sm_slot *s = e->giving;
  char detail[CURL_ERROR_SIZE];
  const char *fault, *stage;
  long status = 0, connections = 0;

  curl_easy_getinfo(s->request.easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(s->request.easy, CURLINFO_NUM_CONNECTS, &connections);
  fault = sm_slot_fault(s);
  stage = sm_slot_stage(s, status);
  (void)snprintf(detail, sizeof(detail), "%s", fault ? sm_slot_detail(s) : "");

  lua_pushinteger(L, (lua_Integer)s->number);
  lua_pushinteger(L, (lua_Integer)status);
  if (fault == NULL && s->answer.len > 0 && !s->is_unreadable)
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
  if (fault == NULL && sm_slot_has_items(s))
    sm_items_move(sm_items_new(L), &s->reader.items);
  return lua_gettop(L) - 1;
}

static struct sm_slot *take_done(struct engine *e) {
  struct sm_slot *s = e->first_done;

  e->first_done = s->next;
  if (e->first_done == NULL)
    e->last_done = NULL;
  e->has_met_sandbox |= s->headers.is_sandbox;
  return s;
}

static void put_back(struct engine *e, struct sm_slot *s) {
  s->next = e->first_done;
  e->first_done = s;
  if (e->last_done == NULL)
    e->last_done = s;
}

static void engine_free(struct engine *e, CURLM *multi) {
  size_t i;

  if (multi != NULL) {
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, NULL);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, NULL);
  }

  for (i = 0; i < e->slot_count; i++) {
    struct sm_slot *s = e->slots[i];

    if (s->state == SM_SLOT_BUSY)
      curl_multi_remove_handle(multi, s->request.easy);
    sm_slot_free(s);
  }
  free(e->slots);
  if (multi != NULL)
    curl_multi_cleanup(multi);
  if (e->model != NULL)
    curl_easy_cleanup(e->model);
  curl_slist_free_all(e->resolve);
  sm_sockets_free(&e->sockets);
  for (i = 0; i < e->op_count; i++) {
    sm_op_free(e->ops[i]);
    free(e->ops[i]);
  }
  free(e->ops);
}

/* What a child inherited belongs to its parent's connections, and what a
 * resolver thread still holds cannot be freed without waiting for it: both
 * are left where they are, but for the tokens. */
static int must_abandon(const struct engine *e) {
  size_t i;

  if (e->pid != sm_fork_pid())
    return 1;
  for (i = 0; i < e->slot_count; i++) {
    const struct sm_slot *s = e->slots[i];

    if (s->is_held || (s->state == SM_SLOT_BUSY && sm_slot_is_resolving(s)))
      return 1;
  }
  return 0;
}

static void close_engine(struct engine *e) {
  struct engine owned = *e;
  size_t i;

  memset(e, 0, sizeof(*e));
  if (!must_abandon(&owned)) {
    engine_free(&owned, owned.multi);
    return;
  }
  for (i = 0; i < owned.op_count; i++)
    sm_op_forget(owned.ops[i]);
  for (i = 0; i < owned.slot_count; i++)
    sm_request_wipe(&owned.slots[i]->request);
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
 * and this one could be; body is then the rest of it.
 *
 * What Lua makes of an answer may set off finalizers, and some Luas run them
 * before they have copied a string's bytes. Those may close the engine, which
 * waits until the answer is out, or use it and collect the next one.
 */
static int engine_collect(lua_State *L) {
  struct engine *e = check_open(L);
  struct sm_slot *outer = e->giving, *s;
  int rc;

  if (e->first_done == NULL)
    return 0;
  lua_settop(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, SM_GIVE_OUT);
  lua_pushvalue(L, 1);
  s = take_done(e);
  e->giving = s;
  rc = lua_pcall(L, 1, LUA_MULTRET, 0);
  e->giving = outer;
  if (rc != 0) {
    put_back(e, s);
  } else if (s->is_held) {
    s->state = SM_SLOT_STUCK;
    e->stuck++;
  } else {
    free_slot(e, s);
  }
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
