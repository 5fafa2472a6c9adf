/*
 * lines.c - a Lua module that notes which lines of lua/stopmsg run, in every
 * process that LUA_INIT makes require it. When the process ends they are
 * written to a file in the directory LINES_DIR.
 */

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILES 200
#define MAX_LINES 2000
#define HOME "lua/stopmsg/"

static struct file {
  char name[80];
  unsigned char has_run[MAX_LINES];
} files[MAX_FILES];
static int count;

int luaopen_lines(lua_State *L);

static void write_all(void) {
  const char *directory = getenv("LINES_DIR");
  char path[4096];
  FILE *to;
  int i, line;

  (void)snprintf(path, sizeof(path), "%s/%ld", directory, (long)getpid());
  to = fopen(path, "a");
  for (i = 0; to != NULL && i < count; i++)
    for (line = 1; line < MAX_LINES; line++)
      if (files[i].has_run[line])
        (void)fprintf(to, "%s %d\n", files[i].name, line);
  if (to != NULL)
    (void)fclose(to);
}

static struct file *find(const char *name) {
  int i;

  for (i = 0; i < count; i++)
    if (strcmp(files[i].name, name) == 0)
      return &files[i];
  if (count == MAX_FILES || strlen(name) >= sizeof(files[i].name))
    return NULL;
  (void)strcpy(files[count].name, name);
  return &files[count++];
}

static void on_line(lua_State *L, lua_Debug *ar) {
  static const char *last_source;
  static struct file *last;
  const char *name;

  lua_getinfo(L, "S", ar);
  if (ar->source != last_source) {
    name = strstr(ar->source, HOME);
    last_source = ar->source;
    last = name != NULL ? find(name) : NULL;
  }
  if (last != NULL && ar->currentline > 0 && ar->currentline < MAX_LINES)
    last->has_run[ar->currentline] = 1;
}

/* Coroutines inherit the hook of whoever makes them. */
int luaopen_lines(lua_State *L) {
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
  atexit(write_all);
  return 0;
}
