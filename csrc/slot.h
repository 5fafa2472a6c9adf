/*
 * slot.h - one request in flight: its handle, its response, and its result.
 *
 * libcurl calls only the callbacks in this file. They do not use Lua: an error
 * raised in a callback would jump over libcurl's frames and leave the multi
 * handle permanently unusable.
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
  SM_SLOT_DONE, /* finished, reply not delivered yet */
  /* Reported as a timeout, but libcurl cannot release the handle yet: its
   * resolver thread still hangs. */
  SM_SLOT_STUCK,
};

struct sm_conn; /* see lane.h */

struct sm_slot {
  struct sm_request request;
  struct sm_reply *reply; /* receives the result */
  struct sm_buf answer;
  struct sm_buf unread; /* bytes of the body that a later step reads */
  size_t unread_at;
  int is_whole;        /* libcurl has received all; some of it is unread */
  struct sm_buf coded; /* body as received, if a content coding is declared */
  struct sm_headers headers;
  struct sm_reader reader; /* for a response with an entry for each ID */
  struct sm_buf asked;     /* the ID, if usual responses are defined */
  size_t meaning;          /* of a usual response, else 0 */
  int is_read;             /* the reader gets the body; -1: not known yet */
  size_t answer_bytes;
  enum sm_slot_state state;
  struct sm_slot *next; /* next free or next finished slot */
  struct sm_sockets *sockets;
  double expires;
  size_t header_bytes;
  int has_status;    /* the status line has arrived */
  int is_headed;     /* the headers are complete */
  int is_malformed;  /* a header line is invalid */
  int is_early;      /* the response came before the whole request was sent */
  int sends;         /* times libcurl began to send the request */
  int is_unreadable; /* unknown coding, or coded body incomplete */
  int is_overflow;   /* response larger than the limit */
  int is_nomem;      /* out of memory for the response */
  int is_rejected;   /* libcurl refused the request */
  int is_spent;      /* the connection could not carry the request */
  int is_fresh;      /* uses a new connection, as the last was spent */
  int is_expired;    /* the attempt timed out */
  int is_held;       /* still in the multi handle because of its resolver */
  int port;          /* local port of the connection used */
  int is_alone;      /* alone on its connection: bytes not mixed with others' */
  const char *refusal; /* why the server refused our certificate */
  CURLcode result;
  char error[CURL_ERROR_SIZE];
  /* On the lane, values that libcurl would otherwise supply: */
  struct sm_conn *conn; /* connection that carries the request, or NULL */
  long status;          /* last status received; 0: none */
  long connections;     /* connections opened for the request */
  int is_framed;        /* the response marks its own end */
  int is_given;         /* part of the request was passed to the kernel */
  int was_connected;    /* connected, perhaps without TLS */
};

#pragma GCC visibility push(hidden)

/* Creates a slot whose handle has the options of `model`; NULL if out of
 * memory. */
struct sm_slot *sm_slot_new(CURL *model, struct curl_slist *resolve,
                            struct sm_sockets *sockets, size_t max_response);
void sm_slot_free(struct sm_slot *s);

/* For the lane: stores a status line, a header or trailer line, or part of the
 * body. Returns 0 if there is no room, or if the response comes too early: a
 * refusal may come before the whole request was sent, a confirmation may not.
 */
int sm_slot_take_status(struct sm_slot *s, int status, int is_whole);
void sm_slot_take_field(struct sm_slot *s, const char *line, size_t len,
                        int is_trailer);
int sm_slot_take_body(struct sm_slot *s, const char *bytes, size_t len);

/* catch_up reads a part of what libcurl gave beyond the work of a step, and
 * returns whether nothing is left; forget_unread drops all of it. */
int sm_slot_catch_up(struct sm_slot *s);
void sm_slot_forget_unread(struct sm_slot *s);

/* Clears the last request's response. */
void sm_slot_reset(struct sm_slot *s);

/* Decodes a complete response that declares a content coding. */
void sm_slot_decode(struct sm_slot *s);

/* Prepares the same request for a new connection after its connection turned
 * out to be spent. Returns 0 if that connection was already new. */
int sm_slot_refresh(struct sm_slot *s);

/* Checks whether a complete response is a usual one. */
void sm_slot_judge(struct sm_slot *s, struct sm_walk *walk);

/* Whether the server refused the connection because it got no valid client
 * certificate. libcurl reports the refusal for one request; it applies to all
 * requests on that connection. */
int sm_slot_is_refused(struct sm_slot *s);
void sm_slot_share_refusal(struct sm_slot *s, const struct sm_slot *refused);

/* Whether removing the handle from its multi handle would wait for a
 * resolver. */
int sm_slot_is_resolving(const struct sm_slot *s);

/* Fills the reply with the result of the request. */
void sm_slot_tell(struct sm_slot *s);

#pragma GCC visibility pop

#endif
