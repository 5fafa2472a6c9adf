/*
 * queue.h - queues the results of requests for the call that made them.
 *
 * Each request has a reply. It is allocated before the request begins and
 * filled when the request ends. It then waits in the queue of its call until
 * the call takes it. So a finished request holds no slot, no call sees another
 * call's responses, and delivering a response does not allocate. Replies for a
 * call that was collected are discarded on arrival.
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

/* What a call records about a request for an offered ID. */
struct sm_asked {
  double place;      /* position of the ID in the source */
  double count;      /* requests of the call so far, including this one */
  double generation; /* number of the token used */
  double started;
};

struct sm_reply {
  struct sm_reply *next;
  struct sm_reply *before; /* previous reply in flight */
  struct sm_queue *queue;  /* NULL once its call is gone */
  size_t number;           /* the request number that Lua uses */
  int is_offered;
  struct sm_asked asked; /* set if is_offered */

  long status;
  long connections;  /* connections opened for this request */
  const char *stage; /* stage and fault are constants; fault may be NULL */
  const char *fault;
  char detail[CURL_ERROR_SIZE]; /* describes the fault */
  enum sm_body body_is;
  struct sm_buf body;
  double pause;   /* delay requested by the response, in seconds; 0: none */
  size_t meaning; /* of a usual response, which has no other data; else 0 */
  int has_items;
  struct sm_items items;
};

struct sm_queue {
  struct sm_queues *of; /* NULL once the engine is closed */
  struct sm_queue *before, *after;
  double number; /* call number, never reused */
  struct sm_reply *flying;
  struct sm_reply *first, *last; /* finished replies, in order */
  size_t ready;                  /* number of finished replies */
  int is_news; /* a reply arrived since the last request for news */
  struct sm_queue *next_news;
};

/* All calls of an engine. */
struct sm_queues {
  struct sm_queue *first;
  struct sm_queue *news;
  struct sm_reply *unused;
  size_t replies; /* allocated so far */
  double calls;
};

#pragma GCC visibility push(hidden)

void sm_queue_join(struct sm_queue *q, struct sm_queues *of);

/* Detaches the queue when the call is collected or its engine closed.
 * Idempotent. */
void sm_queue_leave(struct sm_queue *q);
void sm_queues_close(struct sm_queues *of);

/* Returns a reply that is in no list; NULL if out of memory. */
struct sm_reply *sm_reply_new(struct sm_queues *of);

/* Marks a reply as in flight when its request begins; cancel undoes that if the
 * request did not begin after all. */
void sm_queue_fly(struct sm_queue *q, struct sm_reply *r);
void sm_queue_cancel(struct sm_reply *r);

/* Queues the reply of a finished request. Discards it if its call is gone. */
void sm_reply_done(struct sm_reply *r, struct sm_queues *of);

/* Takes the first finished reply out of the queue; NULL if there is none. The
 * caller may put it back. */
struct sm_reply *sm_queue_take(struct sm_queue *q);
void sm_queue_put_back(struct sm_queue *q, struct sm_reply *r);

/* Abandons one request in flight: its result will be discarded. Its number and
 * `asked` stay valid until the next use of the engine. NULL if none is in
 * flight. */
struct sm_reply *sm_queue_forsake(struct sm_queue *q);

/* Frees a reply that is in no list. Do not use it afterwards. `of` may be
 * NULL. */
void sm_reply_free(struct sm_reply *r, struct sm_queues *of);

/* Returns the next call that received a reply since it was last returned here;
 * NULL if there is none. */
struct sm_queue *sm_queues_news(struct sm_queues *of);

#pragma GCC visibility pop

#endif
