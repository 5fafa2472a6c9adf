/*
 * sockets.h - the sockets of an engine: which are ready, and whether one of
 * them can carry another request.
 *
 * libcurl forgets a socket when its request ends and reports it again for the
 * next. The kernel is told once: kept connections stay registered, which saves
 * two system calls per request and shows when they are closed.
 *
 * If a server or proxy sends one response too many, it would be taken for the
 * response to the next request on that connection; and a request written to a
 * closed connection may or may not have arrived. Some libcurls check a
 * connection before reusing it; 7.x do not, nor do 8.22 and newer within a
 * second of its last use.
 */

#ifndef SM_SOCKETS_H
#define SM_SOCKETS_H

#include <curl/curl.h>

/* Maximum number of ready sockets per step; the rest follows in the next. */
#define SM_MAX_READY 64

/* Work of one step, in bytes of a usual response; more follows in the next, so
 * that no step takes longer than a millisecond, whatever has arrived. */
#define SM_STEP_WORK ((size_t)256 * 1024)

struct sm_socket {
  curl_socket_t fd;
  int port;    /* local port; tells connections apart */
  int is_ours; /* libcurl opens and closes some itself, for its resolver */
  int wanted;  /* CURL_POLL_IN, CURL_POLL_OUT: what libcurl waits for */
  int watched; /* what the kernel was told */
  void *conn;  /* whose it is on the lane, or NULL: then it is libcurl's */
};

struct sm_ready {
  curl_socket_t fd;
  int events; /* for curl_multi_socket_action */
  void *conn;
};

/* All zeros means that nothing is open or watched yet. */
struct sm_sockets {
  struct sm_socket *list;
  size_t count;
  size_t cap;
  int is_open;
  int epoll;
  struct sm_ready ready[SM_MAX_READY];
  int ready_count;
  int kept_count; /* of these, left over from the last step */
  size_t work;    /* done in this step */
  size_t behind;  /* number of slots with bytes that libcurl gave beyond it */
  /* HTTP/2, or may become HTTP/2: bytes may wait for other requests. */
  int is_shared;
  int is_http2_offered; /* to servers, over TLS */
  int has_answered;     /* a server has responded on one of them */
  int is_broken;        /* libcurl was told that a socket cannot be watched */
};

#pragma GCC visibility push(hidden)

void sm_sockets_free(struct sm_sockets *s);

/* Called before a request: 0 and errno if the kernel cannot watch another set
 * of sockets now. */
int sm_sockets_begin(struct sm_sockets *s);

/* After a multi handle is gone: forgets what it did not report as closed. */
void sm_sockets_forget(struct sm_sockets *s);

/* For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION, with a struct
 * sm_sockets as data. */
curl_socket_t sm_sockets_open(void *user, curlsocktype purpose,
                              struct curl_sockaddr *address);
int sm_sockets_close(void *user, curl_socket_t fd);

/* For CURLMOPT_SOCKETFUNCTION, with the same data. */
int sm_sockets_watch(CURL *easy, curl_socket_t fd, int what, void *user,
                     void *socket);

/* Hands a connection that libcurl has made to the lane. 0 if it is not known,
 * or cannot be watched. */
int sm_sockets_own(struct sm_sockets *s, curl_socket_t fd, void *conn);

/* Waits up to this many milliseconds, not at all if some are left over, and
 * adds to `ready` what libcurl must be told. 0 if the kernel was not asked
 * about all of them. */
int sm_sockets_wait(struct sm_sockets *s, int milliseconds);

/* Keeps for the next step what is still to be told, from `first` on in turn. */
void sm_sockets_keep(struct sm_sockets *s, int first);

/* Waits the same way; also returns when one of the others (may be NULL) is
 * readable, without reading it. */
void sm_sockets_wait_both(struct sm_sockets *s, const struct sm_sockets *others,
                          int milliseconds);

/* Whether nothing waits to be read from it, not even its end. */
int sm_sockets_is_silent(curl_socket_t fd);

/* Called before each use of the connection from this local port: returns
 * whether it was closed or, unless requests share it, contains unread bytes.
 * Over TLS never true at the first use: the bytes may be tickets. */
int sm_sockets_is_spent(struct sm_sockets *s, int port, int is_plain);

#pragma GCC visibility pop

#endif
