/*
 * stuck_resolver.c - LD_PRELOADed into a process, it lets every name lookup
 * hang for an hour; where STUCK_LOOKUPS is a number, so many of them:
 * then each name is 127.0.0.1. Addresses are still told at once.
 */

#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

static int lookups;

static int is_stuck(void) {
  const char *most = getenv("STUCK_LOOKUPS");

  return most == NULL || __sync_add_and_fetch(&lookups, 1) <= atoi(most);
}

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result) {
  union {
    void *address;
    int (*function)(const char *, const char *, const struct addrinfo *,
                    struct addrinfo **);
  } real;

  if (hints == NULL || (hints->ai_flags & AI_NUMERICHOST) == 0) {
    if (is_stuck()) {
      sleep(3600);
      return EAI_AGAIN;
    }
    node = "127.0.0.1";
  }
  real.address = dlsym(RTLD_NEXT, "getaddrinfo");
  return real.function(node, service, hints, result);
}
