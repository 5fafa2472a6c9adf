/*
 * process.h - what the command needs to know of its process: the signals that
 * ask it to end, and how wide a terminal is.
 *
 * A library must leave signals alone: nothing here is done before the command
 * asks for it.
 */

#ifndef SM_PROCESS_H
#define SM_PROCESS_H

#include "compat.h"

#pragma GCC visibility push(hidden)

/* Pushes the table of functions. */
void sm_process_open(lua_State *L);

#pragma GCC visibility pop

#endif
