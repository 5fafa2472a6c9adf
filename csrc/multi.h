/*
 * multi.h - the event loop: one libcurl multi handle and its slots.
 *
 * It does not use Lua. A request begins in a free slot and steps transfer its
 * bytes. The step that ends it queues its reply for the call that made it. A
 * multi handle that has failed is discarded: its requests are reported as lost,
 * and the next request creates a new handle.
 */

#ifndef SM_MULTI_H
#define SM_MULTI_H

#include <sys/types.h>

#include "lane.h"
#include "queue.h"

/* Upper limit: more requests in flight gain nothing. */
#define SM_MAX_SLOTS 1024

struct sm_multi {
  CURLM *curl;     /* NULL before the first request, and after a failure */
  CURLMcode fault; /* error of the multi handle until it is discarded */
  CURL *model;     /* easy handle with the options shared by all slots */
  pid_t pid;       /* a forked child must neither use nor free handles */
  struct curl_slist *resolve;
  struct sm_sockets sockets;
  struct sm_lane lane;
  struct sm_slot **slots;
  size_t slot_count; /* allocated so far */
  struct sm_slot *first_free;
  size_t slot_limit;
  size_t max_response;
  size_t stuck; /* slots waiting for a resolver, not counted in `used` */
  size_t used;  /* slots of requests begun and not yet delivered */
  struct sm_queues queues;
  int has_met_sandbox;        /* a response came from the built-in sandbox */
  struct sm_slot *first_done; /* finished, not delivered yet */
  struct sm_slot *last_done;
  struct sm_walk walk; /* position in the response being classified */
  size_t turn;         /* slot that reads first what is unread */
  int lost_port; /* local port of a connection lost before it answered, or 0 */
  double next_expiry; /* no busy slot expires before this */
  double timer;       /* when to call libcurl; 0: not at all */
};

#pragma GCC visibility push(hidden)

/* Monotonic time in seconds. */
double sm_now(void);

/* Allocates room for handles; the model has no options yet. */
enum sm_status sm_multi_init(struct sm_multi *m, size_t slots,
                             size_t max_response);

/* Opens the lane, which then carries every request that fits it. Call it after
 * the model has its options and `resolve` is set. */
enum sm_status sm_multi_open_lane(struct sm_multi *m, const char *user_agent);

/* Idempotent. Returns 0 if it had to leave the handles open because they
 * belong to another process or to a hanging resolver. Even then it wipes the
 * tokens. */
int sm_multi_close(struct sm_multi *m);

/* Returns a free slot with a reply, and creates one if the limit allows.
 * Returns NULL if all are in use or memory ran out; `status` has the reason. */
struct sm_slot *sm_multi_slot(struct sm_multi *m, enum sm_status *status);

/* Whether any slot sent its last request with these headers. */
int sm_multi_uses(const struct sm_multi *m, const struct sm_auth *auth);

/* Begins the slot's request for a call, with a timeout in seconds. SM_REFUSED
 * if the handle failed earlier and cannot be discarded; m->fault has the
 * reason. */
enum sm_status sm_multi_begin(struct sm_multi *m, struct sm_slot *s,
                              struct sm_queue *queue, double timeout);

/* Drives all transfers and delivers results. Returns 0 if the handle has failed
 * and cannot be discarded. */
int sm_multi_step(struct sm_multi *m);

/* Queues the results of finished requests for their calls and frees their
 * slots. */
void sm_multi_deliver(struct sm_multi *m);

/* Sends new requests without reading responses. */
void sm_multi_start(struct sm_multi *m);

/* Returns how long to wait, in milliseconds: at most `seconds`, less if a timer
 * is due earlier. */
int sm_multi_patience(const struct sm_multi *m, double seconds);

#pragma GCC visibility pop

#endif
