# The parts of `make test`, which run side by side; specs that are not part of it.

# Specs of what is no Lua's: C, libcurl, shells, pages. `make test` runs them on one
# Lua, `make matrix` on each. docs/architecture.md says why they cannot differ.
ONCE = spec/command/journal_spec.lua spec/command/papers_spec.lua \
  $(patsubst %,spec/core/%_spec.lua,body inflate lane slices) spec/packaging/build_spec.lua \
  $(filter-out %/openresty_spec.lua,$(wildcard spec/docs/*_spec.lua)) \
  $(filter-out %/canary_spec.lua %/credentials_spec.lua,$(wildcard spec/faults/*_spec.lua))
ONCE_LUA = lua5.4

# The same, in a part of its own: it waits for minutes for workers that were killed.
LONG = spec/command/fleet_spec.lua

# Of cases that have names these Luas try a half each, of random ones an eighth; the others a tenth
# and a twentieth (spec/support/sample.lua).
SAMPLE_lua5.4 = SPEC_SAMPLE=8 SPEC_NAMED=2 SPEC_SHARE=0
SAMPLE_luajit = SPEC_SAMPLE=8 SPEC_NAMED=2 SPEC_SHARE=1
SAMPLE = SPEC_SAMPLE=20 SPEC_NAMED=10

# What the command and the examples are as processes, and what is asked of servers and a Redis of the
# specs' own: on the newest Lua, and on LuaJIT, which has the standard library of the oldest.
PROCESSES = $(filter-out $(ONCE) $(LONG),$(wildcard spec/command/*_spec.lua)) \
  $(patsubst %,spec/%_spec.lua,examples/own_provider examples/scripts faults/canary faults/credentials \
    fleet/bad_input fleet/work fleet/worker oracle provider/three_files sandbox/command)
SERVED = $(patsubst %,spec/%_spec.lua,cli/again cli/alike cli/find cli/stop evidence find/client fleet/feeder \
  fleet/link fleet/script fleet/store provider/abilities schedulers/hold shared)
SKIP_lua5.1 = $(PROCESSES) $(SERVED)

# What Lua code decides, over engines and clocks of the specs' own: not on 5.2 and 5.3 either, where it
# meets nothing that neither 5.1 nor 5.4 has. Nor what lacks memory: their binding has the same lines.
DECIDED = $(filter-out $(patsubst %,spec/%_spec.lua,cli/commands cli/input cli/inputs cli/output \
    run/items run/loop run/sink), \
  $(wildcard $(patsubst %,spec/%/*_spec.lua,cli find fleet run sandbox))) \
  $(patsubst %,spec/%_spec.lua,fork outage pacer sequences simulation strangers torture)
SKIP_lua5.2 = $(sort $(PROCESSES) $(SERVED) $(DECIDED))
SKIP_lua5.3 = $(SKIP_lua5.2)

# The sanitizers' part runs these on 5.4.
SANITIZED = spec/sequences_spec.lua $(wildcard spec/core/*_spec.lua)

# Parts of their own on these: in one part they would go on alone after all others have ended.
APART = luajit lua5.4
SKIP_lua5.4 = $(SANITIZED) $(PROCESSES) $(SERVED)
SKIP_luajit = $(PROCESSES) $(SERVED)

# The first ones collect all garbage again and again, which takes longer later on.
FIRST = spec/sequences_spec.lua spec/fork_spec.lua
EACH = $(FIRST) $(filter-out $(ONCE) $(LONG) $(FIRST),$(sort $(shell find spec -name '*_spec.lua')))

# The parts of `make test` and `make matrix`, the longest first: what make is asked for.
PARTS = $(APART) $(APART:%=%-processes) fleet once $(filter-out $(APART),$(LUAS)) libcurl asan lint fuzz
PART_fleet = spec LUA=$(ONCE_LUA) SPECS='$(LONG)'
PART_once = spec LUA=$(ONCE_LUA) SPECS='$(filter-out $(SANITIZED),$(ONCE))' SPEC_SAMPLE=6
# What all others ask of our own HTTP/1.1, asked of libcurl's. HTTP/2 and names are libcurl's for
# both. Of cuts and of answers that give the token back `make test` tries a tenth.
PART_all-libcurl = spec LUA=$(ONCE_LUA) STOPMSG_TRANSPORT=libcurl SPECS='$(filter-out \
  spec/faults/http2% spec/faults/multiplex% spec/faults/resolver%, $(wildcard spec/faults/*_spec.lua)) \
  spec/tls_spec.lua spec/client_spec.lua spec/descriptors_spec.lua spec/finalizer_spec.lua \
  spec/fork_spec.lua spec/core/body_spec.lua spec/core/engine_spec.lua'
PART_libcurl = $(PART_all-libcurl) SPEC_SAMPLE=10
PART_asan = asan LUA=lua5.4 SPECS='$(SANITIZED) spec/fuzz/replay.lua' SPEC_SAMPLE=2
PART_lint = lint
PART_fuzz = fuzz-http1-short
$(foreach lua,$(LUAS),\
  $(eval PART_$(lua) = spec LUA=$(lua) SPECS='$$(filter-out $$(SKIP_$(lua)),$$(EACH))' \
    $(or $(SAMPLE_$(lua)),$(SAMPLE)))\
  $(eval PART_$(lua)-processes = spec LUA=$(lua) SPECS='$(PROCESSES) $(SERVED)' $(SAMPLE_$(lua)))\
  $(eval PART_all-$(lua) = spec LUA=$(lua)))

# Four times as many at a time as there are processors: specs wait a lot. Nothing is shared
# but the cores, which are built first.
JOBS = $(shell expr 4 \* $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1))
SIDE_BY_SIDE = $(MAKE) -k $(if $(findstring jobserver,$(MAKEFLAGS)),,-j $(JOBS))
RUNS = build/test

# Each part is run, whatever the others did. spec/support/output.lua writes its line to
# SPEC_SUMMARY; a part without a line, or that broke after it, is a failure. The last but
# one line tells how long a processor was busy with each part.
run-parts = rm -rf $(RUNS) && mkdir -p $(RUNS) || exit 1; \
  printf '\#!/bin/sh\nexec "%s" -S "$$@"\n' \
    "$$(python3 -c 'import sys; print(sys.executable)')" >$(RUNS)/python && chmod +x $(RUNS)/python; \
  mv "$$($(ONCE_LUA) -e 'package.path = "./?.lua" \
    io.write(require("spec.support.certificates").make())')" $(RUNS)/certificates || exit 1; \
  export SPEC_PYTHON='$(CURDIR)/$(RUNS)/python' SPEC_CERTIFICATES='$(CURDIR)/$(RUNS)/certificates'; \
  $(SIDE_BY_SIDE) $(LUAS:%=core-%) && $(SIDE_BY_SIDE) $(1:%=part-%); \
  for part in $(1); do \
    test -s $(RUNS)/$$part.sum || echo "$$part: 0 passed, 1 failed" >$(RUNS)/$$part.sum; done; \
  awk 'FNR == 2 { split($$1 "m" $$2, t, /[ms]+/); s = (t[1] + t[3]) * 60 + t[2] + t[4]; sum += s; \
    split(FILENAME, name, "/"); sub(/\.times$$/, "", name[3]); printf "%s %d s, ", name[3], s } \
    END { printf "all %d s of a processor\n", sum }' $(1:%=$(RUNS)/%.times); \
  awk '{ passed += $$2; failed += $$4 } END { \
    printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' $(RUNS)/*.sum

core-%: $(ONCE_OBJECTS)
	@$(MAKE) all LUA=$*

part-%:
	+@sum=$(RUNS)/$*.sum log=$(RUNS)/$*.log line='$*: .*, [1-9][0-9]* failed'; \
	if SPEC_SUMMARY=$$sum SPEC_PART=$* $(MAKE) $(PART_$*) >$$log 2>&1; then \
	  line='$*: '; \
	  case $* in lint | fuzz) echo "$*: 1 passed, 0 failed" | tee -a $$log >$$sum ;; esac; \
	fi; \
	times >$(RUNS)/$*.times; \
	grep -qs "^$$line" $$sum || echo "$*: 0 passed, 1 failed" | tee -a $$log >>$$sum; \
	cat $$log

.PHONY: matrix check-time oracle

matrix: ## run every spec on every Lua
	+@$(call run-parts,$(LUAS:%=all-%) all-libcurl)

# What is about time, with its targets: for a machine that has nothing else to do.
check-time: ## run the specs that measure time, on a quiet machine
	@for lua in $(if $(filter file,$(origin LUA)),lua5.4 luajit,$(LUA)); do \
	  $(MAKE) spec LUA=$$lua SPECS=spec/time ARGS=--pattern=_time || exit 1; done

# The vendors' own clients as judges: what each sends for a cancel, what it makes
# of the sandbox's answers. `make test` compares with what was kept of it.
ORACLE = build/oracle
oracle: ## ask vendors' clients (npm) what they send, and how they read the sandbox
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
