/*
 * stuck_resolver.c - LD_PRELOADed into a process, it lets every name lookup
 * hang for an hour. Addresses are still told at once.
 */

#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result) {
  union {
    void *address;
    int (*function)(const char *, const char *, const struct addrinfo *,
                    struct addrinfo **);
  } real;

  if (hints == NULL || (hints->ai_flags & AI_NUMERICHOST) == 0) {
    sleep(3600);
    return EAI_AGAIN;
  }
  real.address = dlsym(RTLD_NEXT, "getaddrinfo");
  return real.function(node, service, hints, result);
}
