/*
 * clock.c - moves the system's clock for one program: LD_PRELOAD it, and name
 * a file in MOVED_CLOCK that holds the seconds to add, as a C long.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long moved(void) {
  static const volatile long *seconds;

  if (seconds == NULL) {
    const char *path = getenv("MOVED_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY) : -1;
    void *map = fd >= 0
                    ? mmap(NULL, sizeof(*seconds), PROT_READ, MAP_SHARED, fd, 0)
                    : MAP_FAILED;

    if (map == MAP_FAILED)
      abort();
    (void)close(fd);
    seconds = map;
  }
  return *seconds;
}

int clock_gettime(clockid_t clock, struct timespec *t) {
  long rc = syscall(SYS_clock_gettime, clock, t);

  if (rc == 0 && clock == CLOCK_REALTIME)
    t->tv_sec += moved();
  return (int)rc;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  struct timespec now;

  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0)
    return -1;
  t->tv_sec = now.tv_sec;
  t->tv_usec = (suseconds_t)(now.tv_nsec / 1000);
  return 0;
}
