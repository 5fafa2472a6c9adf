/*
 * names.h - whether a JSON text has an object that names a field twice.
 *
 * Readers disagree on which of the two counts, so a response that does so says
 * nothing. single.h and reader.h see it in the fields they read; this is for
 * the responses that Lua reads.
 */

#ifndef SM_NAMES_H
#define SM_NAMES_H

#include "json.h"

#pragma GCC visibility push(hidden)

/* Sets *is_twice. Text that json.h refuses counts up to there. */
enum sm_status sm_names_check(const char *text, size_t len, int *is_twice);

#pragma GCC visibility pop

#endif
