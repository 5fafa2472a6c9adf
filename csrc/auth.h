/*
 * auth.h - the token: checked, found in what others wrote.
 *
 * No function here ever copies a token into a message.
 */

#ifndef SM_AUTH_H
#define SM_AUTH_H

#include "buf.h"

/* Longer than any key in use, shorter than what servers take as headers. */
#define SM_MAX_TOKEN 8192

#pragma GCC visibility push(hidden)

/* Why this text must not stand in a header: a sentence without a subject, or
 * NULL when it may. A CR or LF would let it add headers of its own. */
const char *sm_header_fault(const char *text, size_t len);

/* The same for a token, which also has to be there and of a sane length. */
const char *sm_token_fault(const char *token, size_t len);

/* Where `token` next stands in text[from..len); -1 when it does not. */
ptrdiff_t sm_token_find(const struct sm_buf *token, const char *text,
                        size_t from, size_t len);

#pragma GCC visibility pop

#endif
