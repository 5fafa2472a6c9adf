/*
 * prober.c - asks for /ping at a constant rate and says how long answers took.
 *
 * prober PORT INTERVAL_US SECONDS
 *
 * A request belongs to a moment of a fixed schedule, and its time is counted
 * from that moment, whatever kept it from leaving: a server that stands still
 * for 100 ms is late for all requests of these 100 ms, not for one. Each
 * request takes a connection that is free, so that none waits behind another.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 1024

static const char request[] = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";

static struct pollfd fds[MOST];
static double asked[MOST]; /* the moment it belongs to; 0 where it is free */
static int count;

static double now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* A free connection; a new one where all are taken. */
static int take(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  int i, fd, on = 1;

  for (i = 0; i < count; i++)
    if (asked[i] == 0)
      return i;
  if (count == MOST) {
    fputs("too many requests without an answer\n", stderr);
    exit(1);
  }
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
    fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  fds[count].fd = fd;
  fds[count].events = POLLIN;
  return count++;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  double interval, start, end, *took;
  long sent = 0, got = 0, total;
  int port, i;

  if (argc != 4) {
    fputs("usage: prober PORT INTERVAL_US SECONDS\n", stderr);
    return 2;
  }
  port = atoi(argv[1]);
  interval = atof(argv[2]) / 1e6;
  total = (long)(atof(argv[3]) / interval);
  took = calloc((size_t)total, sizeof(*took));
  if (took == NULL)
    fail("calloc");
  for (i = 0; i < 8; i++) {
    take(port);
    asked[i] = -1; /* so that the next one is a new one */
  }
  memset(asked, 0, sizeof(asked));

  start = now() + interval;
  end = start + (double)total * interval + 10;
  while (got < total) {
    double due = sent < total ? start + (double)sent * interval : end;
    double left = due - now();
    struct timespec pause;

    if (now() >= end) {
      fputs("answers are missing\n", stderr);
      return 1;
    }
    if (left <= 0) {
      i = take(port);
      asked[i] = due;
      if (write(fds[i].fd, request, sizeof(request) - 1) < 0)
        fail("write");
      sent++;
      continue;
    }
    pause.tv_sec = (time_t)left;
    pause.tv_nsec = (long)((left - (double)pause.tv_sec) * 1e9);
    if (ppoll(fds, (nfds_t)count, &pause, NULL) < 0 && errno != EINTR)
      fail("ppoll");
    for (i = 0; i < count; i++) {
      char answer[4096];

      if (fds[i].revents == 0)
        continue;
      /* It is small, and comes in one piece. */
      if (read(fds[i].fd, answer, sizeof(answer)) <= 0 || asked[i] == 0)
        fail("read");
      took[got++] = now() - asked[i];
      asked[i] = 0;
    }
  }
  qsort(took, (size_t)total, sizeof(*took), by_size);
  printf("p50=%.6f p99=%.6f max=%.6f\n", took[total / 2],
         took[total * 99 / 100], took[total - 1]);
  return 0;
}
