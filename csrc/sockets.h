/*
 * sockets.h - the sockets of an engine, and whether one of them may carry one
 * more request.
 *
 * A server, or a proxy before it, that sends an answer too many would have it
 * taken for the answer to the next request on that connection; and a request
 * written to a connection that was reset may or may not have arrived. Newer
 * libcurls look before they use a connection again, 7.x do not.
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

/* Called before each use of the connection from this local port: whether it
 * has been closed, or bytes wait in it. Never true at the first use, when TLS
 * may have sent tickets, nor where requests share the connection. */
int sm_sockets_is_spent(struct sm_sockets *s, int port, int is_shared);

void sm_sockets_free(struct sm_sockets *s);

#pragma GCC visibility pop

#endif
