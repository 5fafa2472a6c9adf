/*
 * auth.h - checks the token, and finds it in foreign text.
 *
 * No function here ever copies a token into a message.
 */

#ifndef SM_AUTH_H
#define SM_AUTH_H

#include "buf.h"

/* Longer than any key in use, shorter than servers' header limits. */
#define SM_MAX_TOKEN 8192

#pragma GCC visibility push(hidden)

/* Why this text is not allowed in a header, as a sentence without a subject;
 * NULL if it is allowed. A CR or LF would let it add headers. */
const char *sm_header_fault(const char *text, size_t len);

/* The same for a token, which must also be non-empty and not too long. */
const char *sm_token_fault(const char *token, size_t len);

/* Position of the next `token` in text[from..len), or -1. One of fewer than
 * four bytes counts only where it is no part of a longer word. */
ptrdiff_t sm_token_find(const struct sm_buf *token, const char *text,
                        size_t from, size_t len);

#pragma GCC visibility pop

#endif
