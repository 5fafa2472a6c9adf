/*
 * slot.h - the place of one request in flight: its handle, its answer, and
 * what became of it.
 *
 * The callbacks here are all that libcurl ever calls. They know no Lua: an
 * error raised in one would jump over libcurl's frames and leave the multi
 * handle unusable for ever.
 */

#ifndef SM_SLOT_H
#define SM_SLOT_H

#include "headers.h"
#include "queue.h"
#include "request.h"
#include "sockets.h"

enum sm_slot_state {
  SM_SLOT_FREE,
  SM_SLOT_BUSY,
  SM_SLOT_DONE, /* finished, its reply not delivered yet */
  /* Its result was given out as a timeout, but libcurl cannot let go of the
   * handle yet: the resolver thread behind it still hangs. */
  SM_SLOT_STUCK,
};

struct sm_conn; /* see lane.h */

struct sm_slot {
  struct sm_request request;
  struct sm_reply *reply; /* where it is told what became of it */
  struct sm_buf answer;
  struct sm_buf coded; /* the body as it came, where a coding is declared */
  struct sm_headers headers;
  struct sm_reader reader; /* of an answer that says something of every id */
  struct sm_buf asked;     /* the id, where usual answers are known */
  size_t meaning;          /* of an answer that is usual, else 0 */
  int is_read;             /* the reader gets the body; -1: not known yet */
  size_t answer_bytes;
  enum sm_slot_state state;
  struct sm_slot *next; /* of those that are free, or finished */
  struct sm_sockets *sockets;
  double expires;
  size_t header_bytes;
  int has_status;    /* the answer's first line is there */
  int is_headed;     /* the headers of the answer are complete */
  int is_malformed;  /* a line of its headers is none */
  int sends;         /* how often libcurl began to send the request */
  int is_unreadable; /* its coding is unknown, or it ends too early in it */
  int is_overflow;   /* the answer was larger than allowed */
  int is_nomem;      /* no memory for the answer */
  int is_rejected;   /* libcurl did not take the request */
  int is_spent;      /* its connection could not carry the request */
  int is_fresh;      /* it goes over a new connection, as the last was spent */
  int is_expired;    /* the attempt's time was up */
  int is_held;       /* still in the multi handle, for its resolver's sake */
  int port;          /* the local one of the connection it was sent over */
  int is_alone;      /* there: what it writes is not mixed with others' */
  const char *refusal; /* what the server said of our certificate, or NULL */
  CURLcode result;
  char error[CURL_ERROR_SIZE];
  /* On the lane, what libcurl would be asked for: */
  struct sm_conn *conn; /* what carries it, or NULL */
  long status;          /* the last one that came, 0 for none */
  long connections;     /* made for it */
  int is_framed;        /* the answer says where it ends */
  int is_given;         /* some of the request was given to the kernel */
  int was_connected;    /* there was a connection, perhaps without TLS */
};

#pragma GCC visibility push(hidden)

/* A slot whose handle has the options of `model`; NULL without memory. */
struct sm_slot *sm_slot_new(CURL *model, struct curl_slist *resolve,
                            struct sm_sockets *sockets, size_t max_response);
void sm_slot_free(struct sm_slot *s);

/* Of the lane's reader: a first line, a line of headers or trailers, a part of
 * the body; 0 where there is no room for it. */
void sm_slot_take_status(struct sm_slot *s);
void sm_slot_take_field(struct sm_slot *s, const char *line, size_t len,
                        int is_trailer);
int sm_slot_take_body(struct sm_slot *s, const char *bytes, size_t len);

/* Forgets the last request's answer. */
void sm_slot_reset(struct sm_slot *s);

/* Decodes an answer that is complete and says that it is coded. */
void sm_slot_decode(struct sm_slot *s);

/* After a connection turned out spent: makes the same request ready to go over
 * a new one. 0 where it was on a new one. */
int sm_slot_refresh(struct sm_slot *s);

/* Finds out whether a complete answer is a usual one. */
void sm_slot_judge(struct sm_slot *s, struct sm_walk *walk);

/* Whether the server refused the connection for want of a certificate: known
 * by what libcurl says of one of its requests, and true of all. */
int sm_slot_is_refused(struct sm_slot *s);
void sm_slot_share_refusal(struct sm_slot *s, const struct sm_slot *refused);

/* Whether taking the handle out of its multi would wait for a resolver. */
int sm_slot_is_resolving(const struct sm_slot *s);

/* Fills the reply with what became of the request. */
void sm_slot_tell(struct sm_slot *s);

#pragma GCC visibility pop

#endif
