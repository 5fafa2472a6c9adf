/*
 * openssl.h - whether libcurl runs with the OpenSSL it was linked with, and
 * what it agreed on with a server.
 *
 * A program with an OpenSSL linked into it (some builds of nginx) answers
 * libcurl's calls with that one, where both have a function. The others still
 * come from the library: where the two are of different versions, that ends in
 * a crash at the first TLS connection.
 */

#ifndef SM_OPENSSL_H
#define SM_OPENSSL_H

#include <curl/curl.h>

#include "compat.h"

#pragma GCC visibility push(hidden)

/* Pushes one line on what clashes, or nil. */
void sm_openssl_clash(lua_State *L);

/* Whether it is known that the connection of this handle speaks HTTP/1.1. */
int sm_openssl_is_http1(CURL *easy);

#pragma GCC visibility pop

#endif
