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
  "lua >= 5.1, < 5.5",
  "lua-cjson >= 2.1.0",
}

external_dependencies = {
  -- No header: Debian keeps curl/curl.h in a directory of the architecture, where the compiler
  -- finds it and LuaRocks does not look.
  CURL = { library = "curl" },
}

build = {
  type = "builtin",
  -- LuaRocks installs what is under lua/ by itself.
  modules = {
    ["stopmsg.core"] = {
      sources = {
        "csrc/auth.c",
        "csrc/buf.c",
        "csrc/compat.c",
        "csrc/core.c",
        "csrc/digest.c",
        "csrc/engine.c",
        "csrc/folder.c",
        "csrc/fork.c",
        "csrc/headers.c",
        "csrc/ids.c",
        "csrc/inflate.c",
        "csrc/items.c",
        "csrc/lines.c",
        "csrc/log.c",
        "csrc/marks.c",
        "csrc/openssl.c",
        "csrc/prepare.c",
        "csrc/process.c",
        "csrc/reader.c",
        "csrc/request.c",
        "csrc/secret.c",
        "csrc/slot.c",
        "csrc/sockets.c",
        "csrc/template.c",
        "csrc/uuid.c",
      },
      defines = { "_GNU_SOURCE" }, -- dladdr
      libraries = { "curl", "pthread" },
      incdirs = { "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
  },
  install = {
    bin = { stopmsg = "bin/stopmsg" },
  },
}
