# Linters, formatters and analysers.

SOURCES = $(wildcard csrc/*.[ch] csrc/command/*.[ch] bench/*.c spec/fuzz/*.c spec/torture/*.c tools/*.c)
need = command -v $(1) >/dev/null || { echo "no $(1): install $(2)" >&2; exit 1; }

.PHONY: lint-lua lint-format lint-gcc lint-clang lint-cppcheck analyse format

# LuaJIT takes half the time. Not everything: luacheck would walk through the Debians in build/.
LINTED = bin/stopmsg lua spec examples bench tools $(wildcard *.rockspec) .busted .luacheckrc
lint-lua:
	@$(call need,luacheck,lua-check)
	@echo "LINT luacheck"
	$(Q)program=$$(command -v luacheck); \
	case "$$(head -n 1 "$$program" | tr -d '\0')" in *lua*) command -v luajit >/dev/null && set -- luajit;; esac; \
	"$$@" "$$program" --no-color -q $(LINTED)

lint-format:
	@$(call need,clang-format,clang-format)
	@echo "LINT clang-format"
	$(Q)clang-format --dry-run -Werror $(SOURCES)

ANALYSE_FLAGS = $(LUA_CFLAGS) -include tools/analyse.h

lint-gcc:
	@$(call need,gcc,gcc)
	@$(MAKE) all CC=gcc WERROR=1 BUILD=build/lint/gcc-$(LUA_NAME) \
	  CFLAGS='$(CFLAGS) -fanalyzer' CPPFLAGS='$(CPPFLAGS) $(ANALYSE_FLAGS)'

# All that clang warns of, it knows before it makes code. The fuzzer is made for Lua 5.4.
lint-clang: WERROR = 1
lint-clang: CC = clang
lint-clang: headers
	@$(call need,clang,clang)
	@echo "LINT clang"
	$(Q)$(COMPILE) $(ANALYSE_FLAGS) -fsyntax-only $(wildcard csrc/*.c csrc/command/*.c)
	$(Q)$(COMPILE) $(shell pkg-config --cflags lua5.4) -fsyntax-only spec/fuzz/lua.c

# Suppressed: the other view of a union; what libcurl's prototypes of callbacks ask for; conditions
# that only one build decides; a piece that zlib writes to within the call; notes of newer versions.
CPPCHECK_SUPPRESS = unusedStructMember:csrc/easy.c constParameterCallback knownConditionTrueFalse \
  autoVariables:csrc/inflate.c normalCheckLevelMaxBranches
lint-cppcheck:
	@$(call need,cppcheck,cppcheck)
	@echo "LINT cppcheck"
	$(Q)cppcheck -q --std=c99 --enable=warning,style,performance,portability \
	  $(CPPCHECK_SUPPRESS:%=--suppress=%) --error-exitcode=1 \
	  -DLUA_VERSION_NUM=$(subst .,0,$(LUA_VERSION)) -DLIBCURL_VERSION_NUM=0x075801 csrc

# The slow one: what it does not look for is in .clang-tidy, with reasons.
analyse: lint ## lint, and clang-tidy
	@$(call need,clang-tidy,clang-tidy)
	@echo "LINT clang-tidy"
	$(Q)printf '%s\0' csrc/*.c csrc/command/*.c | xargs -0 -n 4 -P 2 sh -c 'clang-tidy --quiet "$$@" -- \
	  -std=c99 -D_GNU_SOURCE $(INCLUDES) $(ANALYSE_FLAGS) 2>/dev/null' clang-tidy

format: ## clang-format the C sources in place
	@$(call need,clang-format,clang-format)
	$(Q)clang-format -i $(SOURCES)
