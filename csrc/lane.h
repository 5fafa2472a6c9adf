/*
 * lane.h - HTTP/1.1 without libcurl, over connections that libcurl has made:
 * names, addresses, TLS and its checks, and proxies are its affair.
 *
 * A connection carries one request at a time and is kept for the next. What the
 * kernel was given of a request is known to the byte, and nothing is repeated.
 * Each has a connection cache of its own: libcurl would close what it takes for
 * idle in a cache that it shares with others.
 */

#ifndef SM_LANE_H
#define SM_LANE_H

#include "http1.h"
#include "slot.h"

struct sm_conn {
  CURL *easy; /* stays in the multi handle, or libcurl loses its socket */
  CURLSH *cache;
  const struct sm_op *op; /* whose address it goes to */
  struct sm_slot *slot;   /* whose request it carries, NULL while idle */
  size_t place;           /* in the lane's list */
  curl_socket_t fd;
  int is_connected;
  int is_old;     /* it has carried a request */
  int is_blocked; /* the kernel took less than all */
  int is_cut;     /* it takes no more */
  size_t sent;    /* bytes of the request */
  struct sm_http1 reader;
  char error[CURL_ERROR_SIZE];
};

struct sm_slots {
  struct sm_slot *first, *last;
};

/* With nothing but zeros in it, it is not in use. */
struct sm_lane {
  CURL *model; /* NULL: libcurl does it all */
  CURLM *curl; /* the multi handle, as long as there is one */
  char *user_agent;
  struct curl_slist *resolve;
  struct sm_sockets *sockets;
  struct sm_conn **conns;
  size_t count, most;
  size_t idle;             /* of these, the last ones: they carry nothing */
  struct sm_slots waiting; /* to be sent; empty after a flush */
  struct sm_slots done;
  char *bytes; /* what was read last */
};

#pragma GCC visibility push(hidden)

/* Whether this libcurl is one whose connections are known to be fit for it. */
int sm_lane_is_proven(void);

/* SM_NOMEM where there is no room; the lane is then not in use. */
enum sm_status sm_lane_init(struct sm_lane *l, CURL *model,
                            const char *user_agent, size_t most);

/* Ends all connections. The multi handle is still there. */
void sm_lane_free(struct sm_lane *l);

/* Whether the lane can carry out the operation; if so, it does. */
enum sm_status sm_lane_prepare(const struct sm_lane *l, struct sm_op *op);

/* Adds the slot's request, which sm_lane_flush() sends. */
enum sm_status sm_lane_add(struct sm_lane *l, struct sm_slot *s);
void sm_lane_flush(struct sm_lane *l);

/* A request that is given up; and all of them, with their connections. */
void sm_lane_cancel(struct sm_lane *l, struct sm_slot *s);
void sm_lane_drop(struct sm_lane *l);

/* A connection is ready; or libcurl has made it, or not. 0 where the handle
 * is none of the lane's. */
void sm_lane_move(struct sm_lane *l, struct sm_conn *c, int events);
int sm_lane_connected(struct sm_lane *l, CURL *easy, CURLcode result);

/* A request that has ended, its result noted; NULL where there is none. */
struct sm_slot *sm_lane_take(struct sm_lane *l);

#pragma GCC visibility pop

#endif
