# make help tells what there is. V=1 shows whole commands, WERROR=1 makes
# warnings errors. Paths can be given under LuaRocks' names: LUA_INCDIR,
# CURL_DIR (or CURL_INCDIR and CURL_LIBDIR), CFLAGS, LIBFLAG.

LUA ?= lua5.4
LUAS = lua5.1 lua5.2 lua5.3 lua5.4 luajit
PREFIX ?= /usr/local

# The interpreter: LUA may be a name or a path. LuaJIT is a Lua 5.1.
LUA_NAME := $(notdir $(LUA))
LUA_VERSION := $(or $(filter 5.%,$(LUA_NAME:lua%=%)),\
  $(if $(filter luajit%,$(LUA_NAME)),5.1),\
  $(shell $(LUA) -e 'print(_VERSION:match("%d+%.%d+"))'))
# Its name at Debian, in tools/packages.sh and for pkg-config; elsewhere it may be called lua.
LUA_ALIAS := $(if $(filter lua5.% luajit%,$(LUA_NAME)),$(LUA_NAME),lua$(LUA_VERSION))
LUA_DEV := $(if $(filter luajit%,$(LUA_NAME)),\
  libluajit-5.1-dev (Debian 12: libluajit2-5.1-dev) or luajit-devel (Fedora),\
  liblua$(LUA_VERSION:5.1=5.1-0)-dev (Debian) or lua-devel (Fedora))
ifdef LUA_INCDIR
LUA_CFLAGS := -I$(LUA_INCDIR)
else
LUA_CFLAGS := $(shell pkg-config --cflags $(LUA_ALIAS) 2>/dev/null || \
  pkg-config --cflags $(LUA_NAME) 2>/dev/null || \
  echo -I/usr/include/$(LUA_ALIAS:luajit=luajit-2.1))
endif

ifdef CURL_DIR
CURL_INCDIR ?= $(CURL_DIR)/include
CURL_LIBDIR ?= $(CURL_DIR)/lib
endif
CURL_CFLAGS := $(if $(CURL_INCDIR),-I$(CURL_INCDIR),$(shell pkg-config --cflags libcurl 2>/dev/null))
# Forks are told by libpthread where libc is older than glibc 2.34.
CURL_LIBS := $(if $(CURL_LIBDIR),-L$(CURL_LIBDIR)) -lcurl -lpthread
ZLIB_CFLAGS := $(if $(ZLIB_INCDIR),-I$(ZLIB_INCDIR))
ZLIB_LIBS := $(if $(ZLIB_LIBDIR),-L$(ZLIB_LIBDIR)) -lz

# The compiler. On macOS: LIBFLAG='-bundle -undefined dynamic_lookup'.
CFLAGS ?= -O2
LIBFLAG ?= -shared
WARNINGS = -Wall -Wextra -Wshadow -Wundef -Wwrite-strings -Wmissing-prototypes \
  -Wstrict-prototypes -Wpointer-arith $(if $(WERROR),-Werror)
INCLUDES = $(LUA_CFLAGS) $(CURL_CFLAGS) $(ZLIB_CFLAGS)
COMPILE = $(CC) -std=c99 -D_GNU_SOURCE -fPIC -fvisibility=hidden \
  $(WARNINGS) $(INCLUDES) $(CPPFLAGS) $(CFLAGS)

BUILD = build/$(LUA_NAME)
CORE = $(BUILD)/stopmsg/core.so
OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard csrc/*.c)))
LUA_FILES := $(sort $(shell cd lua && find stopmsg -name '*.lua'))

# What an interpreter needs to run from this tree, its children included.
# Lua 5.2 and later look at LUA_PATH_5_x first.
RUN = LUA='$(LUA)' BUILD_DIR='$(BUILD)' \
  LUA_PATH='$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;;' \
  LUA_CPATH='$(CURDIR)/$(BUILD)/?.so;;'
ifneq ($(LUA_VERSION),5.1)
RUN := env -u LUA_PATH_$(subst .,_,$(LUA_VERSION)) \
  -u LUA_CPATH_$(subst .,_,$(LUA_VERSION)) $(RUN)
endif

Q = $(if $(V),,@)
MAKEFLAGS += --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all headers help setup demo sandbox spec matrix test oracle check-time \
  torture torture-journal torture-alloc torture-alloc-run torture-system soak-plain \
  lint lint-lua lint-format lint-gcc lint-clang lint-cppcheck analyse format \
  asan asan-run valgrind valgrind-run check-32bit check-debian check-libcurl check-musl fuzz fuzz-replay coverage \
  bench bench-instructions bench-nginx soak install install-module uninstall rock rock-install deb picture check-page clean

all: $(CORE)

# Linked beside its place and moved: a running program keeps the old one.
$(CORE): $(OBJECTS)
	@echo "LD $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LIBFLAG) $(CFLAGS) $(LDFLAGS) -o $@.new $^ $(CURL_LIBS) $(ZLIB_LIBS)
	$(Q)mv -f $@.new $@

$(BUILD)/%.o: %.c Makefile | headers
	@echo "CC $< [$(LUA_NAME)]"
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d)

# One line for what is missing, in place of a page of compiler errors.
headers:
	@test -n '$(LUA_VERSION)' || \
	  { echo "no Lua called $(LUA): name one that is there, as in make LUA=lua5.4" >&2; exit 1; }
	@command -v $(firstword $(CC)) >/dev/null || \
	  { echo "no C compiler ($(CC)): install gcc, or run 'make setup'" >&2; exit 1; }
	@printf '#include <lua.h>\n#if LUA_VERSION_NUM != $(subst .,0,$(LUA_VERSION))\n#error\n#endif\n' | \
	  $(CC) -E $(INCLUDES) $(CPPFLAGS) -x c - >/dev/null 2>&1 || \
	  { echo "no headers of $(LUA_NAME): install $(strip $(LUA_DEV)), run 'make setup LUA=$(LUA)', or set LUA_INCDIR" >&2; exit 1; }
	@printf '#include <curl/curl.h>\n' | $(CC) -E $(INCLUDES) $(CPPFLAGS) -x c - >/dev/null 2>&1 || \
	  { echo "no headers of libcurl: install libcurl4-openssl-dev (Debian) or libcurl-devel (Fedora), run 'make setup', or set CURL_DIR" >&2; exit 1; }
	@printf '#include <zlib.h>\n' | $(CC) -E $(INCLUDES) $(CPPFLAGS) -x c - >/dev/null 2>&1 || \
	  { echo "no headers of zlib: install zlib1g-dev, run 'make setup', or set ZLIB_INCDIR" >&2; exit 1; }

help:
	@echo 'make [target] [LUA=lua5.4]    LUA: $(LUAS)'
	@echo
	@echo '  all        build $(CORE)'
	@echo '  setup      install the packages that building and all of the command need'
	@echo '  demo       set up, build, run examples/demo.sh'
	@echo '  sandbox    serve all providers on loopback (ARGS="--port 8080")'
	@echo '  spec       run the specs on LUA (SPECS=spec/cli to narrow, ARGS=... for busted,'
	@echo '             GC=hard or GC=generational for an eager collector)'
	@echo '  test       set up, lint, replay what was fuzzed, run the specs on every Lua, some with sanitizers'
	@echo '  oracle     ask vendors'"'"' clients (npm) what they send, and how they read the sandbox'
	@echo '  matrix     run every spec on every Lua'
	@echo '  check-time run the specs that measure time, on a quiet machine'
	@echo '  torture    kill the command, fill its disk, take memory and system calls away (30 minutes)'
	@echo '  lint       luacheck, clang-format, cppcheck, all of csrc with -Werror under gcc and clang'
	@echo '  analyse    lint, and clang-tidy'
	@echo '  format     clang-format csrc in place'
	@echo '  asan       the specs with the address and undefined-behaviour sanitizers'
	@echo '  valgrind   the specs of the C core under valgrind'
	@echo '  check-32bit  the specs on a 32-bit Debian that is made in build/i386 (as root)'
	@echo '  check-debian  the specs on another Debian (SUITE=trixie, sid), made in build/SUITE (as root)'
	@echo '  check-libcurl  the specs on the libcurl in CURL_DIR, that somebody built'
	@echo '  check-musl  the specs with musl, on a Lua and a libcurl that are made in build/musl (10 minutes)'
	@echo '  coverage   which branches of the C core and which lines of Lua no spec or torture reaches'
	@echo '  fuzz       feed random input to all that reads any (TARGET=reader, FUZZ_SECONDS=60 each)'
	@echo '  bench      measure against other clients (ROW=one64: one row, and our own; QUICK=1: once)'
	@echo '  bench-instructions  count the instructions that an id takes, by callgrind (ROW=one64)'
	@echo '  bench-nginx  measure what stopping messages costs the rest of an nginx worker'
	@echo '  check-page  look at the page of stopmsg report in headless Chromium'
	@echo '  soak       reloads, calls and early ends in nginx, for some minutes'
	@echo '  soak-plain stops without end in one process (SOAK_SECONDS=600)'
	@echo '  install    into PREFIX=$(PREFIX), staged under DESTDIR'
	@echo '  uninstall  remove what install put there'
	@echo '  deb        Debian packages, into build/deb'
	@echo '  picture    docs/stopmsg.svg, from a run of the command on a terminal'
	@echo '  clean      remove build/ and what LuaRocks left here'

setup:
	@sh tools/packages.sh demo $(LUA_ALIAS)

demo:
	@sh tools/packages.sh demo $(LUA_ALIAS)
	@$(MAKE) all
	@$(RUN) sh examples/demo.sh

sandbox: all
	@$(RUN) $(LUA) bin/stopmsg sandbox $(ARGS)

# Specs

spec: all
	@$(if $(GC),STOPMSG_GC=$(GC)) $(RUN) $(LUA) spec/run.lua $(SPECS) $(ARGS) </dev/null

# Specs of what is no Lua's: C, libcurl, shells, pages. `make test` runs them on one
# Lua, `make matrix` on each. docs/architecture.md says why they cannot differ.
ONCE = spec/command/journal_spec.lua spec/command/papers_spec.lua \
  $(filter-out %/openresty_spec.lua,$(wildcard spec/docs/*_spec.lua)) \
  $(filter-out %/canary_spec.lua %/credentials_spec.lua,$(wildcard spec/faults/*_spec.lua))
ONCE_LUA = lua5.4
EACH = $(filter-out $(ONCE),$(sort $(shell find spec -name '*_spec.lua')))

# The parts of `make test` and `make matrix`, the longest first: what make is asked for.
PARTS = once $(LUAS) asan lint fuzz
PART_once = spec LUA=$(ONCE_LUA) SPECS='$(ONCE)'
PART_asan = asan LUA=lua5.4 SPECS='spec/core spec/sequences_spec.lua'
PART_lint = lint
PART_fuzz = fuzz-replay
$(foreach lua,$(LUAS),\
  $(eval PART_$(lua) = spec LUA=$(lua) SPECS='$$(EACH)')\
  $(eval PART_all-$(lua) = spec LUA=$(lua)))

# As many at a time as there are processors, and one more: specs wait a lot. Nothing is
# shared but the cores, which are built first.
JOBS = $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) + 1)
SIDE_BY_SIDE = $(MAKE) -k $(if $(findstring jobserver,$(MAKEFLAGS)),,-j $(JOBS))
RUNS = build/test

# Each part is run, whatever the others did. spec/support/output.lua writes its line to
# SPEC_SUMMARY; a part without a line, or that broke after it, is a failure.
run-parts = rm -rf $(RUNS) && mkdir -p $(RUNS) || exit 1; \
  $(SIDE_BY_SIDE) $(LUAS:%=core-%) && $(SIDE_BY_SIDE) $(1:%=part-%); \
  for part in $(1); do \
    test -s $(RUNS)/$$part.sum || echo "$$part: 0 passed, 1 failed" >$(RUNS)/$$part.sum; done; \
  awk '{ passed += $$2; failed += $$4 } END { \
    printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' $(RUNS)/*.sum

core-%:
	@$(MAKE) all LUA=$*

part-%:
	+@sum=$(RUNS)/$*.sum log=$(RUNS)/$*.log line='$*: .*, [1-9][0-9]* failed'; \
	if SPEC_SUMMARY=$$sum SPEC_PART=$* $(MAKE) $(PART_$*) >$$log 2>&1; then \
	  line='$*: '; \
	  case $* in lint | fuzz) echo "$*: 1 passed, 0 failed" | tee -a $$log >$$sum ;; esac; \
	fi; \
	grep -qs "^$$line" $$sum || echo "$*: 0 passed, 1 failed" | tee -a $$log >>$$sum; \
	cat $$log

matrix:
	+@$(call run-parts,$(LUAS:%=all-%))

# Minutes that it takes on two processors with nothing else to do.
MINUTES = 7

test:
	@missing=$$(sh tools/packages.sh -n test) || exit; \
	echo "make test: about $(MINUTES) minutes on two processors$${missing:+; first it needs root or sudo, for apt-get install$$missing}"
	@sh tools/packages.sh test
	+@$(call run-parts,$(PARTS))

# What is about time, with its targets: for a machine that has nothing else to do.
check-time:
	@for lua in $(if $(filter file,$(origin LUA)),lua5.4 luajit,$(LUA)); do \
	  $(MAKE) spec LUA=$$lua SPECS=spec/time ARGS=--pattern=_time || exit 1; done

# The vendors' own clients as judges: what each sends for a cancel, what it makes
# of the sandbox's answers. `make test` compares with what was kept of it.
ORACLE = build/oracle
oracle:
	@sh tools/packages.sh oracle $(LUA_NAME)
	@$(MAKE) all $(ORACLE)/node_modules
	@ORACLE_MODULES='$(ORACLE)' SPEC_PART=oracle \
	  $(MAKE) spec SPECS='spec/oracle_spec.lua spec/oracle/clients.lua'

$(ORACLE)/node_modules: spec/oracle/package.json spec/oracle/package-lock.json
	@echo "NPM $(firstword $^)"
	$(Q)mkdir -p $(@D)
	$(Q)cp $^ $(@D)
	$(Q)cd $(@D) && npm ci --ignore-scripts --silent --no-audit --no-fund
	$(Q)touch $@

torture: torture-journal torture-alloc torture-system

# The long form of what spec/command/journal_spec.lua does in short.
TORTURE = $(RUN) python3 spec/torture/journal.py
torture-journal: all
	@$(TORTURE) kill --times 900 --ids 100000 --batch 100
	@$(TORTURE) kill --times 100 --ids 5000 --provider clickatell
	@$(TORTURE) full --times 200 --ids 20000 --batch 100 --room 500000
	@test "$$(id -u)" != 0 || \
	  $(TORTURE) full --times 200 --ids 20000 --batch 100 --room 500000 --mount
	@$(TORTURE) torn --ids 24 --batch 4

# The long form of what spec/torture_spec.lua does in short: every request for
# memory fails in its turn.
PRELOADED = $(BUILD)/torture
TORTURED_CORE = $(RUN) LD_PRELOAD='$(CURDIR)/$(PRELOADED)/alloc.so' $(LUA) \
  spec/torture/alloc_core.lua '$(CURDIR)/$(PRELOADED)/alloc.so'
MODES = once twice sticky
SETTINGS = revicom idigital pushwoosh clickatell clickatell-xml
torture-alloc:
	@for lua in $(or $(TORTURED),lua5.1 lua5.4 luajit); do \
	  $(MAKE) torture-alloc-run LUA=$$lua || exit 1; done

torture-alloc-run: all $(PRELOADED)/alloc.so
	@for mode in $(MODES); do for setting in $(SETTINGS); do \
	  $(RUN) LD_PRELOAD='$(CURDIR)/$(PRELOADED)/alloc.so' $(LUA) spec/torture/alloc.lua \
	    '$(CURDIR)/$(PRELOADED)/alloc.so' $$setting $$mode || exit 1; done; done
	@$(TORTURED_CORE)

# Sockets that give little at a time, by seeds, without and with TLS; system calls that fail.
SEEDS = 200
TIMES = 10
torture-system: all $(PRELOADED)/io.so
	@$(call need,strace,strace)
	@$(RUN) $(LUA) spec/torture/system.lua io '$(CURDIR)/$(PRELOADED)/io.so' $(SEEDS)
	@$(RUN) $(LUA) spec/torture/system.lua tls '$(CURDIR)/$(PRELOADED)/io.so' $(SEEDS)
	@$(RUN) $(LUA) spec/torture/system.lua strace $(TIMES)
	@$(RUN) $(LUA) spec/torture/system.lua core $(TIMES)

# Stops without end in one process: neither memory nor descriptors grow.
soak-plain: all
	@$(RUN) $(LUA) spec/torture/soak.lua $(or $(SOAK_SECONDS),600)

$(PRELOADED)/%.so: spec/torture/%.c Makefile
	@echo "CC $< [$(LUA_NAME)]"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared -fPIC -std=c99 -D_GNU_SOURCE $(WARNINGS) $(LUA_CFLAGS) -O1 -g \
	  -o $@.new $< -ldl
	$(Q)mv -f $@.new $@

# Checks

SOURCES = $(wildcard csrc/*.c csrc/*.h bench/*.c fuzz/*.c spec/torture/*.c tools/*.c)
need = command -v $(1) >/dev/null || { echo "no $(1): install $(2)" >&2; exit 1; }

lint: lint-lua lint-format lint-gcc lint-clang lint-cppcheck

# Not everything: luacheck would walk through the Debians in build/.
LINTED = bin/stopmsg lua spec examples bench fuzz $(wildcard *.rockspec) .busted .luacheckrc
lint-lua:
	@$(call need,luacheck,lua-check)
	@echo "LINT luacheck"
	$(Q)luacheck --no-color -q $(LINTED)

lint-format:
	@$(call need,clang-format,clang-format)
	@echo "LINT clang-format"
	$(Q)clang-format --dry-run -Werror $(SOURCES)

ANALYSE_FLAGS = -include tools/analyse.h

lint-gcc: CFLAGS += -fanalyzer
lint-gcc lint-clang: lint-%:
	@$(call need,$*,$*)
	@$(MAKE) all CC=$* WERROR=1 BUILD=build/lint/$*-$(LUA_NAME) \
	  CFLAGS='$(CFLAGS)' CPPFLAGS='$(CPPFLAGS) $(ANALYSE_FLAGS)'

# The member that goes unused is the other view of a union.
lint-cppcheck:
	@$(call need,cppcheck,cppcheck)
	@echo "LINT cppcheck"
	$(Q)cppcheck -q --std=c99 --enable=warning,style,performance,portability \
	  --suppress=unusedStructMember:csrc/engine.c --error-exitcode=1 \
	  -DLUA_VERSION_NUM=$(subst .,0,$(LUA_VERSION)) -DLIBCURL_VERSION_NUM=0x075801 csrc

# The slow one: what it does not look for is in .clang-tidy, with reasons.
analyse: lint
	@$(call need,clang-tidy,clang-tidy)
	@echo "LINT clang-tidy"
	$(Q)printf '%s\0' csrc/*.c | xargs -0 -n 4 -P 2 sh -c 'clang-tidy --quiet "$$@" -- \
	  -std=c99 -D_GNU_SOURCE $(INCLUDES) $(ANALYSE_FLAGS) 2>/dev/null' clang-tidy

format:
	@$(call need,clang-format,clang-format)
	$(Q)clang-format -i $(SOURCES)

# Both build with nodelete: lua_close unmaps modules, and reports on what is
# unmapped have no names.
ASAN = -fsanitize=address,undefined -fno-sanitize-recover=undefined

# The sanitizer has to be the first library in a process not built with it. The
# specs' other children (sh, make, gcc) get it too: leaks count in $(LUA) alone.
asan:
	@$(MAKE) all CC=gcc BUILD=build/asan-$(LUA_NAME) \
	  CFLAGS='-O1 -g -fno-omit-frame-pointer $(ASAN)' LIBFLAG='-shared -Wl,-z,nodelete'
	@$(MAKE) asan-run BUILD=build/asan-$(LUA_NAME)

asan-run:
	@echo detect_leaks=1 >$(BUILD)/options.$(LUA_NAME)
	@$(RUN) LD_PRELOAD="$$(gcc -print-file-name=libasan.so)" \
	  ASAN_OPTIONS='detect_leaks=0:include_if_exists="$(CURDIR)/$(BUILD)/options.%b"' \
	  $(LUA) spec/run.lua $(SPECS) $(ARGS) </dev/null

valgrind:
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
coverage:
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
	-@$(MAKE) torture-system SEEDS=2 TIMES=2 $(COVERED)
	@python3 tools/coverage.py build/coverage

# On a 32-bit Debian of its own, in build/i386.
check-32bit:
	@$(call need,debootstrap,debootstrap)
	@SPECS='$(SPECS)' sh tools/check-debian.sh build/i386 bookworm i386 $(LUAS)

# Another release, in build/SUITE; DO=demo makes that there. sid has the newest libcurl.
SUITE = trixie
check-debian:
	@$(call need,debootstrap,debootstrap)
	@SPECS='$(SPECS)' DO='$(DO)' sh tools/check-debian.sh build/$(SUITE) $(SUITE) \
	  "$$(dpkg --print-architecture)" $(LUAS)

# With a libcurl that somebody built: CURL_DIR has its include and lib.
check-libcurl:
	@test -n '$(CURL_DIR)' || { echo "check-libcurl: say where, CURL_DIR=/opt/curl" >&2; exit 1; }
	@$(MAKE) spec BUILD=build/libcurl/$(notdir $(CURL_DIR))/$(LUA_NAME) \
	  LDFLAGS='$(LDFLAGS) -Wl,-rpath,$(abspath $(CURL_LIBDIR))'

# With musl, and a Lua and a libcurl of their own, in build/musl.
check-musl:
	@sh tools/packages.sh musl
	@SPECS='$(SPECS)' sh tools/check-musl.sh build/musl

# Fuzzing, on Lua 5.4: each target is a file of fuzz/, its inputs are in
# fuzz/corpus. What is found on the way stays in build/fuzz, too.

FUZZER = build/fuzz/fuzz
FUZZ_SECONDS = 60
TARGETS = $(patsubst fuzz/corpus/%,%,$(sort $(wildcard fuzz/corpus/*)))
FUZZ_RUN = env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 \
  LUA_PATH='$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;;'

$(FUZZER): fuzz/lua.c $(wildcard csrc/*.c csrc/*.h) Makefile
	@$(call need,clang,clang libclang-rt-14-dev)
	@echo "LD $@"
	$(Q)mkdir -p $(@D)
	$(Q)clang -std=c99 -D_GNU_SOURCE $(WARNINGS) -O1 -g -fno-omit-frame-pointer \
	  -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	  $(shell pkg-config --cflags lua5.4) $(CURL_CFLAGS) $(ZLIB_CFLAGS) -rdynamic \
	  -o $@ $(filter %.c,$^) $(shell pkg-config --libs lua5.4) $(CURL_LIBS) $(ZLIB_LIBS)

# A garbage collector looks like a leak from one input to the next; at the end
# everything is closed, and what is left is one.
fuzz: $(FUZZER)
	@for target in $(or $(TARGET),$(TARGETS)); do \
	  mkdir -p build/fuzz/$$target && \
	  FUZZ_TARGET=$$target $(FUZZ_RUN) $(FUZZER) -detect_leaks=0 -timeout=10 -max_len=1024 -dict=fuzz/fuzz.dict \
	    -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/$$target- $(ARGS) \
	    build/fuzz/$$target fuzz/corpus/$$target 2>build/fuzz/$$target.log || \
	    { tail -40 build/fuzz/$$target.log; exit 1; }; \
	  sed -n "s/^#\([0-9]*\)\tDONE *cov: \([0-9]*\) ft: \([0-9]*\) .*/$$target: \1 inputs, \2 edges, \3 features/p" \
	    build/fuzz/$$target.log; \
	done

fuzz-replay: $(FUZZER)
	@for target in $(or $(TARGET),$(TARGETS)); do \
	  FUZZ_TARGET=$$target $(FUZZ_RUN) $(FUZZER) -detect_leaks=0 -timeout=120 -runs=0 -verbosity=0 \
	    fuzz/corpus/$$target 2>build/fuzz/$$target.log || \
	    { tail -40 build/fuzz/$$target.log; exit 1; }; \
	done
	@echo "fuzz: $(words $(wildcard fuzz/corpus/*/*)) inputs replayed"

# Speed

# All of it makes docs/performance.md; QUICK=1 goes through all of it once, and
# puts the page into build/bench.
BENCH = python3 bench/bench.py build/bench $(ROW) $(if $(CLIENTS),--clients '$(CLIENTS)')
BENCH_PEERS = build/bench/nethttp build/bench/undici/node_modules

bench:
	@sh tools/packages.sh bench
	@$(MAKE) all LUA=lua5.4
	@$(MAKE) all LUA=luajit
	@$(MAKE) -s build/bench/floor $(if $(ROW),$(if $(CLIENTS),$(BENCH_PEERS)),$(BENCH_PEERS))
	@$(BENCH) $(if $(QUICK),--rounds 1 --seconds 0.3) \
	  $(if $(ROW),,--page $(if $(QUICK),build/bench,docs))

# Instructions an id, which a busy machine does not move.
bench-instructions:
	@$(call need,valgrind,valgrind)
	@sh tools/packages.sh bench
	@$(MAKE) all LUA=lua5.4
	@$(MAKE) all LUA=luajit
	@$(MAKE) -s build/bench/floor
	@python3 bench/instructions.py build/bench $(ROW)

build/bench/floor: bench/floor.c
	@echo "CC $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c99 -D_GNU_SOURCE $(WARNINGS) $(CURL_CFLAGS) -O2 -o $@ $< $(CURL_LIBS)

build/bench/nethttp: bench/peers/nethttp.go
	@echo "GO $<"
	$(Q)mkdir -p $(@D)
	$(Q)GO111MODULE=off GOCACHE=$(CURDIR)/build/bench/go go build -o $@ $<

build/bench/undici/node_modules: $(wildcard bench/peers/undici/*)
	@echo "NPM $<"
	$(Q)mkdir -p $(@D)
	$(Q)cp $^ $(@D)
	$(Q)cd $(@D) && npm ci --silent --no-audit --no-fund
	$(Q)touch $@

bench-nginx: build/bench/nginx/prober
	@sh tools/packages.sh bench
	@$(MAKE) all LUA=luajit
	@python3 bench/nginx/bench.py build/bench/nginx --page $(if $(QUICK),build/bench,docs)/nginx.md \
	  $(if $(QUICK),--rounds 1) $(ARGS)

build/bench/nginx/prober: bench/nginx/prober.c
	@echo "CC $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c99 -D_GNU_SOURCE $(WARNINGS) -O2 -o $@ $<

# What spec/nginx does in short.
soak:
	@STOPMSG_SOAK=1 $(MAKE) spec LUA=luajit SPECS=spec/nginx/soak_spec.lua
	@STOPMSG_SOAK=1 $(MAKE) asan LUA=luajit SPECS=spec/nginx/soak_spec.lua ARGS=--filter=outlives

# Pictures

picture: all
	@sh tools/packages.sh picture
	@$(RUN) python3 tools/picture.py $(LUA) bin/stopmsg >build/stopmsg.svg
	$(Q)mv -f build/stopmsg.svg docs/stopmsg.svg

# What `stopmsg report --format html` makes, in headless Chromium.
check-page: all
	@sh tools/packages.sh page
	@$(RUN) python3 tools/check_page.py build/page $(LUA) bin/stopmsg

# Installation

INST_BINDIR = $(abspath $(PREFIX))/bin
INST_LIBDIR = $(abspath $(PREFIX))/lib/lua/$(LUA_VERSION)
INST_LUADIR = $(abspath $(PREFIX))/share/lua/$(LUA_VERSION)
# The command's papers: where each goes, and what it is here.
INST_PAPERS = man/man1/stopmsg.1=docs/stopmsg.1 \
  bash-completion/completions/stopmsg=completions/stopmsg.bash \
  zsh/site-functions/_stopmsg=completions/_stopmsg
INST_SHARED = $(foreach paper,$(INST_PAPERS),$(abspath $(PREFIX))/share/$(firstword $(subst =, ,$(paper))))

install-module: all
	$(Q)mkdir -p $(DESTDIR)$(INST_LIBDIR)/stopmsg \
	  $(addprefix $(DESTDIR)$(INST_LUADIR)/,$(sort $(dir $(LUA_FILES))))
	$(Q)install -m 755 $(CORE) $(DESTDIR)$(INST_LIBDIR)/stopmsg/core.so
	$(Q)for file in $(LUA_FILES); do \
	  install -m 644 lua/$$file $(DESTDIR)$(INST_LUADIR)/$$file || exit 1; done

# The command looks into the directories it was installed with first.
install: install-module
	@echo "INSTALL $(DESTDIR)$(INST_BINDIR)/stopmsg"
	$(Q)mkdir -p $(DESTDIR)$(INST_BINDIR)
	$(Q)sed -e '1s|.*|#!$(if $(findstring /,$(LUA)),,/usr/bin/env )$(LUA)|' \
	  -e 's|^local HOME = .*|local HOME = { lua = "$(INST_LUADIR)", lib = "$(INST_LIBDIR)", command = "$(INST_BINDIR)/stopmsg" }|' \
	  bin/stopmsg >$(DESTDIR)$(INST_BINDIR)/stopmsg
	$(Q)chmod 755 $(DESTDIR)$(INST_BINDIR)/stopmsg
	$(Q)mkdir -p $(addprefix $(DESTDIR),$(sort $(dir $(INST_SHARED))))
	$(Q)for paper in $(INST_PAPERS); do \
	  install -m 644 $${paper#*=} $(DESTDIR)$(abspath $(PREFIX))/share/$${paper%=*} || exit 1; done

uninstall:
	@echo "UNINSTALL $(DESTDIR)$(INST_BINDIR)/stopmsg"
	$(Q)rm -f $(DESTDIR)$(INST_BINDIR)/stopmsg $(DESTDIR)$(INST_LIBDIR)/stopmsg/core.so \
	  $(addprefix $(DESTDIR)$(INST_LUADIR)/,$(LUA_FILES)) $(addprefix $(DESTDIR),$(INST_SHARED))
	$(Q)for dir in $(DESTDIR)$(INST_LIBDIR)/stopmsg $(DESTDIR)$(INST_LUADIR)/stopmsg; do \
	  test ! -d $$dir || find $$dir -depth -type d -empty -delete; done

# What LuaRocks asks for. It gets a build of its own that goes with the installation:
# nothing stays in this folder that another Lua would find, or another build use.
ROCK = build/rock-$(LUA_NAME)
rock:
	$(Q)rm -rf $(ROCK)
	@$(MAKE) all BUILD=$(ROCK)

rock-install:
	@$(MAKE) install-module BUILD=$(ROCK)
	$(Q)rm -rf $(ROCK)
	$(Q)rmdir build 2>/dev/null || true

# Built from a copy, as dpkg-buildpackage writes beside the tree it is run in. The
# maintainer has no address before somebody uploads it.
DEB = build/deb
deb:
	@sh tools/packages.sh deb
	$(Q)rm -rf $(DEB)
	$(Q)mkdir -p $(DEB)/source
	$(Q)tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C $(DEB)/source
	@echo "DPKG $(DEB)"
	$(Q)cd $(DEB)/source && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b >../log 2>&1 || \
	  { tail -n 30 ../log >&2; exit 1; }
	$(Q)rm -rf $(DEB)/source
	$(Q)lintian --allow-root --fail-on error,warning \
	  --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog $(DEB)/*.changes
	@ls $(DEB)/*.deb

clean:
	$(Q)rm -rf build stopmsg csrc/*.o *.rock
	$(Q)find . -name __pycache__ -prune -exec rm -rf {} +
