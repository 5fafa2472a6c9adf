# `make help` lists the targets. V=1 shows whole commands, WERROR=1 makes warnings errors. Paths have
# LuaRocks' names: LUA_INCDIR, CURL_DIR (or CURL_INCDIR and CURL_LIBDIR), CFLAGS, LIBFLAG.

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
LUA_CFLAGS := $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(shell pkg-config --cflags $(LUA_ALIAS) 2>/dev/null || \
  pkg-config --cflags $(LUA_NAME) 2>/dev/null || echo -I/usr/include/$(LUA_ALIAS:luajit=luajit-2.1)))

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
C_FLAGS = -std=c99 -D_GNU_SOURCE -fPIC -fvisibility=hidden \
  $(WARNINGS) $(CURL_CFLAGS) $(ZLIB_CFLAGS) $(CPPFLAGS) $(CFLAGS)
COMPILE = $(CC) $(LUA_CFLAGS) $(C_FLAGS)

BUILD = build/$(LUA_NAME)
# Two modules in C: the library's, and what only the command needs.
CORE = $(BUILD)/stopmsg/core.so
COMMAND = $(BUILD)/stopmsg/command.so
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
.PHONY: all headers help setup demo demo-fleet sandbox spec test lint install install-module uninstall rock \
  rock-install clean

all: $(CORE) $(COMMAND) ## build for LUA (default: lua5.4; lua5.1 to lua5.5, luajit)

headers:
	@CC='$(CC)' FLAGS='$(INCLUDES) $(CPPFLAGS)' sh tools/headers.sh \
	  '$(LUA)' '$(LUA_NAME)' '$(LUA_VERSION)' '$(strip $(LUA_DEV))'

help: ## this list
	@echo 'make [target] [LUA=lua5.4]'
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the packages that building and the command need
	@sh tools/packages.sh demo $(LUA_ALIAS)

demo: ## set up, build, run examples/demo.sh
	@sh tools/packages.sh demo $(LUA_ALIAS)
	@$(MAKE) all
	@$(RUN) sh examples/demo.sh

demo-fleet: ## set up, build, run examples/fleet/demo.sh: three workers, one is killed, on a Redis
	@sh tools/packages.sh demo fleet $(LUA_ALIAS)
	@$(MAKE) all
	@$(RUN) sh examples/fleet/demo.sh

sandbox: all ## serve all providers on loopback (ARGS="--port 8080")
	@$(RUN) $(LUA) bin/stopmsg sandbox $(ARGS)

spec: all ## run the specs on LUA (SPECS=spec/cli to narrow, ARGS=... for busted, GC=hard)
	@$(if $(GC),STOPMSG_GC=$(GC)) $(RUN) $(LUA) spec/run.lua $(SPECS) $(ARGS) </dev/null

# Minutes that it takes on two processors with nothing else to do.
MINUTES = 6

test: ## set up, lint, replay fuzzed inputs, run the specs on every Lua, some with sanitizers
	@missing=$$(sh tools/packages.sh -n test) || exit; \
	echo "make test: about $(MINUTES) minutes on two processors$${missing:+; first it needs root or sudo, for apt-get install$$missing}"
	@sh tools/packages.sh test
	+@$(call run-parts,$(PARTS))

lint: lint-lua lint-format lint-gcc lint-clang lint-cppcheck ## luacheck, clang-format, cppcheck, gcc, clang

# Installation

INST_BINDIR = $(abspath $(PREFIX))/bin
INST_LIBDIR = $(abspath $(PREFIX))/lib/lua/$(LUA_VERSION)
INST_LUADIR = $(abspath $(PREFIX))/share/lua/$(LUA_VERSION)
# The command's papers: where each goes, and what tools/papers.lua calls it.
INST_PAPERS = man/man1/stopmsg.1=man \
  bash-completion/completions/stopmsg=bash \
  zsh/site-functions/_stopmsg=zsh \
  fish/vendor_completions.d/stopmsg.fish=fish
PAPERS = $(addprefix $(BUILD)/papers/,$(foreach paper,$(INST_PAPERS),$(lastword $(subst =, ,$(paper)))))
INST_SHARED = $(foreach paper,$(INST_PAPERS),$(abspath $(PREFIX))/share/$(firstword $(subst =, ,$(paper))))

install-module: all
	$(Q)mkdir -p $(DESTDIR)$(INST_LIBDIR)/stopmsg \
	  $(addprefix $(DESTDIR)$(INST_LUADIR)/,$(sort $(dir $(LUA_FILES))))
	$(Q)install -m 755 $(CORE) $(COMMAND) $(DESTDIR)$(INST_LIBDIR)/stopmsg
	$(Q)for file in $(LUA_FILES); do \
	  install -m 644 lua/$$file $(DESTDIR)$(INST_LUADIR)/$$file || exit 1; done

# The command looks into the directories it was installed with first.
install: install-module $(PAPERS) ## into PREFIX (/usr/local), staged under DESTDIR
	@echo "INSTALL $(DESTDIR)$(INST_BINDIR)/stopmsg"
	$(Q)mkdir -p $(DESTDIR)$(INST_BINDIR)
	$(Q)sed -e '1s|.*|#!$(if $(findstring /,$(LUA)),,/usr/bin/env )$(LUA)|' \
	  -e 's|^local HOME = .*|local HOME = { lua = "$(INST_LUADIR)", lib = "$(INST_LIBDIR)", command = "$(INST_BINDIR)/stopmsg" }|' \
	  bin/stopmsg >$(DESTDIR)$(INST_BINDIR)/stopmsg
	$(Q)chmod 755 $(DESTDIR)$(INST_BINDIR)/stopmsg
	$(Q)mkdir -p $(addprefix $(DESTDIR),$(sort $(dir $(INST_SHARED))))
	$(Q)for paper in $(INST_PAPERS); do \
	  install -m 644 $(BUILD)/papers/$${paper#*=} $(DESTDIR)$(abspath $(PREFIX))/share/$${paper%=*} || exit 1; done

$(BUILD)/papers/%: docs/stopmsg.1.in tools/papers.lua $(LUA_FILES:%=lua/%) $(CORE) $(COMMAND)
	$(Q)mkdir -p $(@D)
	$(Q)$(RUN) $(LUA) tools/papers.lua $* >$@

uninstall: ## remove what install put there
	@echo "UNINSTALL $(DESTDIR)$(INST_BINDIR)/stopmsg"
	$(Q)rm -f $(DESTDIR)$(INST_BINDIR)/stopmsg $(addprefix $(DESTDIR)$(INST_LIBDIR)/stopmsg/,core.so command.so) \
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

clean: ## remove build/ and what LuaRocks left here
	$(Q)rm -rf build stopmsg csrc/*.o csrc/command/*.o *.rock
	$(Q)find . -name __pycache__ -prune -exec rm -rf {} +

include $(patsubst %,tools/make/%.mk,build test lint checks fuzz torture bench pages package)
