#include "fork.h"

#include <pthread.h>
#include <unistd.h>

static pid_t pid; /* 0 if forks cannot be detected */

static void note_child(void) {
  pid = getpid();
}

static void watch(void) {
  if (pthread_atfork(NULL, NULL, note_child) == 0)
    pid = getpid();
}

void sm_fork_init(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  (void)pthread_once(&once, watch);
}

pid_t sm_fork_pid(void) {
  return pid != 0 ? pid : getpid();
}
