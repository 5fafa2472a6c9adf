# Sanitizers, valgrind, coverage, other systems.

# Both build with nodelete: lua_close unmaps modules, and reports on what is
# unmapped have no names.
ASAN = -fsanitize=address,undefined -fno-sanitize-recover=undefined

# The sanitizer has to be the first library in a process not built with it. The
# specs' other children (sh, make, gcc) get it too: leaks count in $(LUA) alone.
.PHONY: asan asan-run valgrind valgrind-run coverage check-32bit check-debian check-libcurl check-musl

asan: ## the specs with the address and undefined-behaviour sanitizers
	@$(MAKE) all CC=gcc BUILD=build/asan-$(LUA_NAME) \
	  CFLAGS='-O1 -g -fno-omit-frame-pointer $(ASAN)' LIBFLAG='-shared -Wl,-z,nodelete'
	@$(MAKE) asan-run BUILD=build/asan-$(LUA_NAME)

asan-run:
	@echo detect_leaks=1 >$(BUILD)/options.$(LUA_NAME)
	@$(RUN) LD_PRELOAD="$$(gcc -print-file-name=libasan.so)" \
	  ASAN_OPTIONS='detect_leaks=0:include_if_exists="$(CURDIR)/$(BUILD)/options.%b"' \
	  $(LUA) spec/run.lua $(SPECS) $(ARGS) </dev/null

valgrind: ## the specs of the C core under valgrind
	@$(call need,valgrind,valgrind)
	@$(MAKE) all BUILD=build/valgrind-$(LUA_NAME) CFLAGS='-O1 -g' LIBFLAG='-shared -Wl,-z,nodelete'
	@$(MAKE) valgrind-run BUILD=build/valgrind-$(LUA_NAME)

valgrind-run:
	@$(RUN) valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
	  --show-leak-kinds=definite $(LUA) spec/run.lua $(or $(SPECS),spec/core) $(ARGS) </dev/null

# Of all specs and the processes that they start, on Lua 5.4, then of what has no
# memory, and of system calls that fail. Lua's own hint to the compiler would count
# each condition twice.
COVERAGE = $(CURDIR)/build/coverage
COVERED = LUA=lua5.4 BUILD=build/coverage CPPFLAGS='-Dluai_likely= $(ANALYSE_FLAGS)' \
  CFLAGS='-O0 -g --coverage' LIBFLAG='-shared -Wl,-z,nodelete' \
  LDFLAGS='-Wl,--wrap=_exit $(COVERAGE)/exit.o'
coverage: ## branches of the C core and lines of Lua that no spec or torture reaches
	@$(call need,gcov,gcc)
	$(Q)rm -rf $(COVERAGE)
	$(Q)mkdir -p $(COVERAGE)/lines
	$(Q)$(CC) -std=c99 -D_GNU_SOURCE -O2 -fPIC -shared $(shell pkg-config --cflags lua5.4) \
	  -Wl,-z,nodelete -o $(COVERAGE)/lines.so spec/support/lines.c
	$(Q)$(CC) -std=c99 -O2 -fPIC -c -o $(COVERAGE)/exit.o spec/support/exit.c
	-@LINES_DIR=$(COVERAGE)/lines \
	  LUA_INIT_5_4="package.loadlib('$(COVERAGE)/lines.so', 'luaopen_lines')()" \
	  $(MAKE) spec $(COVERED)
	-@$(MAKE) torture-alloc-run MODES=once SETTINGS='revicom clickatell-xml' $(COVERED)
	-@$(MAKE) torture-system-run SEEDS=2 TIMES=2 $(COVERED)
	@python3 tools/coverage.py build/coverage

# On a 32-bit Debian of its own, in build/i386.
check-32bit: ## the specs on a 32-bit Debian, made in build/i386 (as root)
	@$(call need,debootstrap,debootstrap)
	@SPECS='$(SPECS)' sh tools/check-debian.sh build/i386 bookworm i386 $(LUAS)

# Another release, in build/SUITE; DO=demo makes that there. sid has the newest libcurl.
SUITE = trixie
check-debian: ## the specs on another Debian (SUITE=trixie, sid), made in build/SUITE (as root)
	@$(call need,debootstrap,debootstrap)
	@SPECS='$(SPECS)' DO='$(DO)' sh tools/check-debian.sh build/$(SUITE) $(SUITE) \
	  "$$(dpkg --print-architecture)" $(LUAS)

# With a libcurl that somebody built: CURL_DIR has its include and lib.
check-libcurl: ## the specs on the libcurl in CURL_DIR
	@test -n '$(CURL_DIR)' || { echo "check-libcurl: say where, CURL_DIR=/opt/curl" >&2; exit 1; }
	@$(MAKE) spec BUILD=build/libcurl/$(notdir $(CURL_DIR))/$(LUA_NAME) \
	  LDFLAGS='$(LDFLAGS) -Wl,-rpath,$(abspath $(CURL_LIBDIR))'

# With musl, and a Lua and a libcurl of their own, in build/musl.
check-musl: ## the specs with musl, on a Lua and a libcurl made in build/musl (10 minutes)
	@sh tools/packages.sh musl
	@SPECS='$(SPECS)' sh tools/check-musl.sh build/musl
