/*
 * easy.h - reads the options shared by all requests of an engine from Lua, and
 * initializes libcurl once per process.
 */

#ifndef SM_EASY_H
#define SM_EASY_H

#include "compat.h"
#include "sockets.h"

#pragma GCC visibility push(hidden)

/* Calls curl_global_init once; thread-safe. */
CURLcode sm_easy_init_curl(void);

/* Sets the options in the table at index 1, see core.engine. Raises if an
 * option has the wrong type. Sets `has_no_proxy` if no proxy is used, not even
 * one from the environment. */
CURLcode sm_easy_set(lua_State *L, CURL *easy, struct sm_sockets *sockets,
                     int *has_no_proxy);

/* Sets what concerns TLS: insecure, ca_file, ca_path, cert_file, key_file. */
CURLcode sm_easy_tls(lua_State *L, CURL *easy);

/* Sets a libcurl option from a string in that table, if present. */
CURLcode sm_easy_string(lua_State *L, CURL *easy, const char *name,
                        CURLoption option);

/* Returns a number from that table. */
lua_Number sm_easy_number(lua_State *L, const char *name);

/* Appends the list called `name` in that table, if present, to *to. Returns 0
 * if out of memory; raises if an element is not a string. The caller owns what
 * was appended until then. */
int sm_easy_strings(lua_State *L, const char *name, struct curl_slist **to);

#pragma GCC visibility pop

#endif
