#include "slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "http1.h"
#include "openssl.h"

/* Maximum bytes of response memory that a slot keeps between requests. */
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

/* Whether the operation's responses are read as they arrive and this one is not
 * an error response. */
static int is_for_reader(const struct sm_slot *s) {
  return s->request.op->fields.list.len > 0 && status_of(s) == 200;
}

/* Bytes of which no more work can be than leaves the other half of a step to
 * what arrives in it. */
#define SM_PIECE ((size_t)4096)

/* Work of a token that the reader takes alone, in bytes of a usual
 * response. */
#define SM_TOKEN_WORK 16

/* Takes decoded bytes of the body. */
static enum sm_status take_text(struct sm_slot *s, const char *bytes,
                                size_t len) {
  enum sm_status status;

  if (s->is_read < 0)
    s->is_read = is_for_reader(s);
  if (!s->is_read)
    return sm_buf_add(&s->answer, bytes, len);
  s->answer_bytes += len;
  if (s->answer_bytes > s->answer.limit)
    return SM_FULL;
  s->sockets->work -= s->reader.json.steps * SM_TOKEN_WORK;
  status = sm_reader_feed(&s->reader, bytes, len, &s->answer);
  s->sockets->work += s->reader.json.steps * SM_TOKEN_WORK;
  return status;
}

static enum sm_status take_body(struct sm_slot *s, const char *bytes,
                                size_t len) {
  if (s->headers.coding_count > 0)
    return sm_buf_add(&s->coded, bytes, len);
  return take_text(s, bytes, len);
}

/* Records why there was no room. Returns whether there was. */
static int note_status(struct sm_slot *s, enum sm_status status) {
  switch (status) {
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

int sm_slot_take_body(struct sm_slot *s, const char *bytes, size_t len) {
  return note_status(s, take_body(s, bytes, len));
}

/* Keeps bytes for a later step: libcurl gives all that there are. */
static int keep_body(struct sm_slot *s, const char *bytes, size_t len) {
  if (s->unread.len == 0)
    s->sockets->behind++;
  return note_status(s, sm_buf_add(&s->unread, bytes, len));
}

void sm_slot_forget_unread(struct sm_slot *s) {
  if (s->unread.len > 0)
    s->sockets->behind--;
  sm_buf_reset(&s->unread, 0);
  s->unread_at = 0;
}

int sm_slot_catch_up(struct sm_slot *s) {
  while (s->unread_at < s->unread.len && s->sockets->work < SM_STEP_WORK / 2) {
    size_t left = s->unread.len - s->unread_at;
    size_t len = left < SM_PIECE ? left : SM_PIECE;

    s->sockets->work += len;
    s->unread_at += len;
    if (!sm_slot_take_body(s, s->unread.bytes + s->unread_at - len, len))
      s->unread_at = s->unread.len;
  }
  if (s->unread_at < s->unread.len)
    return 0;
  sm_slot_forget_unread(s);
  return 1;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user) {
  struct sm_slot *s = user;
  size_t len = size * count;

  if (len == 0 || s->is_overflow || s->is_nomem)
    return 0;
  if (s->unread.len > 0 || s->sockets->work >= SM_STEP_WORK)
    return keep_body(s, bytes, len) ? len : 0;
  s->sockets->work += len;
  return sm_slot_take_body(s, bytes, len) ? len : 0;
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Rejects a NUL, and a CR anywhere but before the final LF. */
static int is_clean(const char *line, size_t len) {
  const char *cr = memchr(line, '\r', len);

  return memchr(line, '\0', len) == NULL &&
         (cr == NULL || cr == line + len - 2);
}

static int is_status_like(const char *line, size_t len) {
  return len > 5 && memcmp(line, "HTTP/", 5) == 0;
}

/* Whether the line has a version, one space, and a three-digit number, which is
 * stored in `status`. `line` ends in LF, which is no digit. */
static int is_status(const char *line, size_t len, int *status) {
  const char *code;

  *status = 0;
  if (!is_status_like(line, len) || !is_digit(line[5]))
    return 0;
  code = line[6] == '.' && is_digit(line[7]) ? line + 9 : line + 7;
  if (code + 3 >= line + len || code[-1] != ' ')
    return 0;
  if (!is_digit(code[0]) || !is_digit(code[1]) || !is_digit(code[2]) ||
      code[0] == '0' || (code[3] != ' ' && code[3] != '\r' && code[3] != '\n'))
    return 0;
  *status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + code[2] - '0';
  return 1;
}

/* Whether the line has a name or continues the previous one. */
static int is_field(const char *line, size_t len) {
  return line[0] == ' ' || line[0] == '\t' || memchr(line, ':', len) != NULL;
}

int sm_slot_take_status(struct sm_slot *s, int status, int is_whole) {
  s->has_status = 1;
  s->is_headed = 0; /* another response: the last one was interim */
  sm_headers_clear(&s->headers);
  /* A proxy's response, before there is a connection, does not count if it can
   * be recognized. */
  if (s->sends > 0 || !SM_CURL_AT_LEAST(7, 80, 0))
    s->sockets->has_answered = 1;
  s->is_early = !is_whole && status >= 200 && status < 400;
  return !s->is_early;
}

/* Whether libcurl has passed on all bytes of the request's body. A proxy
 * answers before it sends any. */
static int is_uploaded(const struct sm_slot *s) {
  curl_off_t count = 0;

  if (s->sends == 0 || s->request.body.len == 0)
    return 1;
  curl_easy_getinfo(s->request.easy, CURLINFO_SIZE_UPLOAD_T, &count);
  return count >= (curl_off_t)s->request.body.len;
}

void sm_slot_take_field(struct sm_slot *s, const char *line, size_t len,
                        int is_trailer) {
  if (!is_trailer)
    sm_headers_line(&s->headers, line, len);
  sm_headers_pause(&s->headers, s->request.op->pause.bytes, line, len);
}

/* Returns 0 for a line that HTTP does not allow. libcurl versions differ in
 * what they let pass, so each line is checked here. */
static int take_line(struct sm_slot *s, const char *line, size_t len) {
  int status, is_valid;

  /* Newer libcurls also pass an incomplete line when the connection ends. */
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
  is_valid = is_status(line, len, &status);
  return sm_slot_take_status(s, status, is_uploaded(s)) && is_valid;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *user) {
  struct sm_slot *s = user;

  s->header_bytes += size * count + SM_LINE_WORK;
  if (s->header_bytes > SM_MAX_HEADERS) {
    s->is_overflow = 1;
    return 0;
  }
  if (!take_line(s, bytes, size * count)) {
    s->is_malformed = !s->is_early;
    return 0;
  }
  return size * count;
}

#if SM_CURL_AT_LEAST(7, 80, 0)
/* Allows the first send only. libcurl repeats a POST or DELETE by itself if a
 * reused connection dies before the response. That is not its decision: the
 * first request may have been carried out. */
static int on_send(void *user, char *to, char *from, int to_port,
                   int from_port) {
  struct sm_slot *s = user;

  (void)to;
  (void)from;
  (void)to_port;
  /* Already reported as never sent, while its resolver hung. */
  if (s->is_expired)
    return CURL_PREREQFUNC_ABORT;
  if (sm_sockets_is_spent(s->sockets, from_port, s->request.op->is_plain)) {
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
/* Refuses to connect for a request that was already reported while its resolver
 * hung: it must not be sent. */
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
  /* Nothing stops this libcurl from repeating a request on a new connection if
   * a reused one turns out dead, so it never gets a reused one. */
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
  sm_buf_free(&s->unread);
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
  sm_buf_init(&s->unread, max_response);
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
  sm_slot_forget_unread(s);
  s->is_whole = 0;
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
  s->is_early = 0;
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

/* Removes one coding: from `coded` to `to`, with the same limit. */
static enum sm_status decode_once(struct sm_slot *s, struct sm_buf *to) {
  return sm_inflate(s->headers.codings[--s->headers.coding_count],
                    s->coded.bytes, s->coded.len, to);
}

/* Removes codings in reverse order of application. */
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
    return; /* an empty body is not coded, whatever the header declares */
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

/* Whether the response's body, even an empty one, is known to be complete: it
 * had a length, chunks, or its own HTTP/2 stream. */
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

/* Whether the reader read the complete response into its items. */
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

/* Under TLS 1.3 a server refuses a wrong or missing client certificate after
 * the client has finished the handshake. The client then reads the alert in
 * place of a response. The server has then read no request of that connection.
 * The texts are OpenSSL's. */
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
  /* Refused before it was sent, the connection has no port here, and had no
   * other request. */
  if (refused->port > 0 && s->port == refused->port && s->header_bytes == 0)
    s->refusal = refused->refusal;
}

/* Whether the connection failed before a byte of the request was written.
 * Reported only if libcurl gave up on it: while it still tries, it may have
 * written bytes that it has not counted. Over HTTP/2 it may have passed them to
 * the writer shared by all requests of the connection. */
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

/* Whether part of the request may have reached the server, and been read
 * there. */
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

/* Whether a TLS connection was lost after our side of the handshake and before
 * it carried anything: the server may have refused to complete the handshake. A
 * connection used before may simply have been closed. */
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
  /* Without this check the time could be that of the handle's previous
   * request. */
  if (s->sends > 0 || s->is_spent || s->is_rejected)
    return 0;
  if (is_on_lane(s))
    return s->was_connected;
  curl_easy_getinfo(s->request.easy, CURLINFO_CONNECT_TIME_T, &connected);
  return connected > 0;
}

/* libcurl limits the length of one header line and reports a longer one as out
 * of memory. */
static int is_header_overflow(const struct sm_slot *s) {
  return s->result == CURLE_OUT_OF_MEMORY && is_sent(s) && !s->is_headed;
}

/* Returns the fault as one word; NULL if the response is complete. */
static const char *fault_of(const struct sm_slot *s) {
  if (s->is_overflow || is_header_overflow(s))
    return "too_large";
  if (s->is_nomem)
    return "memory";
  if (s->is_malformed || s->is_early)
    return "protocol";
  switch (s->result) {
  case CURLE_OK:
    /* libcurl reports success for a response that ends within its headers. */
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

/* Returns how far the attempt got: "queued", "connected", "sent", "status" or
 * "complete". From "sent" on it may have taken effect. */
static const char *stage_of(const struct sm_slot *s, const char *fault,
                            long status) {
  if (fault == NULL)
    return "complete";
  if (is_sent(s))
    return status > 0 ? "status" : "sent";
  return is_lost_in_handshake(s) ? "connected" : "queued";
}

/* Returns libcurl's error message. libcurl truncates long ones, and a response
 * text in them may contain a token, which could not be recognized once cut off.
 * A message that may be truncated is replaced by the generic text. */
static const char *in_its_words(const struct sm_slot *s) {
  size_t len = strlen(s->error);

  return len > 0 && len < sizeof(s->error) - 1 ? s->error
                                               : curl_easy_strerror(s->result);
}

/* Returns the fault as a sentence. */
static const char *detail_of(const struct sm_slot *s) {
  if (s->is_overflow || is_header_overflow(s))
    return "the response is too large (max_response, or its headers)";
  if (s->is_nomem)
    return "not enough memory";
  if (s->is_malformed)
    return "the response headers are malformed";
  if (s->is_early)
    return "the response came before the whole request was sent";
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

/* Stores the body of a complete response that is not a usual one. */
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
