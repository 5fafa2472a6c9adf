/*
 * batch.h - writing ids into a request.
 *
 * A form is the text around the ids: `open`, then each id escaped with
 * `between` between two of them, then `close`. One form writes a body, another
 * the path and query; which text and which escape is the provider's data.
 */

#ifndef SM_BATCH_H
#define SM_BATCH_H

#include "buf.h"

enum sm_escape {
  SM_ESCAPE_NONE, /* a fixed text: ids are not written at all */
  SM_ESCAPE_JSON, /* a JSON string, with its quotes */
  SM_ESCAPE_PERCENT,
  SM_ESCAPE_XML,
  SM_ESCAPE_RAW, /* as they are: JSON numbers, for ids checked to be digits */
};

struct sm_form {
  struct sm_buf open;
  struct sm_buf between;
  struct sm_buf close;
  enum sm_escape escape;
};

#pragma GCC visibility push(hidden)

void sm_form_init(struct sm_form *f);
void sm_form_free(struct sm_form *f);

/* SM_REFUSED when there is no escape of that name. */
enum sm_status sm_form_escape(struct sm_form *f, const char *name);

enum sm_status sm_form_begin(const struct sm_form *f, struct sm_buf *out);
enum sm_status sm_form_id(const struct sm_form *f, struct sm_buf *out,
                          int is_first, const char *id, size_t len);
enum sm_status sm_form_end(const struct sm_form *f, struct sm_buf *out);

#pragma GCC visibility pop

#endif
