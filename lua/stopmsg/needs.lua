-- Loads external modules. If one is missing, the error says in one line which, for which Lua, and
-- which package to install.

local needs = {}

-- Display name, and the names of the Debian package and the rock.
local MODULES = {
  argparse = { "argparse", "lua-argparse", "argparse" },
  cjson = { "lua-cjson", "lua-cjson", "lua-cjson" },
  luv = { "luv", "lua-luv", "luv" },
  lxp = { "LuaExpat", "lua-expat", "luaexpat" },
}

local CORE = "stopmsg.core"

-- Our own C modules, with the messages for a missing one and for one that does not load.
local OURS = {
  [CORE] = { "has no C core for", "cannot load its C core" },
  ["stopmsg.command"] = { "has no C module of the command for",
    "cannot load the C module of the command" },
}

local OTHER_OPENSSL = "cannot use libcurl in this program, which contains another version of "
  .. "OpenSSL: use a libcurl built with the same OpenSSL, or one without OpenSSL "
  .. "(Debian: build with libcurl4-gnutls-dev)"

local NEWER_LIBCURL = "was built with a newer libcurl: rebuild it on this machine"
local OTHER_LUA = "was built for another Lua: rebuild it with `make LUA=…`"

-- Meaning of the dynamic linker's messages; the first match counts. CURL_OPENSSL_4 is libcurl's own
-- symbol version.
local LINKING = {
  { "libcurl%-gnutls[^:]*: cannot open", "needs libcurl (Debian: libcurl3-gnutls)" },
  { "libcurl[^:]*: cannot open", "needs libcurl (Debian: libcurl4)" },
  { "Library [^:]*: ?[^:]*libcurl", "needs libcurl" }, -- macOS
  { "shared library libcurl", "needs libcurl" }, -- musl, which prints a symbol first
  { "version `CURL_", "was built with another build of libcurl: rebuild it on this machine" },
  { "symbol:? curl_", NEWER_LIBCURL },
  { "curl_[%w_]+: symbol not found", NEWER_LIBCURL },
  { "version `OPENSSL", OTHER_OPENSSL },
  { "symbol:? SSL_", OTHER_OPENSSL },
  { "SSL_[%w_]+: symbol not found", OTHER_OPENSSL },
  { "symbol:? [%u%d]+_[%w_]+, version OPENSSL", OTHER_OPENSSL },
  { "symbol:? luaL?_", OTHER_LUA },
  { "luaL?_[%w_]+: symbol not found", OTHER_LUA },
}

local function one_line(message)
  return (tostring(message):gsub("^error loading module[^\n]*\n%s*", ""):gsub("%s*\n%s*", " "))
end

local function about_ours(words, message, is_absent)
  if is_absent then
    return ("%s %s: run `make` and `make install` for this Lua, or set LUA_CPATH"):format(words[1],
      _VERSION)
  end
  for _, known in ipairs(LINKING) do
    if message:find(known[1]) then
      return ("%s: %s"):format(known[2], one_line(message))
    end
  end
  return ("%s: %s"):format(words[2], one_line(message))
end

-- module = needs.find(name) | nil, message. The message continues a sentence that begins with
-- "stopmsg".
function needs.find(name)
  local found, module = pcall(require, name)
  if found and name == CORE and module.openssl_clash then
    return nil, OTHER_OPENSSL .. ": " .. module.openssl_clash
  elseif found then
    return module
  end
  local message = tostring(module)
  if message:find("not enough memory", 1, true) then
    error(message, 0) -- the module is there; memory is not
  end
  local is_absent = message:find(("module '%s' not found:"):format(name), 1, true) ~= nil
  if OURS[name] then
    return nil, about_ours(OURS[name], message, is_absent)
  end
  local what = MODULES[name]
  return nil, ("needs %s for %s (Debian: %s, LuaRocks: %s)%s"):format(what[1], _VERSION, what[2],
    what[3], is_absent and "" or ": " .. one_line(message))
end

-- module = needs.load(name). Raises if it is missing.
function needs.load(name)
  local module, message = needs.find(name)
  if module == nil then
    error("stopmsg " .. message, 0)
  end
  return module
end

return needs
