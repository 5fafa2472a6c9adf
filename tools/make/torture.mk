# Killed, without memory, disk, descriptors; for hours.

.PHONY: torture torture-journal torture-alloc torture-alloc-run torture-system torture-system-run \
  torture-fleet soak-plain

torture: torture-journal torture-alloc torture-system ## kill the command, take disk, memory and system calls away (an hour)

# What carries requests, in turn: stopmsg's own HTTP/1.1, and libcurl.
TRANSPORTS = http1 libcurl
on-each-transport = for transport in $(TRANSPORTS); do \
  echo "over $$transport:"; STOPMSG_TRANSPORT=$$transport $(1) || exit 1; done

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
# memory fails in its turn, or TRIES of each setting and mode.
PRELOADED = $(BUILD)/torture
TORTURED_CORE = $(RUN) LD_PRELOAD='$(CURDIR)/$(PRELOADED)/alloc.so' $(LUA) \
  spec/torture/alloc_core.lua '$(CURDIR)/$(PRELOADED)/alloc.so'
MODES = once twice sticky
SETTINGS = revicom idigital pushwoosh clickatell clickatell-xml
torture-alloc:
	@for lua in $(or $(TORTURED),lua5.1 lua5.4 luajit); do \
	  $(call on-each-transport,$(MAKE) torture-alloc-run LUA=$$lua); done

torture-alloc-run: all $(PRELOADED)/alloc.so
	@for mode in $(MODES); do for setting in $(SETTINGS); do \
	  $(RUN) LD_PRELOAD='$(CURDIR)/$(PRELOADED)/alloc.so' $(LUA) spec/torture/alloc.lua \
	    '$(CURDIR)/$(PRELOADED)/alloc.so' $$setting $$mode $(TRIES) || exit 1; done; done
	@$(TORTURED_CORE)

# Sockets that give little at a time, by seeds, without and with TLS; system calls that fail.
SEEDS = 200
TIMES = 10
torture-system:
	@$(call on-each-transport,$(MAKE) torture-system-run)

torture-system-run: all $(PRELOADED)/io.so
	@$(call need,strace,strace)
	@$(RUN) $(LUA) spec/torture/system.lua io '$(CURDIR)/$(PRELOADED)/io.so' $(SEEDS)
	@$(RUN) $(LUA) spec/torture/system.lua tls '$(CURDIR)/$(PRELOADED)/io.so' $(SEEDS)
	@$(RUN) $(LUA) spec/torture/system.lua strace $(TIMES)
	@$(RUN) $(LUA) spec/torture/system.lua core $(TIMES)

# The long form of what spec/command/fleet_spec.lua does in short: a judge's log says what a fleet
# may claim. FLEET_MILLION: how many ids go past a slow collector (10000000 takes an hour).
FLEET = $(RUN) python3 spec/torture/fleet/main.py
FLEET_MILLION = 500000
torture-fleet: all $(PRELOADED)/clock.so ## kill, pause, cut and starve a fleet and its Redis (30 minutes)
	@$(call need,redis-server,redis-server)
	@$(FLEET) steps --ids 8 --batch 3
	@$(FLEET) steps --ids 4 --provider clickatell
	@$(FLEET) relapse --times 10 --entry 80
	@$(FLEET) kill --times 150 --ids 4000
	@$(FLEET) kill --times 50 --ids 600 --provider clickatell
	@$(FLEET) pause --times 30 --lease 1
	@$(FLEET) network --times 150
	@$(FLEET) restart --times 30
	@$(FLEET) young --times 30
	@$(FLEET) memory --times 20
	@$(FLEET) failover --times 15
	@$(FLEET) clock --times 30 --clock '$(PRELOADED)/clock.so'
	@$(FLEET) rate --times 20
	@$(FLEET) mixed --times 100
	@$(FLEET) mixed --times 40 --ids 600 --provider clickatell
	@$(FLEET) wrong --ids 200
	@$(FLEET) restart --times 60 --disarm
	@$(RUN) python3 spec/torture/fleet/cost.py memory --ids 100000 --results 50000 --ahead 20
	@$(RUN) python3 spec/torture/fleet/cost.py memory --ids $(FLEET_MILLION) --results 50000 --ahead 20
	@$(RUN) python3 spec/torture/fleet/cost.py overhead --ids 200000

# Stops without end in one process: neither memory nor descriptors grow.
soak-plain: all ## stop without end in one process, over each transport (SOAK_SECONDS=600)
	@$(call on-each-transport,$(RUN) $(LUA) spec/torture/soak.lua $(or $(SOAK_SECONDS),600))

$(PRELOADED)/%.so: spec/torture/%.c Makefile
	@echo "CC $< [$(LUA_NAME)]"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared -fPIC -std=c99 -D_GNU_SOURCE $(WARNINGS) $(LUA_CFLAGS) -O1 -g \
	  -o $@.new $< -ldl
	$(Q)mv -f $@.new $@
