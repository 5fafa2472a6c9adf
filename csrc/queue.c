#include "queue.h"

#include <stdlib.h>
#include <string.h>

/* No limit of its own: the slot already limited the body. Half of the largest
 * number. */
#define SM_NO_LIMIT ((size_t)-1 / 2)

static void clear(struct sm_reply *r) {
  sm_buf_free(&r->body);
  if (r->has_items)
    sm_items_free(&r->items);
  r->has_items = 0;
}

void sm_reply_free(struct sm_reply *r, struct sm_queues *of) {
  clear(r);
  if (of == NULL) {
    free(r);
    return;
  }
  r->queue = NULL;
  r->next = of->unused;
  of->unused = r;
}

void sm_queue_join(struct sm_queue *q, struct sm_queues *of) {
  memset(q, 0, sizeof(*q));
  q->of = of;
  q->number = ++of->calls;
  q->after = of->first;
  if (of->first != NULL)
    of->first->before = q;
  of->first = q;
}

static void forget_news(struct sm_queue *q) {
  struct sm_queue **link = &q->of->news;

  while (q->is_news && *link != NULL) {
    if (*link == q) {
      *link = q->next_news;
      q->is_news = 0;
    } else {
      link = &(*link)->next_news;
    }
  }
}

void sm_queue_leave(struct sm_queue *q) {
  struct sm_reply *r;

  if (q->of == NULL)
    return;
  forget_news(q);
  for (r = q->flying; r != NULL; r = r->next)
    r->queue = NULL;
  q->flying = NULL;
  while ((r = sm_queue_take(q)) != NULL)
    sm_reply_free(r, q->of);
  if (q->before != NULL)
    q->before->after = q->after;
  else
    q->of->first = q->after;
  if (q->after != NULL)
    q->after->before = q->before;
  q->of = NULL;
}

void sm_queues_close(struct sm_queues *of) {
  while (of->first != NULL)
    sm_queue_leave(of->first);
  while (of->unused != NULL) {
    struct sm_reply *r = of->unused;

    of->unused = r->next;
    free(r);
  }
}

void sm_queue_fly(struct sm_queue *q, struct sm_reply *r) {
  r->queue = q;
  r->before = NULL;
  r->next = q->flying;
  if (q->flying != NULL)
    q->flying->before = r;
  q->flying = r;
}

/* Removes a reply from the list of those in flight. */
static void land(struct sm_reply *r) {
  if (r->before != NULL)
    r->before->next = r->next;
  else
    r->queue->flying = r->next;
  if (r->next != NULL)
    r->next->before = r->before;
}

struct sm_reply *sm_reply_new(struct sm_queues *of) {
  struct sm_reply *r = of->unused;

  if (r != NULL) {
    of->unused = r->next;
    return r;
  }
  r = calloc(1, sizeof(*r));
  if (r != NULL) {
    r->number = ++of->replies;
    sm_buf_init(&r->body, SM_NO_LIMIT);
  }
  return r;
}

void sm_queue_cancel(struct sm_reply *r) {
  land(r);
  r->queue = NULL;
}

void sm_reply_done(struct sm_reply *r, struct sm_queues *of) {
  struct sm_queue *q = r->queue;

  if (q == NULL) {
    sm_reply_free(r, of);
    return;
  }
  land(r);
  r->next = NULL;
  if (q->last != NULL)
    q->last->next = r;
  else
    q->first = r;
  q->last = r;
  q->ready++;
  if (!q->is_news) {
    q->is_news = 1;
    q->next_news = of->news;
    of->news = q;
  }
}

struct sm_reply *sm_queue_take(struct sm_queue *q) {
  struct sm_reply *r = q->first;

  if (r == NULL)
    return NULL;
  q->first = r->next;
  if (q->first == NULL)
    q->last = NULL;
  q->ready--;
  return r;
}

void sm_queue_put_back(struct sm_queue *q, struct sm_reply *r) {
  r->next = q->first;
  q->first = r;
  if (q->last == NULL)
    q->last = r;
  q->ready++;
}

struct sm_reply *sm_queue_forsake(struct sm_queue *q) {
  struct sm_reply *r = q->flying;

  if (r != NULL)
    sm_queue_cancel(r);
  return r;
}

struct sm_queue *sm_queues_news(struct sm_queues *of) {
  struct sm_queue *q = of->news;

  if (q != NULL) {
    of->news = q->next_news;
    q->is_news = 0;
  }
  return q;
}
