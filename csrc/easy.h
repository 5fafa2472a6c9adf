/*
 * easy.h - the options that all requests of an engine share, from Lua, and what
 * libcurl has to be told once in a process.
 */

#ifndef SM_EASY_H
#define SM_EASY_H

#include "compat.h"
#include "sockets.h"

#pragma GCC visibility push(hidden)

/* curl_global_init, once, whichever thread comes first. */
CURLcode sm_easy_init_curl(void);

/* Sets the options of the table at index 1, see core.engine. Raises on one of
 * the wrong type; `has_no_proxy` tells whether there is none, not even the
 * environment's. */
CURLcode sm_easy_set(lua_State *L, CURL *easy, struct sm_sockets *sockets,
                     int *has_no_proxy);

/* A number of that table. */
lua_Number sm_easy_number(lua_State *L, const char *name);

/* The list called `name` of that table, if there is one, appended to *to. 0
 * without memory; raises on what is no string. What was appended by then is
 * the caller's. */
int sm_easy_strings(lua_State *L, const char *name, struct curl_slist **to);

#pragma GCC visibility pop

#endif
