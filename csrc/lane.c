#include "lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "compat.h"

/* Maximum bytes per read: what the reader takes of them stays within a step,
 * however much work they are. */
#define SM_LANE_READ ((size_t)16 * 1024)

/* Reads before other connections have their turn. */
#define SM_LANE_READS 8

/* Maximum bytes per write over TLS: one record. The server can read nothing of
 * a record that failed. */
#define SM_LANE_RECORD ((size_t)16 * 1024)

#ifndef MSG_NOSIGNAL /* macOS: libcurl sets it on the socket */
#  define MSG_NOSIGNAL 0
#endif

int sm_lane_is_proven(void) {
  unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;

  /* Tested with 7.88.1, 8.5.0, 8.14.1 and 8.21.0. */
  return SM_CURL_AT_LEAST(7, 87, 0) && version >= 0x075800 &&
         version < 0x081600;
}

enum sm_status sm_lane_init(struct sm_lane *l, CURL *model,
                            const char *user_agent, size_t most) {
  size_t len = strlen(user_agent) + 1;

  l->user_agent = malloc(len);
  l->conns = calloc(most, sizeof(struct sm_conn *));
  l->bytes = malloc(SM_LANE_READ);
  if (l->user_agent == NULL || l->conns == NULL || l->bytes == NULL)
    return SM_NOMEM;
  memcpy(l->user_agent, user_agent, len);
  l->most = most;
  l->model = model;
  return SM_OK;
}

/* Appends a part of the base URL to the Host text, if the base has it. */
static enum sm_status add_part(struct sm_op *op, CURLUPart part,
                               const char *before) {
  char *text = NULL;
  CURLUcode rc = curl_url_get(op->base, part, &text, CURLU_NO_DEFAULT_PORT);
  enum sm_status status = SM_OK;

  if (rc == CURLUE_OUT_OF_MEMORY)
    return SM_NOMEM;
  if (rc != CURLUE_OK)
    return SM_OK;
  status = sm_buf_add(&op->host, before, strlen(before));
  if (status == SM_OK)
    status = sm_buf_add(&op->host, text, strlen(text));
  curl_free(text);
  return status;
}

/* Leaves to libcurl host names that it converts for the wire, and addresses
 * with zones. */
enum sm_status sm_lane_prepare(const struct sm_lane *l, struct sm_op *op) {
  enum sm_status status;
  size_t i;

  if (l->model == NULL || op->is_proxied ||
      (l->sockets->is_http2_offered && !op->is_plain))
    return SM_OK;
  status = add_part(op, CURLUPART_ZONEID, "%");
  if (status != SM_OK || op->host.len > 0)
    return status;
  status = add_part(op, CURLUPART_HOST, "");
  if (status == SM_OK)
    status = add_part(op, CURLUPART_PORT, ":");
  if (status == SM_OK)
    status = sm_buf_terminate(&op->host);
  for (i = 0; i < op->host.len; i++)
    if ((unsigned char)op->host.bytes[i] > '~')
      return status;
  op->is_on_lane = status == SM_OK;
  return status;
}

static void push(struct sm_slots *q, struct sm_slot *s) {
  s->next = NULL;
  if (q->last != NULL)
    q->last->next = s;
  else
    q->first = s;
  q->last = s;
}

static struct sm_slot *pop(struct sm_slots *q) {
  struct sm_slot *s = q->first;

  if (s != NULL)
    q->first = s->next;
  if (q->first == NULL)
    q->last = NULL;
  return s;
}

static void finish(struct sm_lane *l, struct sm_slot *s, CURLcode result) {
  s->result = result;
  push(&l->done, s);
}

struct sm_slot *sm_lane_take(struct sm_lane *l) {
  return pop(&l->done);
}

static void free_conn(struct sm_conn *c) {
  if (c->easy != NULL)
    curl_easy_cleanup(c->easy);
  if (c->cache != NULL)
    (void)curl_share_cleanup(c->cache);
  sm_http1_free(&c->reader);
  free(c);
}

/* Moves a connection to `place` in the list. Idle ones come last, those used
 * last first. */
static void put(struct sm_lane *l, struct sm_conn *c, size_t place) {
  struct sm_conn *other = l->conns[place];

  l->conns[c->place] = other;
  other->place = c->place;
  l->conns[place] = c;
  c->place = place;
}

static void set_busy(struct sm_lane *l, struct sm_conn *c, struct sm_slot *s) {
  put(l, c, l->count - l->idle);
  l->idle--;
  c->slot = s;
  s->conn = c;
}

static struct sm_slot *set_idle(struct sm_lane *l, struct sm_conn *c) {
  struct sm_slot *s = c->slot;

  l->idle++;
  put(l, c, l->count - l->idle);
  c->slot = NULL;
  s->conn = NULL;
  return s;
}

/* Closes an idle connection at once. */
static void drop(struct sm_lane *l, struct sm_conn *c) {
  put(l, c, l->count - 1);
  l->count--;
  l->idle--;
  curl_multi_remove_handle(l->curl, c->easy);
  free_conn(c);
}

static void tell(char *error, const char *text) {
  (void)snprintf(error, CURL_ERROR_SIZE, "%s", text);
}

/* Ends the request. Also ends the connection, unless it `is_kept`. */
static void end(struct sm_lane *l, struct sm_conn *c, CURLcode result,
                int is_kept) {
  struct sm_slot *s = set_idle(l, c);

  if (result != CURLE_OK && s->error[0] == '\0')
    tell(s->error, c->error);
  c->is_old = 1;
  if (!is_kept)
    drop(l, c);
  finish(l, s, result);
}

/* Turns errno into a result: CURLE_AGAIN, or the reason for the failure. */
static CURLcode fault_of(struct sm_conn *c, CURLcode rc) {
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    return CURLE_AGAIN;
  tell(c->error, strerror(errno));
  return rc;
}

static CURLcode read_some(struct sm_conn *c, char *bytes, size_t most,
                          size_t *count) {
  ssize_t n;

  *count = 0;
  if (!c->op->is_plain)
    return curl_easy_recv(c->easy, bytes, most, count);
  do
    n = recv(c->fd, bytes, most, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return fault_of(c, CURLE_RECV_ERROR);
  *count = (size_t)n;
  return CURLE_OK;
}

static CURLcode write_some(struct sm_conn *c, const char *bytes, size_t len,
                           size_t *count) {
  ssize_t n;

  *count = 0;
  if (!c->op->is_plain)
    return curl_easy_send(c->easy, bytes,
                          len < SM_LANE_RECORD ? len : SM_LANE_RECORD, count);
  do
    n = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return fault_of(c, CURLE_SEND_ERROR);
  *count = (size_t)n;
  return CURLE_OK;
}

/* Whether an idle connection has received neither data nor its end. TLS may
 * have received bytes that are neither. */
static int is_silent(struct sm_conn *c) {
  size_t count;
  char byte;

  if (c->op->is_plain)
    return sm_sockets_is_silent(c->fd);
  return read_some(c, &byte, 1, &count) == CURLE_AGAIN;
}

/* Ends the response after the reader's last event, or after an error. */
static void end_answer(struct sm_lane *l, struct sm_conn *c,
                       enum sm_http1_event event, size_t surplus) {
  struct sm_slot *s = c->slot;

  /* Surplus bytes are no response to any request, so close the connection. */
  if (event == SM_HTTP1_DONE) {
    end(l, c, CURLE_OK,
        c->reader.is_kept && surplus == 0 && c->sent == s->request.wire.len);
    return;
  }
  if (event == SM_HTTP1_BAD)
    tell(s->error, c->reader.fault);
  s->is_overflow |= event == SM_HTTP1_LARGE;
  s->is_nomem |= event == SM_HTTP1_NOMEM;
  end(l, c, CURLE_WEIRD_SERVER_REPLY, 0);
}

/* Passes received bytes to the reader. Returns 1 if the request has ended; the
 * connection may be gone then. */
static int feed(struct sm_lane *l, struct sm_conn *c, size_t len) {
  const char *bytes = l->bytes;
  struct sm_http1 *h = &c->reader;
  struct sm_slot *s = c->slot;
  enum sm_http1_event event;

  while ((event = sm_http1_next(h, &bytes, &len)) != SM_HTTP1_MORE) {
    s->header_bytes = h->head_bytes;
    l->sockets->work += SM_LINE_WORK;
    if (event == SM_HTTP1_STATUS) {
      s->status = h->status;
      if (!sm_slot_take_status(s, h->status, c->sent == s->request.wire.len)) {
        end(l, c, CURLE_WEIRD_SERVER_REPLY, 0);
        return 1;
      }
    } else if (event == SM_HTTP1_FIELD || event == SM_HTTP1_TRAILER) {
      sm_slot_take_field(s, h->text, h->len, event == SM_HTTP1_TRAILER);
    } else if (event == SM_HTTP1_HEADED) {
      s->is_headed = 1;
      s->is_framed = h->is_framed;
    } else if (event != SM_HTTP1_BODY ||
               !sm_slot_take_body(s, h->text, h->len)) {
      end_answer(l, c, event, len);
      return 1;
    }
  }
  s->header_bytes = h->head_bytes;
  return 0;
}

/* Reads available bytes. Returns whether there may be more: bytes buffered by
 * TLS do not make the socket ready. */
static int receive(struct sm_lane *l, struct sm_conn *c) {
  size_t count;
  CURLcode rc;
  int reads;

  for (reads = 0; reads < SM_LANE_READS || c->is_cut; reads++) {
    if (reads > 0 && l->sockets->work >= SM_STEP_WORK && !c->is_cut)
      break;
    rc = read_some(c, l->bytes, SM_LANE_READ, &count);
    if (rc == CURLE_AGAIN && !c->is_cut)
      return 0;
    if (rc != CURLE_OK || count == 0) {
      int is_whole = rc == CURLE_OK && sm_http1_end(&c->reader);

      if (rc == CURLE_OK)
        tell(c->error, "the connection was closed before the answer");
      end(l, c, is_whole ? CURLE_OK : CURLE_RECV_ERROR, 0);
      return 0;
    }
    l->sockets->work += count;
    if (feed(l, c, count) ||
        (count < SM_LANE_READ && c->op->is_plain && !c->is_cut))
      return 0;
  }
  return 1;
}

/* Handles a connection that accepts no more of the request. */
static void give_up(struct sm_lane *l, struct sm_conn *c, CURLcode rc) {
  struct sm_slot *s = c->slot;

  if (s->is_given) {
    /* A response may explain the reason. */
    c->is_cut = 1;
    (void)receive(l, c);
  } else if (c->is_old) {
    /* The connection was closed before the request: this costs no attempt. */
    (void)set_idle(l, c);
    drop(l, c);
    push(&l->waiting, s);
  } else {
    end(l, c, rc, 0);
  }
}

/* Writes as much of the request as the kernel takes. */
static void give(struct sm_lane *l, struct sm_conn *c) {
  struct sm_slot *s = c->slot;
  const struct sm_buf *wire = &s->request.wire;
  int was_blocked = c->is_blocked;
  CURLcode rc = CURLE_OK;

  while (rc == CURLE_OK && c->sent < wire->len) {
    size_t count;

    rc = write_some(c, wire->bytes + c->sent, wire->len - c->sent, &count);
    c->sent += count;
  }
  c->is_blocked = rc == CURLE_AGAIN;
  /* Part of a record that TLS holds back may have been written. */
  if (c->sent > 0 || (c->is_blocked && !c->op->is_plain))
    s->is_given = 1;
  if (rc != CURLE_OK && rc != CURLE_AGAIN)
    give_up(l, c, rc);
  else if (c->is_blocked != was_blocked &&
           sm_sockets_watch(NULL, c->fd,
                            c->is_blocked ? CURL_POLL_INOUT : CURL_POLL_IN,
                            l->sockets, NULL) != 0)
    end(l, c, CURLE_SEND_ERROR, 0);
}

/* Handles a new connection on which the server spoke first or hung up. Nothing
 * was sent, so the request gets one more connection; what TLS refused stays. */
static void refuse(struct sm_lane *l, struct sm_conn *c) {
  struct sm_slot *s = c->slot;

  s->is_spent = c->error[0] == '\0';
  if (sm_slot_refresh(s)) {
    (void)set_idle(l, c);
    drop(l, c);
    push(&l->waiting, s);
  } else {
    end(l, c, CURLE_RECV_ERROR, 0);
  }
}

/* Sends the slot's request from its beginning over an open connection. */
static void begin(struct sm_lane *l, struct sm_conn *c) {
  sm_http1_begin(&c->reader);
  c->sent = 0;
  c->is_blocked = 0;
  c->error[0] = '\0';
  c->slot->sends = 1;
  if (c->is_old || is_silent(c))
    give(l, c);
  else
    refuse(l, c);
}

static CURLcode set_options(struct sm_lane *l, struct sm_conn *c) {
  CURLcode rc = curl_easy_setopt(c->easy, CURLOPT_SHARE, c->cache);

  if (rc == CURLE_OK)
    rc = curl_easy_setopt(c->easy, CURLOPT_CURLU, c->op->base);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, 1L);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(c->easy, CURLOPT_RESOLVE, l->resolve);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
  return rc;
}

/* Makes libcurl connect for the slot's request. Sets *made only on success. */
static CURLcode make(struct sm_lane *l, const struct sm_slot *s,
                     struct sm_conn **made) {
  struct sm_conn *c = calloc(1, sizeof(*c));
  CURLMcode added = CURLM_OK;
  CURLcode rc;

  if (c == NULL)
    return CURLE_OUT_OF_MEMORY;
  sm_http1_init(&c->reader);
  c->op = s->request.op;
  c->cache = curl_share_init();
  c->easy = curl_easy_duphandle(l->model);
  rc = c->cache != NULL && c->easy != NULL &&
               curl_share_setopt(c->cache, CURLSHOPT_SHARE,
                                 CURL_LOCK_DATA_CONNECT) == CURLSHE_OK
           ? set_options(l, c)
           : CURLE_OUT_OF_MEMORY;
  if (rc == CURLE_OK)
    added = curl_multi_add_handle(l->curl, c->easy);
  if (rc == CURLE_OK && added == CURLM_OK) {
    *made = c;
    return CURLE_OK;
  }
  free_conn(c);
  if (rc == CURLE_OK)
    rc = added == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY
                                      : CURLE_ABORTED_BY_CALLBACK;
  return rc;
}

static int is_same_place(const struct sm_op *a, const struct sm_op *b) {
  return a == b || (a->is_plain == b->is_plain &&
                    strcmp(a->host.bytes, b->host.bytes) == 0);
}

/* Returns an idle connection that is still open, the one used last if it can:
 * a server is the least likely to close that. Closes the others it finds. */
static struct sm_conn *find_idle(struct sm_lane *l, const struct sm_op *op,
                                 int is_sure) {
  size_t i = l->count - l->idle;

  while (i < l->count) {
    struct sm_conn *c = l->conns[i];

    if (!is_same_place(c->op, op))
      i++;
    else if ((is_sure && op->is_plain) || is_silent(c))
      return c;
    else
      drop(l, c); /* another takes its place in the list */
  }
  return NULL;
}

static void start(struct sm_lane *l, struct sm_slot *s, int is_sure) {
  struct sm_conn *c = find_idle(l, s->request.op, is_sure);
  CURLcode rc;

  if (c != NULL) {
    set_busy(l, c, s);
    begin(l, c);
    return;
  }
  if (l->idle > 0 && l->count >= l->most)
    drop(l, l->conns[l->count - 1]);
  rc = make(l, s, &c);
  if (rc != CURLE_OK) {
    s->is_rejected = 1;
    finish(l, s, rc);
    return;
  }
  c->place = l->count;
  l->conns[l->count++] = c;
  l->idle++;
  set_busy(l, c, s);
}

enum sm_status sm_lane_add(struct sm_lane *l, struct sm_slot *s) {
  enum sm_status status = sm_request_write(&s->request, l->user_agent);

  if (status == SM_OK)
    push(&l->waiting, s);
  s->port = -1; /* not a connection that requests share */
  return status;
}

/* Closes idle connections that received data. Returns whether the kernel has
 * just confirmed that all others are silent. */
static int look_around(struct sm_lane *l) {
  struct sm_sockets *sockets = l->sockets;
  int i, is_sure = sm_sockets_wait(sockets, 0);

  for (i = 0; i < sockets->ready_count; i++) {
    struct sm_conn *c = sockets->ready[i].conn;

    if (sockets->ready[i].events != 0 && c != NULL && c->slot == NULL)
      (void)sm_lane_move(l, c, 0);
  }
  return is_sure;
}

void sm_lane_flush(struct sm_lane *l) {
  struct sm_slot *s;
  int is_sure;

  if (l->waiting.first == NULL)
    return;
  is_sure = l->idle > 0 && look_around(l);
  while ((s = pop(&l->waiting)) != NULL)
    start(l, s, is_sure);
}

int sm_lane_move(struct sm_lane *l, struct sm_conn *c, int events) {
  struct sm_slot *s = c->slot;
  int has_more = 0;

  if (s == NULL) {
    if (!is_silent(c))
      drop(l, c);
    return 0;
  }
  /* First what the server says of the part that it has got. */
  if ((events & ~CURL_CSELECT_OUT) != 0)
    has_more = receive(l, c);
  if ((events & CURL_CSELECT_OUT) != 0 && s->conn != NULL)
    give(l, c);
  return has_more && s->conn != NULL;
}

/* Records libcurl's data about a connection that it opened or tried to open. */
static void note_connection(struct sm_conn *c) {
  curl_off_t connected = 0;

  curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &c->slot->connections);
  curl_easy_getinfo(c->easy, CURLINFO_CONNECT_TIME_T, &connected);
  c->slot->was_connected = connected > 0;
}

int sm_lane_connected(struct sm_lane *l, CURL *easy, CURLcode result) {
  struct sm_conn *c = NULL;
  size_t i;

  for (i = 0; i < l->count && c == NULL; i++)
    if (l->conns[i]->easy == easy)
      c = l->conns[i];
  if (c == NULL)
    return 0;
  note_connection(c);
  if (result == CURLE_OK &&
      (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &c->fd) != CURLE_OK ||
       !sm_sockets_own(l->sockets, c->fd, c)))
    result = CURLE_ABORTED_BY_CALLBACK;
  c->is_connected = result == CURLE_OK;
  if (result == CURLE_OK)
    begin(l, c);
  else
    end(l, c, result, 0);
  return 1;
}

void sm_lane_cancel(struct sm_lane *l, struct sm_slot *s) {
  struct sm_conn *c = s->conn;

  if (c == NULL)
    return; /* it stays in `waiting` until sm_lane_drop() removes it */
  if (!c->is_connected)
    note_connection(c);
  (void)set_idle(l, c);
  drop(l, c);
}

void sm_lane_drop(struct sm_lane *l) {
  memset(&l->waiting, 0, sizeof(l->waiting));
  while (l->count > 0) {
    struct sm_conn *c = l->conns[l->count - 1];

    if (c->slot != NULL)
      (void)set_idle(l, c);
    drop(l, c);
  }
}

void sm_lane_free(struct sm_lane *l) {
  sm_lane_drop(l);
  free(l->conns);
  free(l->user_agent);
  free(l->bytes);
}
