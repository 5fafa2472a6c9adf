/*
 * fork.h - the process id, without asking the kernel every time. Every use of
 * an engine checks it, since a forked child must leave the engine alone.
 */

#ifndef SM_FORK_H
#define SM_FORK_H

#include <sys/types.h>

#pragma GCC visibility push(hidden)

/* Call once, before the first sm_fork_pid(). */
void sm_fork_init(void);

pid_t sm_fork_pid(void);

#pragma GCC visibility pop

#endif
