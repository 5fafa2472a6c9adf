/*
 * request.h - a prepared operation, and the easy handle that carries it out.
 *
 * An operation prepares once everything that its requests share: the parsed
 * base URL, the header list, the lines with the token. A request then only
 * fills the placeholders of its templates.
 */

#ifndef SM_REQUEST_H
#define SM_REQUEST_H

#include <curl/curl.h>

#include "auth.h"
#include "reader.h"
#include "single.h"
#include "template.h"

/* Maximum bytes of one request's body, and of its path with the query. */
#define SM_MAX_BODY ((size_t)64 * 1024 * 1024)
#define SM_MAX_PATH ((size_t)256 * 1024)

/* The headers with one token. Requests started with a token keep it, even if
 * the token is renewed meanwhile. */
struct sm_auth {
  struct sm_buf token;
  struct sm_buf text;       /* lines with the token, as C strings */
  struct curl_slist *lines; /* as a list, followed by the op's headers */
  struct sm_auth *older;
};

struct sm_lines {
  struct sm_template *list;
  size_t count;
};

struct sm_op {
  struct sm_buf method;   /* a C string */
  CURLU *base;            /* scheme, host and port */
  struct sm_buf prefix;   /* the base's own path, without a trailing slash */
  int is_plain;           /* http:// */
  int is_proxied;         /* by a proxy that needs the whole URL */
  int is_on_lane;         /* carried out by the lane, not by libcurl */
  struct sm_buf host;     /* Host value that the lane writes; a C string */
  struct sm_template url; /* path and query after the prefix */
  struct sm_template body;
  int has_body;
  int is_upload;                 /* always tells its length, even if 0 */
  struct sm_lines token_lines;   /* headers with the token and no id */
  struct sm_lines request_lines; /* headers that differ between requests */
  struct sm_split split;
  struct sm_buf pause;  /* C string: name of the header that asks for a delay */
  int has_token;        /* a template contains the token */
  int is_token_in_url;  /* wipe the URL after use */
  int is_token_in_body; /* wipe the body after use */
  int is_token_in_lines;     /* in lines that differ between requests */
  struct sm_fields fields;   /* for responses that are read as they arrive */
  struct sm_single *singles; /* usual responses about one ID, by status */
  size_t single_count;
  struct sm_auth *auth;       /* the newest; NULL before there is a token */
  struct curl_slist *headers; /* sent with every request of the operation */
  int is_ready;               /* completely prepared */
};

/* Data of one request. */
struct sm_request {
  CURL *easy;
  CURLU *url;             /* set if the operation is proxied, else NULL */
  const struct sm_op *op; /* operation that `easy` is set up for, or NULL */
  const struct sm_auth *auth;
  struct sm_values values;
  struct sm_buf path;
  struct sm_buf body;
  struct sm_buf text;       /* the request's own header lines */
  struct curl_slist *lines; /* list elements allocated */
  size_t line_room;
  size_t more_lines;   /* lines of this request alone, after the op's own */
  struct sm_buf fixed; /* on the lane: header lines shared by all requests */
  struct sm_buf wire;  /* on the lane: the complete request as sent */
};

#pragma GCC visibility push(hidden)

/* Parses and checks a base URL. Returns NULL if it is accepted, and sets `base`
 * and `prefix`. Otherwise returns the reason as a sentence without a subject.
 * sm_base_nomem means out of memory, not a refusal. */
extern const char sm_base_nomem[];
const char *sm_base_fault(const char *url, int allow_http, CURLU **base,
                          struct sm_buf *prefix, int *is_plain);

void sm_op_init(struct sm_op *op);
void sm_op_free(struct sm_op *op);

/* Wipes the tokens. Do not use the operation afterwards. */
void sm_op_forget(struct sm_op *op);
enum sm_status sm_op_header(struct sm_op *op, const char *line);
struct sm_template *sm_op_line(struct sm_lines *lines);
struct sm_single *sm_op_single(struct sm_op *op);
enum sm_status sm_op_authorize(struct sm_op *op, const struct sm_buf *token);

/* Wipes one and removes it from its list. */
void sm_auth_drop(struct sm_auth **from);

void sm_request_init(struct sm_request *r);
void sm_request_free(struct sm_request *r);

/*
 * Call begin, then id for each ID, then end; `easy` is then ready to start.
 * `values` holds the UUID and the first ID, which may be NULL; both must stay
 * in place until the end. SM_REFUSED if an ID is not allowed in its place.
 */
enum sm_status sm_request_begin(struct sm_request *r, const struct sm_op *op,
                                const struct sm_values *values);
enum sm_status sm_request_id(struct sm_request *r, int is_first, const char *id,
                             size_t len);
enum sm_status sm_request_end(struct sm_request *r);

/* Adds a header line to this request alone. Call it between begin and end. */
enum sm_status sm_request_line(struct sm_request *r, const char *line,
                               size_t len);

/* Writes the same request without a handle and without the token, for
 * inspection in `path`, `body` and `text`. */
enum sm_status sm_request_preview(struct sm_request *r, const struct sm_op *op,
                                  const struct sm_values *values);

/* On the lane, call after the end: writes the complete request into `wire`. */
enum sm_status sm_request_write(struct sm_request *r, const char *user_agent);

/* wipe overwrites the written request if it holds the token; forget also makes
 * libcurl release its copy. */
void sm_request_wipe(struct sm_request *r);
void sm_request_forget(struct sm_request *r);

#pragma GCC visibility pop

#endif
