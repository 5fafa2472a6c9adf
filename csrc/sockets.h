/*
 * sockets.h - the sockets of an engine: which are ready, and whether one of
 * them may carry one more request.
 *
 * libcurl forgets a socket when its request ends and names it again with the
 * next. The kernel is told once: a connection that is kept goes on being
 * watched, which spares two system calls a request and tells of its end.
 *
 * A server, or a proxy before it, that sends an answer too many would have it
 * taken for the answer to the next request on that connection; and a request
 * written to a connection that was closed may or may not have arrived. Some
 * libcurls look before they use a connection again; 7.x do not, nor do 8.22
 * and newer within a second of its last use.
 */

#ifndef SM_SOCKETS_H
#define SM_SOCKETS_H

#include <curl/curl.h>

/* Sockets that are taken note of at once; what else is ready comes next. */
#define SM_MAX_READY 64

struct sm_socket {
  curl_socket_t fd;
  int port;    /* the local one, which tells two connections apart */
  int is_ours; /* libcurl opens and closes some by itself, for its resolver */
  int wanted;  /* CURL_POLL_IN, CURL_POLL_OUT: what libcurl waits for */
  int watched; /* what the kernel was told */
  void *conn;  /* whose it is on the lane, or NULL: then it is libcurl's */
};

struct sm_ready {
  curl_socket_t fd;
  int events; /* for curl_multi_socket_action */
  void *conn;
};

/* With nothing but zeros in it, none is watched and nothing open yet. */
struct sm_sockets {
  struct sm_socket *list;
  size_t count;
  size_t cap;
  int is_open;
  int epoll;
  struct sm_ready ready[SM_MAX_READY];
  int ready_count;
  /* HTTP/2, or it may become that: bytes may wait for other requests. */
  int is_shared;
  int is_http2_offered; /* to servers, over TLS */
  int has_answered;     /* a server has answered on one of them, ever */
  int is_broken;        /* libcurl was told that a socket cannot be watched */
};

#pragma GCC visibility push(hidden)

void sm_sockets_free(struct sm_sockets *s);

/* Called before a request: 0, and errno, when the kernel cannot watch another
 * set of sockets just now. */
int sm_sockets_begin(struct sm_sockets *s);

/* After a multi handle is gone: what it did not report as closed. */
void sm_sockets_forget(struct sm_sockets *s);

/* For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION, with a
 * struct sm_sockets as their data. */
curl_socket_t sm_sockets_open(void *user, curlsocktype purpose,
                              struct curl_sockaddr *address);
int sm_sockets_close(void *user, curl_socket_t fd);

/* For CURLMOPT_SOCKETFUNCTION, with the same. */
int sm_sockets_watch(CURL *easy, curl_socket_t fd, int what, void *user,
                     void *socket);

/* A connection that libcurl has made is the lane's from now on. 0 where it is
 * not known, or cannot be watched. */
int sm_sockets_own(struct sm_sockets *s, curl_socket_t fd, void *conn);

/* Waits so many milliseconds at most, and leaves in `ready` what libcurl wants
 * to know of. 0 where the kernel was not asked about all of them. */
int sm_sockets_wait(struct sm_sockets *s, int milliseconds);

/* The same, and returns when one of the others, which may be NULL, has
 * something; that is left there. */
void sm_sockets_wait_both(struct sm_sockets *s, const struct sm_sockets *others,
                          int milliseconds);

/* Whether nothing waits to be read from it, not even its end. */
int sm_sockets_is_silent(curl_socket_t fd);

/* Called before each use of the connection from this local port: whether it
 * has been closed or, unless requests share it, bytes wait in it. Never true at
 * the first use, when TLS may have sent tickets. */
int sm_sockets_is_spent(struct sm_sockets *s, int port, int is_shared);

#pragma GCC visibility pop

#endif
