/*
 * sockets.h - the sockets of an engine, and whether one of them already holds
 * bytes that nobody has asked for.
 *
 * A server, or a proxy before it, that sends an answer too many would have it
 * taken for the answer to the next request on that connection. Newer libcurls
 * do not use such a connection again; this one's 7.x do.
 */

#ifndef SM_SOCKETS_H
#define SM_SOCKETS_H

#include <curl/curl.h>

struct sm_socket {
  curl_socket_t fd;
  int port; /* the local one, which tells two connections apart */
};

struct sm_sockets {
  struct sm_socket *list;
  size_t count;
  size_t cap;
  /* HTTP/2, or it may become that: bytes may wait for other requests. */
  int is_shared;
};

#pragma GCC visibility push(hidden)

/* For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION, with a
 * struct sm_sockets as their data. */
curl_socket_t sm_sockets_open(void *user, curlsocktype purpose,
                              struct curl_sockaddr *address);
int sm_sockets_close(void *user, curl_socket_t fd);

/* Whether bytes wait in the connection from this local port, which is about to
 * be used. Never true at its first use, when TLS may have sent tickets. */
int sm_sockets_has_stray(struct sm_sockets *s, int port);

void sm_sockets_free(struct sm_sockets *s);

#pragma GCC visibility pop

#endif
