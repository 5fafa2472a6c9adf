/*
 * exit.c - linked into a core that counts its branches: who leaves by _exit()
 * notes them, too.
 */

void __gcov_dump(void);
_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

void __wrap__exit(int code) {
  __gcov_dump();
  __real__exit(code);
}
