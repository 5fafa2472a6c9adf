/*
 * json.h - parses JSON in pieces, as its bytes arrive.
 *
 * It reports what it finds through the callbacks of sm_events. It skips a byte
 * order mark before the text. Otherwise it is strict: it refuses all input that
 * does not conform to RFC 8259 or nests deeper than SM_MAX_DEPTH.
 */

#ifndef SM_JSON_H
#define SM_JSON_H

#include "buf.h"

#define SM_MAX_DEPTH 64

/* Maximum length of a reported name or text; no reader looks for longer
 * ones. */
#define SM_MAX_TOKEN_TEXT ((size_t)4096)

enum sm_token { SM_TOKEN_NAME, SM_TOKEN_STRING, SM_TOKEN_NUMBER };

struct sm_json;

struct sm_events {
  /* Called before a name, or before a value that begins with `c`. Return
   * whether its text (of a string or number) is wanted. The depth is that of
   * the enclosing object or list. */
  int (*name)(void *user);
  int (*value)(void *user, char c);

  /* Receives a wanted text; `text` is NULL if it is too long. is_whole: `text`
   * points, unchanged, into the bytes being read. */
  enum sm_status (*text)(void *user, enum sm_token token, const char *text,
                         size_t len, int is_whole);

  /* Called when an object or list opens or closes, with the position `p` of
   * that byte. May be NULL. */
  enum sm_status (*opened)(void *user, const char *p);
  enum sm_status (*closed)(void *user, const char *p);

  /* Called after `closed` set `may_skip`. Returns the end of the input at `p`
   * that it understood without parsing. */
  const char *(*skip)(void *user, const char *p, const char *end,
                      enum sm_status *status);
};

struct sm_json {
  const struct sm_events *events;
  void *user;
  size_t steps; /* tokens and bytes taken one by one; they are the work */
  unsigned bom; /* bytes of a byte order mark read; 3 after one */
  int state;
  int number; /* progress within a number */
  unsigned depth;
  char nest[SM_MAX_DEPTH]; /* '{' or '[' */
  const char *literal;     /* rest of a literal still expected */
  unsigned hex_left, hex, high;
  int may_skip;
  int is_name; /* the string being read is a name */
  int is_kept; /* the token's text is wanted */
  int is_long;
  struct sm_buf token;
};

#pragma GCC visibility push(hidden)

void sm_json_init(struct sm_json *j);
void sm_json_free(struct sm_json *j);

/* Call begin, then feed with the text in pieces, then end. Refused input
 * also returns SM_OK; only end reports whether the text was complete and
 * accepted. */
void sm_json_begin(struct sm_json *j, const struct sm_events *events,
                   void *user);
enum sm_status sm_json_feed(struct sm_json *j, const char *bytes, size_t len);
int sm_json_end(const struct sm_json *j);

/* For the callbacks of sm_events: refuses the input, so nothing more is
 * read. */
void sm_json_refuse(struct sm_json *j);
int sm_json_is_refused(const struct sm_json *j);

/* Returns the end of the plain string content at `p`, which needs no
 * decoding. */
const char *sm_json_skip_plain(const char *p, const char *end);

/* Whether the string content at `p` begins with `text` as it is: not one byte
 * of it is escaped, or would have to be. */
int sm_json_is_same(const char *p, const char *text, size_t len);

/* Returns how many digits `text` begins with. */
size_t sm_json_digits(const char *text, size_t len);

#pragma GCC visibility pop

#endif
