/*
 * request.h - a prepared operation, and the easy handle that carries it out.
 *
 * What does not change between two requests of an operation is made once: the
 * parsed base URL, the header list, the lines with the token. A request then
 * only fills the holes of its templates.
 */

#ifndef SM_REQUEST_H
#define SM_REQUEST_H

#include <curl/curl.h>

#include "auth.h"
#include "reader.h"
#include "single.h"
#include "template.h"

/* Bytes of one request's body, and of its path with the query. */
#define SM_MAX_BODY ((size_t)64 * 1024 * 1024)
#define SM_MAX_PATH ((size_t)256 * 1024)

/* The headers with one token. Requests that were started with it keep it,
 * also when the token is renewed meanwhile. */
struct sm_auth {
  struct sm_buf token;
  struct sm_buf text;       /* the lines that hold the token, as C strings */
  struct curl_slist *lines; /* these, as a list; its tail is the op's headers */
  struct sm_auth *older;
};

struct sm_lines {
  struct sm_template *list;
  size_t count;
};

struct sm_op {
  struct sm_buf method;   /* a C string */
  CURLU *base;            /* scheme, host and port */
  struct sm_buf prefix;   /* the base's own path, no slash at its end */
  int is_plain;           /* http:// */
  int is_proxied;         /* by a proxy that has to be told the whole URL */
  int is_on_lane;         /* carried out by the lane, not by libcurl */
  struct sm_buf host;     /* as the lane writes it; a C string */
  struct sm_template url; /* path and query after the prefix */
  struct sm_template body;
  int has_body;
  struct sm_lines token_lines;   /* headers with the token and no id */
  struct sm_lines request_lines; /* headers that differ by request */
  struct sm_split split;
  struct sm_buf pause;       /* a C string: the header that tells of a pause */
  int has_token;             /* somewhere */
  int is_token_in_url;       /* then what was written is wiped */
  int is_token_in_body;      /* the same */
  int is_token_in_lines;     /* of those that differ by request */
  struct sm_fields fields;   /* of an answer that is read as it arrives */
  struct sm_single *singles; /* usual answers about one id, by their status */
  size_t single_count;
  struct sm_auth *auth;       /* the newest; NULL before there is a token */
  struct curl_slist *headers; /* what every request of it sends */
  int is_ready;               /* read completely */
};

/* What one request needs of its own. */
struct sm_request {
  CURL *easy;
  CURLU *url;             /* where the operation is proxied, else NULL */
  const struct sm_op *op; /* what `easy` is set up for, or NULL */
  const struct sm_auth *auth;
  struct sm_values values;
  struct sm_buf path;
  struct sm_buf body;
  struct sm_buf text;       /* of header lines of its own */
  struct curl_slist *lines; /* as many as there is room for */
  size_t line_room;
  size_t more_lines;   /* of one request alone, behind the operation's own */
  struct sm_buf fixed; /* on the lane: header lines that all requests share */
  struct sm_buf wire;  /* on the lane: all that is sent */
};

#pragma GCC visibility push(hidden)

/* Why this base URL is refused: a sentence without a subject, or NULL. A
 * good one is left in `base` and `prefix`. It may be this very one, which is
 * no refusal. */
extern const char sm_base_nomem[];
const char *sm_base_fault(const char *url, int allow_http, CURLU **base,
                          struct sm_buf *prefix, int *is_plain);

void sm_op_init(struct sm_op *op);
void sm_op_free(struct sm_op *op);

/* Wipes the tokens; the operation is of no use afterwards. */
void sm_op_forget(struct sm_op *op);
enum sm_status sm_op_header(struct sm_op *op, const char *line);
struct sm_template *sm_op_line(struct sm_lines *lines);
struct sm_single *sm_op_single(struct sm_op *op);
enum sm_status sm_op_authorize(struct sm_op *op, const struct sm_buf *token);

/* Takes one out of its list, wiped. */
void sm_auth_drop(struct sm_auth **from);

void sm_request_init(struct sm_request *r);
void sm_request_free(struct sm_request *r);

/*
 * begin, an id at a time, end: then `easy` is ready to be started. `values`
 * has the first id, which may be NULL, and the UUID; they have to stay where
 * they are until the end. SM_REFUSED where an id does not fit its place.
 */
enum sm_status sm_request_begin(struct sm_request *r, const struct sm_op *op,
                                const struct sm_values *values);
enum sm_status sm_request_id(struct sm_request *r, int is_first, const char *id,
                             size_t len);
enum sm_status sm_request_end(struct sm_request *r);

/* Between begin and end: one more header line, of this request alone. */
enum sm_status sm_request_line(struct sm_request *r, const char *line,
                               size_t len);

/* The same without a handle to be started, and without the token: what is
 * written can be looked at in `path`, `body` and `text`. */
enum sm_status sm_request_preview(struct sm_request *r, const struct sm_op *op,
                                  const struct sm_values *values);

/* After the end, on the lane: `wire` is what is sent. */
enum sm_status sm_request_write(struct sm_request *r, const char *user_agent);

/* Wipes what was written, where it holds the token; `forget` has libcurl let
 * go of its copy, too. */
void sm_request_wipe(struct sm_request *r);
void sm_request_forget(struct sm_request *r);

#pragma GCC visibility pop

#endif
