/*
 * queue.h - what became of requests, by the call that made them.
 *
 * Each request has a reply. It is made before the request begins, filled when
 * the request has ended, and waits in the queue of its call until it is taken.
 * So a finished request holds no slot, no call sees another's answers, and
 * delivering an answer needs no memory. The replies of a call that is gone
 * belong to nobody, and are dropped when they come.
 */

#ifndef SM_QUEUE_H
#define SM_QUEUE_H

#include <curl/curl.h>

#include "reader.h"

enum sm_body {
  SM_BODY_NONE, /* unknown, or not decoded */
  SM_BODY_EMPTY,
  SM_BODY_TEXT,
};

/* What a call says of a request that it offered as one of many. */
struct sm_asked {
  double place;      /* of its id in the source */
  double count;      /* requests of the call so far, this one included */
  double generation; /* the number of the token */
  double started;
};

struct sm_reply {
  struct sm_reply *next;
  struct sm_reply *before; /* among those in flight */
  struct sm_queue *queue;  /* NULL once its call is gone */
  size_t number;           /* what Lua calls the request */
  int is_offered;
  struct sm_asked asked; /* of one that was offered */

  long status;
  long connections;  /* opened for this request */
  const char *stage; /* these two are constants; fault is NULL for none */
  const char *fault;
  char detail[CURL_ERROR_SIZE]; /* of the fault */
  enum sm_body body_is;
  struct sm_buf body;
  double pause;   /* seconds that the answer asks for; 0 for none */
  size_t meaning; /* of a usual answer, which has nothing else; else 0 */
  int has_items;
  struct sm_items items;
};

struct sm_queue {
  struct sm_queues *of; /* NULL once the engine is closed */
  struct sm_queue *before, *after;
  double number; /* of the call; no other ever has it */
  struct sm_reply *flying;
  struct sm_reply *first, *last; /* done, in their order */
  size_t ready;                  /* how many of these */
  int is_news;                   /* one came since news were asked for */
  struct sm_queue *next_news;
};

/* All calls of an engine. */
struct sm_queues {
  struct sm_queue *first;
  struct sm_queue *news;
  struct sm_reply *unused;
  size_t replies; /* made so far */
  double calls;
};

#pragma GCC visibility push(hidden)

void sm_queue_join(struct sm_queue *q, struct sm_queues *of);

/* The call is gone, or its engine is closed. Idempotent. */
void sm_queue_leave(struct sm_queue *q);
void sm_queues_close(struct sm_queues *of);

/* A reply in no list; NULL without memory. */
struct sm_reply *sm_reply_new(struct sm_queues *of);

/* Its request begins; and did not, after all. */
void sm_queue_fly(struct sm_queue *q, struct sm_reply *r);
void sm_queue_cancel(struct sm_reply *r);

/* The request is done: into the queue. Dropped where nobody waits for it. */
void sm_reply_done(struct sm_reply *r, struct sm_queues *of);

/* The first that is done, taken out; NULL for none. It may be put back. */
struct sm_reply *sm_queue_take(struct sm_queue *q);
void sm_queue_put_back(struct sm_queue *q, struct sm_reply *r);

/* One that is in flight, of which nobody wants to hear any more; its number
 * and `asked` hold until the next use of the engine. NULL for none. */
struct sm_reply *sm_queue_forsake(struct sm_queue *q);

/* For one that is in no list; of no use afterwards. `of` may be NULL. */
void sm_reply_free(struct sm_reply *r, struct sm_queues *of);

/* The next call that something came for since it was asked last; NULL. */
struct sm_queue *sm_queues_news(struct sm_queues *of);

#pragma GCC visibility pop

#endif
