/*
 * openssl.h - whether libcurl runs with the OpenSSL it was linked with, and
 * what it agreed on with a server.
 *
 * If OpenSSL is linked statically into the program (some builds of nginx),
 * libcurl's calls reach that copy where it has the function, and the shared
 * library otherwise. With different versions this crashes at the first TLS
 * connection.
 */

#ifndef SM_OPENSSL_H
#define SM_OPENSSL_H

#include <curl/curl.h>

#include "compat.h"

#pragma GCC visibility push(hidden)

/* Pushes one line about a conflict, or nil. */
void sm_openssl_clash(lua_State *L);

/* Whether the connection of this handle certainly speaks HTTP/1.1. */
int sm_openssl_is_http1(CURL *easy);

#pragma GCC visibility pop

#endif
