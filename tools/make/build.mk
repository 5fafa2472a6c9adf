# How the two modules in C are compiled and linked. Each module has its own copy of what both use.

SHARED = $(BUILD)/csrc/buf.o $(BUILD)/csrc/compat.o
CORE_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard csrc/*.c)))
COMMAND_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard csrc/command/*.c))) $(SHARED)

$(CORE): $(CORE_OBJECTS)
$(COMMAND): $(COMMAND_OBJECTS)

# Linked beside its place and moved: a running program keeps the old one.
$(CORE) $(COMMAND):
	@echo "LD $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LIBFLAG) $(CFLAGS) $(LDFLAGS) -o $@.new $^ \
	  $(if $(filter %/core.so,$@),$(CURL_LIBS) $(ZLIB_LIBS))
	$(Q)mv -f $@.new $@

$(BUILD)/%.o: %.c Makefile tools/make/build.mk | headers
	@echo "CC $< [$(LUA_NAME)]"
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

-include $(CORE_OBJECTS:.o=.d) $(COMMAND_OBJECTS:.o=.d)
