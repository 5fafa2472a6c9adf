#include "folder.h"

#include <dirent.h>

#define SM_FOLDER "stopmsg.folder"

static void close_folder(DIR **folder) {
  DIR *opened = *folder;

  *folder = NULL;
  if (opened != NULL)
    (void)closedir(opened);
}

/* Closes a directory that an error left open. */
static int folder_gc(lua_State *L) {
  close_folder(lua_touserdata(L, 1));
  return 0;
}

/* names = core.names(path): the files in a directory; empty if it cannot be
 * read */
int sm_folder_names(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  DIR **folder = lua_newuserdata(L, sizeof(*folder));
  const struct dirent *entry;
  int count = 0;

  *folder = NULL;
  if (luaL_newmetatable(L, SM_FOLDER)) {
    lua_pushcfunction(L, folder_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *folder = opendir(path);
  lua_newtable(L);
  if (*folder == NULL)
    return 1;
  while ((entry = readdir(*folder)) != NULL) {
    lua_pushstring(L, entry->d_name);
    lua_rawseti(L, -2, ++count);
  }
  close_folder(folder);
  return 1;
}
