/*
 * fork.c - a Lua module that runs a function in a child process.
 */

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* text = fork(f): what f gave, or raised, in a child that was forked */
static int in_child(lua_State *L) {
  luaL_Buffer b;
  char text[512];
  ssize_t got;
  int ends[2];
  pid_t pid;

  luaL_checktype(L, 1, LUA_TFUNCTION);
  if (pipe(ends) != 0)
    return luaL_error(L, "%s", strerror(errno));
  fflush(NULL);
  pid = fork();
  if (pid == 0) {
    const char *said;
    size_t len;

    close(ends[0]);
    alarm(120); /* ends what hangs */
    lua_settop(L, 1);
    lua_pcall(L, 0, 1, 0);
    said = lua_tolstring(L, -1, &len);
    if (said == NULL)
      said = "no text", len = 7;
    /* With all finalizers: they must leave alone what is the parent's. */
    lua_gc(L, LUA_GCCOLLECT, 0);
    _exit(write(ends[1], said, len) < 0);
  }
  close(ends[1]);
  if (pid < 0)
    return luaL_error(L, "%s", strerror(errno));
  luaL_buffinit(L, &b);
  while ((got = read(ends[0], text, sizeof(text))) > 0)
    luaL_addlstring(&b, text, (size_t)got);
  close(ends[0]);
  waitpid(pid, NULL, 0);
  luaL_pushresult(&b);
  return 1;
}

int luaopen_fork(lua_State *L);

int luaopen_fork(lua_State *L) {
  lua_pushcfunction(L, in_child);
  return 1;
}
