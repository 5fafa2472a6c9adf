-- The core with a libcurl whose functions fail, each at its n-th call, once and from there on.
--
--   LD_PRELOAD=libcurl.so lua5.4 spec/torture/libcurl.lua libcurl.so
--
-- A call of the core may raise or say what libcurl said, but it must not crash, lose a handle, take
-- what was lost for an answer, or spoil what comes after it. The last line says what was done; the
-- exit code is 1 where something was wrong.

local libcurl = assert(package.loadlib(arg[1], "luaopen_libcurl"))()
require("spec.support.transport")
local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local part_servers = require("spec.torture.part_servers")
local parts = require("spec.torture.parts")

local PARTS = { "direct", "filled", "proxied", "items", "lengths", "urls" }

-- Functions, what they may fail with, and what is said of that.
local NO_MEMORY = "not enough memory"
local REFUSED = "the request could not be written"
local MALFORMED = 3
local NO_URL = "base_url is not a URL like https://host or https://host:port/prefix"
local FUNCTIONS = {
  { "curl_easy_init", { [0] = { NO_MEMORY } } },
  { "curl_easy_duphandle", { [0] = { NO_MEMORY } } },
  { "curl_easy_setopt", {
    [27] = { NO_MEMORY, "fault Out of memory" },
    -- What a libcurl says that was built without something.
    [48] = { NO_MEMORY, REFUSED, "fault An unknown option was passed in to libcurl" },
  } },
  { "curl_multi_init", { [0] = { NO_MEMORY }, [24] = { "fault queued connect" } } },
  { "curl_multi_add_handle", {
    [3] = { NO_MEMORY, "fault queued memory" },
    [4] = { "fault queued lost" },
  } },
  { "curl_multi_socket_action", {
    [3] = { "fault sent memory", "fault queued memory", "fault connected memory" },
    [4] = { "fault sent lost", "fault queued lost", "fault connected lost" },
  } },
  { "curl_slist_append", { [0] = { NO_MEMORY } } },
  { "curl_url", { [0] = { NO_MEMORY } } },
  { "curl_url_dup", { [0] = { NO_MEMORY } } },
  { "curl_url_set", { [7] = { NO_MEMORY }, [MALFORMED] = { REFUSED, NO_URL } } },
  { "curl_url_get", { [7] = { NO_MEMORY } } },
  { "epoll_create1", { [24] = { "fault queued connect" } } },
  { "epoll_ctl", { [28] = { "fault queued lost", "fault connected lost", "fault sent lost" } } },
  { "socket", { [24] = { "fault queued connect" } } },
  -- What is not known of a connection is taken for the worse, or costs nothing.
  { "getsockname", { [105] = {} } },
  { "recv", { [104] = { "fault queued lost" } } },
}

-- What is said besides where HTTP/1.1 is our own: connections are made, and answers read, later.
local is_own = core.transport == "http1"
if is_own then
  local more = {
    curl_easy_duphandle = { [0] = { "fault queued memory" } },
    curl_easy_setopt = { [27] = { "fault queued memory" }, [48] = { "fault queued lost" } },
    recv = { [104] = { "fault sent lost" } },
  }
  for _, entry in ipairs(FUNCTIONS) do
    for code, words in pairs(more[entry[1]] or {}) do
      for _, word in ipairs(words) do
        table.insert(entry[2][code], word)
      end
    end
  end
end

local wrongs, tries = {}, 0

local function wrong(...)
  wrongs[#wrongs + 1] = string.format(...)
end

local function check(condition, ...)
  if not condition then
    wrong(...)
  end
end

-- As a failed start of libcurl is tried again, this has to be the first of all.
local function check_start()
  local function new()
    return core.engine({ slots = 1, max_response = 1000, connect_timeout = 1000 })
  end
  libcurl.fail("curl_global_init", 1, 2)
  local engine, message, code = new()
  check(not engine and message == "Failed initialization" and code == 2, "start: %s", message)
  libcurl.fail("curl_global_init", 1, 27)
  local done, raised = pcall(new)
  check(not done and raised:find(NO_MEMORY .. "$"), "start without memory: %s", tostring(raised))
  -- It works, too, where nobody can tell which file libcurl is.
  libcurl.fail("dladdr", 1)
  engine = new()
  check(engine and libcurl.made() == 1, "start without dladdr")
  engine:close()
  libcurl.fail()
end

-- Opens the core once more.
local function reopen()
  for template in package.cpath:gmatch("[^;]+") do
    local open = package.loadlib((template:gsub("%?", "stopmsg/core")), "luaopen_stopmsg_core")
    if open then
      return open()
    end
  end
end

-- What openssl_clash is where libcurl says this of its TLS.
local function clash(text)
  libcurl.ssl(text)
  local found = reopen().openssl_clash
  libcurl.ssl()
  return found
end

-- That libcurl runs with another OpenSSL than it was made for is told, and nothing else is.
local function check_openssl()
  for _, text in ipairs({ "GnuTLS/3.7.9", "OpenSSL/", "OpenSSL/x.y", "OpenSSL/3", "" }) do
    check(not clash(text), "clash: %s is none", text)
  end
  check(not clash(false), "clash: no TLS is none")
  check(not clash(nil), "clash: what runs here is none")
  local is_linked = (clash("OpenSSL/9.8.7") or ""):match(
    "^libcurl was linked with OpenSSL %d+%.%d+ and runs with OpenSSL/9%.8%.7$")
  check(is_linked, "clash: another OpenSSL is one")
  for code = 0, 3 do
    libcurl.fail("dladdr", 1, code)
    check(not clash("OpenSSL/9.8.7"), "clash: an unknown OpenSSL is none, %d", code)
    check(libcurl.made() == 1, "clash: dladdr")
  end
  libcurl.fail()
end

-- A handle that failed, and that cannot be replaced yet: for the lack of memory, or of descriptors.
local function check_replacing(context)
  local engine = engines.new({ slots = 2, max_response = 1000, connect_timeout = 1000,
    proxy = "" })
  local operation = engine:prepare({ method = "POST", base = context.url, url = { "/" },
    headers = {} })
  assert(engine:submit(operation, {}, 1, 0, 1000))
  libcurl.fail("epoll_ctl", 1, 28)
  libcurl.also("curl_multi_init", 1, 0)
  engine:start()
  engine:start()
  local submitted, message = pcall(engine.submit, engine, operation, {}, 1, 0, 1000)
  check(not submitted and message:find(NO_MEMORY .. "$"), "without memory submit: %s",
    tostring(message))
  check(engine:step() == true, "without another handle step fails")
  local _, _, _, stage, fault = engine:collect()
  check(stage == "queued" and fault == "lost", "the request is %s, %s", stage, fault)
  libcurl.fail("curl_multi_init", 1, 24)
  check(engine:submit(operation, {}, 1, 0, 1000), "without descriptors submit fails")
  libcurl.fail()
  local detail
  _, _, _, stage, fault, detail = engine:collect()
  check(stage == "queued" and fault == "connect" and detail == "Too many open files",
    "without descriptors a request is %s, %s: %s", stage, fault, detail)
  check(engine:submit(operation, {}, 1, 0, 1000), "with another handle submit fails")
  check(engine:step() == true, "with another handle step fails")
  engine:close()
end

-- Older than 7.87, libcurl would wait for the resolver of a request that had not come to it: its
-- handles are left where they are.
local major, minor = core.curl:match("^(%d+)%.(%d+)")
local leaves_some = tonumber(major) * 1000 + tonumber(minor) < 7087

-- result of a part, or what it raised
local function run(name, context)
  local done, result = pcall(parts[name], context)
  result = result:gsub("^[^\n]-%.lua:%d+: ", "")
  collectgarbage()
  collectgarbage()
  check(leaves_some or libcurl.live() == 0, "%s: %d handles are left", name, libcurl.live())
  return result, not done
end

local function is_one_of(text, list)
  for _, one in ipairs(list) do
    if text == one then
      return true
    end
  end
  return false
end

-- A part with each call of a function failing in its turn.
local function spoil(name, call, code, allowed, is_sticky, context, good)
  local n, is_over = 0, false
  while not is_over do
    n = n + 1
    libcurl.fail(call, n, code, is_sticky)
    local result = run(name, context)
    is_over = libcurl.made() < n
    libcurl.fail()
    if result ~= good and not is_one_of(result, allowed) then
      wrong("%s, %s %d, code %d%s: %s", name, call, n, code, is_sticky and ", sticky" or "",
        result)
    end
    tries = tries + 1
  end
  local result = run(name, context)
  check(result == good, "%s, after %s: %s", name, call, result)
end

-- What libcurl may say of a request, as the core's word for it.
local FAULTS = {
  [1] = "protocol", [5] = "resolve", [6] = "resolve", [7] = "connect", [8] = "protocol",
  [16] = "protocol", [27] = "memory", [28] = "timeout", [35] = "tls", [45] = "connect",
  [58] = "tls", [59] = "tls", [60] = "tls", [61] = "protocol", [64] = "tls", [77] = "tls",
  [83] = "tls", [91] = "tls", [92] = "protocol",
}
local function check_results(context)
  for code = 1, 99 do
    libcurl.fail("curl_multi_info_read", 1, code)
    local result = run("items", context)
    libcurl.fail()
    local expected = FAULTS[code] or "lost"
    -- Of our own it tells of a connection, not of a request.
    check(result == (is_own and "fault connected " or "fault status ") .. expected,
      "result %d: %s", code, result)
    tries = tries + 1
  end
end

check_start()
check_openssl()

local context, stop_servers = part_servers()

for _, name in ipairs(PARTS) do
  local good, is_raised = run(name, context)
  check(not is_raised and not good:find("^fault"), "%s, undisturbed: %s", name, tostring(good))
  for _, entry in ipairs(FUNCTIONS) do
    for code, allowed in pairs(entry[2]) do
      -- There, "no URL" is one line of many, and right.
      if not (name == "urls" and code == MALFORMED) then
        spoil(name, entry[1], code, allowed, false, context, good)
        spoil(name, entry[1], code, allowed, true, context, good)
      end
    end
  end
end
check_results(context)
if not leaves_some then -- those do not open a socket in their first move
  check_replacing(context)
end

stop_servers()
for i = 1, math.min(#wrongs, 40) do
  io.stderr:write(wrongs[i], "\n")
end
print(("%d tries with a libcurl that fails, %d wrong"):format(tries, #wrongs))
os.exit(#wrongs > 0 and 1 or 0)
