/*
 * template.h - text with placeholders: a path and query, a body, a header line.
 *
 * A template is a list of pieces: fixed text, and placeholders for an ID, a
 * part of an ID, a list of IDs, a UUID or the token. At most one piece is a
 * list. It is written one ID at a time, so that a batch of thousands needs no
 * copy of its IDs. The provider's data defines the fixed text and how each
 * value is escaped.
 */

#ifndef SM_TEMPLATE_H
#define SM_TEMPLATE_H

#include "buf.h"

/* Maximum length of fixed text in a template. */
#define SM_MAX_TEXT ((size_t)64 * 1024)

/* Maximum number of parts of an ID. */
#define SM_MAX_PARTS 4

enum sm_escape {
  SM_ESCAPE_RAW, /* unescaped: JSON numbers, for IDs known to be digits */
  SM_ESCAPE_JSON,
  SM_ESCAPE_PERCENT,
  SM_ESCAPE_PATH, /* only bytes not allowed in a path: "bot1:key" stays */
  SM_ESCAPE_XML,
  SM_ESCAPE_HEADER, /* unescaped; a control byte is refused */
};

enum sm_piece_kind {
  SM_PIECE_TEXT,
  SM_PIECE_ID,
  SM_PIECE_IDS, /* all IDs, separated by the piece's text */
  SM_PIECE_UUID,
  SM_PIECE_TOKEN,
  SM_PIECE_BASIC, /* Base64 of text, token and more text */
  SM_PIECE_MADE,  /* a text generated for this request */
};

struct sm_piece {
  enum sm_piece_kind kind;
  enum sm_escape escape;
  unsigned part; /* part of the ID, from 1; 0 for the whole ID. For
                    SM_PIECE_MADE: which generated text, from 1 */
  struct sm_buf text;
  struct sm_buf after;
};

struct sm_template {
  struct sm_piece *pieces;
  size_t count;
  size_t list; /* index of the list piece; `count` for none */
};

/* Separators between the parts of an ID. */
struct sm_split {
  struct sm_buf between[SM_MAX_PARTS - 1];
  unsigned parts; /* 0 if IDs have no parts */
};

/* Maximum number of texts generated for a request. */
#define SM_MAX_MADE 4

struct sm_made {
  const char *text;
  size_t len;
};

/* Values for the placeholders of one request. */
struct sm_values {
  const char *id; /* the first ID */
  size_t id_len;
  const struct sm_split *split;
  const char *uuid;
  const struct sm_buf *token;       /* NULL: write SM_HIDDEN instead */
  struct sm_made made[SM_MAX_MADE]; /* text is NULL for unused ones */
};

/* Shown in place of the token. */
#define SM_HIDDEN "[token]"

#pragma GCC visibility push(hidden)

void sm_template_init(struct sm_template *t);
void sm_template_free(struct sm_template *t);

/* Appends an empty piece; returns NULL if out of memory. The pointer is valid
 * until the next call. */
struct sm_piece *sm_template_add(struct sm_template *t);

/* SM_REFUSED if there is no escape of that name. */
enum sm_status sm_piece_escape(struct sm_piece *piece, const char *name);

int sm_template_has(const struct sm_template *t, enum sm_piece_kind kind);
int sm_template_has_token(const struct sm_template *t);

/* begin writes everything up to the list, or the whole text if there is none.
 * id writes one ID; end writes the rest. SM_REFUSED if an ID is not allowed in
 * its place. */
enum sm_status sm_template_begin(const struct sm_template *t,
                                 const struct sm_values *values,
                                 struct sm_buf *out);
enum sm_status sm_template_id(const struct sm_template *t,
                              const struct sm_values *values, int is_first,
                              const char *id, size_t len, struct sm_buf *out);
enum sm_status sm_template_end(const struct sm_template *t,
                               const struct sm_values *values,
                               struct sm_buf *out);

/* Appends to `out` the Base64 of `token` between the piece's texts, with or
 * without padding. */
enum sm_status sm_piece_basic(const struct sm_piece *piece,
                              const struct sm_buf *token, int has_padding,
                              struct sm_buf *out);

/* Appends `text`, escaped for its place. */
enum sm_status sm_escaped(struct sm_buf *out, enum sm_escape escape,
                          const char *text, size_t len);

#pragma GCC visibility pop

#endif
