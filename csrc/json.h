/*
 * json.h - takes JSON apart, in pieces, as its bytes arrive.
 *
 * What it meets it tells to whoever set it up, by the functions of sm_events.
 * A byte order mark before the text is skipped. All else is strict: what is
 * not RFC 8259, or nests deeper than SM_MAX_DEPTH, is refused.
 */

#ifndef SM_JSON_H
#define SM_JSON_H

#include "buf.h"

#define SM_MAX_DEPTH 64

/* Names and texts longer than this are nothing that anybody looks for. */
#define SM_MAX_TOKEN_TEXT ((size_t)4096)

enum sm_token { SM_TOKEN_NAME, SM_TOKEN_STRING, SM_TOKEN_NUMBER };

struct sm_json;

struct sm_events {
  /* A name, or a value that begins with `c`, is next; whether the text of it,
   * of a string or a number, is wanted. The depth is that around it. */
  int (*name)(void *user);
  int (*value)(void *user, char c);

  /* A text that is wanted. It is whole where it stands as it is in the bytes
   * that are being read; NULL where it is too long. */
  enum sm_status (*text)(void *user, enum sm_token token, const char *text,
                         size_t len, int is_whole);

  /* An object or a list was opened or closed, by the byte at `p`. These may
   * be NULL. */
  enum sm_status (*opened)(void *user, const char *p);
  enum sm_status (*closed)(void *user, const char *p);

  /* Where `closed` asked for it, by `may_skip`: the end of what follows at `p`
   * and was understood without being taken apart. */
  const char *(*skip)(void *user, const char *p, const char *end,
                      enum sm_status *status);
};

struct sm_json {
  const struct sm_events *events;
  void *user;
  unsigned bom; /* bytes of a byte order mark that were read, 3 after one */
  int state;
  int number; /* how far a number got */
  unsigned depth;
  char nest[SM_MAX_DEPTH]; /* '{' or '[' */
  const char *literal;     /* what is still to come of one */
  unsigned hex_left, hex, high;
  int may_skip;
  int is_name; /* the string that is being read is one */
  int is_kept; /* the text of the token is wanted */
  int is_long;
  struct sm_buf token;
};

#pragma GCC visibility push(hidden)

void sm_json_init(struct sm_json *j);
void sm_json_free(struct sm_json *j);

/* begin, the text in pieces, end. SM_OK also for what is refused: whether the
 * text was complete, and nothing refused it, is known at the end. */
void sm_json_begin(struct sm_json *j, const struct sm_events *events,
                   void *user);
enum sm_status sm_json_feed(struct sm_json *j, const char *bytes, size_t len);
int sm_json_end(const struct sm_json *j);

/* For the functions of sm_events: nothing more is read. */
void sm_json_refuse(struct sm_json *j);
int sm_json_is_refused(const struct sm_json *j);

/* The end of what at `p` stands in a string as it is. */
const char *sm_json_skip_plain(const char *p, const char *end);

/* How many digits `text` begins with. */
size_t sm_json_digits(const char *text, size_t len);

#pragma GCC visibility pop

#endif
