/* openssl.c - see openssl.h. OpenSSL itself is neither linked nor included. */

#include "openssl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SM_OPENSSL "OpenSSL/"

/* Type of SSL_get0_alpn_selected(). */
typedef void alpn_function(const void *ssl, const unsigned char **name,
                           unsigned *len);

/* C has no cast between function and object pointers, but dladdr and dlsym need
 * one. */
union symbol {
  void *address;
  char *(*curl)(void);
  unsigned long (*number)(void);
  alpn_function *alpn;
};

/* A function of the library that libcurl was linked with, or NULL. The library
 * stays loaded as long as libcurl. */
static void *find(const char *name) {
  union symbol symbol;
  void *library;
  Dl_info info;

  symbol.curl = curl_version;
  if (!dladdr(symbol.address, &info) || info.dli_fname == NULL)
    return NULL;
  library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (library == NULL)
    return NULL;
  symbol.address = dlsym(library, name);
  dlclose(library);
  return symbol.address;
}

/* Major and minor version of libcurl's OpenSSL, packed as OpenSSL does; 0 if
 * unknown. */
static unsigned long linked_version(void) {
  union symbol symbol;

  symbol.address = find("OpenSSL_version_num");
  return symbol.address != NULL ? symbol.number() >> 20 : 0;
}

static union symbol alpn_selected;

static void find_alpn(void) {
  alpn_selected.address = find("SSL_get0_alpn_selected");
}

int sm_openssl_is_http1(CURL *easy) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  const struct curl_tlssessioninfo *session = NULL;
  const unsigned char *name = NULL;
  unsigned len = 0;

  if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK ||
      session == NULL || session->backend != CURLSSLBACKEND_OPENSSL ||
      session->internals == NULL)
    return 0;
  if (pthread_once(&once, find_alpn) != 0 || alpn_selected.address == NULL)
    return 0;
  alpn_selected.alpn(session->internals, &name, &len);
  return len != 2 || memcmp(name, "h2", 2) != 0;
}

void sm_openssl_clash(lua_State *L) {
  const char *in_use = curl_version_info(CURLVERSION_NOW)->ssl_version;
  unsigned long linked, major, minor;
  char *end;

  lua_pushnil(L);
  if (in_use == NULL || strncmp(in_use, SM_OPENSSL, strlen(SM_OPENSSL)) != 0)
    return;
  major = strtoul(in_use + strlen(SM_OPENSSL), &end, 10);
  if (*end != '.')
    return;
  minor = strtoul(end + 1, NULL, 10);
  linked = linked_version();
  if (linked == 0 || linked == (major << 8 | minor))
    return;
  lua_pop(L, 1);
  lua_pushfstring(L, "libcurl was linked with OpenSSL %d.%d and runs with %s",
                  (int)(linked >> 8), (int)(linked & 0xff), in_use);
}
