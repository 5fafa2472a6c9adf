/*
 * fork.h - which process this is, without asking the kernel every time: every
 * use of an engine looks, as a child that was forked must leave it alone.
 */

#ifndef SM_FORK_H
#define SM_FORK_H

#include <sys/types.h>

#pragma GCC visibility push(hidden)

/* Once, before the first sm_fork_pid(). */
void sm_fork_init(void);

pid_t sm_fork_pid(void);

#pragma GCC visibility pop

#endif
