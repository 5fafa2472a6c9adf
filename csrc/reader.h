/*
 * reader.h - reads the JSON response to a batch as its bytes arrive.
 *
 * The response is an object with a list of entries. Each entry has a requested
 * ID and a code. The reader keeps one code per ID, in the order requested. It
 * copies everything but the entries to `rest`, for others to read. The
 * provider's data names the fields.
 *
 * A response that json.h refuses, or that names one of its fields twice, counts
 * as no response at all.
 */

#ifndef SM_READER_H
#define SM_READER_H

#include <stdint.h>

#include "json.h"

#define SM_MAX_SHAPE 256

/* Names of the fields, and whether IDs are compared without case. */
struct sm_fields {
  struct sm_buf list; /* empty if responses are not read here */
  struct sm_buf id;
  struct sm_buf code;
  int is_folded;
};

enum sm_item_kind {
  SM_ITEM_MISSING, /* no entry for the ID */
  SM_ITEM_NUMBER,
  SM_ITEM_TEXT,
  SM_ITEM_NONE,  /* entry without a code */
  SM_ITEM_TWICE, /* entries with different codes */
};

struct sm_item {
  double number;
  uint32_t text_at; /* offset of a text code in `texts` */
  uint32_t id_at;   /* offset of the ID in `ids` */
  uint16_t text_len;
  uint16_t id_len;
  enum sm_item_kind kind;
};

/* The content of a response: one item per ID. */
struct sm_items {
  struct sm_item *list;
  size_t count;
  size_t cap;
  size_t surplus; /* entries for IDs that were not requested */
  struct sm_buf texts;
};

/* The last entry that was in one piece, from the comma before it to its end,
 * without its ID. */
struct sm_shape {
  char bytes[SM_MAX_SHAPE];
  size_t len; /* 0 if no such entry is known */
  size_t id_at;
  size_t code_at, code_end;
  struct sm_item code;
  int is_number; /* the code is a number; else it is a string */
};

struct sm_reader {
  const struct sm_fields *fields;
  struct sm_items items;
  struct sm_buf ids;
  uint32_t *index; /* places by ID, plus one; built when the order is broken */
  size_t index_size;
  size_t due; /* next place if the order is kept */

  struct sm_json json;
  struct sm_buf *rest;
  const char *piece; /* start of the bytes not yet copied to `rest` */

  int field;    /* field that the value belongs to */
  int has_list; /* the list was seen */
  int in_list;
  int in_entry;
  int has_id, has_code;
  size_t place;        /* place of the entry's ID */
  struct sm_item code; /* the entry's code */

  /* Positions in the bytes being read: the end of the last entry, and the ID
   * and code of the entry after it. NULL for one that is not in one piece. */
  const char *from, *id_text, *code_text;
  size_t id_len, code_len;
  int is_code_number;
  struct sm_shape shape;
};

#pragma GCC visibility push(hidden)

void sm_fields_init(struct sm_fields *f);
void sm_fields_free(struct sm_fields *f);

/* clear empties the items for reuse; free releases their memory. */
void sm_items_clear(struct sm_items *items);
void sm_items_free(struct sm_items *items);

int sm_items_are_alike_texts(const struct sm_items *items,
                             const struct sm_item *a, const struct sm_item *b);

/* Whether two items have the same content. */
static inline int sm_items_are_alike(const struct sm_items *items,
                                     const struct sm_item *a,
                                     const struct sm_item *b) {
  if (a->kind != b->kind)
    return 0;
  if (a->kind == SM_ITEM_NUMBER)
    return a->number == b->number;
  return a->kind != SM_ITEM_TEXT || sm_items_are_alike_texts(items, a, b);
}

void sm_reader_init(struct sm_reader *r);
void sm_reader_free(struct sm_reader *r);

/* Call begin, with the likely number of IDs, then expect for each ID requested,
 * then feed with the response in pieces. */
enum sm_status sm_reader_begin(struct sm_reader *r,
                               const struct sm_fields *fields, size_t count);
enum sm_status sm_reader_expect(struct sm_reader *r, const char *id,
                                size_t len);

/* Also returns SM_OK for invalid responses; sm_reader_end() reports them. */
enum sm_status sm_reader_feed(struct sm_reader *r, const char *bytes,
                              size_t len, struct sm_buf *rest);

/* Whether the response was complete and contained the list. If so, `items` is
 * valid. */
int sm_reader_end(const struct sm_reader *r);

#pragma GCC visibility pop

#endif
