#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SM_MAX_FAREWELL 512

static volatile sig_atomic_t caught;  /* first signal; 0: none */
static volatile sig_atomic_t is_held; /* only record the first signal */
static volatile sig_atomic_t farewell_len;
static char farewell[SM_MAX_FAREWELL];

/* Only async-signal-safe calls. */
static void on_signal(int number) {
  if (is_held && caught == 0) {
    caught = number;
    return;
  }
  if (farewell_len > 0 &&
      write(STDERR_FILENO, farewell, (size_t)farewell_len) < 0) {
    /* stderr is gone; the message is lost. */
  }
  _exit(128 + number);
}

/* Occupies the closed standard streams. Otherwise the next file opened would
 * get such a number, and messages would go into that file. Each is opened with
 * the opposite access mode, so I/O on it still fails. */
static void fill_streams(void) {
  static int filled[STDERR_FILENO + 1]; /* never closed */
  int fd;

  for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0)
      filled[fd] = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  (void)filled;
}

static int is_ignored(int number) {
  struct sigaction now;

  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* Installs a handler, unless the signal was ignored when the process began: a
 * shell script ignores SIGINT and SIGQUIT for background commands. The
 * interpreter has already replaced the handler of SIGINT, so SIGQUIT shows
 * whether SIGINT was ignored. */
static void take(int number, const struct sigaction *action) {
  if (number == SIGINT && is_ignored(SIGQUIT))
    signal(SIGINT, SIG_IGN);
  else if (!is_ignored(number))
    sigaction(number, action, NULL);
}

/* process.catch(): from now on SIGHUP, SIGINT and SIGTERM exit with 129, 130
 * and 143, and write() reports an error if the reader has gone or the file is
 * as large as `ulimit -f` allows. */
static int process_catch(lua_State *L) {
  struct sigaction action;

  (void)L;
  fill_streams();
  memset(&action, 0, sizeof(action));
  sigemptyset(&action.sa_mask);
  /* Signals must not interrupt stdio reads and writes. */
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_signal;
  take(SIGHUP, &action);
  take(SIGINT, &action);
  take(SIGTERM, &action);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL);
  sigaction(SIGXFSZ, &action, NULL);
  return 0;
}

/* process.hold(flag): if true, the first signal is only recorded */
static int process_hold(lua_State *L) {
  is_held = lua_toboolean(L, 1);
  return 0;
}

/* number = process.signal() | nil */
static int process_signal(lua_State *L) {
  if (caught == 0)
    return 0;
  lua_pushinteger(L, (lua_Integer)caught);
  return 1;
}

/* process.farewell(text): message to print when a signal ends the process */
static int process_farewell(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);

  luaL_argcheck(L, len <= sizeof(farewell), 1, "too long");
  farewell_len = 0;
  memcpy(farewell, text, len);
  farewell_len = (sig_atomic_t)len;
  return 0;
}

/* columns = process.columns(fd) | nil: 0 if the terminal does not report it */
static int process_columns(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  struct winsize size;

  if (!isatty(fd))
    return 0;
  memset(&size, 0, sizeof(size));
  (void)ioctl(fd, TIOCGWINSZ, &size);
  lua_pushinteger(L, (lua_Integer)size.ws_col);
  return 1;
}

/* milliseconds = process.time(): system time since 1970 */
static int process_time(lua_State *L) {
  struct timespec now;

  if (clock_gettime(CLOCK_REALTIME, &now) != 0)
    return luaL_error(L, "no clock");
  lua_pushnumber(L, (lua_Number)now.tv_sec * 1000 +
                        (lua_Number)(now.tv_nsec / 1000000));
  return 1;
}

static const luaL_Reg functions[] = {
    {"catch", process_catch},
    {"hold", process_hold},
    {"signal", process_signal},
    {"farewell", process_farewell},
    {"columns", process_columns},
    {"time", process_time},
    {NULL, NULL},
};

void sm_process_open(lua_State *L) {
  luaL_newlib(L, functions);
}
