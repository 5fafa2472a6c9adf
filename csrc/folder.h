/*
 * folder.h - lists the files of a directory.
 */

#ifndef SM_FOLDER_H
#define SM_FOLDER_H

#include "compat.h"

#pragma GCC visibility push(hidden)

int sm_folder_names(lua_State *L);

#pragma GCC visibility pop

#endif
