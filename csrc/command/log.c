#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer.h"

#define SM_LOG "stopmsg.log"

/* Maximum size of one read. */
#define SM_MAX_READ (1 << 20)

struct log {
  int fd; /* -1 once closed */
  off_t size;
};

static struct log *check_open(lua_State *L) {
  struct log *log = luaL_checkudata(L, 1, SM_LOG);

  if (log->fd < 0)
    luaL_error(L, "attempt to use a closed log");
  return log;
}

static int push_errno(lua_State *L, int number) {
  lua_pushnil(L);
  lua_pushstring(L, strerror(number));
  return 2;
}

/* Syncs the directory: it holds the file's name. */
static void sync_directory(const char *path) {
  const char *slash = strrchr(path, '/');
  char *directory;
  int fd;

  if (slash == NULL)
    directory = strdup(".");
  else
    directory = strndup(path, (size_t)(slash - path) + 1);
  if (directory == NULL)
    return;
  fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(directory);
  if (fd >= 0) {
    (void)fsync(fd);
    close(fd);
  }
}

/*
 * log = core.log(path) | nil, message
 *
 * Opens or creates the file (0600) and locks it until it is closed.
 */
int sm_log_new(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct log *log = lua_newuserdata(L, sizeof(*log));
  struct stat st;

  log->fd = -1;
  log->size = 0;
  luaL_getmetatable(L, SM_LOG);
  lua_setmetatable(L, -2);

  /* O_NONBLOCK: opening a FIFO must not wait for the other end. */
  log->fd = open(
      path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
      0600);
  if (log->fd < 0)
    return push_errno(L, errno);
  if (fstat(log->fd, &st) != 0)
    return push_errno(L, errno);
  if (!S_ISREG(st.st_mode)) {
    lua_pushnil(L);
    lua_pushliteral(L, "not a regular file");
    return 2;
  }
  if (flock(log->fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return push_errno(L, errno);
    lua_pushnil(L);
    lua_pushliteral(L, "another run holds it");
    return 2;
  }
  /* Read the size only after locking: the previous holder may have written
   * more. */
  if (fstat(log->fd, &st) != 0)
    return push_errno(L, errno);
  log->size = st.st_size;
  if (st.st_size == 0)
    sync_directory(path);
  return 1;
}

/*
 * log = core.scratch(directory) | nil, message
 *
 * Creates an unnamed temporary file.
 */
int sm_log_scratch(lua_State *L) {
  const char *directory = luaL_checkstring(L, 1);
  struct log *log = lua_newuserdata(L, sizeof(*log));
  char *path;

  log->fd = -1;
  log->size = 0;
  luaL_getmetatable(L, SM_LOG);
  lua_setmetatable(L, -2);
  lua_pushfstring(L, "%s/stopmsg-XXXXXX", directory);
  path = strdup(lua_tostring(L, -1));
  if (path == NULL)
    return push_errno(L, ENOMEM);
  lua_pop(L, 1);
  log->fd = mkostemp(path, O_APPEND | O_CLOEXEC);
  if (log->fd >= 0)
    (void)unlink(path);
  free(path);
  return log->fd >= 0 ? 1 : push_errno(L, errno);
}

/* flag = core.same_file(path, path): whether both exist and are the same
 * file */
int sm_log_same(lua_State *L) {
  struct stat one, other;

  lua_pushboolean(L, stat(luaL_checkstring(L, 1), &one) == 0 &&
                         stat(luaL_checkstring(L, 2), &other) == 0 &&
                         one.st_dev == other.st_dev &&
                         one.st_ino == other.st_ino);
  return 1;
}

/* kind = core.file_kind(path): "regular", "other", or nil if there is none.
 * Unlike opening it, this never waits for the other end of a FIFO. */
int sm_log_kind(lua_State *L) {
  struct stat st;

  if (stat(luaL_checkstring(L, 1), &st) != 0)
    lua_pushnil(L);
  else
    lua_pushstring(L, S_ISREG(st.st_mode) ? "regular" : "other");
  return 1;
}

/* size = log:size() */
static int log_size(lua_State *L) {
  lua_pushnumber(L, (lua_Number)check_open(L)->size);
  return 1;
}

/* bytes = log:read(offset, count) | nil, message: "" at the end */
static int log_read(lua_State *L) {
  struct log *log = check_open(L);
  lua_Number offset = luaL_checknumber(L, 2);
  lua_Integer count = luaL_checkinteger(L, 3);
  void *bytes;
  ssize_t got;

  luaL_argcheck(L, offset >= 0 && offset < 1e18, 2, "out of range");
  luaL_argcheck(L, count >= 1 && count <= SM_MAX_READ, 3, "out of range");
  /* A userdata: the next call may raise. */
  bytes = lua_newuserdata(L, (size_t)count);
  do
    got = pread(log->fd, bytes, (size_t)count, (off_t)offset);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return push_errno(L, errno);
  lua_pushlstring(L, bytes, (size_t)got);
  return 1;
}

/* Writes all bytes, and adds to *done what was written. Returns an errno. */
static int write_all(int fd, const char *bytes, size_t len, size_t *done) {
  size_t at = 0;

  while (at < len) {
    ssize_t wrote = write(fd, bytes + at, len - at);

    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0)
      return wrote < 0 ? errno : ENOSPC;
    at += (size_t)wrote;
    *done += (size_t)wrote;
  }
  return 0;
}

/* true = log:append(text, more) | nil, message: all or nothing. Both may be
 * lines, and `more` may be nil. */
static int log_append(lua_State *L) {
  struct log *log = check_open(L);
  size_t len, more_len = 0, done = 0;
  const char *text = sm_writer_text(L, 2, &len);
  const char *more =
      lua_isnoneornil(L, 3) ? NULL : sm_writer_text(L, 3, &more_len);
  int fault = write_all(log->fd, text, len, &done);

  if (fault == 0)
    fault = write_all(log->fd, more, more_len, &done);
  if (fault != 0) {
    if (done > 0 && ftruncate(log->fd, log->size) != 0)
      fault = errno;
    return push_errno(L, fault);
  }
  log->size += (off_t)done;
  lua_pushboolean(L, 1);
  return 1;
}

/* macOS does not declare fdatasync(), and its fsync() leaves bytes in the
 * disk's cache. Not every file system there supports F_FULLFSYNC. */
static int sync_data(int fd) {
#ifdef F_FULLFSYNC
  return fcntl(fd, F_FULLFSYNC) == 0 ? 0 : fsync(fd);
#else
  return fdatasync(fd);
#endif
}

/* true = log:sync() | nil, message: flushes appended bytes to disk */
static int log_sync(lua_State *L) {
  if (sync_data(check_open(L)->fd) != 0)
    return push_errno(L, errno);
  lua_pushboolean(L, 1);
  return 1;
}

/* true = log:cut(size) | nil, message: truncates the file */
static int log_cut(lua_State *L) {
  struct log *log = check_open(L);
  lua_Number size = luaL_checknumber(L, 2);

  luaL_argcheck(L, size >= 0 && size <= (lua_Number)log->size, 2,
                "out of range");
  if (ftruncate(log->fd, (off_t)size) != 0)
    return push_errno(L, errno);
  log->size = (off_t)size;
  lua_pushboolean(L, 1);
  return 1;
}

/* Also __gc and __close: idempotent. */
static int log_close(lua_State *L) {
  struct log *log = luaL_checkudata(L, 1, SM_LOG);
  int fd = log->fd;

  log->fd = -1;
  if (fd >= 0)
    close(fd);
  return 0;
}

static const luaL_Reg methods[] = {
    {"size", log_size}, {"read", log_read}, {"append", log_append},
    {"sync", log_sync}, {"cut", log_cut},   {"close", log_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", log_close},
    {"__close", log_close},
    {NULL, NULL},
};

void sm_log_init(lua_State *L) {
  sm_newtype(L, SM_LOG, methods, metamethods);
}
