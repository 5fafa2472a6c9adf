/* openssl.c - see openssl.h. OpenSSL itself is neither linked nor included. */

#include "openssl.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define SM_OPENSSL "OpenSSL/"

/* C has no cast between functions and objects, dladdr and dlsym need one. */
union symbol {
  void *address;
  char *(*curl)(void);
  unsigned long (*number)(void);
};

/* Major and minor number of what libcurl was linked with, as OpenSSL packs
 * them; 0 where that is unknown. */
static unsigned long linked_version(void) {
  unsigned long version = 0;
  union symbol symbol;
  void *library;
  Dl_info info;

  symbol.curl = curl_version;
  if (!dladdr(symbol.address, &info) || info.dli_fname == NULL)
    return 0;
  library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (library == NULL)
    return 0;
  symbol.address = dlsym(library, "OpenSSL_version_num");
  if (symbol.address != NULL)
    version = symbol.number() >> 20;
  dlclose(library);
  return version;
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
