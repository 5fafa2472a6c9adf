/*
 * alloc.c - takes memory away: the n-th request for it fails.
 *
 * Preloaded, so that malloc and its kin are ours for the core, libcurl and
 * all else; and a Lua module for the interpreter that it is preloaded into.
 * A second Lua state, with an allocator of our own, is prepared once; each
 * try is a child that goes on from there with one n, and tells how it went
 * through a pipe. What the child holds after lua_close is a leak.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <link.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_FDS 256

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

enum mode { ONCE, TWICE, STICKY };

static int is_armed;
static enum mode mode;
static long fails_at, requests, failed;
static long lua_blocks, c_blocks; /* live ones */
static long own_blocks;           /* of C, that the prepared state holds */
static lua_State *victim;
static int teller = -1; /* the pipe's end of a child */

/* Since 2.8.2 Expat frees no parser that is in a handler, and LuaExpat leaves a
 * handler by an error where Lua has no memory. */
static int kept_parsers;

struct code {
  const char *name;
  uintptr_t from, to;
};

/* lua-cjson ends the process when it has no memory, so it always has. What it
 * was reading into is lost when Lua raises. */
static struct code cjson = {"cjson", 0, 0};

/* Keeps what it allocated for a thread, for the next one. */
static struct code loader = {"/ld-linux", 0, 0};

static int is_in(const struct code *code, const void *caller) {
  return (uintptr_t)caller >= code->from && (uintptr_t)caller < code->to;
}

static int is_ours(const void *caller) {
  return !is_in(&cjson, caller) && !is_in(&loader, caller);
}

static int must_fail(const void *caller) {
  if (!is_armed || is_in(&cjson, caller) || syscall(SYS_gettid) != getpid())
    return 0;
  requests++;
  if (requests < fails_at || (mode == ONCE && requests > fails_at) ||
      (mode == TWICE && requests > fails_at + 1))
    return 0;
  failed++;
  return 1;
}

static void *lacking(void) {
  errno = ENOMEM;
  return NULL;
}

static void *counted(void *block, const void *caller) {
  if (block != NULL && is_ours(caller))
    __atomic_add_fetch(&c_blocks, 1, __ATOMIC_RELAXED);
  return block;
}

void *malloc(size_t size) {
  if (must_fail(__builtin_return_address(0)))
    return lacking();
  return counted(__libc_malloc(size), __builtin_return_address(0));
}

void *calloc(size_t count, size_t size) {
  if (must_fail(__builtin_return_address(0)))
    return lacking();
  return counted(__libc_calloc(count, size), __builtin_return_address(0));
}

void free(void *block) {
  if (block != NULL && is_ours(__builtin_return_address(0)))
    __atomic_sub_fetch(&c_blocks, 1, __ATOMIC_RELAXED);
  __libc_free(block);
}

void *realloc(void *block, size_t size) {
  if (block != NULL && size == 0) {
    free(block);
    return NULL;
  }
  if (must_fail(__builtin_return_address(0)))
    return lacking();
  if (block == NULL)
    return counted(__libc_realloc(block, size), __builtin_return_address(0));
  return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size);

void *memalign(size_t alignment, size_t size) {
  if (must_fail(__builtin_return_address(0)))
    return lacking();
  return counted(__libc_memalign(alignment, size), __builtin_return_address(0));
}

void *aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}

void XML_ParserFree(void *parser);

void XML_ParserFree(void *parser) {
  void *library = dlopen("libexpat.so.1", RTLD_LAZY | RTLD_NOLOAD);
  void (*its_own)(void *) = library ? dlsym(library, "XML_ParserFree") : NULL;
  long before = c_blocks;

  if (its_own != NULL)
    its_own(parser);
  kept_parsers += parser != NULL && c_blocks == before;
  if (library != NULL)
    dlclose(library);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  *block = memalign(alignment, size);
  return *block != NULL ? 0 : ENOMEM;
}

/* Lua counts on it that what shrinks does not fail. */
static void *lua_memory(void *user, void *block, size_t old, size_t size) {
  (void)user;
  if (size == 0) {
    lua_blocks -= block != NULL;
    __libc_free(block);
    return NULL;
  }
  if ((block == NULL || size > old) && must_fail(NULL))
    return NULL;
  lua_blocks += block == NULL;
  return __libc_realloc(block, size);
}

/* Where the code of the library is whose name holds code->name. */
static int find_code(struct dl_phdr_info *info, size_t size, void *user) {
  struct code *code = user;
  int i;

  (void)size;
  if (strstr(info->dlpi_name, code->name) == NULL)
    return 0;
  for (i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];

    if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0) {
      code->from = info->dlpi_addr + part->p_vaddr;
      code->to = code->from + part->p_memsz;
    }
  }
  return 1;
}

static void say(const char *text, size_t len) {
  while (len > 0) {
    ssize_t n = write(teller, text, len);

    if (n <= 0)
      return;
    text += n;
    len -= (size_t)n;
  }
}

/* tell(value, ...): a line of these, with tabs between; it needs no memory.
 * Numbers are written as %.0f, all that is neither string nor number as its
 * truth. */
static int tell(lua_State *L) {
  char line[1024];
  size_t at = 0;
  int i;

  for (i = 1; i <= lua_gettop(L); i++) {
    char number[32];
    const char *text = lua_toboolean(L, i) ? "true" : "";

    if (lua_type(L, i) == LUA_TSTRING)
      text = lua_tostring(L, i);
    if (lua_type(L, i) == LUA_TNUMBER) {
      snprintf(number, sizeof(number), "%.0f", (double)lua_tonumber(L, i));
      text = number;
    }
    for (; *text != '\0' && at < sizeof(line) - 2; text++)
      line[at++] = *text == '\t' || *text == '\n' ? ' ' : *text;
    line[at++] = i < lua_gettop(L) ? '\t' : '\n';
  }
  say(line, at);
  return 0;
}

static int panic(lua_State *L) {
  static const char text[] = "=panic\n";

  (void)L;
  say(text, sizeof(text) - 1);
  _exit(99);
}

/* Runs a global function of the victim; false, and the message told. */
static int run(const char *name) {
  int is_good;

  lua_getglobal(victim, name);
  is_good = lua_pcall(victim, 0, 0, 0) == 0;
  is_armed = 0;
  if (!is_good) {
    const char *message = lua_tostring(victim, -1);

    lua_pushcfunction(victim, tell);
    lua_pushstring(victim, "=raised");
    lua_pushstring(victim, name);
    lua_pushstring(victim, message != NULL ? message : "no text");
    lua_call(victim, 3, 0);
    lua_pop(victim, 1);
  }
  return is_good;
}

static int open_fds(void) {
  int fd, count = 0;

  for (fd = 0; fd < MAX_FDS; fd++)
    count += fcntl(fd, F_GETFD) != -1;
  return count;
}

/* state(source): makes the state and runs `source` in it, then its warm(). */
static int state(lua_State *L) {
  const char *source = luaL_checkstring(L, 1);
  long before;

  (void)dl_iterate_phdr(find_code, &loader);
  before = c_blocks;
#if LUA_VERSION_NUM >= 505
  victim = lua_newstate(lua_memory, NULL, 0);
#else
  victim = lua_newstate(lua_memory, NULL);
#endif
  if (victim == NULL)
    return luaL_error(L, "no state with an allocator of its own");
  lua_atpanic(victim, panic);
  luaL_openlibs(victim);
  lua_register(victim, "tell", tell);
  if (luaL_loadstring(victim, source) != 0 || lua_pcall(victim, 0, 0, 0) != 0)
    return luaL_error(L, "%s", lua_tostring(victim, -1));
  (void)dl_iterate_phdr(find_code, &cjson);
  teller = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (!run("warm"))
    return luaL_error(L, "the state does not get warm");
  lua_gc(victim, LUA_GCCOLLECT, 0);
  lua_gc(victim, LUA_GCCOLLECT, 0);
  own_blocks = c_blocks - before;
  return 0;
}

/* An address that could not be read for the lack of memory is looked up by a
 * thread, which libcurl does not wait for. */
static void await_threads(void) {
  const struct timespec pause = {0, 1000000};
  struct stat st;
  int left = 1000;

  while (left-- > 0 && stat("/proc/self/task", &st) == 0 && st.st_nlink > 3)
    nanosleep(&pause, NULL);
}

static void child(int n, int out) {
  char line[200];
  long others = c_blocks - own_blocks;
  int fds, len;

  teller = out;
  (void)run("before");
  fds = open_fds();
  fails_at = n > 0 ? n : -1;
  requests = 0;
  failed = 0;
  is_armed = n != 0;
  (void)run("act");
  (void)run("after");
  lua_close(victim);
  await_threads();
  len = snprintf(line, sizeof(line), "=end\t%ld\t%ld\t%ld\t%ld\t%d\t%d\n",
                 requests, failed, lua_blocks, c_blocks - others,
                 open_fds() - fds, kept_parsers);
  say(line, (size_t)len);
  exit(0); /* no _exit(): a core built for it notes what of it ran */
}

static double now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * text, status, seconds = try(number, n, mode, limit)
 *
 * The global `number` set, then before(); act() with the n-th request failing
 * (0: none); after() with memory again; the state closed. text is what was
 * told, status waitpid's. mode: 0 that request, 1 the next one, too, 2 all
 * that follow. n < 0 counts and fails none.
 */
static int try_it(lua_State *L) {
  int number = (int)luaL_checkinteger(L, 1), n = (int)luaL_checkinteger(L, 2);
  int limit = (int)luaL_checkinteger(L, 4), ends[2], status = 0;
  double began = now();
  luaL_Buffer b;
  pid_t pid;

  mode = (enum mode)luaL_checkinteger(L, 3);
  if (pipe(ends) != 0)
    return luaL_error(L, "%s", strerror(errno));
  pid = fork();
  if (pid == 0) {
    close(ends[0]);
    alarm((unsigned)limit);
    lua_pushinteger(victim, number);
    lua_setglobal(victim, "number");
    if (n < 0) {
      mode = STICKY;
      child(0x7fffffff, ends[1]);
    }
    child(n, ends[1]);
  }
  close(ends[1]);
  if (pid < 0)
    return luaL_error(L, "%s", strerror(errno));
  luaL_buffinit(L, &b);
  for (;;) {
    char text[4096];
    ssize_t got = read(ends[0], text, sizeof(text));

    if (got <= 0)
      break;
    luaL_addlstring(&b, text, (size_t)got);
  }
  close(ends[0]);
  waitpid(pid, &status, 0);
  luaL_pushresult(&b);
  lua_pushinteger(L, status);
  lua_pushnumber(L, now() - began);
  return 3;
}

static void __attribute__((constructor)) start(void) {
  (void)unsetenv("LD_PRELOAD");
}

int luaopen_alloc(lua_State *L);

int luaopen_alloc(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, state);
  lua_setfield(L, -2, "state");
  lua_pushcfunction(L, try_it);
  lua_setfield(L, -2, "try");
  return 1;
}
