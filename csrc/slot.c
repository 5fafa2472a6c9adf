#include "slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "http1.h"
#include "openssl.h"

/* More than this is not kept in a slot between two answers. */
#define SM_KEEP_ANSWER ((size_t)4 * 1024 * 1024)

static int is_on_lane(const struct sm_slot *s) {
  return s->request.op->is_on_lane;
}

static long status_of(const struct sm_slot *s) {
  long status = s->status;

  if (!is_on_lane(s))
    curl_easy_getinfo(s->request.easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

static long connections_of(const struct sm_slot *s) {
  long count = s->connections;

  if (!is_on_lane(s))
    curl_easy_getinfo(s->request.easy, CURLINFO_NUM_CONNECTS, &count);
  return count;
}

/* Whether the operation's answers are read as they arrive, and this one is no
 * refusal. */
static int is_for_reader(const struct sm_slot *s) {
  return s->request.op->fields.list.len > 0 && status_of(s) == 200;
}

/* Bytes of the body, decoded. */
static enum sm_status take_text(struct sm_slot *s, const char *bytes,
                                size_t len) {
  if (s->is_read < 0)
    s->is_read = is_for_reader(s);
  if (!s->is_read)
    return sm_buf_add(&s->answer, bytes, len);
  s->answer_bytes += len;
  if (s->answer_bytes > s->answer.limit)
    return SM_FULL;
  return sm_reader_feed(&s->reader, bytes, len, &s->answer);
}

static enum sm_status take_body(struct sm_slot *s, const char *bytes,
                                size_t len) {
  if (s->headers.coding_count > 0)
    return sm_buf_add(&s->coded, bytes, len);
  return take_text(s, bytes, len);
}

int sm_slot_take_body(struct sm_slot *s, const char *bytes, size_t len) {
  switch (take_body(s, bytes, len)) {
  case SM_OK:
    return 1;
  case SM_FULL:
    s->is_overflow = 1;
    return 0;
  default:
    s->is_nomem = 1;
    return 0;
  }
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user) {
  return sm_slot_take_body(user, bytes, size * count) ? size * count : 0;
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Neither a NUL, nor a CR that stands elsewhere than before the LF at the end.
 */
static int is_clean(const char *line, size_t len) {
  const char *cr = memchr(line, '\r', len);

  return memchr(line, '\0', len) == NULL &&
         (cr == NULL || cr == line + len - 2);
}

static int is_status_like(const char *line, size_t len) {
  return len > 5 && memcmp(line, "HTTP/", 5) == 0;
}

/* A version, one space, a number of three digits. `line` ends in LF, which is
 * no digit. */
static int is_status(const char *line, size_t len) {
  const char *code;

  if (!is_status_like(line, len) || !is_digit(line[5]))
    return 0;
  code = line[6] == '.' && is_digit(line[7]) ? line + 9 : line + 7;
  if (code + 3 >= line + len || code[-1] != ' ')
    return 0;
  return is_digit(code[0]) && is_digit(code[1]) && is_digit(code[2]) &&
         code[0] != '0' &&
         (code[3] == ' ' || code[3] == '\r' || code[3] == '\n');
}

/* It has a name, or goes on with the one before it. */
static int is_field(const char *line, size_t len) {
  return line[0] == ' ' || line[0] == '\t' || memchr(line, ':', len) != NULL;
}

void sm_slot_take_status(struct sm_slot *s) {
  s->has_status = 1;
  s->is_headed = 0; /* another answer: the last one was interim */
  sm_headers_clear(&s->headers);
  /* No proxy's, before there is a connection, where that can be told. */
  if (s->sends > 0 || !SM_CURL_AT_LEAST(7, 80, 0))
    s->sockets->has_answered = 1;
}

void sm_slot_take_field(struct sm_slot *s, const char *line, size_t len,
                        int is_trailer) {
  if (!is_trailer)
    sm_headers_line(&s->headers, line, len, time(NULL));
  sm_headers_pause(&s->headers, s->request.op->pause.bytes, line, len);
}

/* 0 for what HTTP does not allow. libcurls differ in what they let pass, so
 * each line is looked at here. */
static int take_line(struct sm_slot *s, const char *line, size_t len) {
  /* Newer ones hand over what was there when the connection ended. */
  if (len == 0 || line[len - 1] != '\n')
    return 1;
  if (len == 1 || (len == 2 && line[0] == '\r')) {
    s->is_headed = 1;
    return 1;
  }
  if (!is_clean(line, len))
    return 0;
  if (s->has_status && !is_status_like(line, len)) {
    sm_slot_take_field(s, line, len, s->is_headed);
    return is_field(line, len);
  }
  sm_slot_take_status(s);
  return is_status(line, len);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *user) {
  struct sm_slot *s = user;

  s->header_bytes += size * count;
  if (s->header_bytes > SM_MAX_HEADERS) {
    s->is_overflow = 1;
    return 0;
  }
  if (!take_line(s, bytes, size * count)) {
    s->is_malformed = 1;
    return 0;
  }
  return size * count;
}

#if SM_CURL_AT_LEAST(7, 80, 0)
/* libcurl repeats a POST or DELETE by itself when a connection that it used
 * again dies before the answer. Whether to repeat is not its decision: the
 * first request may have been carried out. */
static int on_send(void *user, char *to, char *from, int to_port,
                   int from_port) {
  struct sm_slot *s = user;

  (void)to;
  (void)from;
  (void)to_port;
  /* Its result was given out while its resolver hung: as never sent. */
  if (s->is_expired)
    return CURL_PREREQFUNC_ABORT;
  if (sm_sockets_is_spent(s->sockets, from_port,
                          s->sockets->is_shared && !s->request.op->is_plain)) {
    s->is_spent = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  if (s->sends == 0) {
    s->port = from_port;
    s->is_alone = s->request.op->is_plain || !s->sockets->is_http2_offered ||
                  sm_openssl_is_http1(s->request.easy);
  }
  s->sends++;
  return s->sends == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}
#else
/* A request whose result was given out while its resolver hung is not sent. */
static int on_socket(void *user, curl_socket_t fd, curlsocktype purpose) {
  const struct sm_slot *s = user;

  (void)fd;
  (void)purpose;
  return s->is_expired ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}
#endif

static CURLcode set_callbacks(CURL *easy, struct sm_slot *s) {
  CURLcode rc = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);

  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_WRITEDATA, s);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_HEADERDATA, s);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_PRIVATE, s);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, s->error);
#if SM_CURL_AT_LEAST(7, 80, 0)
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_PREREQDATA, s);
#else
  /* Nothing stops this libcurl from repeating a request on a new connection
   * when an old one turns out dead, so it is never given an old one. */
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, s);
#endif
  return rc;
}

void sm_slot_free(struct sm_slot *s) {
  sm_request_free(&s->request);
  sm_buf_free(&s->answer);
  sm_buf_free(&s->coded);
  sm_buf_free(&s->asked);
  sm_reader_free(&s->reader);
  if (s->reply != NULL)
    sm_reply_free(s->reply, NULL);
  free(s);
}

struct sm_slot *sm_slot_new(CURL *model, struct curl_slist *resolve,
                            struct sm_sockets *sockets, size_t max_response) {
  struct sm_slot *s = calloc(1, sizeof(*s));

  if (s == NULL)
    return NULL;
  sm_request_init(&s->request);
  sm_buf_init(&s->answer, max_response);
  sm_buf_init(&s->coded, max_response);
  sm_buf_init(&s->asked, SM_MAX_TOKEN_TEXT);
  sm_reader_init(&s->reader);
  s->sockets = sockets;
  s->request.easy = curl_easy_duphandle(model);
  if (s->request.easy == NULL ||
      set_callbacks(s->request.easy, s) != CURLE_OK ||
      curl_easy_setopt(s->request.easy, CURLOPT_RESOLVE, resolve) != CURLE_OK) {
    sm_slot_free(s);
    return NULL;
  }
  return s;
}

static void set_fresh(struct sm_slot *s, int is_fresh) {
  if (s->is_fresh == is_fresh)
    return;
  s->is_fresh = is_fresh;
  (void)curl_easy_setopt(s->request.easy, CURLOPT_FRESH_CONNECT,
                         (long)is_fresh);
}

static void forget_answer(struct sm_slot *s) {
  sm_buf_reset(&s->answer, SM_KEEP_ANSWER);
  sm_buf_reset(&s->coded, 0);
  sm_headers_clear(&s->headers);
  s->is_unreadable = 0;
  s->meaning = 0;
  s->is_read = -1;
  s->answer_bytes = 0;
  s->header_bytes = 0;
  s->has_status = 0;
  s->is_headed = 0;
  s->is_malformed = 0;
  s->sends = 0;
  s->is_overflow = 0;
  s->is_nomem = 0;
  s->is_rejected = 0;
  s->is_spent = 0;
  s->is_expired = 0;
  s->port = 0;
  s->is_alone = 0;
  s->refusal = NULL;
  s->error[0] = '\0';
  s->conn = NULL;
  s->status = 0;
  s->connections = 0;
  s->is_framed = 0;
  s->is_given = 0;
  s->was_connected = 0;
}

void sm_slot_reset(struct sm_slot *s) {
  forget_answer(s);
  set_fresh(s, 0);
}

int sm_slot_refresh(struct sm_slot *s) {
  if (!s->is_spent || s->is_fresh)
    return 0;
  forget_answer(s);
  set_fresh(s, 1);
  return 1;
}

/* One coding less: from `coded` to `to`, which may hold as much. */
static enum sm_status decode_once(struct sm_slot *s, struct sm_buf *to) {
  return sm_inflate(s->headers.codings[--s->headers.coding_count],
                    s->coded.bytes, s->coded.len, to);
}

/* The last coding was applied last. */
static enum sm_status decode_all(struct sm_slot *s) {
  enum sm_status status = SM_OK;

  if (s->headers.has_unknown_coding)
    return SM_REFUSED;
  while (status == SM_OK && s->headers.coding_count > 0) {
    struct sm_buf text;

    sm_buf_init(&text, s->coded.limit);
    status = decode_once(s, &text);
    sm_buf_free(&s->coded);
    s->coded = text;
  }
  if (status == SM_OK && s->coded.len > 0)
    status = take_text(s, s->coded.bytes, s->coded.len);
  return status;
}

void sm_slot_decode(struct sm_slot *s) {
  if (s->coded.len == 0)
    return; /* nothing at all is not coded, whatever the header says */
  switch (decode_all(s)) {
  case SM_OK:
    break;
  case SM_FULL:
    s->is_overflow = 1;
    break;
  case SM_NOMEM:
    s->is_nomem = 1;
    break;
  case SM_REFUSED:
    s->is_unreadable = 1;
  }
  sm_buf_free(&s->coded);
}

/* Whether it is known that nothing of the answer's body is missing, even where
 * there is none: it had a length, chunks, or a stream of its own. */
static int is_framed(const struct sm_slot *s, long status) {
  curl_off_t length = -1;
  long version = 0;

  if (is_on_lane(s))
    return s->is_framed;
  curl_easy_getinfo(s->request.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                    &length);
  curl_easy_getinfo(s->request.easy, CURLINFO_HTTP_VERSION, &version);
  return !s->headers.is_contradictory &&
         (length >= 0 || s->headers.is_chunked || status == 204 ||
          version > CURL_HTTP_VERSION_1_1);
}

/* Whether the answer was read into the reader's items, to its end. */
static int has_items(const struct sm_slot *s) {
  return s->is_read == 1 && !s->is_unreadable && sm_reader_end(&s->reader);
}

static size_t meaning_of(struct sm_slot *s, struct sm_walk *walk) {
  const struct sm_op *op = s->request.op;
  long status = status_of(s);
  size_t i, meaning = 0;

  if (s->answer.len == 0 && !is_framed(s, status))
    return 0; /* it may have been cut off */
  for (i = 0; i < op->single_count && meaning == 0; i++)
    if (op->singles[i].status == status)
      meaning = sm_single_read(&op->singles[i], walk, s->asked.bytes,
                               s->asked.len, s->answer.bytes, s->answer.len);
  return meaning;
}

int sm_slot_is_resolving(const struct sm_slot *s) {
#if SM_CURL_AT_LEAST(7, 87, 0)
  (void)s;
  return 0;
#else
  curl_off_t resolved = 0;

  curl_easy_getinfo(s->request.easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
  return resolved == 0 && s->sends == 0;
#endif
}

/* Under TLS 1.3 a server refuses the client's certificate, or the lack of one,
 * after the handshake is over for the client, which reads this in place of an
 * answer. The server has then read no request of that connection. The texts
 * are OpenSSL's. */
static const char *refusal_of(const struct sm_slot *s) {
  static const char *const alerts[] = {
      "alert certificate required", "alert bad certificate",
      "alert certificate unknown",  "alert certificate expired",
      "alert certificate revoked",  "alert unsupported certificate",
      "alert unknown ca",
  };
  size_t i;

  if (s->result == CURLE_OK || s->header_bytes > 0)
    return NULL;
  for (i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
    if (strstr(s->error, alerts[i]) != NULL)
      return alerts[i];
  return NULL;
}

int sm_slot_is_refused(struct sm_slot *s) {
  if (s->refusal == NULL)
    s->refusal = refusal_of(s);
  return s->refusal != NULL;
}

void sm_slot_share_refusal(struct sm_slot *s, const struct sm_slot *refused) {
  if (s->port == refused->port && s->header_bytes == 0)
    s->refusal = refused->refusal;
}

/* Whether the connection failed before a byte of the request was written. Told
 * only where libcurl gave it up: while it still tries, it may have written
 * bytes that it has not counted. Over HTTP/2 it may have handed them to what
 * writes for all requests of the connection. */
static int is_unwritten(const struct sm_slot *s) {
  long written = 0;

  if (!is_on_lane(s) && s->sends > 0 && !s->is_alone)
    return 0;
  if (s->sends < 2 && s->result != CURLE_SEND_ERROR &&
      s->result != CURLE_RECV_ERROR && s->result != CURLE_HTTP2)
    return 0;
  if (is_on_lane(s))
    return !s->is_given;
  curl_easy_getinfo(s->request.easy, CURLINFO_REQUEST_SIZE, &written);
  return written == 0;
}

/* Whether some of the request may have reached the server, and its reader. */
static int is_sent(const struct sm_slot *s) {
  if (is_on_lane(s))
    return s->is_given && s->refusal == NULL;
#if SM_CURL_AT_LEAST(7, 80, 0)
  return s->sends > 0 && !is_unwritten(s) && s->refusal == NULL;
#else
  long written = 0;

  curl_easy_getinfo(s->request.easy, CURLINFO_REQUEST_SIZE, &written);
  return written > 0 && s->refusal == NULL;
#endif
}

/* Whether a connection over TLS was lost after the handshake, as we see it,
 * and before it was of any use: the server may have refused to end it. One
 * that was used before may just have been closed. */
static int is_hung_up(const struct sm_slot *s) {
  if (s->request.op->is_plain || !(s->is_spent || is_unwritten(s)))
    return 0;
  if (s->sends > 0 && connections_of(s) > 0)
    return 1;
  return !is_on_lane(s) && !s->sockets->has_answered;
}

static int is_lost_in_handshake(const struct sm_slot *s) {
  curl_off_t connected = 0;

  if (s->refusal != NULL || is_hung_up(s))
    return 1;
  /* Else the time is that of the handle's last request. */
  if (s->sends > 0 || s->is_spent || s->is_rejected)
    return 0;
  if (is_on_lane(s))
    return s->was_connected;
  curl_easy_getinfo(s->request.easy, CURLINFO_CONNECT_TIME_T, &connected);
  return connected > 0;
}

/* libcurl has a limit for one header line, and calls it a lack of memory. */
static int is_header_overflow(const struct sm_slot *s) {
  return s->result == CURLE_OUT_OF_MEMORY && is_sent(s) && !s->is_headed;
}

/* What went wrong, in one word; NULL where the answer is complete. */
static const char *fault_of(const struct sm_slot *s) {
  if (s->is_overflow || is_header_overflow(s))
    return "too_large";
  if (s->is_nomem)
    return "memory";
  if (s->is_malformed)
    return "protocol";
  switch (s->result) {
  case CURLE_OK:
    /* libcurl calls an answer that ends within its headers a success. */
    return s->is_headed ? NULL : "lost";
  case CURLE_OPERATION_TIMEDOUT:
    return "timeout";
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return "resolve";
  case CURLE_COULDNT_CONNECT:
  case CURLE_INTERFACE_FAILED:
    return "connect";
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_USE_SSL_FAILED:
    return "tls";
  case CURLE_OUT_OF_MEMORY:
    return "memory";
#if SM_CURL_AT_LEAST(8, 6, 0)
  case CURLE_TOO_LARGE:
    return "too_large";
#endif
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM:
    return "protocol";
  default:
    return "lost";
  }
}

/* How far the attempt got: "queued", "connected", "sent", "status" or
 * "complete". From "sent" on it may have taken effect. */
static const char *stage_of(const struct sm_slot *s, const char *fault,
                            long status) {
  if (fault == NULL)
    return "complete";
  if (is_sent(s))
    return status > 0 ? "status" : "sent";
  return is_lost_in_handshake(s) ? "connected" : "queued";
}

/* libcurl's own words. It cuts them, and what they repeat of an answer may be a
 * token, whose beginning nobody would find: such words are not used. */
static const char *in_its_words(const struct sm_slot *s) {
  size_t len = strlen(s->error);

  return len > 0 && len < sizeof(s->error) - 1 ? s->error
                                               : curl_easy_strerror(s->result);
}

/* What went wrong, in a sentence. */
static const char *detail_of(const struct sm_slot *s) {
  if (s->is_overflow || is_header_overflow(s))
    return "the response is too large (max_response, or its headers)";
  if (s->is_nomem)
    return "not enough memory";
  if (s->is_malformed)
    return "the response headers are malformed";
  if (s->refusal != NULL)
    return strstr(s->error, s->refusal) != NULL ? s->error : s->refusal;
  if (is_hung_up(s))
    return "the server closed the connection after the TLS handshake";
  if (s->is_spent)
    return "the connection was closed, or contained an unrequested response";
  if (s->is_expired)
    return is_sent(s) ? "timed out waiting for the response"
                      : "timed out before the request was sent";
  if (s->sends > 1 || s->result == CURLE_OK)
    return "the connection was closed before the response";
  return in_its_words(s);
}

void sm_slot_judge(struct sm_slot *s, struct sm_walk *walk) {
  if (s->request.op->single_count > 0 && fault_of(s) == NULL &&
      !s->is_unreadable)
    s->meaning = meaning_of(s, walk);
}

/* The body of a complete answer that means nothing usual. */
static void tell_body(struct sm_slot *s, struct sm_reply *r) {
  if (s->answer.len > 0 && !s->is_unreadable) {
    struct sm_buf body = s->answer;

    s->answer = r->body;
    s->answer.limit = body.limit;
    r->body = body;
    r->body_is = SM_BODY_TEXT;
  } else if (s->is_unreadable || !is_framed(s, r->status)) {
    r->body_is = SM_BODY_NONE;
  }
  r->has_items = has_items(s);
  if (r->has_items) {
    r->items = s->reader.items;
    sm_items_clear(&s->reader.items);
  }
}

void sm_slot_tell(struct sm_slot *s) {
  struct sm_reply *r = s->reply;

  r->connections = connections_of(s);
  r->status = status_of(s);
  r->meaning = s->meaning;
  r->fault = s->meaning > 0 ? NULL : fault_of(s);
  r->stage = stage_of(s, r->fault, r->status);
  r->body_is = SM_BODY_EMPTY;
  r->pause = s->headers.retry_after > 0 ? (double)s->headers.retry_after
             : s->headers.pause > 0     ? (double)s->headers.pause
                                        : 0;
  if (r->fault != NULL)
    (void)snprintf(r->detail, sizeof(r->detail), "%s", detail_of(s));
  else if (r->meaning == 0)
    tell_body(s, r);
}
