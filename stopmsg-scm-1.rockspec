rockspec_format = "3.0"
package = "stopmsg"
version = "scm-1"

source = {
  url = "git+https://example.org/stopmsg.git", -- where it will live is not settled
}

description = {
  summary = "Stops messages already handed to a messaging provider",
  detailed = [[
    Stops SMS, e-mail, push and messenger messages that a provider has accepted and not sent yet,
    and says of each id how that ended. A C core on libcurl keeps many requests in flight.
  ]],
  license = "MIT",
  labels = { "sms", "push", "messaging", "curl" },
}

dependencies = {
  "lua >= 5.1, < 5.6",
  "lua-cjson >= 2.1.0",
}

external_dependencies = {
  -- No headers: Debian keeps curl/curl.h in a directory of the architecture, where the compiler
  -- finds it and LuaRocks does not look.
  CURL = { library = "curl" },
  ZLIB = { library = "z" },
}

-- With type "builtin" LuaRocks would leave the objects beside their sources and stopmsg/core.so in
-- the clone, where any other Lua that is started there finds it first.
build = {
  type = "make",
  build_target = "rock",
  install_target = "rock-install",
  build_variables = {
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    CURL_INCDIR = "$(CURL_INCDIR)",
    CURL_LIBDIR = "$(CURL_LIBDIR)",
    ZLIB_INCDIR = "$(ZLIB_INCDIR)",
    ZLIB_LIBDIR = "$(ZLIB_LIBDIR)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
  },
  install_variables = {
    LUA = "$(LUA)",
    INST_LIBDIR = "$(LIBDIR)",
    INST_LUADIR = "$(LUADIR)",
  },
  install = {
    bin = { stopmsg = "bin/stopmsg" },
  },
  platforms = {
    -- A libcurl in a place of its own is found when the module is loaded, too.
    linux = { build_variables = { LDFLAGS = "-Wl,-rpath,$(CURL_LIBDIR)" } },
  },
}
