/*
 * musl.c - what glibc has and musl has not, as far as Debian's builds of the
 * Lua modules that only specs need call it. On x86_64 the rest is the same.
 */

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/select.h>

int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __sprintf_chk(char *to, int flag, size_t len, const char *format, ...);
char *__strcpy_chk(char *to, const char *from, size_t len);
char *__stpcpy_chk(char *to, const char *from, size_t len);
long __fdelt_chk(long fd);
int fcntl64(int fd, int what, void *arg);
void arc4random_buf(void *to, size_t len);

int __fprintf_chk(FILE *file, int flag, const char *format, ...) {
  va_list args;
  int n;

  (void)flag;
  va_start(args, format);
  n = vfprintf(file, format, args);
  va_end(args);
  return n;
}

int __sprintf_chk(char *to, int flag, size_t len, const char *format, ...) {
  va_list args;
  int n;

  (void)flag;
  va_start(args, format);
  n = vsnprintf(to, len, format, args);
  va_end(args);
  return n;
}

char *__strcpy_chk(char *to, const char *from, size_t len) {
  (void)__stpcpy_chk(to, from, len);
  return to;
}

char *__stpcpy_chk(char *to, const char *from, size_t len) {
  size_t needed = strlen(from) + 1;

  if (needed > len)
    abort();
  return (char *)memcpy(to, from, needed) + needed - 1;
}

long __fdelt_chk(long fd) {
  if (fd < 0 || fd >= FD_SETSIZE)
    abort();
  return fd / (long)(8 * sizeof(long));
}

int fcntl64(int fd, int what, void *arg) {
  return fcntl(fd, what, arg);
}

void arc4random_buf(void *to, size_t len) {
  if (getrandom(to, len, 0) != (ssize_t)len)
    abort();
}
