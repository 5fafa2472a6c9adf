/*
 * multi.h - the loop: one libcurl multi handle and its slots.
 *
 * It knows no Lua. A request is begun in a free slot and moved by steps; the
 * step that ends it hands its reply to the call that it belongs to. A multi
 * handle that has failed is dropped: its requests are given out as lost, and
 * the next one makes another.
 */

#ifndef SM_MULTI_H
#define SM_MULTI_H

#include <sys/types.h>

#include "lane.h"
#include "queue.h"

/* More requests in flight than this help nobody. */
#define SM_MAX_SLOTS 1024

struct sm_multi {
  CURLM *curl;     /* NULL before the first request, and after a failure */
  CURLMcode fault; /* what the multi handle failed with, until it is gone */
  CURL *model;     /* an easy handle with the options that all slots share */
  pid_t pid;       /* handles must not be used, nor freed, by a forked child */
  struct curl_slist *resolve;
  struct sm_sockets sockets;
  struct sm_lane lane;
  struct sm_slot **slots;
  size_t slot_count; /* made so far */
  struct sm_slot *first_free;
  size_t slot_limit;
  size_t max_response;
  size_t stuck; /* slots that wait for a resolver, not counted as used */
  size_t used;  /* slots of requests that were begun and not delivered */
  struct sm_queues queues;
  int has_met_sandbox;        /* one of the answers was from our own sandbox */
  struct sm_slot *first_done; /* not delivered yet */
  struct sm_slot *last_done;
  struct sm_walk walk; /* through the answer that is being judged */
  int lost_port; /* of a connection that was lost before it answered, or 0 */
  double next_expiry; /* no busy slot expires before this */
  double timer;       /* when libcurl wants to be called; 0 for not at all */
};

#pragma GCC visibility push(hidden)

/* Seconds of a clock that nobody sets. */
double sm_now(void);

/* Room for handles; the model has no options yet. */
enum sm_status sm_multi_init(struct sm_multi *m, size_t slots,
                             size_t max_response);

/* Called when the model has its options and `resolve` is there: requests that
 * fit the lane go over it. */
enum sm_status sm_multi_open_lane(struct sm_multi *m, const char *user_agent);

/* Idempotent. 0 where handles are left as they are, but for the tokens: they
 * belong to another process, or to a resolver that hangs. */
int sm_multi_close(struct sm_multi *m);

/* A slot that is free, with a reply; made where the limit allows one more. NULL
 * where all are in use, and where there is no memory, which is left in
 * `status`. */
struct sm_slot *sm_multi_slot(struct sm_multi *m, enum sm_status *status);

/* Whether a slot's last request was sent with these headers. */
int sm_multi_uses(const struct sm_multi *m, const struct sm_auth *auth);

/* Begins the slot's request for a call, which has this many seconds.
 * SM_REFUSED where the handle has failed before and cannot be dropped; m->fault
 * tells why. */
enum sm_status sm_multi_begin(struct sm_multi *m, struct sm_slot *s,
                              struct sm_queue *queue, double timeout);

/* Moves what can be moved, and delivers. 0 where the handle has failed and
 * cannot be dropped. */
int sm_multi_step(struct sm_multi *m);

/* Hands what became of finished requests to their calls, and frees their
 * slots. */
void sm_multi_deliver(struct sm_multi *m);

/* Lets new requests leave, and does not look at what has come. */
void sm_multi_start(struct sm_multi *m);

/* Milliseconds of `seconds` that may be waited: less where something is due. */
int sm_multi_patience(const struct sm_multi *m, double seconds);

#pragma GCC visibility pop

#endif
