# Fuzzing, on Lua 5.4: each target is a file of spec/fuzz/, its inputs are in
# spec/fuzz/corpus. What is found on the way stays in build/fuzz, too.

.PHONY: fuzz fuzz-replay fuzz-http1 fuzz-http1-short

FUZZER = build/fuzz/fuzz
FUZZ_SECONDS = 60
TARGETS = $(patsubst spec/fuzz/corpus/%,%,$(sort $(wildcard spec/fuzz/corpus/*)))
FUZZ_RUN = env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 \
  LUA_PATH='$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;;'

$(FUZZER): spec/fuzz/lua.c $(wildcard csrc/*.[ch] csrc/command/*.[ch]) Makefile
	@$(call need,clang,clang libclang-rt-14-dev)
	@echo "LD $@"
	$(Q)mkdir -p $(@D)
	$(Q)clang -std=c99 -D_GNU_SOURCE $(WARNINGS) -O1 -g -fno-omit-frame-pointer \
	  -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	  $(shell pkg-config --cflags lua5.4) $(CURL_CFLAGS) $(ZLIB_CFLAGS) -rdynamic \
	  -o $@ $(filter %.c,$^) $(shell pkg-config --libs lua5.4) $(CURL_LIBS) $(ZLIB_LIBS)

# A garbage collector looks like a leak from one input to the next; at the end
# everything is closed, and what is left is one.
fuzz: $(FUZZER) ## feed random input to all that reads any (TARGET=reader, FUZZ_SECONDS=60 each)
	@for target in $(or $(TARGET),$(TARGETS)); do \
	  mkdir -p build/fuzz/$$target && \
	  FUZZ_TARGET=$$target $(FUZZ_RUN) $(FUZZER) -detect_leaks=0 -timeout=10 -max_len=1024 -dict=spec/fuzz/fuzz.dict \
	    -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/$$target- $(ARGS) \
	    build/fuzz/$$target spec/fuzz/corpus/$$target 2>build/fuzz/$$target.log || \
	    { tail -40 build/fuzz/$$target.log; exit 1; }; \
	  sed -n "s/^#\([0-9]*\)\tDONE *cov: \([0-9]*\) ft: \([0-9]*\) .*/$$target: \1 inputs, \2 edges, \3 features/p" \
	    build/fuzz/$$target.log; \
	done

# Its judge is Node's own parser, which node from version 20 on lends to addons.
HTTP1_RUNS = 50000000
fuzz-http1: build/fuzz/http1.node ## compare the reader of HTTP/1.1 with Node's (HTTP1_RUNS, HTTP1_SEED)
	$(Q)HTTP1_FILES='$(wildcard spec/fuzz/http1/*)' HTTP1_RUNS=$(HTTP1_RUNS) HTTP1_SEED=$(HTTP1_SEED) \
	  node -e 'process.dlopen({ exports: {} }, "$(CURDIR)/$<")'

build/fuzz/http1.node: spec/fuzz/http1.c csrc/http1.c csrc/buf.c csrc/http1.h csrc/ascii.h Makefile
	@echo "LD $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c99 -D_GNU_SOURCE $(WARNINGS) -O2 -g -fPIC -shared -o $@ $(filter %.c,$^)

# The inputs go through the core with sanitizers, as its specs do: nothing has to be built for them.
fuzz-replay: ## what was found by fuzzing, and the comparison with Node, in short
	@$(MAKE) asan LUA=lua5.4 SPECS=spec/fuzz/replay.lua
	@$(MAKE) fuzz-http1-short

fuzz-http1-short:
	@if [ "$$(node -p 'parseInt(process.versions.llhttp)' 2>/dev/null || echo 0)" -ge 9 ]; then \
	  $(MAKE) fuzz-http1 HTTP1_RUNS=300000; \
	else echo "fuzz: http1 is not compared, there is no node 20 or newer"; fi
