/*
 * io.c - preloaded, it makes sockets behave as badly as they may: reads and
 * writes are short, or come back with EAGAIN or EINTR; waits are interrupted.
 *
 * IO_SEED chooses what happens when; with IO_READS writes are left alone.
 * Bytes are never lost or changed, so all that is decided by them has to stay
 * the same. At the end it says on stderr how many reads and writes of
 * connections it was in the way of.
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t state;
static int is_reads_only;
static unsigned long spoiled_reads, spoiled_writes;

static uint64_t dice(uint64_t sides) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 11) % sides;
}

/* What an option of a socket says; -1 for what is none. */
static int option(int fd, int name) {
  int value, number = errno;
  socklen_t len = sizeof(value);
  int found = getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0;

  errno = number;
  return found ? value : -1;
}

static int is_socket(int fd) {
  return option(fd, SO_TYPE) == SOCK_STREAM;
}

/* To another program, and no pair within this one. */
static int is_connection(int fd) {
  return option(fd, SO_DOMAIN) == AF_INET;
}

/* How many bytes may move of `len`; -1 for none, with errno set. */
static ssize_t draw(size_t len) {
  switch (dice(6)) {
  case 0:
    errno = EAGAIN;
    return -1;
  case 1:
    errno = EINTR;
    return -1;
  case 2:
    return 1;
  case 3:
    return (ssize_t)(1 + dice(len));
  default:
    return (ssize_t)len;
  }
}

static ssize_t share(int fd, size_t len, int flags, unsigned long *spoiled) {
  ssize_t n;

  /* Who looks without taking may rely on it. */
  if (state == 0 || len == 0 || (flags & MSG_PEEK) != 0 ||
      (is_reads_only && spoiled == &spoiled_writes) || !is_socket(fd))
    return (ssize_t)len;
  n = draw(len);
  *spoiled += n != (ssize_t)len && is_connection(fd);
  return n;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t recv(int fd, void *to, size_t len, int flags) {
  ssize_t n = share(fd, len, flags, &spoiled_reads);

  return n < 0 ? n : NEXT(recv)(fd, to, (size_t)n, flags);
}

ssize_t send(int fd, const void *from, size_t len, int flags) {
  ssize_t n = share(fd, len, flags, &spoiled_writes);

  return n < 0 ? n : NEXT(send)(fd, from, (size_t)n, flags);
}

ssize_t read(int fd, void *to, size_t len) {
  ssize_t n = share(fd, len, 0, &spoiled_reads);

  return n < 0 ? n : NEXT(read)(fd, to, (size_t)n);
}

ssize_t write(int fd, const void *from, size_t len) {
  ssize_t n = share(fd, len, 0, &spoiled_writes);

  return n < 0 ? n : NEXT(write)(fd, from, (size_t)n);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout) {
  if (state != 0 && dice(4) == 0) {
    errno = EINTR;
    return -1;
  }
  return NEXT(epoll_wait)(fd, events, state != 0 && most > 1 ? 1 : most,
                          timeout);
}

static void __attribute__((constructor)) start(void) {
  const char *seed = getenv("IO_SEED");

  is_reads_only = getenv("IO_READS") != NULL;
  if (seed != NULL)
    state = strtoull(seed, NULL, 10) * 0x9e3779b97f4a7c15u + 1;
  (void)unsetenv("LD_PRELOAD");
}

static void __attribute__((destructor)) end(void) {
  if (state == 0)
    return;
  (void)fflush(NULL);
  (void)fprintf(stderr, "spoiled\t%lu\t%lu\n", spoiled_reads, spoiled_writes);
}
