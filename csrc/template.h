/*
 * template.h - text with holes: a path and query, a body, a header line.
 *
 * A template is a list of pieces: fixed text, and places where an id, a part
 * of an id, a list of ids, a UUID or the token is written. At most one piece
 * is a list; it is written an id at a time, so that a batch of thousands needs
 * no copy of its ids. Which text, and how a value is escaped where it stands,
 * is the provider's data.
 */

#ifndef SM_TEMPLATE_H
#define SM_TEMPLATE_H

#include "buf.h"

/* Maximum length of fixed text in a template. */
#define SM_MAX_TEXT ((size_t)64 * 1024)

/* Maximum number of parts of an id. */
#define SM_MAX_PARTS 4

enum sm_escape {
  SM_ESCAPE_RAW, /* unescaped: JSON numbers, for ids known to be digits */
  SM_ESCAPE_JSON,
  SM_ESCAPE_PERCENT,
  SM_ESCAPE_PATH, /* only what is not allowed in a path: "bot1:key" stays */
  SM_ESCAPE_XML,
  SM_ESCAPE_HEADER, /* unescaped; refused if it has a control byte */
};

enum sm_piece_kind {
  SM_PIECE_TEXT,
  SM_PIECE_ID,
  SM_PIECE_IDS, /* all ids, separated by the piece's text */
  SM_PIECE_UUID,
  SM_PIECE_TOKEN,
  SM_PIECE_BASIC, /* Base64 of text, token and more text */
  SM_PIECE_MADE,  /* a text that was made for this request */
};

struct sm_piece {
  enum sm_piece_kind kind;
  enum sm_escape escape;
  unsigned part; /* part of the id, from 1; 0 for the whole id. Or which text
                    of those that were made, from 1 */
  struct sm_buf text;
  struct sm_buf after;
};

struct sm_template {
  struct sm_piece *pieces;
  size_t count;
  size_t list; /* index of the list's piece; `count` for none */
};

/* Separators between the parts of an id. */
struct sm_split {
  struct sm_buf between[SM_MAX_PARTS - 1];
  unsigned parts; /* 0 if ids have no parts */
};

/* Maximum number of texts that are made for a request. */
#define SM_MAX_MADE 4

struct sm_made {
  const char *text;
  size_t len;
};

/* Values for the holes of one request. */
struct sm_values {
  const char *id; /* the first */
  size_t id_len;
  const struct sm_split *split;
  const char *uuid;
  const struct sm_buf *token;       /* NULL: a placeholder instead */
  struct sm_made made[SM_MAX_MADE]; /* without a text where there is none */
};

/* Shown in place of the token. */
#define SM_HIDDEN "[token]"

#pragma GCC visibility push(hidden)

void sm_template_init(struct sm_template *t);
void sm_template_free(struct sm_template *t);

/* Appends an empty piece; NULL if out of memory. The pointer is valid until the
 * next call. */
struct sm_piece *sm_template_add(struct sm_template *t);

/* SM_REFUSED if there is no escape of that name. */
enum sm_status sm_piece_escape(struct sm_piece *piece, const char *name);

int sm_template_has(const struct sm_template *t, enum sm_piece_kind kind);
int sm_template_has_token(const struct sm_template *t);

/* `begin` writes up to the list, or everything; `id` writes one id; `end`
 * writes the rest. SM_REFUSED for an id that is not allowed in its place. */
enum sm_status sm_template_begin(const struct sm_template *t,
                                 const struct sm_values *values,
                                 struct sm_buf *out);
enum sm_status sm_template_id(const struct sm_template *t,
                              const struct sm_values *values, int is_first,
                              const char *id, size_t len, struct sm_buf *out);
enum sm_status sm_template_end(const struct sm_template *t,
                               const struct sm_values *values,
                               struct sm_buf *out);

/* Appends the Base64 of the piece's texts around `token` to `out`, without
 * padding. */
enum sm_status sm_piece_basic(const struct sm_piece *piece,
                              const struct sm_buf *token, int has_padding,
                              struct sm_buf *out);

/* Appends `text`, escaped for its place. */
enum sm_status sm_escaped(struct sm_buf *out, enum sm_escape escape,
                          const char *text, size_t len);

#pragma GCC visibility pop

#endif
