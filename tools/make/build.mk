# How the two modules in C are compiled and linked. Each module has its own copy of what both use.

# What includes no header of Lua's is compiled once for all of them, without their folders, so that none
# slips in. A build in a folder of its own compiles all for itself.
NO_LUA = auth buf fork hash headers http1 inflate json multi names queue reader resp single sockets template
ONCE_BUILD = $(if $(filter build/$(LUA_NAME),$(BUILD)),build/c,$(BUILD))
ONCE_OBJECTS = $(NO_LUA:%=$(ONCE_BUILD)/csrc/%.o)
objects = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(NO_LUA:%=csrc/%.c),$(sort $(wildcard $(1)))))
CORE_OBJECTS := $(call objects,csrc/*.c) $(ONCE_OBJECTS)
COMMAND_OBJECTS := $(call objects,csrc/command/*.c) $(BUILD)/csrc/compat.o $(ONCE_BUILD)/csrc/buf.o

$(CORE): $(CORE_OBJECTS)
$(COMMAND): $(COMMAND_OBJECTS)

# Linked beside its place and moved: a running program keeps the old one.
$(CORE) $(COMMAND):
	@echo "LD $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LIBFLAG) $(CFLAGS) $(LDFLAGS) -o $@.new $^ \
	  $(if $(filter %/core.so,$@),$(CURL_LIBS) $(ZLIB_LIBS))
	$(Q)mv -f $@.new $@

# Moved to its place, too: builds for two Luas at a time may make the same one.
define compile
@echo "CC $<$(if $(1), [$(LUA_NAME)])"
$(Q)mkdir -p $(@D)
$(Q)$(CC) $(1) $(C_FLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@.$(LUA_NAME) $<
$(Q)mv -f $@.$(LUA_NAME) $@
endef

MADE_BY = Makefile tools/make/build.mk
$(ONCE_OBJECTS): $(ONCE_BUILD)/%.o: %.c $(MADE_BY) | headers
	$(call compile)

$(BUILD)/%.o: %.c $(MADE_BY) | headers
	$(call compile,$(LUA_CFLAGS))

-include $(CORE_OBJECTS:.o=.d) $(COMMAND_OBJECTS:.o=.d)
