#include "easy.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "auth.h"

/* Keeps libcurl mapped when lua_close() unloads this module: detached resolver
 * threads continue to run in libcurl after everything is closed. */
static void pin_libcurl(void) {
  union {
    CURLMcode (*function)(CURLM *, int *);
    void *address;
  } curl = {curl_multi_perform};
  Dl_info info;

  if (dladdr(curl.address, &info) != 0)
    (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/* Thread-safe: Lua states of several threads may call it at once. If it ran out
 * of memory, the next call tries again. */
CURLcode sm_easy_init_curl(void) {
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

CURLcode sm_easy_string(lua_State *L, CURL *easy, const char *name,
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

lua_Number sm_easy_number(lua_State *L, const char *name) {
  lua_Number n;

  lua_getfield(L, 1, name);
  n = luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return n;
}

static CURLcode set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}

/* Whether the folder of certificates that libcurl looks into by default is that
 * of its default file, as on Debian, where the file has all of them. */
static int is_folder_needless(void) {
#if SM_CURL_AT_LEAST(7, 70, 0)
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

  if (info->age >= CURLVERSION_SEVENTH && info->cainfo && info->capath) {
    size_t len = strlen(info->capath);

    return strncmp(info->cainfo, info->capath, len) == 0 &&
           info->cainfo[len] == '/' &&
           strchr(info->cainfo + len + 1, '/') == NULL;
  }
#endif
  return 0;
}

/* Trusts ca_file and ca_path, or libcurl's defaults if neither is given.
 * libcurl remembers certificates only if they come from a file alone. To read
 * Debian's for each connection takes 20 ms, and a step may begin many. */
static CURLcode trust(lua_State *L, CURL *easy) {
  int has_file = get_flag(L, "ca_file"), has_path = get_flag(L, "ca_path");
  CURLcode rc = CURLE_OK;

  if (has_file || (!has_path && is_folder_needless()))
    rc = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  if (rc == CURLE_OK && has_path)
    rc = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
  if (rc == CURLE_OK)
    rc = sm_easy_string(L, easy, "ca_file", CURLOPT_CAINFO);
  if (rc == CURLE_OK)
    rc = sm_easy_string(L, easy, "ca_path", CURLOPT_CAPATH);
#if SM_CURL_AT_LEAST(7, 87, 0)
  /* Otherwise libcurl would notice a new file only after a day. */
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_CA_CACHE_TIMEOUT, 600);
#endif
  return rc;
}

CURLcode sm_easy_tls(lua_State *L, CURL *easy) {
  long verify = get_flag(L, "insecure") ? 0 : 1;
  CURLcode rc = set_long(easy, CURLOPT_SSL_VERIFYPEER, verify);

  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (rc == CURLE_OK)
    rc = trust(L, easy);
  if (rc == CURLE_OK)
    rc = sm_easy_string(L, easy, "cert_file", CURLOPT_SSLCERT);
  if (rc == CURLE_OK)
    rc = sm_easy_string(L, easy, "key_file", CURLOPT_SSLKEY);
  /* Otherwise OpenSSL would ask at the terminal for the password of an
   * encrypted key. */
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
  return rc;
}

CURLcode sm_easy_set(lua_State *L, CURL *easy, struct sm_sockets *sockets,
                     int *has_no_proxy) {
  /* An older libcurl cannot be kept from repeating a refused stream. */
  int is_http2 = get_flag(L, "http2") && SM_CURL_AT_LEAST(7, 80, 0);
#if SM_CURL_AT_LEAST(7, 87, 0)
  long connect = (long)(sm_easy_number(L, "connect_timeout") * 1000);
#else
  /* This libcurl would wait for its resolver thread when the timeout
   * expires. */
  long connect = 86400L * 1000;
#endif
  CURLcode rc;

  sockets->is_shared = is_http2;
  sockets->is_http2_offered = is_http2;
  rc = set_long(easy, CURLOPT_NOSIGNAL, 1);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_FOLLOWLOCATION, 0);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_NETRC, CURL_NETRC_IGNORED);
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_HTTP_VERSION,
                  is_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
  /* Never set CURLOPT_PIPEWAIT: all requests would wait for one whose handshake
   * stalls. Since 8.10 they would also wait for the first response if the
   * server does not speak HTTP/2. */
  /* libcurl divides this timeout among a host's addresses. expire() enforces
   * the timeout of the attempt, and lets a response win that has already
   * arrived. */
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, connect > 0 ? connect : 1);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, sm_sockets_open);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, sm_sockets_close);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets);
#if SM_CURL_AT_LEAST(7, 87, 0)
  /* Releasing a handle must not wait for its resolver thread. */
  if (rc == CURLE_OK)
    rc = set_long(easy, CURLOPT_QUICK_EXIT, 1);
#endif
  if (rc == CURLE_OK)
    rc = sm_easy_tls(L, easy);
  if (rc == CURLE_OK)
    rc = sm_easy_string(L, easy, "proxy", CURLOPT_PROXY);
  if (rc == CURLE_OK)
    rc = sm_easy_string(L, easy, "user_agent", CURLOPT_USERAGENT);
  lua_getfield(L, 1, "proxy");
  *has_no_proxy = lua_isstring(L, -1) && lua_rawlen(L, -1) == 0;
  /* Otherwise libcurl would look for exceptions in the environment each
   * time. */
  if (rc == CURLE_OK && *has_no_proxy)
    rc = curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  lua_pop(L, 1);
  return rc;
}

int sm_easy_strings(lua_State *L, const char *name, struct curl_slist **to) {
  size_t i, count;

  lua_getfield(L, 1, name);
  count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
  for (i = 1; i <= count; i++) {
    struct curl_slist *longer;

    lua_rawgeti(L, -1, (int)i);
    longer = curl_slist_append(*to, luaL_checkstring(L, -1));
    if (longer == NULL)
      return 0;
    *to = longer;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return 1;
}
