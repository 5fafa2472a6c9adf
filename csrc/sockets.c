#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOCK_CLOEXEC /* macOS */
#  define SOCK_CLOEXEC 0
#endif

curl_socket_t sm_sockets_open(void *user, curlsocktype purpose,
                              struct curl_sockaddr *address) {
  struct sm_sockets *s = user;
  curl_socket_t fd;

  (void)purpose;
  if (s->count == s->cap) {
    size_t cap = s->cap > 0 ? s->cap * 2 : 16;
    struct sm_socket *list = realloc(s->list, cap * sizeof(*list));

    if (list == NULL)
      return CURL_SOCKET_BAD;
    s->list = list;
    s->cap = cap;
  }
  fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
              address->protocol);
  if (fd == CURL_SOCKET_BAD)
    return fd;
  if (SOCK_CLOEXEC == 0)
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  s->list[s->count].fd = fd;
  s->list[s->count].port = 0;
  s->count++;
  return fd;
}

int sm_sockets_close(void *user, curl_socket_t fd) {
  struct sm_sockets *s = user;
  size_t i;

  for (i = 0; i < s->count; i++) {
    if (s->list[i].fd == fd) {
      s->list[i] = s->list[--s->count];
      break;
    }
  }
  return close(fd);
}

static int local_port(curl_socket_t fd) {
  struct sockaddr_storage address;
  socklen_t len = sizeof(address);
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;

  memset(&address, 0, sizeof(address));
  if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
    return -1;
  memcpy(&v4, &address, sizeof(v4));
  memcpy(&v6, &address, sizeof(v6));
  return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

static int is_silent(curl_socket_t fd) {
  char byte;

  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

int sm_sockets_is_spent(struct sm_sockets *s, int port, int is_shared) {
  int is_spent = 0;
  size_t i;

  /* Connections to two addresses may have one local port: all are looked at. */
  for (i = 0; i < s->count; i++) {
    struct sm_socket *one = &s->list[i];

    if (one->port == 0 && local_port(one->fd) == port)
      one->port = port; /* its first use: only now is it known to be bound */
    else if (one->port == port && !is_shared && !is_silent(one->fd))
      is_spent = 1;
  }
  return is_spent;
}

void sm_sockets_free(struct sm_sockets *s) {
  free(s->list);
  memset(s, 0, sizeof(*s));
}
