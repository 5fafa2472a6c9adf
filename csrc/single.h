/*
 * single.h - reads the usual JSON response to a request about one id.
 *
 * A response is usual if it repeats the requested id and contains a listed
 * code, at the paths of the definition, and nothing where an error would be.
 * What each code means was determined beforehand, by the reader of all other
 * responses; here it is only a number. When in doubt, a response is not usual.
 */

#ifndef SM_SINGLE_H
#define SM_SINGLE_H

#include "json.h"

/* Maximum number of fields on the paths of one reading: bits of a walk. */
#define SM_MAX_FIELDS 64

enum sm_role {
  SM_ROLE_NONE, /* on the way to others */
  SM_ROLE_ID,
  SM_ROLE_CODE,
  SM_ROLE_ERROR, /* only null is allowed here */
};

struct sm_field {
  struct sm_buf name;
  int around; /* the enclosing field; the first one is the document */
  enum sm_role role;
  int rank; /* of several places for a code, the lowest counts */
};

enum sm_code_kind {
  SM_CODE_STRING,
  SM_CODE_NUMBER,
  SM_CODE_TRUE,
  SM_CODE_FALSE,
};

struct sm_code {
  struct sm_buf text; /* as written, without quotes */
  enum sm_code_kind kind;
};

enum sm_single_kind {
  SM_SINGLE_PATHS,
  SM_SINGLE_EMPTY, /* no body at all */
  SM_SINGLE_EXACT, /* always the same bytes */
};

/* The usual responses of one status. */
struct sm_single {
  long status;
  enum sm_single_kind kind;
  struct sm_buf exactly;
  struct sm_field *fields;
  size_t field_count;
  int has_id, has_code;
  struct sm_code *codes;
  size_t code_count;
  size_t first; /* meaning of the first code, or the only one */
};

/* The last usual answer that was read. One that has the same bytes around its
 * own id means the same. */
struct sm_example {
  const struct sm_single *single;
  struct sm_buf body; /* empty for none */
  size_t id_at;       /* where its id stands, as it is, in a string */
  size_t id_len;      /* 0 where it needs none */
  size_t meaning;
};

struct sm_walk {
  struct sm_json json;
  struct sm_example example;
  const struct sm_single *single;
  const char *id;
  size_t id_len;
  int around[SM_MAX_DEPTH + 1]; /* the open field by depth, or -1 */
  int field;                    /* the field whose value is next, or -1 */
  unsigned long long seen;
  int has_id;
  const char *id_text; /* in the body; NULL where that is not in one place */
  int is_nomem;        /* memory ran out, so a response was not usual */
  int rank;            /* of the code that counts so far */
  size_t code;         /* its index among the codes plus one; 0 if unlisted */
};

#pragma GCC visibility push(hidden)

void sm_single_init(struct sm_single *s);
void sm_single_free(struct sm_single *s);

/* Finds or adds the field `name` in the field `around`; -1 if there is no
 * room. */
int sm_single_field(struct sm_single *s, int around, const char *name,
                    size_t len);

/* Adds a code; NULL if memory ran out. */
struct sm_code *sm_single_code(struct sm_single *s);

void sm_walk_init(struct sm_walk *w);
void sm_walk_free(struct sm_walk *w);

/* The number of the body's meaning; 0 if it is not usual. */
size_t sm_single_read(const struct sm_single *s, struct sm_walk *w,
                      const char *id, size_t id_len, const char *body,
                      size_t len);

#pragma GCC visibility pop

#endif
