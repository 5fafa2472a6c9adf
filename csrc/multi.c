#include "multi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fork.h"

/* Maximum number of times one step serves libcurl's timer. */
#define SM_MAX_TIMERS 8

/* Options of newer libcurls, by number: the libcurl in use may be newer than
 * the headers. An older one refuses them, and needs neither. */
#define SM_RESOLVE_THREADS_MAX ((CURLMoption)(CURLOPTTYPE_LONG + 20))
#define SM_QUICK_EXIT ((CURLMoption)(CURLOPTTYPE_LONG + 21))

double sm_now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum sm_status sm_multi_init(struct sm_multi *m, size_t slots,
                             size_t max_response) {
  m->pid = sm_fork_pid();
  m->slot_limit = slots;
  m->max_response = max_response;
  sm_walk_init(&m->walk);
  m->model = curl_easy_init();
  m->slots = calloc((size_t)SM_MAX_SLOTS, sizeof(*m->slots));
  return m->model != NULL && m->slots != NULL ? SM_OK : SM_NOMEM;
}

enum sm_status sm_multi_open_lane(struct sm_multi *m, const char *user_agent) {
  m->lane.sockets = &m->sockets;
  m->lane.resolve = m->resolve;
  return sm_lane_init(&m->lane, m->model, user_agent, m->slot_limit);
}

/* Sets libcurl's single timer: milliseconds from now, -1 to stop it. */
static int on_timer(CURLM *multi, long milliseconds, void *user) {
  struct sm_multi *m = user;

  (void)multi;
  m->timer = milliseconds < 0 ? 0 : sm_now() + (double)milliseconds / 1000;
  return 0;
}

/* Creates a multi handle with callbacks to the engine. Returns NULL if that
 * fails, with errno set if the cause is known. */
static CURLM *new_handle(struct sm_multi *m) {
  CURLM *curl;

  errno = 0;
  curl = curl_multi_init();
  if (curl == NULL)
    return NULL;
  /* Cleanup must not wait for resolver threads, and hanging threads must not
   * block other lookups. */
  (void)curl_multi_setopt(curl, SM_QUICK_EXIT, 1L);
  (void)curl_multi_setopt(curl, SM_RESOLVE_THREADS_MAX, (long)SM_MAX_SLOTS);
  curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, (long)m->slot_limit);
  curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, sm_sockets_watch);
  curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, &m->sockets);
  curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(curl, CURLMOPT_TIMERDATA, m);
  return curl;
}

int sm_multi_uses(const struct sm_multi *m, const struct sm_auth *auth) {
  size_t i;

  for (i = 0; i < m->slot_count; i++)
    if (m->slots[i]->request.auth == auth)
      return 1;
  return 0;
}

static void free_slot(struct sm_multi *m, struct sm_slot *s) {
  sm_request_forget(&s->request);
  s->state = SM_SLOT_FREE;
  s->next = m->first_free;
  m->first_free = s;
}

/* A stuck slot may be replaced by a new one, but only up to a limit. */
struct sm_slot *sm_multi_slot(struct sm_multi *m, enum sm_status *status) {
  size_t limit = m->slot_limit + m->stuck;
  struct sm_slot *s;

  *status = SM_OK;
  if (m->first_free == NULL) {
    if (m->slot_count >= limit || m->slot_count >= SM_MAX_SLOTS)
      return NULL;
    s = sm_slot_new(m->model, m->resolve, &m->sockets, m->max_response);
    if (s == NULL) {
      *status = SM_NOMEM;
      return NULL;
    }
    m->slots[m->slot_count++] = s;
    free_slot(m, s);
  }
  s = m->first_free;
  if (s->reply == NULL)
    s->reply = sm_reply_new(&m->queues);
  if (s->reply == NULL) {
    *status = SM_NOMEM;
    return NULL;
  }
  return s;
}

static void slot_done(struct sm_multi *m, struct sm_slot *s, CURLcode result) {
  s->state = SM_SLOT_DONE;
  s->result = result;
  sm_slot_forget_unread(s);
  s->next = NULL;
  if (m->last_done != NULL)
    m->last_done->next = s;
  else
    m->first_done = s;
  m->last_done = s;
}

/* Removes a request in flight from libcurl or the lane. */
static void take_out(struct sm_multi *m, struct sm_slot *s) {
  if (s->request.op->is_on_lane)
    sm_lane_cancel(&m->lane, s);
  else
    curl_multi_remove_handle(m->curl, s->request.easy);
}

/* Discards a failed multi handle. Apart from removing its requests it can no
 * longer be trusted. The requests are reported as lost, each with the stage it
 * had reached, and the next request creates a new handle. Returns false if that
 * would wait for a resolver. */
static int drop(struct sm_multi *m) {
  size_t i;

  if (m->stuck > 0)
    return 0;
  for (i = 0; i < m->slot_count; i++) {
    struct sm_slot *s = m->slots[i];

    if (s->state != SM_SLOT_BUSY || s->is_whole)
      continue;
    take_out(m, s);
    s->is_nomem = m->fault == CURLM_OUT_OF_MEMORY;
    slot_done(m, s, CURLE_ABORTED_BY_CALLBACK);
  }
  sm_lane_drop(&m->lane);
  curl_multi_cleanup(m->curl);
  sm_sockets_forget(&m->sockets);
  m->curl = NULL;
  m->timer = 0;
  m->fault = CURLM_OK;
  return 1;
}

/* Records a failure: the multi handle's error, or one of the sockets that it
 * did not report. */
static void note_fault(struct sm_multi *m, CURLMcode rc) {
  if (rc == CURLM_OK && m->sockets.is_broken)
    rc = CURLM_ABORTED_BY_CALLBACK;
  m->fault = rc;
}

/* Reports a request that libcurl did not take as failed. */
static void refuse(struct sm_multi *m, struct sm_slot *s, CURLcode result,
                   const char *why) {
  (void)snprintf(s->error, sizeof(s->error), "%s", why);
  s->is_rejected = 1;
  m->first_free = s->next;
  slot_done(m, s, result);
}

/* Passes the slot's request to libcurl or the lane, or reports it as failed at
 * once. If no descriptor is free, it reports a failed connection, because that
 * may pass. Returns an error only if out of memory. */
static CURLMcode begin(struct sm_multi *m, struct sm_slot *s) {
  int has_room = sm_sockets_begin(&m->sockets);
  struct sm_slot *next_free = s->next;
  CURLMcode rc;

  if (has_room && m->curl == NULL) {
    m->curl = new_handle(m);
    m->lane.curl = m->curl;
    has_room = m->curl != NULL;
    if (!has_room && errno != EMFILE && errno != ENFILE)
      return CURLM_OUT_OF_MEMORY;
  }
  if (!has_room) {
    refuse(m, s, CURLE_COULDNT_CONNECT, strerror(errno));
    return CURLM_OK;
  }
  if (s->request.op->is_on_lane)
    rc = sm_lane_add(&m->lane, s) == SM_OK ? CURLM_OK : CURLM_OUT_OF_MEMORY;
  else
    rc = curl_multi_add_handle(m->curl, s->request.easy);
  if (rc == CURLM_OUT_OF_MEMORY)
    return rc;
  if (rc != CURLM_OK) {
    m->fault = rc;
    refuse(m, s, CURLE_ABORTED_BY_CALLBACK, curl_multi_strerror(rc));
    return CURLM_OK;
  }
  m->first_free = next_free;
  s->state = SM_SLOT_BUSY;
  if (m->next_expiry == 0 || s->expires < m->next_expiry)
    m->next_expiry = s->expires;
  return CURLM_OK;
}

/* Records whether the server speaks HTTP/2, which decides how its connections
 * are used. */
static void learn_version(struct sm_multi *m, CURL *easy) {
  long version = 0;

  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
  if (version == CURL_HTTP_VERSION_2_0)
    m->sockets.is_shared = 1;
  else if (version == CURL_HTTP_VERSION_1_1 || version == CURL_HTTP_VERSION_1_0)
    m->sockets.is_shared = 0;
}

/* Marks the other requests sent over the connection of `refused`: the server
 * read none of them either. */
static void share_refusal(struct sm_multi *m, const struct sm_slot *refused) {
  size_t i;

  for (i = 0; i < m->slot_count; i++)
    if (m->slots[i]->state != SM_SLOT_FREE)
      sm_slot_share_refusal(m->slots[i], refused);
}

/* Finishes a request, whatever its result. */
static void finish(struct sm_multi *m, struct sm_slot *s, CURLcode result) {
  slot_done(m, s, result);
  sm_slot_judge(s, &m->walk);
}

/* Takes finished requests from the lane. */
static void harvest_lane(struct sm_multi *m) {
  struct sm_slot *s;

  while ((s = sm_lane_take(&m->lane)) != NULL) {
    if (s->result == CURLE_OK)
      sm_slot_decode(s);
    finish(m, s, s->result);
    (void)sm_slot_is_refused(s);
  }
}

/* Takes finished requests out of the multi handle. */
static void harvest(struct sm_multi *m) {
  CURLMsg *message;
  int left;

  while ((message = curl_multi_info_read(m->curl, &left)) != NULL) {
    CURLcode result = message->data.result; /* gone after the removal */
    char *private = NULL;
    struct sm_slot *s;

    if (sm_lane_connected(&m->lane, message->easy_handle, result))
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    curl_multi_remove_handle(m->curl, message->easy_handle);
    s = (struct sm_slot *)(void *)private;
    learn_version(m, s->request.easy);
    if (result == CURLE_OK && s->state == SM_SLOT_BUSY && s->unread.len > 0) {
      s->is_whole = 1; /* catch_up() finishes it */
      continue;
    }
    if (result == CURLE_OK)
      sm_slot_decode(s);
    /* Nothing was sent, so this costs no attempt. */
    if (s->state == SM_SLOT_BUSY && sm_slot_refresh(s)) {
      CURLMcode rc = curl_multi_add_handle(m->curl, s->request.easy);

      if (rc == CURLM_OK)
        continue;
      s->is_rejected = 1;
      s->is_nomem = rc == CURLM_OUT_OF_MEMORY;
      m->fault = rc;
    }
    if (s->state == SM_SLOT_BUSY)
      finish(m, s, result);
    if (sm_slot_is_refused(s))
      share_refusal(m, s);
    else if (result != CURLE_OK && s->header_bytes == 0)
      m->lost_port = s->port;
    if (s->state == SM_SLOT_STUCK) {
      free_slot(m, s);
      m->stuck--;
    }
    s->is_held = 0;
  }
}

/* Reads what libcurl gave in earlier steps, beyond what these may take. */
static void catch_up(struct sm_multi *m) {
  size_t i;

  m->turn++;
  for (i = 0; i < m->slot_count && m->sockets.behind > 0; i++) {
    struct sm_slot *s = m->slots[(m->turn + i) % m->slot_count];

    if (s->state == SM_SLOT_BUSY && s->unread.len > 0 && sm_slot_catch_up(s) &&
        s->is_whole) {
      sm_slot_decode(s);
      finish(m, s, CURLE_OK);
    }
  }
}

/* Whether steps left bytes of the response unread. */
static int is_unread(const struct sm_multi *m, const struct sm_slot *s) {
  int i;

  if (s->unread.len > 0)
    return 1;
  for (i = 0; i < m->sockets.ready_count; i++)
    if (s->conn != NULL && m->sockets.ready[i].conn == s->conn)
      return 1;
  return 0;
}

/* Ends attempts that have timed out. Call it after libcurl has read all
 * available data, so that a caller who was busy elsewhere loses no response. */
static void expire(struct sm_multi *m) {
  double t = sm_now(), next = 0;
  size_t i;

  if (m->next_expiry == 0 || t < m->next_expiry)
    return;
  for (i = 0; i < m->slot_count; i++) {
    struct sm_slot *s = m->slots[i];

    if (s->state != SM_SLOT_BUSY)
      continue;
    if (s->expires > t || is_unread(m, s)) {
      if (next == 0 || s->expires < next)
        next = s->expires;
      continue;
    }
    s->is_expired = 1;
    s->is_held = sm_slot_is_resolving(s);
    if (!s->is_held)
      take_out(m, s);
    slot_done(m, s, CURLE_OPERATION_TIMEDOUT);
  }
  m->next_expiry = next;
}

/* Calls libcurl if its timer has expired. */
static CURLMcode move_timers(struct sm_multi *m) {
  CURLMcode rc = CURLM_OK;
  int i, running;

  /* libcurl may want to be called again at once, but other work is waiting. */
  for (i = 0; i < SM_MAX_TIMERS && rc == CURLM_OK; i++) {
    if (m->timer == 0 || m->timer > sm_now())
      break;
    m->timer = 0;
    rc = curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  return rc;
}

/* Whether the work of this step is done. The rest waits for the next one. */
static int is_enough(const struct sm_multi *m) {
  return m->sockets.work >= SM_STEP_WORK;
}

/* Tells libcurl and the lane which sockets are ready, each in its turn, for as
 * long as the step may take. A step at which an attempt times out looks at all
 * of them. */
static CURLMcode move_ready(struct sm_multi *m) {
  struct sm_ready *ready = m->sockets.ready;
  int is_late = m->next_expiry > 0 && sm_now() >= m->next_expiry;
  int i, is_more, running;

  do {
    is_more = 0;
    for (i = 0; i < m->sockets.ready_count; i++) {
      CURLMcode rc = CURLM_OK;
      int events = ready[i].events;

      if (is_enough(m) && !is_late)
        break;
      ready[i].events = 0;
      if (events != 0 && ready[i].conn != NULL) {
        if (sm_lane_move(&m->lane, ready[i].conn, events))
          ready[i].events = CURL_CSELECT_IN;
      } else if (events != 0) {
        rc = curl_multi_socket_action(m->curl, ready[i].fd, events, &running);
      }
      if (rc != CURLM_OK)
        return rc;
      is_more |= ready[i].events != 0;
    }
    is_late = 0;
  } while (is_more && !is_enough(m));
  sm_sockets_keep(&m->sockets, i);
  return CURLM_OK;
}

/* Calls libcurl for its timer and for sockets that are ready. */
static CURLMcode move(struct sm_multi *m) {
  CURLMcode rc;

  (void)sm_sockets_wait(&m->sockets, 0);
  rc = move_ready(m);
  return rc == CURLM_OK ? move_timers(m) : rc;
}

static int is_port_busy(const struct sm_multi *m, int port) {
  size_t i;

  for (i = 0; i < m->slot_count; i++)
    if (m->slots[i]->state == SM_SLOT_BUSY && !m->slots[i]->is_whole &&
        m->slots[i]->port == port)
      return 1;
  return 0;
}

/* When a shared connection is lost, libcurl gives only one of its requests
 * the reason, and not the first. Drives libcurl until it has reported all of
 * them. */
static CURLMcode hear_why(struct sm_multi *m) {
  CURLMcode rc = CURLM_OK;
  int i, port = m->lost_port;

  m->lost_port = 0;
  m->sockets.work = 0;
  for (i = 0; i < SM_MAX_TIMERS && rc == CURLM_OK; i++) {
    if (port == 0 || !is_port_busy(m, port))
      break;
    rc = move(m);
    harvest(m);
  }
  return rc;
}

enum sm_status sm_multi_begin(struct sm_multi *m, struct sm_slot *s,
                              struct sm_queue *queue, double timeout) {
  double now = sm_now();

  /* sm_multi_start() may have failed just before. */
  if (m->fault != CURLM_OK && !drop(m))
    return SM_REFUSED;
  sm_slot_reset(s);
  s->expires = now + timeout;
  sm_queue_fly(queue, s->reply);
  if (begin(m, s) != CURLM_OK) {
    sm_queue_cancel(s->reply);
    return SM_NOMEM;
  }
  s->reply->is_offered = 0;
  m->used++;
  return SM_OK;
}

void sm_multi_deliver(struct sm_multi *m) {
  while (m->first_done != NULL) {
    struct sm_slot *s = m->first_done;

    m->first_done = s->next;
    if (m->first_done == NULL)
      m->last_done = NULL;
    m->has_met_sandbox |= s->headers.is_sandbox;
    sm_slot_tell(s);
    sm_reply_done(s->reply, &m->queues);
    s->reply = NULL;
    m->used--;
    if (s->is_held) {
      s->state = SM_SLOT_STUCK;
      m->stuck++;
    } else {
      free_slot(m, s);
    }
  }
}

int sm_multi_step(struct sm_multi *m) {
  m->sockets.work = 0;
  catch_up(m);
  if (m->curl != NULL && m->fault == CURLM_OK) {
    sm_lane_flush(&m->lane);
    note_fault(m, move(m));
    harvest(m);
    if (m->fault == CURLM_OK && m->lost_port != 0)
      m->fault = hear_why(m);
    sm_lane_flush(&m->lane); /* requests that could not use an old connection */
    harvest_lane(m);
  }
  if (m->fault != CURLM_OK && !drop(m))
    return 0;
  expire(m);
  sm_multi_deliver(m);
  return 1;
}

/* The next step reports any failure. */
void sm_multi_start(struct sm_multi *m) {
  if (m->curl == NULL || m->fault != CURLM_OK)
    return;
  sm_lane_flush(&m->lane);
  harvest_lane(m);
  note_fault(m, move_timers(m));
}

int sm_multi_patience(const struct sm_multi *m, double seconds) {
  double t = sm_now();

  if (m->sockets.behind > 0)
    return 0;
  if (m->next_expiry > 0 && m->next_expiry - t < seconds)
    seconds = m->next_expiry - t;
  if (m->timer > 0 && m->timer - t < seconds)
    seconds = m->timer - t;
  if (seconds > 60)
    seconds = 60;
  /* Rounded up: waking a little early would mean waiting twice. */
  return seconds > 0 ? (int)(seconds * 1000) + 1 : 0;
}

static void free_all(struct sm_multi *m, CURLM *curl) {
  size_t i;

  if (curl != NULL) {
    curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, NULL);
    curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, NULL);
  }

  sm_lane_free(&m->lane);
  for (i = 0; i < m->slot_count; i++) {
    struct sm_slot *s = m->slots[i];

    if (s->state == SM_SLOT_BUSY && !s->request.op->is_on_lane)
      curl_multi_remove_handle(curl, s->request.easy);
    sm_slot_free(s);
  }
  free(m->slots);
  if (curl != NULL)
    curl_multi_cleanup(curl);
  if (m->model != NULL)
    curl_easy_cleanup(m->model);
  curl_slist_free_all(m->resolve);
  sm_sockets_free(&m->sockets);
  sm_walk_free(&m->walk);
}

/* Whether handles must stay open on close. Inherited handles belong to the
 * parent's connections. A handle still held by a resolver thread cannot be
 * freed without waiting for it. In both cases only the tokens are wiped. */
static int must_abandon(const struct sm_multi *m) {
  size_t i;

  if (m->pid != sm_fork_pid())
    return 1;
  for (i = 0; i < m->slot_count; i++) {
    const struct sm_slot *s = m->slots[i];

    if (s->is_held || (s->state == SM_SLOT_BUSY && sm_slot_is_resolving(s)))
      return 1;
  }
  return 0;
}

int sm_multi_close(struct sm_multi *m) {
  struct sm_multi owned = *m;
  size_t i;

  sm_queues_close(&m->queues);
  memset(m, 0, sizeof(*m));
  if (!must_abandon(&owned)) {
    free_all(&owned, owned.curl);
    return 1;
  }
  for (i = 0; i < owned.slot_count; i++)
    sm_request_wipe(&owned.slots[i]->request);
  return 0;
}
