#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__linux__) && !defined(SM_NO_EPOLL)
#  define SM_HAS_EPOLL 1
#  include <sys/epoll.h>
#else
#  define SM_HAS_EPOLL 0
#endif

#ifdef POLLRDHUP
#  define SM_ENDS POLLRDHUP
#else
#  define SM_ENDS 0 /* then only POLLHUP and POLLERR are reported */
#endif

#ifndef SOCK_CLOEXEC /* macOS */
#  define SOCK_CLOEXEC 0
#endif

static struct sm_socket *find(struct sm_sockets *s, curl_socket_t fd) {
  size_t i;

  for (i = 0; i < s->count; i++)
    if (s->list[i].fd == fd)
      return &s->list[i];
  return NULL;
}

static struct sm_socket *add(struct sm_sockets *s, curl_socket_t fd,
                             int is_ours) {
  struct sm_socket *one;

  if (s->count == s->cap) {
    size_t cap = s->cap > 0 ? s->cap * 2 : 16;
    struct sm_socket *list = realloc(s->list, cap * sizeof(*list));

    if (list == NULL)
      return NULL;
    s->list = list;
    s->cap = cap;
  }
  one = &s->list[s->count++];
  memset(one, 0, sizeof(*one));
  one->fd = fd;
  one->is_ours = is_ours;
  return one;
}

/* `ready` may still contain it, and its number may soon be reused. */
static void drop(struct sm_sockets *s, struct sm_socket *one) {
  int i;

  for (i = 0; i < s->ready_count; i++)
    if (s->ready[i].fd == one->fd)
      s->ready[i].events = 0;
  *one = s->list[--s->count];
}

static void note(struct sm_sockets *s, const struct sm_socket *one,
                 int events) {
  int i;

  for (i = 0; i < s->kept_count; i++) {
    if (s->ready[i].fd == one->fd && s->ready[i].events != 0) {
      s->ready[i].events |= events;
      return;
    }
  }
  s->ready[s->ready_count].fd = one->fd;
  s->ready[s->ready_count].conn = one->conn;
  s->ready[s->ready_count].events = events;
  s->ready_count++;
}

void sm_sockets_keep(struct sm_sockets *s, int first) {
  struct sm_ready old[SM_MAX_READY];
  int i, count = s->ready_count;

  memcpy(old, s->ready, sizeof(old));
  s->ready_count = 0;
  for (i = 0; i < count; i++)
    if (old[(first + i) % count].events != 0)
      s->ready[s->ready_count++] = old[(first + i) % count];
  s->kept_count = s->ready_count;
}

#if SM_HAS_EPOLL

int sm_sockets_begin(struct sm_sockets *s) {
  if (s->is_open)
    return 1;
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  s->is_open = s->epoll >= 0;
  return s->is_open;
}

void sm_sockets_free(struct sm_sockets *s) {
  if (s->is_open)
    (void)close(s->epoll);
  free(s->list);
  memset(s, 0, sizeof(*s));
}

/* Registers the events to watch for; 0 for none. */
static int set_watched(const struct sm_sockets *s, struct sm_socket *one,
                       int wanted) {
  struct epoll_event event;
  int how = one->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

  if (one->watched == wanted)
    return 1;
  memset(&event, 0, sizeof(event));
  event.data.u64 = (uint64_t)(one - s->list) << 32 | (uint32_t)one->fd;
  event.events = ((wanted & CURL_POLL_IN) != 0 ? (unsigned)EPOLLIN : 0u) |
                 ((wanted & CURL_POLL_OUT) != 0 ? (unsigned)EPOLLOUT : 0u);
  one->watched = wanted;
  return epoll_ctl(s->epoll, wanted == 0 ? EPOLL_CTL_DEL : how, one->fd,
                   &event) == 0;
}

/* Finds the socket that the kernel was told of: the number, and the place that
 * it had in the list then. */
static struct sm_socket *find_told(struct sm_sockets *s, uint64_t told) {
  curl_socket_t fd = (curl_socket_t)(told & 0xffffffffu);
  size_t place = (size_t)(told >> 32);

  return place < s->count && s->list[place].fd == fd ? &s->list[place]
                                                     : find(s, fd);
}

int sm_sockets_wait(struct sm_sockets *s, int milliseconds) {
  struct epoll_event events[SM_MAX_READY];
  int i, count, room = SM_MAX_READY - s->ready_count;

  if (s->ready_count > s->kept_count || room == 0)
    return 0;
  if (!s->is_open) {
    (void)poll(NULL, 0, milliseconds);
    return 0;
  }
  count =
      epoll_wait(s->epoll, events, room, s->ready_count > 0 ? 0 : milliseconds);
  for (i = 0; i < count; i++) {
    struct sm_socket *one = find_told(s, events[i].data.u64);
    unsigned what = events[i].events;

    if (one == NULL)
      continue;
    if (one->wanted == 0)
      /* A kept connection was closed, or sends unrequested data. It would
       * report that again and again; its next use checks it. */
      (void)set_watched(s, one, 0);
    else
      note(s, one,
           ((what & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
               ((what & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
               ((what & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0));
  }
  return count >= 0 && count < room;
}

/* Fills the array for poll() and returns the number of entries. */
static size_t list_watched(const struct sm_sockets *s, struct pollfd *fds) {
  if (!s->is_open)
    return 0;
  fds->fd = s->epoll;
  fds->events = POLLIN;
  return 1;
}

static size_t most_watched(const struct sm_sockets *s) {
  (void)s;
  return 1;
}

#else

int sm_sockets_begin(struct sm_sockets *s) {
  s->is_open = 1;
  return 1;
}

void sm_sockets_free(struct sm_sockets *s) {
  free(s->list);
  memset(s, 0, sizeof(*s));
}

static int set_watched(const struct sm_sockets *s, struct sm_socket *one,
                       int wanted) {
  (void)s;
  one->watched = wanted;
  return 1;
}

static size_t list_watched(const struct sm_sockets *s, struct pollfd *fds) {
  size_t i, count = 0;

  for (i = 0; i < s->count; i++) {
    if (s->list[i].wanted == 0)
      continue;
    fds[count].fd = s->list[i].fd;
    fds[count].events =
        (short)(((s->list[i].wanted & CURL_POLL_IN) != 0 ? POLLIN : 0) |
                ((s->list[i].wanted & CURL_POLL_OUT) != 0 ? POLLOUT : 0));
    fds[count].revents = 0;
    count++;
  }
  return count;
}

static size_t most_watched(const struct sm_sockets *s) {
  return s->count;
}

int sm_sockets_wait(struct sm_sockets *s, int milliseconds) {
  struct pollfd *fds;
  size_t i, count;
  int result;

  if (s->ready_count > s->kept_count)
    return 0;
  fds = malloc((s->count + 1) * sizeof(*fds));
  if (fds == NULL)
    return 0;
  count = list_watched(s, fds);
  result = poll(fds, (nfds_t)count, s->ready_count > 0 ? 0 : milliseconds);
  if (result <= 0)
    count = 0;
  for (i = 0; i < count && s->ready_count < SM_MAX_READY; i++) {
    short what = fds[i].revents;
    const struct sm_socket *one = find(s, fds[i].fd);

    if (what != 0 && one != NULL)
      note(s, one,
           ((what & (POLLIN | POLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
               ((what & POLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
               ((what & (POLLERR | POLLNVAL)) != 0 ? CURL_CSELECT_ERR : 0));
  }
  free(fds);
  return result >= 0 && s->ready_count < SM_MAX_READY;
}

#endif

void sm_sockets_wait_both(struct sm_sockets *s, const struct sm_sockets *others,
                          int milliseconds) {
  if (others != NULL && s->ready_count == 0) {
    size_t most = most_watched(s) + most_watched(others) + 1, count;
    struct pollfd *fds = malloc(most * sizeof(*fds));

    if (fds == NULL)
      return;
    count = list_watched(s, fds);
    count += list_watched(others, fds + count);
    (void)poll(fds, (nfds_t)count, milliseconds);
    free(fds);
    milliseconds = 0;
  }
  (void)sm_sockets_wait(s, milliseconds);
}

void sm_sockets_forget(struct sm_sockets *s) {
  while (s->count > 0) {
    (void)set_watched(s, s->list, 0);
    drop(s, s->list);
  }
  s->ready_count = s->kept_count = 0;
  s->is_broken = 0;
}

curl_socket_t sm_sockets_open(void *user, curlsocktype purpose,
                              struct curl_sockaddr *address) {
  struct sm_sockets *s = user;
  curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
                            address->protocol);
  struct sm_socket *old;

  (void)purpose;
  if (fd == CURL_SOCKET_BAD)
    return fd;
  if (SOCK_CLOEXEC == 0)
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  old = find(s, fd);
  if (old != NULL)
    drop(s, old); /* closed without a report, and the number is used again */
  if (add(s, fd, 1) == NULL) {
    (void)close(fd);
    return CURL_SOCKET_BAD;
  }
  return fd;
}

int sm_sockets_close(void *user, curl_socket_t fd) {
  struct sm_sockets *s = user;
  struct sm_socket *one = find(s, fd);

  if (one != NULL) {
    /* A forked child may keep the other end open. */
    (void)set_watched(s, one, 0);
    drop(s, one);
  }
  return close(fd);
}

/* -1 makes the multi handle unusable, which newer libcurls do not report at
 * once. */
static int fail(struct sm_sockets *s) {
  s->is_broken = 1;
  return -1;
}

int sm_sockets_watch(CURL *easy, curl_socket_t fd, int what, void *user,
                     void *socket) {
  struct sm_sockets *s = user;
  struct sm_socket *one = find(s, fd);

  (void)easy;
  (void)socket;
  if (one == NULL && what != CURL_POLL_REMOVE)
    one = add(s, fd, 0);
  if (one == NULL)
    return what == CURL_POLL_REMOVE ? 0 : fail(s);
  one->wanted = what == CURL_POLL_REMOVE ? 0 : what & CURL_POLL_INOUT;
  if (one->wanted != 0)
    return set_watched(s, one, one->wanted) ? 0 : fail(s);
  /* Callers cannot tell which process closes what is not ours. Of ours, libcurl
   * 7.88 closes without a report what was still connecting. */
  if (!one->is_ours || (one->watched & CURL_POLL_OUT) != 0) {
    int is_open = set_watched(s, one, 0);

    if (!one->is_ours || !is_open)
      drop(s, one);
  }
  return 0;
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

int sm_sockets_own(struct sm_sockets *s, curl_socket_t fd, void *conn) {
  struct sm_socket *one = find(s, fd);

  if (one == NULL)
    return 0;
  one->conn = conn;
  return sm_sockets_watch(NULL, fd, CURL_POLL_IN, s, NULL) == 0;
}

int sm_sockets_is_silent(curl_socket_t fd) {
  char byte;

  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Returns whether the peer has closed it: whatever is still buffered, the
 * response to another request will never come. */
static int is_over(curl_socket_t fd) {
  struct pollfd one;

  one.fd = fd;
  one.events = SM_ENDS;
  one.revents = 0;
  return poll(&one, 1, 0) > 0;
}

int sm_sockets_is_spent(struct sm_sockets *s, int port, int is_plain) {
  int is_shared = s->is_shared && !is_plain, is_spent = 0;
  size_t i;

  /* Connections to two addresses may share a local port: check all of them. */
  for (i = 0; i < s->count; i++) {
    struct sm_socket *one = &s->list[i];
    /* It was not bound before. */
    int is_first_use = one->port == 0 && local_port(one->fd) == port;

    if (is_first_use)
      one->port = port;
    if (one->port == port && (is_plain || !is_first_use) &&
        (is_shared ? is_over(one->fd) : !sm_sockets_is_silent(one->fd)))
      is_spent = 1;
  }
  return is_spent;
}
