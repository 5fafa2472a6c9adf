/*
 * lane.h - HTTP/1.1 without libcurl, over connections that libcurl opened.
 * libcurl handles host names, addresses, TLS and its checks, and proxies.
 *
 * A connection carries one request at a time and is kept for the next. The lane
 * knows exactly how many bytes of a request the kernel took, and it repeats
 * nothing. Each connection has its own libcurl connection cache: in a shared
 * cache libcurl would close connections that it takes for idle.
 */

#ifndef SM_LANE_H
#define SM_LANE_H

#include "http1.h"
#include "slot.h"

struct sm_conn {
  CURL *easy; /* stays in the multi handle, or libcurl loses its socket */
  CURLSH *cache;
  const struct sm_op *op; /* operation whose address it connects to */
  struct sm_slot *slot;   /* request that it carries; NULL while idle */
  size_t place;           /* index in the lane's list */
  curl_socket_t fd;
  int is_connected;
  int is_old;     /* it has carried a request */
  int is_blocked; /* the kernel took less than all bytes */
  int is_cut;     /* it accepts no more bytes */
  size_t sent;    /* bytes of the request sent */
  struct sm_http1 reader;
  char error[CURL_ERROR_SIZE];
};

struct sm_slots {
  struct sm_slot *first, *last;
};

/* All zeros means not in use. */
struct sm_lane {
  CURL *model; /* NULL: libcurl carries all requests */
  CURLM *curl; /* the multi handle while there is one */
  char *user_agent;
  struct curl_slist *resolve;
  struct sm_sockets *sockets;
  struct sm_conn **conns;
  size_t count, most;
  size_t idle;             /* number of idle connections, last in the list */
  struct sm_slots waiting; /* requests to send; empty after a flush */
  struct sm_slots done;
  char *bytes; /* bytes read last */
};

#pragma GCC visibility push(hidden)

/* Whether this libcurl version is tested for use with the lane. */
int sm_lane_is_proven(void);

/* SM_NOMEM if out of memory; the lane is then not in use. */
enum sm_status sm_lane_init(struct sm_lane *l, CURL *model,
                            const char *user_agent, size_t most);

/* Closes all connections. Call it while the multi handle still exists. */
void sm_lane_free(struct sm_lane *l);

/* Marks the operation as carried by the lane if the lane can carry it. */
enum sm_status sm_lane_prepare(const struct sm_lane *l, struct sm_op *op);

/* Queues the slot's request; sm_lane_flush() sends it. */
enum sm_status sm_lane_add(struct sm_lane *l, struct sm_slot *s);
void sm_lane_flush(struct sm_lane *l);

/* cancel gives up one request; drop gives up all requests and closes their
 * connections. */
void sm_lane_cancel(struct sm_lane *l, struct sm_slot *s);
void sm_lane_drop(struct sm_lane *l);

/* move handles a ready connection; it returns whether there may be more to
 * read at once, be the socket ready or not. connected handles one that libcurl
 * has opened or failed to open; it returns 0 if the handle is not the lane's.
 */
int sm_lane_move(struct sm_lane *l, struct sm_conn *c, int events);
int sm_lane_connected(struct sm_lane *l, CURL *easy, CURLcode result);

/* Takes one finished request, with its result recorded; NULL if there is
 * none. */
struct sm_slot *sm_lane_take(struct sm_lane *l);

#pragma GCC visibility pop

#endif
