#include "redis.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "easy.h"
#include "fork.h"
#include "resp.h"

#define SM_REDIS "stopmsg.redis"

/* Maximum bytes per read. */
#define SM_REDIS_CHUNK 16384

/* Maximum bytes of commands waiting to be written. */
#define SM_REDIS_MAX_OUT ((size_t)16 * 1024 * 1024)

/* Maximum number of times one step serves libcurl's timer. */
#define SM_REDIS_MAX_TIMERS 8

struct redis {
  int is_open;
  int is_connected;
  pid_t pid;    /* a forked child must not touch the connection */
  CURL *model;  /* holds the options; each connection uses a copy */
  CURLM *multi; /* NULL while neither connected nor connecting */
  CURL *easy;   /* stays in the multi handle, or libcurl loses its socket */
  double timer; /* when to call libcurl; 0: not at all */
  curl_socket_t fd;
  int is_blocked; /* the socket did not take all bytes */
  struct sm_sockets sockets;
  struct sm_buf out;     /* commands not yet being written */
  struct sm_buf sending; /* being written; TLS retries need this address */
  size_t sent;           /* bytes of `sending` written */
  struct sm_resp reply;
  size_t in_at, in_len;
  char in[SM_REDIS_CHUNK];
  char error[CURL_ERROR_SIZE];
};

static double now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns the connection at stack index 1; raises if it is closed or belongs to
 * the parent process. */
static struct redis *check_open(lua_State *L) {
  struct redis *r = luaL_checkudata(L, 1, SM_REDIS);

  if (!r->is_open)
    luaL_error(L, "attempt to use a closed connection");
  if (r->pid != sm_fork_pid())
    luaL_error(L, "attempt to use a connection of another process");
  return r;
}

static int on_timer(CURLM *multi, long milliseconds, void *user) {
  struct redis *r = user;

  (void)multi;
  r->timer = milliseconds < 0 ? 0 : now() + (double)milliseconds / 1000;
  return 0;
}

static void set_options(lua_State *L, struct redis *r) {
  CURL *easy = r->model;
#if SM_CURL_AT_LEAST(7, 87, 0)
  long connect = (long)(sm_easy_number(L, "connect_timeout") * 1000);
#else
  /* This libcurl would wait for its resolver thread when the timeout
   * expires. */
  long connect = 86400L * 1000;
#endif

  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
  /* Ignore proxies from the environment: they are for HTTP. */
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect > 0 ? connect : 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, sm_sockets_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &r->sockets);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, sm_sockets_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, &r->sockets);
#if SM_CURL_AT_LEAST(7, 87, 0)
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
  if (sm_easy_string(L, easy, "url", CURLOPT_URL) == CURLE_OUT_OF_MEMORY ||
      sm_easy_tls(L, easy) == CURLE_OUT_OF_MEMORY)
    luaL_error(L, "not enough memory");
}

/*
 * connection = core.redis(options): does not connect yet
 *
 * options: url (http://host:port, or https for TLS), connect_timeout (seconds),
 * limit (bytes of a reply), insecure, ca_file, ca_path, cert_file, key_file.
 */
int sm_redis_new(lua_State *L) {
  struct redis *r;
  lua_Number limit;

  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  limit = sm_easy_number(L, "limit");
  luaL_argcheck(L, limit >= 1 && limit <= 0x1p30, 1, "limit out of range");

  /* Set the type and the closed state first: __gc cleans up after any later
   * failure. */
  r = lua_newuserdata(L, sizeof(*r));
  memset(r, 0, sizeof(*r));
  luaL_getmetatable(L, SM_REDIS);
  lua_setmetatable(L, -2);

  r->fd = CURL_SOCKET_BAD;
  sm_resp_init(&r->reply, (size_t)limit);
  sm_buf_init(&r->out, SM_REDIS_MAX_OUT);
  sm_buf_init(&r->sending, SM_REDIS_MAX_OUT);
  r->out.is_secret = 1; /* may contain a password */
  r->sending.is_secret = 1;
  if (sm_easy_init_curl() != CURLE_OK)
    return luaL_error(L, "not enough memory");
  r->model = curl_easy_init();
  if (r->model == NULL)
    return luaL_error(L, "not enough memory");
  r->pid = sm_fork_pid();
  r->is_open = 1;
  set_options(L, r);
  return 1;
}

/* Whether releasing the connection would wait for a resolver thread. */
static int is_resolving(const struct redis *r) {
#if SM_CURL_AT_LEAST(7, 87, 0)
  (void)r;
  return 0;
#else
  curl_off_t resolved = 0;

  if (r->is_connected)
    return 0;
  curl_easy_getinfo(r->easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
  return resolved == 0;
#endif
}

/* Drops the connection, or the attempt to connect. Handles still used by a
 * resolver thread are left open. */
static void drop(struct redis *r) {
  if (r->multi != NULL && !is_resolving(r)) {
    curl_multi_remove_handle(r->multi, r->easy);
    curl_easy_cleanup(r->easy);
    curl_multi_cleanup(r->multi);
  }
  sm_sockets_forget(&r->sockets);
  r->multi = NULL;
  r->easy = NULL;
  r->timer = 0;
  r->fd = CURL_SOCKET_BAD;
  r->is_connected = 0;
  r->is_blocked = 0;
  sm_buf_reset(&r->out, SM_REDIS_CHUNK);
  sm_buf_reset(&r->sending, SM_REDIS_CHUNK);
  r->sent = 0;
}

static int push_fault(lua_State *L, const char *message, const char *kind) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_pushstring(L, kind);
  return 3;
}

/* Returns the failure, as a message for people and a kind for programs. The
 * connection is dropped. */
static int fail(lua_State *L, struct redis *r, CURLcode rc) {
  const char *kind;

  switch (rc) {
  case CURLE_OUT_OF_MEMORY:
    drop(r);
    return luaL_error(L, "not enough memory");
  case CURLE_COULDNT_RESOLVE_HOST:
    kind = "resolve";
    break;
  case CURLE_OPERATION_TIMEDOUT:
    kind = "timeout";
    break;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_ISSUER_ERROR:
    kind = "tls";
    break;
  default:
    kind = r->is_connected ? "lost" : "connect";
  }
  drop(r);
  return push_fault(L, r->error[0] != '\0' ? r->error : curl_easy_strerror(rc),
                    kind);
}

/* true = connection:connect() | nil, message, kind: begins to connect;
 * reconnects if already connected. Commands not yet sent are discarded. */
static int redis_connect(lua_State *L) {
  struct redis *r = check_open(L);

  drop(r);
  sm_resp_reset(&r->reply);
  r->in_at = r->in_len = 0;
  r->error[0] = '\0';
  if (!sm_sockets_begin(&r->sockets))
    return push_fault(L, strerror(errno), "connect");
  errno = 0;
  r->multi = curl_multi_init();
  if (r->multi == NULL && (errno == EMFILE || errno == ENFILE))
    return push_fault(L, strerror(errno), "connect");
  r->easy = r->multi != NULL ? curl_easy_duphandle(r->model) : NULL;
  if (r->easy == NULL) {
    if (r->multi != NULL)
      curl_multi_cleanup(r->multi);
    r->multi = NULL;
    return luaL_error(L, "not enough memory");
  }
  curl_multi_setopt(r->multi, CURLMOPT_SOCKETFUNCTION, sm_sockets_watch);
  curl_multi_setopt(r->multi, CURLMOPT_SOCKETDATA, &r->sockets);
  curl_multi_setopt(r->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(r->multi, CURLMOPT_TIMERDATA, r);
  curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->error);
  if (curl_multi_add_handle(r->multi, r->easy) != CURLM_OK) {
    drop(r);
    return luaL_error(L, "not enough memory");
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* Drives libcurl's attempt to connect. */
static CURLMcode move(struct redis *r) {
  CURLMcode rc = CURLM_OK;
  int i, running;

  (void)sm_sockets_wait(&r->sockets, 0);
  for (i = 0; i < r->sockets.ready_count && rc == CURLM_OK; i++) {
    const struct sm_ready *ready = &r->sockets.ready[i];

    if (ready->events != 0)
      rc = curl_multi_socket_action(r->multi, ready->fd, ready->events,
                                    &running);
  }
  r->sockets.ready_count = 0;
  for (i = 0; i < SM_REDIS_MAX_TIMERS && rc == CURLM_OK; i++) {
    if (r->timer == 0 || r->timer > now())
      break;
    r->timer = 0;
    rc = curl_multi_socket_action(r->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  return rc;
}

/* Sets the events to watch the socket for, once connected. */
static int watch(struct redis *r, int events) {
  return sm_sockets_watch(r->easy, r->fd, events, &r->sockets, NULL) == 0;
}

/* Whether the connection is open; otherwise *rc has the result of the
 * attempt. */
static int look(struct redis *r, CURLcode *rc) {
  CURLMsg *message;
  int left;

  *rc = CURLE_OK;
  while ((message = curl_multi_info_read(r->multi, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE)
      continue;
    *rc = message->data.result;
    if (*rc == CURLE_OK)
      *rc = curl_easy_getinfo(r->easy, CURLINFO_ACTIVESOCKET, &r->fd);
    if (*rc == CURLE_OK && r->fd == CURL_SOCKET_BAD)
      *rc = CURLE_COULDNT_CONNECT;
    if (*rc == CURLE_OK && !watch(r, CURL_POLL_IN))
      *rc = CURLE_OUT_OF_MEMORY;
    r->is_connected = *rc == CURLE_OK;
  }
  return r->is_connected;
}

/* Writes as much as the socket takes. */
static CURLcode flush(struct redis *r) {
  CURLcode rc = CURLE_OK;
  int was_blocked = r->is_blocked;

  r->is_blocked = 0;
  while (rc == CURLE_OK) {
    size_t written = 0;

    if (r->sent == r->sending.len) {
      struct sm_buf empty = r->sending;

      sm_buf_reset(&empty, SM_REDIS_CHUNK);
      r->sending = r->out;
      r->out = empty;
      r->sent = 0;
    }
    if (r->sending.len == 0)
      break;
    rc = curl_easy_send(r->easy, r->sending.bytes + r->sent,
                        r->sending.len - r->sent, &written);
    if (rc == CURLE_OK)
      r->sent += written;
  }
  if (rc == CURLE_AGAIN) {
    r->is_blocked = 1;
    rc = CURLE_OK;
  }
  if (rc == CURLE_OK && r->is_blocked != was_blocked &&
      !watch(r, r->is_blocked ? CURL_POLL_INOUT : CURL_POLL_IN))
    rc = CURLE_OUT_OF_MEMORY;
  return rc;
}

/*
 * is_connected, seconds = connection:step() | nil, message, kind
 *
 * Continues to connect, or writes. `seconds` is when to step again even without
 * activity; nil for never. kind: resolve, connect, tls, timeout, lost, idle.
 */
static int redis_step(lua_State *L) {
  struct redis *r = check_open(L);
  CURLcode rc = CURLE_OK;

  if (r->multi == NULL)
    return push_fault(L, "not connected", "idle");
  if (!r->is_connected) {
    CURLMcode moved = move(r);

    if (moved != CURLM_OK || r->sockets.is_broken)
      rc = moved == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY
                                        : CURLE_COULDNT_CONNECT;
    else
      (void)look(r, &rc);
  }
  if (rc == CURLE_OK && r->is_connected)
    rc = flush(r);
  if (rc != CURLE_OK)
    return fail(L, r, rc);
  lua_pushboolean(L, r->is_connected);
  if (r->is_connected || r->timer == 0)
    return 1;
  lua_pushnumber(L, r->timer > now() ? r->timer - now() : 0);
  return 2;
}

static enum sm_status add_head(struct sm_buf *b, char kind, size_t number) {
  char text[32];
  size_t at = sizeof(text);

  text[--at] = '\n';
  text[--at] = '\r';
  do
    text[--at] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  text[--at] = kind;
  return sm_buf_add(b, text + at, sizeof(text) - at);
}

/* flag = connection:send(words): adds a command, a list of strings, which
 * step() writes. Returns false if too much is already waiting. */
static int redis_send(lua_State *L) {
  struct redis *r = check_open(L);
  size_t before = r->out.len, i, count;
  enum sm_status status;

  luaL_checktype(L, 2, LUA_TTABLE);
  count = lua_rawlen(L, 2);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, 2, (int)i);
    if (lua_type(L, -1) != LUA_TSTRING)
      return luaL_error(L, "word %d of a command is a %s, not a string", (int)i,
                        luaL_typename(L, -1));
    lua_pop(L, 1);
  }
  status = add_head(&r->out, '*', count);
  for (i = 1; i <= count && status == SM_OK; i++) {
    size_t len;
    const char *word;

    lua_rawgeti(L, 2, (int)i);
    word = lua_tolstring(L, -1, &len);
    status = add_head(&r->out, '$', len);
    if (status == SM_OK)
      status = sm_buf_add(&r->out, word, len);
    if (status == SM_OK)
      status = sm_buf_add(&r->out, "\r\n", 2);
    lua_pop(L, 1);
  }
  if (status != SM_OK)
    r->out.len = before;
  if (status == SM_NOMEM)
    return luaL_error(L, "not enough memory");
  lua_pushboolean(L, status == SM_OK);
  return 1;
}

/* Pushes the next value of a complete reply: a string, a number, a list, false
 * for null, and { err = text } for an error. */
static void push_value(lua_State *L, struct sm_resp *reply) {
  struct sm_resp_part part;
  size_t i;

  luaL_checkstack(L, 4, "a reply is too deep");
  (void)sm_resp_next(reply, &part);
  switch (part.kind) {
  case '*':
    lua_createtable(L, (int)part.len, 0);
    for (i = 1; i <= part.len; i++) {
      push_value(L, reply);
      lua_rawseti(L, -2, (int)i);
    }
    break;
  case ':':
    sm_pushwhole(L, part.number);
    break;
  case '_':
    lua_pushboolean(L, 0);
    break;
  case '-':
    lua_createtable(L, 0, 1);
    lua_pushlstring(L, part.text, part.len);
    lua_setfield(L, -2, "err");
    break;
  default:
    lua_pushlstring(L, part.text, part.len);
  }
}

/* Pushes the complete reply and resets the reader. If memory runs out, the
 * reply is kept. */
static void push_reply(lua_State *L, struct sm_resp *reply) {
  reply->visited = 0;
  push_value(L, reply);
  sm_resp_reset(reply);
}

static const char *resp_fault(enum sm_resp_state state) {
  return state == SM_RESP_TOO_LARGE ? "a reply is larger than allowed"
                                    : "the answer is not that of a Redis";
}

/* Reads available bytes; *rc is CURLE_AGAIN if there are none. */
static void fill(struct redis *r, CURLcode *rc) {
  size_t count = 0;

  *rc = curl_easy_recv(r->easy, r->in, sizeof(r->in), &count);
  r->in_at = 0;
  r->in_len = *rc == CURLE_OK ? count : 0;
  if (*rc == CURLE_OK && count == 0) {
    (void)strcpy(r->error, "the connection was closed");
    *rc = CURLE_RECV_ERROR;
  }
}

/*
 * has, value = connection:receive() | nil, message, kind
 *
 * Returns the next reply as pushed by push_value(); has is false if it has not
 * arrived. kind: lost, protocol, idle.
 */
static int redis_receive(lua_State *L) {
  struct redis *r = check_open(L);
  enum sm_resp_state state = r->reply.state;

  while (state == SM_RESP_MORE) {
    size_t used;

    if (r->in_at == r->in_len) {
      CURLcode rc = CURLE_AGAIN;

      if (r->multi == NULL)
        return push_fault(L, "not connected", "idle");
      if (r->is_connected)
        fill(r, &rc);
      if (rc == CURLE_AGAIN) {
        lua_pushboolean(L, 0);
        return 1;
      }
      if (rc != CURLE_OK)
        return fail(L, r, rc);
    }
    state =
        sm_resp_feed(&r->reply, r->in + r->in_at, r->in_len - r->in_at, &used);
    r->in_at += used;
  }
  if (state == SM_RESP_NOMEM)
    return luaL_error(L, "not enough memory");
  if (state != SM_RESP_DONE) {
    drop(r);
    return push_fault(L, resp_fault(state), "protocol");
  }
  lua_pushboolean(L, 1);
  push_reply(L, &r->reply);
  return 2;
}

/* connection:wait(seconds): waits until step() or receive() has work, or the
 * time is over */
static int redis_wait(lua_State *L) {
  struct redis *r = check_open(L);
  double seconds = luaL_checknumber(L, 2), t = now();

  if (r->in_at < r->in_len)
    return 0;
  if (r->timer > 0 && r->timer - t < seconds)
    seconds = r->timer - t;
  if (seconds > 60)
    seconds = 60;
  r->sockets.ready_count = 0;
  (void)sm_sockets_wait(&r->sockets,
                        seconds > 0 ? (int)(seconds * 1000) + 1 : 0);
  return 0;
}

struct sm_sockets *sm_redis_sockets(lua_State *L, int index) {
  struct redis *r;

  if (lua_isnoneornil(L, index))
    return NULL;
  r = luaL_checkudata(L, index, SM_REDIS);
  return r->is_open && r->multi != NULL ? &r->sockets : NULL;
}

/* Also __gc and __close: idempotent. An inherited connection belongs to the
 * parent process and is left open. */
static int redis_close(lua_State *L) {
  struct redis *r = luaL_checkudata(L, 1, SM_REDIS);

  if (r->is_open && r->pid == sm_fork_pid()) {
    drop(r);
    curl_easy_cleanup(r->model);
    sm_sockets_free(&r->sockets);
  }
  r->is_open = 0;
  sm_buf_wipe(&r->out);
  sm_buf_wipe(&r->sending);
  sm_resp_free(&r->reply);
  return 0;
}

static int redis_tostring(lua_State *L) {
  struct redis *r = luaL_checkudata(L, 1, SM_REDIS);

  lua_pushfstring(L, "%s (%s)", SM_REDIS, r->is_open ? "open" : "closed");
  return 1;
}

/*
 * values, state = core.read_replies(text, piece, limit)
 *
 * Reads the replies in a text as a connection would if it arrived in pieces of
 * `piece` bytes. state: complete, more, broken, too_large.
 */
int sm_redis_read(lua_State *L) {
  static const char *const words[] = {"more", "complete", "broken", "too_large",
                                      "memory"};
  size_t len, at = 0, count = 0;
  const char *text = luaL_checklstring(L, 1, &len);
  lua_Integer piece = luaL_checkinteger(L, 2);
  lua_Number limit = luaL_checknumber(L, 3);
  struct redis *r;

  luaL_argcheck(L, piece >= 1, 2, "out of range");
  luaL_argcheck(L, limit >= 1 && limit <= 0x1p30, 3, "out of range");
  r = lua_newuserdata(L, sizeof(*r));
  memset(r, 0, sizeof(*r));
  luaL_getmetatable(L, SM_REDIS);
  lua_setmetatable(L, -2);
  sm_resp_init(&r->reply, (size_t)limit);
  lua_newtable(L);
  while (at < len && r->reply.state == SM_RESP_MORE) {
    size_t used;
    size_t most = len - at < (size_t)piece ? len - at : (size_t)piece;

    (void)sm_resp_feed(&r->reply, text + at, most, &used);
    at += used;
    if (r->reply.state == SM_RESP_DONE) {
      push_reply(L, &r->reply);
      lua_rawseti(L, -2, (int)++count);
    }
  }
  lua_pushstring(L, r->reply.state == SM_RESP_MORE && r->reply.bytes.len == 0
                        ? "complete"
                        : words[r->reply.state]);
  return 2;
}

static const luaL_Reg redis_methods[] = {
    {"connect", redis_connect},
    {"send", redis_send},
    {"step", redis_step},
    {"receive", redis_receive},
    {"wait", redis_wait},
    {"close", redis_close},
    {NULL, NULL},
};

static const luaL_Reg redis_metamethods[] = {
    {"__gc", redis_close},
    {"__close", redis_close},
    {"__tostring", redis_tostring},
    {NULL, NULL},
};

void sm_redis_init(lua_State *L) {
  sm_newtype(L, SM_REDIS, redis_methods, redis_metamethods);
}
