/*
 * libcurl.c - preloaded, a libcurl whose functions fail when they are told to,
 * as another one may, or this one on a worse day, and what the core asks the
 * system for its sake; and a Lua module to tell it.
 */

/* Whether these take a const differs from one libcurl to the next. */
#define curl_url_dup declared_url_dup
#define curl_url_get declared_url_get
#include <curl/curl.h>
#undef curl_url_dup
#undef curl_url_get

#include <dlfcn.h>
#include <errno.h>
#include <lauxlib.h>
#include <link.h>
#include <lua.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* As macros they look at their arguments only to warn. */
#undef curl_easy_setopt

/* All that can fail, by its number. */
static const char *const names[] = {
    "curl_global_init",
    "curl_easy_init",
    "curl_easy_duphandle",
    "curl_easy_setopt",
    "curl_multi_init",
    "curl_multi_add_handle",
    "curl_multi_socket_action",
    "curl_multi_info_read",
    "curl_slist_append",
    "curl_url",
    "curl_url_dup",
    "curl_url_set",
    "curl_url_get",
    "dladdr",
    "epoll_create1",
    "epoll_ctl",
    "socket",
    "getsockname",
    "recv",
    NULL,
};

enum {
  GLOBAL_INIT,
  EASY_INIT,
  EASY_DUP,
  SETOPT,
  MULTI_INIT,
  ADD_HANDLE,
  SOCKET_ACTION,
  INFO_READ,
  SLIST_APPEND,
  URL,
  URL_DUP,
  URL_SET,
  URL_GET,
  DLADDR,
  EPOLL_CREATE,
  EPOLL_CTL,
  SOCKET,
  GETSOCKNAME,
  RECV
};

/* What is to fail, and how. */
static struct plan {
  int number, code, is_sticky;
  long at, calls;
} plans[2] = {{-1, 0, 0, 0, 0}, {-1, 0, 0, 0, 0}};
static int code; /* that of the call that fails now */

static long handles; /* live ones of the core: easy, multi and url */
static const char *ssl_version;
static int has_ssl_version;

static int find_code(const void *address, Dl_info *info) {
  union {
    void *address;
    int (*function)(const void *, Dl_info *);
  } next = {dlsym(RTLD_NEXT, "dladdr")};

  return next.function(address, info);
}

/* libcurl's own calls are its own affair. */
static int is_core(const void *caller) {
  Dl_info info;

  return find_code(caller, &info) && strstr(info.dli_fname, "core.so") != NULL;
}

static int fails_from(int number, const void *caller) {
  int i;

  for (i = 0; i < 2; i++) {
    struct plan *plan = &plans[i];

    if (number != plan->number || !is_core(caller))
      continue;
    plan->calls++;
    code = plan->code;
    return plan->calls == plan->at ||
           (plan->is_sticky && plan->calls > plan->at);
  }
  return 0;
}

#define fails(number) fails_from(number, __builtin_return_address(0))

/* The first library that is called so, but for this one. */
static int find_libcurl(struct dl_phdr_info *info, size_t size, void *path) {
  const char *name = strrchr(info->dlpi_name, '/');
  Dl_info own;

  (void)size;
  if (name == NULL || strncmp(name, "/libcurl", 8) != 0 ||
      (find_code(names, &own) && strcmp(own.dli_fname, info->dlpi_name) == 0))
    return 0;
  *(char **)path = strdup(info->dlpi_name);
  return 1;
}

/* The core's libcurl is not among those that RTLD_NEXT finds. */
static void *real(const char *name) {
  static void *library;
  char *path = NULL;

  if (library == NULL && dl_iterate_phdr(find_libcurl, &path) && path != NULL)
    library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  free(path);
  return dlsym(library, name);
}

/* C has no cast from objects to functions; gcc has one by way of a pointer. */
#define REAL(name) (*(__typeof__(&name) *)&(void *){real(#name)})

static void *count(void *handle, const void *caller, int by) {
  if (handle != NULL && is_core(caller))
    handles += by;
  return handle;
}

#define counted(handle) count(handle, __builtin_return_address(0), 1)
#define cleaned(handle) count(handle, __builtin_return_address(0), -1)

CURLcode curl_global_init(long flags) {
  return fails(GLOBAL_INIT) ? (CURLcode)code : REAL(curl_global_init)(flags);
}

CURL *curl_easy_init(void) {
  return fails(EASY_INIT) ? NULL : counted(REAL(curl_easy_init)());
}

CURL *curl_easy_duphandle(CURL *easy) {
  return fails(EASY_DUP) ? NULL : counted(REAL(curl_easy_duphandle)(easy));
}

void curl_easy_cleanup(CURL *easy) {
  REAL(curl_easy_cleanup)(cleaned(easy));
}

CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
  va_list list;
  CURLcode rc;

  if (fails(SETOPT))
    return (CURLcode)code;
  va_start(list, option);
  if (option < CURLOPTTYPE_OBJECTPOINT)
    rc = REAL(curl_easy_setopt)(easy, option, va_arg(list, long));
  else if (option < CURLOPTTYPE_OFF_T)
    rc = REAL(curl_easy_setopt)(easy, option, va_arg(list, void *));
  else
    rc = REAL(curl_easy_setopt)(easy, option, va_arg(list, curl_off_t));
  va_end(list);
  return rc;
}

CURLMcode curl_multi_cleanup(CURLM *multi) {
  return REAL(curl_multi_cleanup)(cleaned(multi));
}

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy) {
  return fails(ADD_HANDLE) ? (CURLMcode)code
                           : REAL(curl_multi_add_handle)(multi, easy);
}

CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int events,
                                   int *running) {
  return fails(SOCKET_ACTION)
             ? (CURLMcode)code
             : REAL(curl_multi_socket_action)(multi, fd, events, running);
}

/* Fails by what it says of the request. Only messages count. */
CURLMsg *curl_multi_info_read(CURLM *multi, int *left) {
  CURLMsg *message = REAL(curl_multi_info_read)(multi, left);

  if (message != NULL && fails(INFO_READ))
    message->data.result = (CURLcode)code;
  return message;
}

struct curl_slist *curl_slist_append(struct curl_slist *list,
                                     const char *text) {
  return fails(SLIST_APPEND) ? NULL : REAL(curl_slist_append)(list, text);
}

CURLU *curl_url(void) {
  return fails(URL) ? NULL : counted(REAL(curl_url)());
}

CURLU *curl_url_dup(const CURLU *url);
CURLUcode curl_url_get(const CURLU *url, CURLUPart part, char **text,
                       unsigned flags);

CURLU *curl_url_dup(const CURLU *url) {
  return fails(URL_DUP) ? NULL : counted(REAL(curl_url_dup)(url));
}

void curl_url_cleanup(CURLU *url) {
  REAL(curl_url_cleanup)(cleaned(url));
}

CURLUcode curl_url_set(CURLU *url, CURLUPart part, const char *text,
                       unsigned flags) {
  return fails(URL_SET) ? (CURLUcode)code
                        : REAL(curl_url_set)(url, part, text, flags);
}

CURLUcode curl_url_get(const CURLU *url, CURLUPart part, char **text,
                       unsigned flags) {
  return fails(URL_GET) ? (CURLUcode)code
                        : REAL(curl_url_get)(url, part, text, flags);
}

curl_version_info_data *curl_version_info(CURLversion version) {
  static curl_version_info_data told;

  told = *REAL(curl_version_info)(version);
  if (has_ssl_version)
    told.ssl_version = ssl_version;
  return &told;
}

/* By its code: 0, it finds nothing; else it tells 1 no file, 2 one that is not
 * there, 3 one without OpenSSL. */
int dladdr(const void *address, Dl_info *info) {
  if (!fails(DLADDR))
    return find_code(address, info);
  if (code == 3)
    return find_code(dlsym(RTLD_NEXT, "malloc"), info);
  memset(info, 0, sizeof(*info));
  info->dli_fname = code == 2 ? "/nowhere/libcurl.so" : NULL;
  return code != 0;
}

/* A system call that fails sets errno. */
static int lets_down(int number, const void *caller) {
  if (!fails_from(number, caller))
    return 0;
  errno = code;
  return 1;
}

#define fails_call(number) lets_down(number, __builtin_return_address(0))

CURLM *curl_multi_init(void) {
  return fails_call(MULTI_INIT) ? NULL : counted(REAL(curl_multi_init)());
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int epoll_create1(int flags) {
  return fails_call(EPOLL_CREATE) ? -1 : NEXT(epoll_create1)(flags);
}

int epoll_ctl(int epoll, int how, int fd, struct epoll_event *event) {
  return fails_call(EPOLL_CTL) ? -1 : NEXT(epoll_ctl)(epoll, how, fd, event);
}

int socket(int domain, int type, int protocol) {
  return fails_call(SOCKET) ? -1 : NEXT(socket)(domain, type, protocol);
}

int getsockname(int fd, struct sockaddr *address, socklen_t *len) {
  return fails_call(GETSOCKNAME) ? -1 : NEXT(getsockname)(fd, address, len);
}

ssize_t recv(int fd, void *to, size_t len, int flags) {
  return fails_call(RECV) ? -1 : NEXT(recv)(fd, to, len, flags);
}

static void set_plan(lua_State *L, struct plan *plan) {
  plan->number =
      lua_isnoneornil(L, 1) ? -1 : luaL_checkoption(L, 1, NULL, names);
  plan->at = (long)luaL_optinteger(L, 2, 0);
  plan->code = (int)luaL_optinteger(L, 3, 0);
  plan->is_sticky = lua_toboolean(L, 4);
  plan->calls = 0;
}

/* fail(name, n, code, is_sticky): the n-th call from now on of that function
 * fails with `code`, where it has one; is_sticky: all after it, too. Without a
 * name none does. */
static int fail(lua_State *L) {
  set_plan(L, &plans[0]);
  plans[1].number = -1;
  return 0;
}

/* also(name, n, code, is_sticky): so does this one */
static int also(lua_State *L) {
  set_plan(L, &plans[1]);
  return 0;
}

/* calls = made(): of what fail() named, since then */
static int made(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)plans[0].calls);
  return 1;
}

/* count = live(): handles that nobody has cleaned up */
static int live(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)handles);
  return 1;
}

/* ssl(text): what is said to be the library for TLS; none for false, and the
 * real one without */
static int ssl(lua_State *L) {
  has_ssl_version = !lua_isnoneornil(L, 1);
  ssl_version = lua_tostring(L, 1);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "ssl_version"); /* keeps the text */
  return 0;
}

static const luaL_Reg functions[] = {
    {"fail", fail}, {"also", also}, {"made", made},
    {"live", live}, {"ssl", ssl},   {NULL, NULL},
};

int luaopen_libcurl(lua_State *L);

int luaopen_libcurl(lua_State *L) {
  const luaL_Reg *f;

  lua_newtable(L);
  for (f = functions; f->name != NULL; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  return 1;
}
