/*
 * process.h - signals and terminal size, for the command.
 *
 * A library must not touch signals, so nothing here runs until the command
 * calls it.
 */

#ifndef SM_PROCESS_H
#define SM_PROCESS_H

#include "../compat.h"

#pragma GCC visibility push(hidden)

/* Pushes the table of functions. */
void sm_process_open(lua_State *L);

#pragma GCC visibility pop

#endif
