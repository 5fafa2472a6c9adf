/* openssl.c - see openssl.h. OpenSSL itself is neither linked nor included. */

#include "openssl.h"

#include <dlfcn.h>
#include <stdio.h>

/* C has no cast between functions and objects, dladdr and dlsym need one. */
union symbol {
  void *address;
  char *(*curl)(void);
  unsigned long (*number)(void);
};

/* The generation of what libcurl was linked with; 0 where that is unknown. */
static unsigned long linked_generation(void) {
  unsigned long generation = 0;
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
    generation = symbol.number() >> 28;
  dlclose(library);
  return generation;
}

void sm_openssl_clash(lua_State *L) {
  const char *in_use = curl_version_info(CURLVERSION_NOW)->ssl_version;
  unsigned long linked;
  unsigned long used;

  lua_pushnil(L);
  if (in_use == NULL || sscanf(in_use, "OpenSSL/%lu.", &used) != 1)
    return;
  linked = linked_generation();
  if (linked == 0 || linked == used)
    return;
  lua_pop(L, 1);
  lua_pushfstring(L, "libcurl was linked with OpenSSL %d and runs with %s",
                  (int)linked, in_use);
}
