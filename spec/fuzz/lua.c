/*
 * lua.c - lets libFuzzer drive spec/fuzz/<target>.lua.
 *
 * Both modules in C are linked in, so libFuzzer sees their branches. Steps from
 * one line of Lua to the next are counted by a hook, in counters that libFuzzer
 * reads as well. A target is a file that returns a function of the input; what
 * it raises is a finding. FUZZ_TARGET names it.
 */

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS (1u << 15)

__attribute__((
    section("__libfuzzer_extra_counters"))) static unsigned char steps[STEPS];

static lua_State *state;
static unsigned last_line;

int luaopen_stopmsg_core(lua_State *L);
int luaopen_stopmsg_command(lua_State *L);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int fdatasync(int fd);

/* Journals are written by the thousand; that they outlive a power cut is not
 * what is looked at here. */
int fdatasync(int fd) {
  (void)fd;
  return 0;
}

static unsigned hash(const char *text) {
  unsigned h = 2166136261u;

  while (*text != '\0')
    h = (h ^ (unsigned char)*text++) * 16777619u;
  return h;
}

static void on_line(lua_State *L, lua_Debug *ar) {
  unsigned line;

  lua_getinfo(L, "S", ar);
  line = (hash(ar->short_src) + (unsigned)ar->currentline) * 2654435761u;
  steps[(line ^ last_line) % STEPS]++;
  last_line = line >> 1;
}

static int on_error(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

static void leave(void) {
  lua_close(state);
}

/* Calls the function below its `count` arguments; ends the process, with what
 * went wrong, where that raises. */
static void call(int count, int results) {
  int base = lua_gettop(state) - count;

  lua_pushcfunction(state, on_error);
  lua_insert(state, base);
  if (lua_pcall(state, count, results, base) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(state, -1));
    abort();
  }
  lua_remove(state, base);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  const char *target = getenv("FUZZ_TARGET");

  (void)argc;
  (void)argv;
  signal(SIGPIPE, SIG_IGN);
  state = luaL_newstate();
  if (state == NULL || target == NULL)
    abort();
  luaL_openlibs(state);
  luaL_getsubtable(state, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(state, luaopen_stopmsg_core);
  lua_setfield(state, -2, "stopmsg.core");
  lua_pushcfunction(state, luaopen_stopmsg_command);
  lua_setfield(state, -2, "stopmsg.command");
  lua_settop(state, 0);
  lua_getglobal(state, "require");
  lua_pushfstring(state, "spec.fuzz.%s", target);
  call(1, 1);
  atexit(leave);
  lua_sethook(state, on_line, LUA_MASKLINE, 0);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  last_line = 0;
  lua_pushvalue(state, 1);
  lua_pushlstring(state, (const char *)data, size);
  call(1, 0);
  return 0;
}
