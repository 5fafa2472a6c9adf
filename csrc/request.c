#include "request.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compat.h"

/* Buffer size for requests with thousands of IDs. A response is read in smaller
 * pieces, so that a step may end between them. */
#define SM_LARGE_MOVE (512L * 1024)

/* Buffer size for a response about one ID. libcurl allocates the buffer for
 * each request, and its default is sixteen times the usual size of a
 * response. */
#define SM_SMALL_MOVE 4096L

/* Maximum bytes of body memory that a handle keeps between requests. */
#define SM_KEEP_BODY ((size_t)1024 * 1024)

/* Whether requests to this host stay on this machine: localhost, 127.0.0.0/8
 * and ::1, in any spelling. */
static int is_loopback(const char *host) {
  char bare[INET6_ADDRSTRLEN];
  size_t len = strlen(host);
  struct in_addr v4;
  struct in6_addr v6;

  if (host[0] == '[' && len > 2 && len - 2 < sizeof(bare)) {
    memcpy(bare, host + 1, len - 2);
    bare[len - 2] = '\0';
    return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
  }
  return strcasecmp(host, "localhost") == 0 ||
         (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

const char sm_base_nomem[] = "cannot be parsed: not enough memory";

/* Whether the URL has this part. Also returns 1 if memory ran out, with the
 * error in `rc`. */
static int has_part(CURLU *url, CURLUPart part, CURLUcode *rc) {
  char *text = NULL;

  *rc = curl_url_get(url, part, &text, 0);
  curl_free(text);
  return *rc == CURLUE_OK || *rc == CURLUE_OUT_OF_MEMORY;
}

/* Takes the base's path, without slashes at its end, out of `url`. */
static const char *take_prefix(CURLU *url, struct sm_buf *prefix) {
  const char *fault = NULL;
  char *path = NULL;
  size_t len;

  if (curl_url_get(url, CURLUPART_PATH, &path, 0) != CURLUE_OK)
    return sm_base_nomem; /* out of memory: every URL has a path */
  len = strlen(path);
  while (len > 0 && path[len - 1] == '/')
    len--;
  sm_buf_reset(prefix, 0);
  switch (sm_buf_add(prefix, path, len)) {
  case SM_OK:
    break;
  case SM_NOMEM:
    fault = sm_base_nomem;
    break;
  default:
    fault = "has a path that is too long";
  }
  curl_free(path);
  return fault;
}

/* `http://127.0.0.1:$PORT` without PORT would lead to the scheme's own port. */
static int has_empty_port(const char *url) {
  const char *host = strstr(url, "://");
  size_t len;

  host = host == NULL ? url : host + 3;
  len = strcspn(host, "/");
  return len > 0 && host[len - 1] == ':';
}

const char *sm_base_fault(const char *url, int allow_http, CURLU **base,
                          struct sm_buf *prefix, int *is_plain) {
  CURLU *parsed = curl_url();
  const char *fault = NULL;
  char *scheme = NULL, *host = NULL;
  CURLUcode rc;

  if (parsed == NULL)
    return sm_base_nomem;
  rc = curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
  if (rc == CURLUE_OK)
    rc = curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0);
  if (rc == CURLUE_OK)
    rc = curl_url_get(parsed, CURLUPART_HOST, &host, 0);
  if (rc != CURLUE_OK)
    fault = "is not a URL like https://host or https://host:port/prefix";
  else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
    fault = "must begin with https://";
  else if (has_part(parsed, CURLUPART_USER, &rc) ||
           has_part(parsed, CURLUPART_PASSWORD, &rc))
    fault = "contains a user name or password: pass the key as token";
  /* curl_url_get() of newer libcurls does not distinguish empty from absent. */
  else if (strpbrk(url, "?#") != NULL)
    fault = "contains a query or fragment: only scheme, host, port and path "
            "are allowed";
  else if (has_empty_port(url))
    fault = "has a colon without a port after it";
  else if (strcmp(scheme, "http") == 0 && !allow_http && !is_loopback(host))
    fault = "is plain http to another host, where the token could be read on "
            "the way: use https://, or allow_http = true";
  else
    fault = take_prefix(parsed, prefix);
  if (rc == CURLUE_OUT_OF_MEMORY)
    fault = sm_base_nomem;

  if (fault == NULL) {
    *is_plain = strcmp(scheme, "http") == 0;
    *base = parsed;
  } else {
    curl_url_cleanup(parsed);
  }
  curl_free(scheme);
  curl_free(host);
  return fault;
}

void sm_op_init(struct sm_op *op) {
  size_t i;

  memset(op, 0, sizeof(*op));
  sm_buf_init(&op->method, 32);
  sm_buf_init(&op->prefix, SM_MAX_PATH);
  sm_buf_init(&op->host, SM_MAX_PATH);
  sm_template_init(&op->url);
  sm_template_init(&op->body);
  sm_fields_init(&op->fields);
  sm_buf_init(&op->pause, 128);
  for (i = 0; i < SM_MAX_PARTS - 1; i++)
    sm_buf_init(&op->split.between[i], 16);
}

static void wipe_auth(struct sm_auth *auth) {
  sm_buf_wipe(&auth->token);
  sm_buf_wipe(&auth->text);
}

void sm_op_forget(struct sm_op *op) {
  struct sm_auth *auth;

  for (auth = op->auth; auth != NULL; auth = auth->older)
    wipe_auth(auth);
}

static void free_lines(struct sm_lines *lines) {
  size_t i;

  for (i = 0; i < lines->count; i++)
    sm_template_free(&lines->list[i]);
  free(lines->list);
}

void sm_op_free(struct sm_op *op) {
  size_t i;

  if (op->base != NULL)
    curl_url_cleanup(op->base);
  sm_buf_free(&op->method);
  sm_buf_free(&op->prefix);
  sm_buf_free(&op->host);
  sm_template_free(&op->url);
  sm_template_free(&op->body);
  free_lines(&op->token_lines);
  free_lines(&op->request_lines);
  sm_fields_free(&op->fields);
  for (i = 0; i < op->single_count; i++)
    sm_single_free(&op->singles[i]);
  free(op->singles);
  sm_buf_free(&op->pause);
  for (i = 0; i < SM_MAX_PARTS - 1; i++)
    sm_buf_free(&op->split.between[i]);
  while (op->auth != NULL)
    sm_auth_drop(&op->auth);
  curl_slist_free_all(op->headers);
  sm_op_init(op);
}

/* Adds one kind of usual response; returns NULL if out of memory. */
struct sm_single *sm_op_single(struct sm_op *op) {
  size_t bytes = (op->single_count + 1) * sizeof(*op->singles);
  struct sm_single *singles = realloc(op->singles, bytes);

  if (singles == NULL)
    return NULL;
  op->singles = singles;
  sm_single_init(&singles[op->single_count]);
  return &singles[op->single_count++];
}

enum sm_status sm_op_header(struct sm_op *op, const char *line) {
  struct curl_slist *longer = curl_slist_append(op->headers, line);

  if (longer == NULL)
    return SM_NOMEM;
  op->headers = longer;
  return SM_OK;
}

struct sm_template *sm_op_line(struct sm_lines *lines) {
  struct sm_template *list =
      realloc(lines->list, (lines->count + 1) * sizeof(*list));

  if (list == NULL)
    return NULL;
  lines->list = list;
  sm_template_init(&list[lines->count]);
  return &list[lines->count++];
}

void sm_auth_drop(struct sm_auth **from) {
  struct sm_auth *auth = *from;

  *from = auth->older;
  wipe_auth(auth);
  free(auth->lines);
  free(auth);
}

/* Writes header lines into `text`, one after the other as C strings. */
static enum sm_status write_lines(const struct sm_lines *lines,
                                  const struct sm_values *values,
                                  struct sm_buf *text) {
  enum sm_status status = SM_OK;
  size_t i;

  for (i = 0; i < lines->count && status == SM_OK; i++) {
    status = sm_template_begin(&lines->list[i], values, text);
    if (status == SM_OK)
      status = sm_buf_add(text, "", 1);
  }
  return status;
}

/* Links the lines of `text` into a list for libcurl, followed by `tail`.
 * Returns its head. */
static struct curl_slist *link_lines(struct curl_slist *lines, size_t count,
                                     char *text, struct curl_slist *tail) {
  size_t i;

  for (i = 0; i < count; i++) {
    lines[i].data = text;
    lines[i].next = i + 1 < count ? &lines[i + 1] : tail;
    text += strlen(text) + 1;
  }
  return count > 0 ? lines : tail;
}

/* Returns an upper bound for the size of `text`: with this much reserved, no
 * growth moves secret bytes. */
static size_t lines_room(const struct sm_lines *lines, size_t token) {
  size_t i, k, room = 1;

  for (i = 0; i < lines->count; i++) {
    const struct sm_template *line = &lines->list[i];

    for (k = 0; k < line->count; k++)
      room +=
          (line->pieces[k].text.len + line->pieces[k].after.len + token) * 3 +
          4;
    room++;
  }
  return room;
}

enum sm_status sm_op_authorize(struct sm_op *op, const struct sm_buf *token) {
  struct sm_auth *auth = calloc(1, sizeof(*auth));
  size_t room = lines_room(&op->token_lines, token->len);
  struct sm_values values = {0};
  enum sm_status status;

  if (auth == NULL)
    return SM_NOMEM;
  values.uuid = "";
  values.token = token;
  sm_buf_init(&auth->token, SM_MAX_TOKEN + 1);
  sm_buf_init(&auth->text, room);
  status = sm_buf_reserve(&auth->token, token->len + 1);
  if (status == SM_OK)
    status = sm_buf_add(&auth->token, token->bytes, token->len);
  if (status == SM_OK)
    status = sm_buf_reserve(&auth->text, room);
  if (status == SM_OK)
    status = write_lines(&op->token_lines, &values, &auth->text);
  if (status == SM_OK && op->token_lines.count > 0) {
    auth->lines = calloc(op->token_lines.count, sizeof(*auth->lines));
    if (auth->lines == NULL)
      status = SM_NOMEM;
  }
  if (status != SM_OK) {
    wipe_auth(auth);
    free(auth);
    return status;
  }
  (void)link_lines(auth->lines, op->token_lines.count, auth->text.bytes,
                   op->headers);
  auth->older = op->auth;
  op->auth = auth;
  return SM_OK;
}

void sm_request_init(struct sm_request *r) {
  memset(r, 0, sizeof(*r));
  sm_buf_init(&r->path, SM_MAX_PATH);
  sm_buf_init(&r->body, SM_MAX_BODY);
  sm_buf_init(&r->text, SM_MAX_PATH);
  sm_buf_init(&r->fixed, (size_t)-1);
  sm_buf_init(&r->wire, (size_t)-1);
  r->fixed.is_secret = 1;
  r->wire.is_secret = 1;
}

void sm_request_free(struct sm_request *r) {
  if (r->easy != NULL)
    curl_easy_cleanup(r->easy);
  if (r->url != NULL)
    curl_url_cleanup(r->url);
  sm_buf_free(&r->path);
  sm_buf_free(&r->body);
  sm_buf_free(&r->text);
  sm_buf_free(&r->fixed);
  sm_buf_free(&r->wire);
  free(r->lines);
  sm_request_init(r);
}

/* Passes the path and query in `path` to libcurl. As a request target libcurl
 * sends them unchanged; in a URL it would copy them three times. */
static enum sm_status set_url(struct sm_request *r) {
  char *query;
  CURLUcode rc;

  if (sm_buf_terminate(&r->path) != SM_OK)
    return SM_NOMEM;
  if (!r->op->is_proxied)
    return curl_easy_setopt(r->easy, CURLOPT_REQUEST_TARGET, r->path.bytes) ==
                   CURLE_OK
               ? SM_OK
               : SM_NOMEM;
  query = strchr(r->path.bytes, '?');
  if (query != NULL)
    *query++ = '\0';
  rc = curl_url_set(r->url, CURLUPART_PATH, r->path.bytes, 0);
  if (rc == CURLUE_OK)
    rc = curl_url_set(r->url, CURLUPART_QUERY, query, 0);
  if (rc == CURLUE_OUT_OF_MEMORY)
    return SM_NOMEM;
  return rc == CURLUE_OK ? SM_OK : SM_REFUSED;
}

/* Returns the headers that all requests of `op` send. */
static struct curl_slist *shared_lines(const struct sm_op *op) {
  return op->auth != NULL && op->token_lines.count > 0 ? op->auth->lines
                                                       : op->headers;
}

/* Returns how many bytes of a response libcurl reads at once. */
static long receive_room(const struct sm_op *op) {
  return op->single_count > 0 ? SM_SMALL_MOVE : CURL_MAX_WRITE_SIZE;
}

/* Sets all options shared by the requests of `op`. */
static enum sm_status set_up(struct sm_request *r, const struct sm_op *op) {
  CURLcode rc = CURLE_OK;

  r->op = NULL;
  if (r->url != NULL)
    curl_url_cleanup(r->url);
  r->url = op->is_proxied ? curl_url_dup(op->base) : NULL;
  if (op->is_proxied && r->url == NULL)
    return SM_NOMEM;

  if (op->is_upload)
    rc = curl_easy_setopt(r->easy, CURLOPT_POST, 1L);
  else
    rc = curl_easy_setopt(r->easy, CURLOPT_HTTPGET, 1L);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, op->method.bytes);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, shared_lines(op));
#if SM_CURL_AT_LEAST(7, 85, 0)
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR,
                          op->is_plain ? "http" : "https");
#else
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS,
                          op->is_plain ? CURLPROTO_HTTP : CURLPROTO_HTTPS);
#endif
  /* A handle that failed before it had a connection refuses this, for as long
   * as it has the buffer of that attempt. A small buffer works as well. */
  (void)curl_easy_setopt(r->easy, CURLOPT_BUFFERSIZE, receive_room(op));
  if (op->fields.list.len > 0)
    (void)curl_easy_setopt(r->easy, CURLOPT_UPLOAD_BUFFERSIZE, SM_LARGE_MOVE);
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(r->easy, CURLOPT_CURLU,
                          op->is_proxied ? r->url : op->base);
  if (rc != CURLE_OK)
    return rc == CURLE_OUT_OF_MEMORY ? SM_NOMEM : SM_REFUSED;
  r->op = op;
  r->auth = op->auth;
  return SM_OK;
}

/* Sets up a request on the lane, which writes these lines itself. */
static enum sm_status set_up_lane(struct sm_request *r,
                                  const struct sm_op *op) {
  sm_buf_reset(&r->fixed, SM_KEEP_BODY);
  r->op = op;
  r->auth = op->auth;
  return SM_OK;
}

/* Puts the request's own header lines before the shared ones. */
static enum sm_status set_lines(struct sm_request *r) {
  size_t count = r->op->request_lines.count + r->more_lines;
  struct curl_slist *lines = r->lines;

  if (r->line_room < count) {
    lines = realloc(r->lines, count * sizeof(*lines));
    if (lines == NULL)
      return SM_NOMEM;
    r->lines = lines;
    r->line_room = count;
  }
  lines = link_lines(lines, count, r->text.bytes, shared_lines(r->op));
  return curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, lines) == CURLE_OK
             ? SM_OK
             : SM_NOMEM;
}

/* Writes everything before the IDs. */
static enum sm_status write_begin(struct sm_request *r, const struct sm_op *op,
                                  const struct sm_values *values) {
  enum sm_status status;

  r->values = *values;
  r->values.split = &op->split;
  r->path.is_secret = op->is_token_in_url;
  r->body.is_secret = op->is_token_in_body;
  r->text.is_secret = op->is_token_in_lines;
  sm_buf_reset(&r->path, SM_KEEP_BODY);
  sm_buf_reset(&r->body, SM_KEEP_BODY);
  sm_buf_reset(&r->text, SM_KEEP_BODY);
  status = sm_buf_add(&r->path, op->prefix.bytes, op->prefix.len);
  if (status == SM_OK)
    status = sm_template_begin(&op->url, &r->values, &r->path);
  if (status == SM_OK && op->has_body)
    status = sm_template_begin(&op->body, &r->values, &r->body);
  if (status == SM_OK && op->request_lines.count > 0)
    status = write_lines(&op->request_lines, &r->values, &r->text);
  return status;
}

enum sm_status sm_request_begin(struct sm_request *r, const struct sm_op *op,
                                const struct sm_values *values) {
  struct sm_values own = *values;
  enum sm_status status = SM_OK;

  if (r->op != op || r->auth != op->auth)
    status = op->is_on_lane ? set_up_lane(r, op) : set_up(r, op);
  own.token = op->auth != NULL ? &op->auth->token : NULL;
  /* The previous request's own lines are gone. */
  if (status == SM_OK && r->more_lines > 0 && !op->is_on_lane &&
      curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, shared_lines(op)) !=
          CURLE_OK)
    status = SM_NOMEM;
  r->more_lines = 0;
  return status == SM_OK ? write_begin(r, op, &own) : status;
}

enum sm_status sm_request_line(struct sm_request *r, const char *line,
                               size_t len) {
  enum sm_status status = sm_buf_add(&r->text, line, len);

  if (status == SM_OK)
    status = sm_buf_add(&r->text, "", 1);
  if (status == SM_OK)
    r->more_lines++;
  return status;
}

enum sm_status sm_request_preview(struct sm_request *r, const struct sm_op *op,
                                  const struct sm_values *values) {
  struct sm_values own = *values;

  r->op = op;
  own.token = NULL;
  return write_begin(r, op, &own);
}

enum sm_status sm_request_id(struct sm_request *r, int is_first, const char *id,
                             size_t len) {
  const struct sm_op *op = r->op;
  enum sm_status status =
      sm_template_id(&op->url, &r->values, is_first, id, len, &r->path);

  if (status == SM_OK && op->has_body)
    status = sm_template_id(&op->body, &r->values, is_first, id, len, &r->body);
  return status;
}

enum sm_status sm_request_end(struct sm_request *r) {
  const struct sm_op *op = r->op;
  enum sm_status status = sm_template_end(&op->url, &r->values, &r->path);

  if (status == SM_OK && op->has_body)
    status = sm_template_end(&op->body, &r->values, &r->body);
  if (status == SM_OK)
    status = sm_buf_terminate(&r->body);
  if (status == SM_OK && r->easy == NULL)
    return sm_buf_terminate(&r->path);
  if (op->is_on_lane)
    return status;
  if (status == SM_OK && op->request_lines.count + r->more_lines > 0)
    status = set_lines(r);
  if (status == SM_OK)
    status = set_url(r);
  /* Setting a body turns the request into a POST, so only do it if a body is
   * intended. */
  if (status == SM_OK && op->is_upload &&
      (curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body.bytes) !=
           CURLE_OK ||
       curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                        (curl_off_t)r->body.len) != CURLE_OK))
    status = SM_NOMEM;
  return status;
}

/* Converts a header line from libcurl's notation: "Name:" prevents one of
 * libcurl's own headers, "Name;" is a header without a value. */
static enum sm_status add_line(struct sm_buf *out, const char *line) {
  const char *colon = strchr(line, ':');
  size_t len = strlen(line);
  enum sm_status status;

  if (colon == NULL && len > 0 && line[len - 1] == ';') {
    status = sm_buf_add(out, line, len - 1);
    return status == SM_OK ? sm_buf_add(out, ":\r\n", 3) : status;
  }
  if (colon == NULL || colon[strspn(colon, ": \t")] == '\0')
    return SM_OK;
  status = sm_buf_add(out, line, len);
  return status == SM_OK ? sm_buf_add(out, "\r\n", 2) : status;
}

static enum sm_status add_text(struct sm_buf *out, const char *before,
                               const char *text, const char *after) {
  enum sm_status status = sm_buf_add(out, before, strlen(before));

  if (status == SM_OK)
    status = sm_buf_add(out, text, strlen(text));
  return status == SM_OK ? sm_buf_add(out, after, strlen(after)) : status;
}

/* Whether the request's own or the shared headers include this name. */
static int has_line(const struct sm_request *r, const char *name) {
  size_t i, count = r->op->request_lines.count + r->more_lines;
  const struct curl_slist *line;
  const char *text = r->text.bytes;
  size_t len = strlen(name);

  for (i = 0; i < count; i++, text += strlen(text) + 1)
    if (strncasecmp(text, name, len) == 0 && strchr(":;", text[len]) != NULL)
      return 1;
  for (line = shared_lines(r->op); line != NULL; line = line->next)
    if (strncasecmp(line->data, name, len) == 0 &&
        strchr(":;", line->data[len]) != NULL)
      return 1;
  return 0;
}

/* Writes the lines that do not change between two requests, in libcurl's
 * order. */
static enum sm_status write_fixed(struct sm_request *r,
                                  const char *user_agent) {
  const struct curl_slist *line;
  enum sm_status status = SM_OK;

  if (!has_line(r, "host"))
    status = add_text(&r->fixed, "Host: ", r->op->host.bytes, "\r\n");
  if (status == SM_OK && user_agent[0] != '\0' && !has_line(r, "user-agent"))
    status = add_text(&r->fixed, "User-Agent: ", user_agent, "\r\n");
  if (status == SM_OK && !has_line(r, "accept"))
    status = add_text(&r->fixed, "Accept: ", "*/*", "\r\n");
  for (line = shared_lines(r->op); line != NULL && status == SM_OK;
       line = line->next)
    status = add_line(&r->fixed, line->data);
  if (status == SM_OK && r->op->is_upload && !has_line(r, "content-type"))
    status =
        add_text(&r->fixed,
                 "Content-Type: ", "application/x-www-form-urlencoded", "\r\n");
  return status;
}

enum sm_status sm_request_write(struct sm_request *r, const char *user_agent) {
  const struct sm_op *op = r->op;
  struct sm_buf *wire = &r->wire;
  size_t i, count = op->request_lines.count + r->more_lines;
  const char *text = r->text.bytes;
  enum sm_status status = SM_OK;
  char length[48];

  if (r->fixed.len == 0)
    status = write_fixed(r, user_agent);
  if (status != SM_OK)
    sm_buf_reset(&r->fixed, 0); /* or the next request would lack the rest */
  length[0] = '\0';
  if (op->is_upload)
    (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n",
                   r->body.len);
  /* Not wiped here: each request overwrites the last, and moving or freeing
   * wipes. */
  wire->len = 0;
  if (wire->cap > SM_KEEP_BODY)
    sm_buf_reset(wire, 0);
  if (status == SM_OK)
    status =
        sm_buf_reserve(wire, op->method.len + r->path.len + r->text.len +
                                 2 * count + r->fixed.len + r->body.len + 64);
  if (status == SM_OK)
    status = add_text(wire, op->method.bytes, " ", "");
  if (status == SM_OK)
    status = sm_buf_add(wire, r->path.bytes, r->path.len);
  if (status == SM_OK)
    status = sm_buf_add(wire, " HTTP/1.1\r\n", 11);
  if (status == SM_OK)
    status = sm_buf_add(wire, r->fixed.bytes, r->fixed.len);
  for (i = 0; i < count && status == SM_OK; i++) {
    status = add_line(wire, text);
    text += strlen(text) + 1;
  }
  if (status == SM_OK)
    status = add_text(wire, length, "\r\n", "");
  return status == SM_OK && op->is_upload
             ? sm_buf_add(wire, r->body.bytes, r->body.len)
             : status;
}

/* Wipes the parts written for one request that hold the token. */
static void wipe_written(struct sm_request *r) {
  if (r->path.is_secret || r->body.is_secret || r->text.is_secret)
    sm_buf_reset(&r->wire, (size_t)-1);
  if (r->path.is_secret)
    sm_buf_reset(&r->path, (size_t)-1);
  if (r->body.is_secret)
    sm_buf_reset(&r->body, (size_t)-1);
  if (r->text.is_secret)
    sm_buf_reset(&r->text, (size_t)-1);
}

void sm_request_wipe(struct sm_request *r) {
  wipe_written(r);
  sm_buf_reset(&r->fixed, (size_t)-1);
  sm_buf_reset(&r->wire, (size_t)-1);
}

void sm_request_forget(struct sm_request *r) {
  const struct sm_op *op = r->op;

  wipe_written(r);
  if (op == NULL || !op->is_token_in_url || op->is_on_lane)
    return;
  if (op->is_proxied && r->url != NULL) {
    (void)curl_url_set(r->url, CURLUPART_PATH, "/", 0);
    (void)curl_url_set(r->url, CURLUPART_QUERY, NULL, 0);
  } else {
    (void)curl_easy_setopt(r->easy, CURLOPT_REQUEST_TARGET, NULL);
  }
}
