# Speed.

# All of it makes docs/performance.md; QUICK=1 goes through all of it once, and
# puts the page into build/bench.
BENCH = python3 bench/bench.py build/bench $(ROW) $(if $(CLIENTS),--clients '$(CLIENTS)')
BENCH_PEERS = build/bench/nethttp build/bench/command build/bench/undici/node_modules

.PHONY: bench bench-instructions bench-nginx bench-shared soak

bench: ## measure against other clients (ROW=one64: one row; QUICK=1: once)
	@sh tools/packages.sh bench
	@$(MAKE) all LUA=lua5.4
	@$(MAKE) all LUA=luajit
	@$(MAKE) -s build/bench/floor $(if $(ROW),$(if $(CLIENTS),$(BENCH_PEERS)),$(BENCH_PEERS))
	@$(BENCH) $(if $(QUICK),--rounds 1 --seconds 0.3) \
	  $(if $(ROW),,--page $(if $(QUICK),build/bench,docs))

# By callgrind and a hook of Lua: a busy machine does not move them.
bench-instructions: ## count the instructions that an id takes (ROW=one64: one row)
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

build/bench/nethttp build/bench/command: build/bench/%: bench/peers/%.go
	@echo "GO $<"
	$(Q)mkdir -p $(@D)
	$(Q)GO111MODULE=off GOCACHE=$(CURDIR)/build/bench/go go build -o $@ $<

build/bench/undici/node_modules: $(wildcard bench/peers/undici/*)
	@echo "NPM $<"
	$(Q)mkdir -p $(@D)
	$(Q)cp $^ $(@D)
	$(Q)cd $(@D) && npm ci --silent --no-audit --no-fund
	$(Q)touch $@

bench-nginx: build/bench/nginx/prober ## measure what stopping messages costs the rest of an nginx worker
	@sh tools/packages.sh bench
	@$(MAKE) all LUA=luajit
	@python3 bench/nginx/bench.py build/bench/nginx --page $(if $(QUICK),build/bench,docs)/nginx.md \
	  $(if $(QUICK),--rounds 1) $(ARGS)

bench-shared: ## measure a shared rate at the provider, in quiet and while something breaks (5 minutes)
	@sh tools/packages.sh specs
	@$(MAKE) all LUA=luajit
	@$(MAKE) bench-shared-run LUA=luajit

.PHONY: bench-shared-run
bench-shared-run:
	@$(RUN) $(LUA) bench/shared.lua $(SECONDS)

build/bench/nginx/prober: bench/nginx/prober.c
	@echo "CC $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c99 -D_GNU_SOURCE $(WARNINGS) -O2 -o $@ $<

# What spec/nginx does in short.
soak: ## reloads, calls and early ends in nginx, for some minutes
	@STOPMSG_SOAK=1 $(MAKE) spec LUA=luajit SPECS=spec/nginx/soak_spec.lua
	@STOPMSG_SOAK=1 $(MAKE) asan LUA=luajit SPECS=spec/nginx/soak_spec.lua ARGS=--filter=outlives
