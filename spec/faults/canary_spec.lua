local certificates = require("spec.support.certificates")
local faults = require("spec.support.faults")
local json = require("stopmsg.json")
local patience = require("spec.support.patience")
local sample = require("spec.support.sample")
local sorted = require("spec.support.sorted")
local stopmsg = require("stopmsg")

local TOKEN = "canary-7f3a9c51e2d84b60"

-- Its beginning: a token that was cut is found, too.
local TRACE = "canary%-7f3a9"

-- The Authorization value of a provider.
local PREFIX = {
  revicom = "Basic ",
  idigital = "Basic ",
  pushwoosh = "Token ",
  clickatell = "Bearer ",
}

-- What a provider's answer says about an error.
local function envelope(provider, code, message)
  if provider.name == "pushwoosh" then
    return json.encode({ code = code, message = message, details = { message } })
  elseif provider.name == "clickatell" then
    return json.encode({ error = { code = code, description = message } })
  end
  return json.encode({ error = { code = code, msg = message } })
end

-- Answers of servers that give the token back: bytes, from a provider, its ids and what it was
-- authorized with.
local ECHOES = {}

for _, status in ipairs({ "200 OK", "400 Bad Request", "401 Unauthorized", "403 Forbidden",
  "404 Not Found", "413 Too Large", "418 Teapot", "429 Too Many Requests", "500 Broken",
  "503 Unavailable" }) do
  ECHOES["in the message of a " .. status] = function(provider, _, value)
    return faults.http(status, envelope(provider, 4030, "refused: " .. value))
  end
  ECHOES["in the code of a " .. status] = function(provider, _, value)
    return faults.http(status, envelope(provider, value, "refused"))
  end
  ECHOES["as the code of a " .. status] = function(provider)
    return faults.http(status, envelope(provider, TOKEN, "refused"))
  end
  ECHOES["as the body of a " .. status] = function(_, _, value)
    return faults.http(status, value)
  end
end

ECHOES["in the reason phrase"] = function(provider, _, value)
  return faults.http("403 " .. value, envelope(provider, 1, "no"))
end
ECHOES["in a reason phrase that breaks the protocol"] = function(_, _, value)
  return "HTTP/1.1 " .. value .. "\r\n\r\n"
end
ECHOES["in place of the version"] = function(_, _, value)
  return "HTTP/" .. value .. " 200 OK\r\n\r\n"
end
ECHOES["in place of an answer"] = function(_, _, value)
  return value .. "\r\n\r\n"
end
ECHOES["in headers"] = function(provider, ids, value)
  return faults.http("302 Found", select(2, provider.stopped(ids)), "length",
    ("Location: http://%s@127.0.0.1/%s\r\nWWW-Authenticate: %s\r\nSet-Cookie: a=%s\r\n"
      .. "Retry-After: %s\r\n"):format(TOKEN, TOKEN, value, TOKEN, value))
end
ECHOES["as the length"] = function(_, _, value)
  return "HTTP/1.1 200 OK\r\nContent-Length: " .. value .. "\r\n\r\n{}"
end
ECHOES["as the encoding"] = function(_, _, value)
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " .. value .. "\r\n\r\n{}"
end
ECHOES["as a chunk's size"] = function(_, _, value)
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz" .. value .. "\r\n{}\r\n0\r\n\r\n"
end
ECHOES["as a header without a name"] = function(_, _, value)
  return "HTTP/1.1 200 OK\r\n" .. value .. "\r\n: " .. value .. "\r\n\r\n"
end
ECHOES["with a NUL in a header"] = function(_, _, value)
  return "HTTP/1.1 200 OK\r\nX: \0" .. value .. "\r\nContent-Length: 0\r\n\r\n"
end
ECHOES["at the place where messages are cut"] = function(provider, _, value)
  return faults.http("403 Forbidden", envelope(provider, 1, ("x"):rep(185) .. value))
end
ECHOES["with control characters within"] = function(provider)
  return faults.http("403 Forbidden", envelope(provider, 1, (TOKEN:gsub(".", "%0\1"))))
end
ECHOES["escaped as JSON can"] = function(provider)
  local escaped = TOKEN:gsub(".", function(c)
    return ("\\u%04x"):format(c:byte())
  end)
  local body = envelope(provider, 1, "HERE"):gsub("HERE", function() return escaped end)
  return faults.http("403 Forbidden", body)
end
ECHOES["many times"] = function(provider, _, value)
  return faults.http("403 Forbidden", envelope(provider, 1, (value .. ", "):rep(5000)))
end
ECHOES["as the id of an item"] = function(provider, ids, value)
  local body = select(2, provider.stopped(ids)):gsub(ids[1]:gsub("%p", "%%%0"), function()
    return value
  end)
  return faults.http("200 OK", body)
end
ECHOES["as the code of an item"] = function(provider, ids, value)
  local body = select(2, provider.stopped(ids)):gsub('200', '"' .. value .. '"')
    :gsub('"006"', '"' .. value .. '"'):gsub("by user", value)
  return faults.http("200 OK", body)
end
ECHOES["as the bare code of an item"] = function(provider, ids)
  local body = select(2, provider.stopped(ids)):gsub('200', '"' .. TOKEN .. '"')
    :gsub('"006"', '"' .. TOKEN .. '"')
  return faults.http("200 OK", body)
end

-- Every string that can be reached from `value`: keys, fields, metatables, upvalues, environments.
-- `each(s, path, depth)`; what is in `known` is left out. The first `depth` parts of `path` say how
-- to get there.
local function walk(value, each, known, path, depth)
  local kind = type(value)
  if kind == "string" then
    return each(value, path, depth)
  end
  if value == nil or known[value] then
    return
  end
  local below = depth + 1
  if kind == "table" or kind == "function" or kind == "userdata" then
    known[value] = true
    local shown, text = pcall(tostring, value)
    path[below] = "as text"
    each(shown and text or "", path, below)
    path[below] = "metatable"
    walk(debug.getmetatable(value), each, known, path, below)
  end
  if kind == "table" then
    for key, field in next, value do
      path[below] = "key"
      walk(key, each, known, path, below)
      path[below] = key
      walk(field, each, known, path, below)
    end
  elseif kind == "function" then
    local i = 1
    while true do
      local name, upvalue = debug.getupvalue(value, i)
      if not name then
        break
      end
      path[below] = name
      walk(upvalue, each, known, path, below)
      i = i + 1
    end
  end
end

-- Its first `depth` parts, as text.
local function shown_path(path, depth)
  local parts = {}
  for i = 1, depth do
    parts[i] = tostring(path[i])
  end
  return table.concat(parts, " > ")
end

describe("the token", function()
  local server, tls_port, folder
  local places, searched, found = {}, 0, 0
  local is_clean = {} -- strings without a trace of it: most are met again and again
  local chosen, driven = sample.chooser(), 0
  local some_it = sample.its(it)

  setup(function()
    folder = certificates.make()
    server = faults.start()
    tls_port = server:listen({ cert = folder .. "/expired.pem", key = folder .. "/expired.key" })
  end)

  teardown(function()
    server:stop()
    certificates.remove(folder)
    io.stdout:write(("  canary: %d calls, %d strings searched, found %d times\n"):format(driven,
      searched, found))
  end)

  -- What the spec itself holds, which is full of tokens.
  local function strangers(options)
    local known = { [options] = true, [_G] = true, [package.loaded] = true }
    for name, module in pairs(package.loaded) do
      if not name:find("^stopmsg") and type(module) ~= "boolean" then
        known[module] = true
      end
    end
    for _, hook in ipairs({ "on_event", "token", "sleep" }) do
      if type(options[hook]) == "function" then
        known[options[hook]] = true
      end
    end
    return known
  end

  local function search(value, what, known)
    walk(value, function(s, path, depth)
      searched = searched + 1
      if is_clean[s] then
        return
      elseif s:find(TRACE) then
        found = found + 1
        places[#places + 1] = shown_path(path, depth) .. ": " .. s:sub(1, 200)
      else
        is_clean[s] = true
      end
    end, known or {}, { what }, 1)
  end

  -- A call with the token, or the one given, and a search of all that comes out of it. `options`
  -- may be more of them.
  local function drive(provider, scenario, options, token)
    local ids, told = {}, {}
    for i = 1, provider.batch do
      ids[i] = provider.id(i)
    end
    scenario.ids, driven = ids, driven + 1
    token = token or TOKEN
    scenario.authorization = PREFIX[provider.name] .. token
    server:set(scenario)
    local given = {
      provider = provider.name,
      token = token,
      base_url = server.url,
      max_attempts = 1,
      patience = 0,
      timeout = patience.SECONDS,
      connect_timeout = patience.SECONDS,
      on_event = function(event)
        told[#told + 1] = event
      end,
    }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    local client = stopmsg.new(given)
    local ok, report = xpcall(function()
      return client[provider.call](client, ids, {
        on_item = function(item)
          told[#told + 1] = item
        end,
      })
    end, debug.traceback)
    local known = strangers(given)
    known[told] = true
    search(report, "report", known)
    search(client, "client", known)
    for i, event in ipairs(told) do
      search(event, "event " .. i, strangers(given))
    end
    client:close()
    if driven % 4 == 1 then -- what is left is less than what was there before
      search(client, "closed client", strangers(given))
    end
    local log = server:take()
    assert.is_nil(json.encode(log):find(TRACE), "the server's log")
    return ok, report, log
  end

  before_each(function()
    places = {}
  end)

  for _, provider in ipairs(faults.providers) do
    it("arrives at " .. provider.name .. ", and is in nothing that comes back", function()
      local ids = {}
      for i = 1, provider.batch do
        ids[i] = provider.id(i)
      end
      local value = PREFIX[provider.name] .. TOKEN
      for _, name in ipairs(chosen(sorted.keys(ECHOES))) do
        local _, _, log = drive(provider, {
          requests = {
            {
              ["do"] = {
                { "read", "all" },
                { "write", faults.bytes(ECHOES[name](provider, ids, value)) },
                { "close" },
              },
              carries = false,
            },
          },
          -- Some are asked again, and would be for ever.
          ["then"] = faults.answer(faults.http("403 Forbidden", ""), "denied"),
        })
        assert.is_true(faults.only(log, "request")[1].authorized, name)
        assert.same({}, places, name)
      end
    end)

    some_it("is in no text that libcurl cut: " .. provider.name, function()
      local ids = {}
      for i = 1, provider.batch do
        ids[i] = provider.id(i)
      end
      local long = TOKEN .. ("x"):rep(1000)
      for _, name in ipairs({ "as the encoding", "as the length", "as a chunk's size",
        "as a header without a name", "in a reason phrase that breaks the protocol",
        "in place of the version", "in place of an answer" }) do
        drive(provider, {
          ["then"] = {
            ["do"] = {
              { "read", "all" },
              { "write", faults.bytes(ECHOES[name](provider, ids, PREFIX[provider.name] .. long)) },
              { "close" },
            },
            carries = false,
          },
        }, {}, long)
        assert.same({}, places, name)
      end
    end)

    some_it("is in nothing that comes of broken connections: " .. provider.name, function()
      for _, actions in ipairs({
        { { "reset" } },
        { { "read", 100 }, { "reset" } },
        { { "read", "all" }, { "close" } },
        { { "read", "all" }, { "write", "HTTP/1.1 200 OK\r\nContent-Le" }, { "reset" } },
        { { "read", "all" }, { "hold" } },
      }) do
        drive(provider, { ["then"] = { ["do"] = actions } }, { timeout = 0.05 })
      end
      for _, actions in ipairs({
        { { "read", 1 }, { "write", PREFIX[provider.name] .. TOKEN .. "\r\n\r\n" }, { "close" } },
        { { "reset" } },
      }) do
        drive(provider, { port = tls_port, accept = { { ["do"] = actions } } }, {
          base_url = "https://127.0.0.1:" .. tls_port,
          ca_file = folder .. "/ca.pem",
        })
      end
      drive(provider, { port = tls_port }, { base_url = "https://127.0.0.1:" .. tls_port,
        ca_file = folder .. "/ca.pem" })
      drive(provider, {}, { base_url = "http://127.0.0.1:1" })
      drive(provider, {}, { base_url = "http://127.0.0.1:1", proxy = server.url, timeout = 0.05 })
      assert.same({}, places)
    end)

    it("is in no warning of a hook that raises with a traceback: " .. provider.name, function()
      for _, kind in ipairs({ "request", "response", "retry", "item" }) do
        local ok, report = drive(provider, {
          requests = {
            faults.answer(faults.http("503 Unavailable", TOKEN), "unknown"),
            faults.answer(faults.http("403 " .. TOKEN, envelope(provider, TOKEN, TOKEN)), "denied"),
          },
        }, {
          max_attempts = 2,
          on_event = function(event)
            if event.type == kind then
              error(debug.traceback("raised in on_event " .. TOKEN))
            end
          end,
        })
        assert.is_true(ok, kind)
        assert.matches("on_event raised an error", report.warnings[1], 1, true)
      end
      assert.same({}, places)
    end)

    it("given by a function is kept in no field: " .. provider.name, function()
      local asked = 0
      local ok, report = drive(provider, {
        ["then"] = faults.answer(faults.http("401 No", envelope(provider, TOKEN, TOKEN)), "denied"),
      }, {
        token = function()
          asked = asked + 1
          return TOKEN
        end,
      })
      assert.is_true(ok)
      assert.equal("denied", report[1].outcome)
      assert.equal(2, asked)
      assert.same({}, places)
    end)
  end

  it("is in no message about wrong options", function()
    for _, options in ipairs({
      { provider = "revicom", token = TOKEN .. "\n" },
      { provider = "revicom", token = " " .. TOKEN },
      { provider = "revicom", token = TOKEN .. "\0" },
      { provider = "revicom", token = { TOKEN } },
      { provider = "revicom", tokn = TOKEN },
      { provider = "revicom", token = TOKEN, concurrency = TOKEN },
      { provider = "revicom", token = TOKEN, user_agent = TOKEN .. "\n" },
      { provider = "revicom", token = TOKEN, base_url = "http://provider.test" },
      { provider = "revicom", token = TOKEN, base_url = "https://" .. TOKEN .. "@127.0.0.1" },
      { provider = "revicom", token = TOKEN, base_url = "https://me:" .. TOKEN .. "@127.0.0.1" },
      { provider = "revicom", token = TOKEN, base_url = "https://127.0.0.1/?key=" .. TOKEN },
      { provider = "revicom", token = TOKEN, resolve = { TOKEN } },
      { provider = "revicom", token = TOKEN, [TOKEN] = true },
      { provider = TOKEN, token = TOKEN },
      { provider = { name = TOKEN }, token = TOKEN },
      { provider = { [TOKEN] = 1 }, token = TOKEN },
    }) do
      local ok, message = xpcall(function()
        return stopmsg.new(options)
      end, debug.traceback)
      assert.is_false(ok)
      search(message, "message", {})
    end
    for _, value in ipairs({ TOKEN .. "\n", "", {} }) do
      local client = stopmsg.new({ provider = "revicom", base_url = server.url, token = function()
        return value
      end })
      local ok, message = xpcall(function()
        return client:stop(faults.providers[1].id(1))
      end, debug.traceback)
      assert.is_false(ok)
      search(message, "message", {})
      client:close()
    end
    assert.same({}, places)
  end)

  it("is in no message about wrong calls", function()
    local client = stopmsg.new({ provider = "revicom", base_url = server.url, token = TOKEN })
    for name, call in pairs({
      stop = { faults.providers[1].id(1), { [TOKEN] = 1 } },
      stop_dispatch = { "1", { [TOKEN] = 1 } },
      each = { { faults.providers[1].id(1) }, { [TOKEN] = 1 } },
      status = { { [TOKEN] = 1 } },
      verify = { {}, { [TOKEN] = 1 } },
    }) do
      local ok, message = pcall(client[name], client, call[1], call[2])
      assert.is_false(ok)
      search(message, name, {})
    end
    client:close()
    local ok, message = pcall(stopmsg.stop, { provider = "revicom", base_url = server.url,
      token = TOKEN }, faults.providers[1].id(1), { [TOKEN] = 1 })
    assert.is_false(ok)
    search(message, "stop", {})
    assert.same({}, places)
  end)
end)
