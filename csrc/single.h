/*
 * single.h - reads the usual JSON answer to a request about one id.
 *
 * Usual is an answer that names the id that was asked about and holds a code
 * that the definition lists, at the paths that the definition gives, with
 * nothing where an error would stand. What each code means was found out
 * beforehand, by who reads all other answers; it is known here by a number.
 * In doubt an answer is not usual.
 */

#ifndef SM_SINGLE_H
#define SM_SINGLE_H

#include "json.h"

/* Fields on the paths of one reading, as many as a walk has bits for. */
#define SM_MAX_FIELDS 64

enum sm_role {
  SM_ROLE_NONE, /* on the way */
  SM_ROLE_ID,
  SM_ROLE_CODE,
  SM_ROLE_ERROR, /* where nothing but null may stand */
};

struct sm_field {
  struct sm_buf name;
  int around; /* the field that it is in; the first is the document */
  enum sm_role role;
  int rank; /* of several places for a code the lowest counts */
};

enum sm_code_kind {
  SM_CODE_STRING,
  SM_CODE_NUMBER,
  SM_CODE_TRUE,
  SM_CODE_FALSE,
};

struct sm_code {
  struct sm_buf text; /* as it is written, without quotes */
  enum sm_code_kind kind;
};

enum sm_single_kind {
  SM_SINGLE_PATHS,
  SM_SINGLE_EMPTY, /* no body at all */
  SM_SINGLE_EXACT, /* always the same bytes */
};

/* What the usual answers of one status look like. */
struct sm_single {
  long status;
  enum sm_single_kind kind;
  struct sm_buf exactly;
  struct sm_field *fields;
  size_t field_count;
  int has_id, has_code;
  struct sm_code *codes;
  size_t code_count;
  size_t first; /* what the first code means, or all there is without codes */
};

struct sm_walk {
  struct sm_json json;
  const struct sm_single *single;
  const char *id;
  size_t id_len;
  int around[SM_MAX_DEPTH + 1]; /* the field that is open, by depth, or -1 */
  int field;                    /* the one whose value is next, or -1 */
  unsigned long long seen;
  int has_id;
  int is_nomem; /* an answer was not usual for the lack of memory */
  int rank;     /* of the code that counts so far */
  size_t code;  /* its place among the codes, plus one; 0 for an unlisted one */
};

#pragma GCC visibility push(hidden)

void sm_single_init(struct sm_single *s);
void sm_single_free(struct sm_single *s);

/* The field called `name` in the field `around`, made where there is none; -1
 * where there can be no more. */
int sm_single_field(struct sm_single *s, int around, const char *name,
                    size_t len);

/* One more code; NULL without memory. */
struct sm_code *sm_single_code(struct sm_single *s);

void sm_walk_init(struct sm_walk *w);
void sm_walk_free(struct sm_walk *w);

/* What the body means, by its number; 0 where that is not usual. */
size_t sm_single_read(const struct sm_single *s, struct sm_walk *w,
                      const char *id, size_t id_len, const char *body,
                      size_t len);

#pragma GCC visibility pop

#endif
