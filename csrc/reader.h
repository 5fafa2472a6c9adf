/*
 * reader.h - reads the JSON answer of a batch as its bytes arrive.
 *
 * An object holds a list of entries, each with an id that was asked about and
 * a code. What is kept is one code an id, in the order asked; all of the
 * answer but the entries goes to `rest`, where others may read it. Which
 * fields these are is the provider's data.
 *
 * What json.h refuses, or names one of its fields twice, is no answer at all.
 */

#ifndef SM_READER_H
#define SM_READER_H

#include <stdint.h>

#include "json.h"

#define SM_MAX_SHAPE 256

/* Names of the fields, and whether the case of an id makes no difference. */
struct sm_fields {
  struct sm_buf list; /* empty where answers are not read here */
  struct sm_buf id;
  struct sm_buf code;
  int is_folded;
};

enum sm_item_kind {
  SM_ITEM_MISSING, /* no entry names the id */
  SM_ITEM_NUMBER,
  SM_ITEM_TEXT,
  SM_ITEM_NONE,  /* an entry without a code */
  SM_ITEM_TWICE, /* entries with different codes */
};

struct sm_item {
  double number;
  uint32_t text_at; /* where in `texts` the code stands, if it is one */
  uint32_t id_at;   /* where in `ids` the id stands */
  uint16_t text_len;
  uint16_t id_len;
  enum sm_item_kind kind;
};

/* What an answer says: one item an id. */
struct sm_items {
  struct sm_item *list;
  size_t count;
  size_t cap;
  size_t surplus; /* entries that nobody asked about */
  struct sm_buf texts;
};

/* An entry's bytes, from the comma before it to its end, in the three parts
 * that id and code leave of it, whichever of the two comes first. */
struct sm_shape {
  char bytes[SM_MAX_SHAPE];
  size_t part[3]; /* lengths; the first is 0 where no shape is known */
  int is_code_first;
  int is_number; /* the code; else it is a string */
};

struct sm_reader {
  const struct sm_fields *fields;
  struct sm_items items;
  struct sm_buf ids;
  uint32_t *index; /* places by id, plus one; made when the order is broken */
  size_t index_size;
  size_t due; /* the place that comes next if the order is kept */

  struct sm_json json;
  struct sm_buf *rest;
  const char *piece; /* what `rest` has not got yet */

  int field;    /* which of the fields the value belongs to */
  int has_list; /* the list was seen */
  int in_list;
  int in_entry;
  int has_id, has_code;
  size_t place;        /* of the entry's id */
  struct sm_item code; /* the entry's code */

  /* Where in the bytes that are being read the last entry ended, and the id
   * and code of the one after it stand; NULL where that is not in one piece. */
  const char *from, *id_text, *code_text;
  size_t id_len, code_len;
  int is_code_number;
  struct sm_shape shape;
};

#pragma GCC visibility push(hidden)

void sm_fields_init(struct sm_fields *f);
void sm_fields_free(struct sm_fields *f);

/* clear forgets what free gives back. */
void sm_items_clear(struct sm_items *items);
void sm_items_free(struct sm_items *items);

/* Whether two of them say the same. */
int sm_items_are_alike(const struct sm_items *items, const struct sm_item *a,
                       const struct sm_item *b);

void sm_reader_init(struct sm_reader *r);
void sm_reader_free(struct sm_reader *r);

/* begin, with how many ids are likely to follow; the ids asked about, one at a
 * time; the answer's bytes in pieces. */
enum sm_status sm_reader_begin(struct sm_reader *r,
                               const struct sm_fields *fields, size_t count);
enum sm_status sm_reader_expect(struct sm_reader *r, const char *id,
                                size_t len);

/* SM_OK also for what is no answer: that is known at the end. */
enum sm_status sm_reader_feed(struct sm_reader *r, const char *bytes,
                              size_t len, struct sm_buf *rest);

/* Whether the answer was complete and held the list. `items` then say it. */
int sm_reader_end(const struct sm_reader *r);

#pragma GCC visibility pop

#endif
