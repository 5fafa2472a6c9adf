local certificates = require("spec.support.certificates")
local faults = require("spec.support.faults")
local patience = require("spec.support.patience")
local sample = require("spec.support.sample")
local stopmsg = require("stopmsg")

-- Every third byte where the time allows it.
local is_full = os.getenv("STOPMSG_LUA_FULL") or _VERSION == "Lua 5.4"
local STRIDE = is_full and 3 or 23

local RST_STREAM, GOAWAY = 3, 7

-- A server's refusals that libcurl may answer by asking again, by their code.
local CODES = {
  { name = "NO_ERROR", code = 0 },
  { name = "PROTOCOL_ERROR", code = 1 },
  { name = "INTERNAL_ERROR", code = 2 },
  { name = "REFUSED_STREAM", code = 7 },
  { name = "CANCEL", code = 8 },
  { name = "ENHANCE_YOUR_CALM", code = 11 },
  { name = "HTTP_1_1_REQUIRED", code = 13 },
}

local function number(n)
  return string.char(0, 0, 0, n)
end

describe("over HTTP/2", function()
  local server, port, folder

  setup(function()
    folder = certificates.make()
    server = faults.start()
    port = server:listen({
      cert = folder .. "/good.pem",
      key = folder .. "/good.key",
      alpn = { "h2", "http/1.1" },
    })
  end)

  teardown(function()
    server:stop()
    certificates.remove(folder)
  end)

  -- Ids in a path would be compressed, out of the log's sight.
  local providers = { faults.providers[1], faults.providers[3] }

  local function some_ids(provider, from)
    local ids = {}
    for i = 1, provider.batch do
      ids[i] = provider.id(from + i)
    end
    return ids
  end

  local function new_client(provider)
    return stopmsg.new({
      provider = provider.name,
      token = "a-token",
      base_url = "https://127.0.0.1:" .. port,
      ca_file = folder .. "/ca.pem",
      http_version = "2",
      max_attempts = 1,
      timeout = patience.SECONDS,
      connect_timeout = patience.SECONDS, -- a handshake takes the processor, too
    })
  end

  local function good(provider, ids, stream)
    local status, body = provider.stopped(ids)
    return faults.answer(faults.http2(status, body, stream), "stopped", {
      ["do"] = { { "read", "all" }, { "write", faults.bytes(faults.http2(status, body, stream)) } },
    })
  end

  -- One request, on a connection of its own or as its second; what is wrong with the outcome.
  local function try(provider, script, is_reused)
    local ids, others = some_ids(provider, 0), some_ids(provider, 100)
    local client = new_client(provider)
    server:set({
      port = port,
      requests = { is_reused and good(provider, others, 1) or script, is_reused and script or nil },
      -- Should libcurl ask again on its own, on whatever connection: that would be carried out.
      ["then"] = good(provider, ids, 1),
      ids = ids,
    })
    if is_reused then
      assert.is_true(client:stop(others).ok)
    end
    local report = client:stop(ids)
    client:close()
    local log = server:take()
    local requests = faults.only(log, "request")
    if is_reused then
      for i, record in ipairs(log) do
        if record == requests[1] then
          table.remove(log, i)
          break
        end
      end
    end
    return faults.judge(report, log, ids), report, requests
  end

  it("knows that an answer is empty by the end of its stream, and no sooner", function()
    local idigital = faults.providers[2]
    for _, case in ipairs({
      { "stopped", faults.http2("200", "", 1) },
      { "stopped", faults.http2("200", " ", 1) },
      -- The headers do not end the stream, and an empty frame of data does.
      { "stopped", faults.frame(4, 0, 0, "") .. faults.frame(4, 1, 0, "")
        .. faults.frame(1, 4, 1, "\8\003200") .. faults.frame(0, 1, 1, "") },
      { "unknown", faults.http2("200", "{}", 1) },
      { "unknown", faults.http2("204", "", 1) },
      { "unknown", faults.frame(4, 0, 0, "") .. faults.frame(4, 1, 0, "")
        .. faults.frame(1, 4, 1, "\8\003200") },
    }) do
      server:set({ port = port, requests = {
        { ["do"] = { { "read", "all" }, { "write", faults.bytes(case[2]) }, { "close" } } },
      } })
      local client = new_client(idigital)
      local report = client:stop_dispatch(idigital.id(1))
      assert.equal(case[1], report[1].outcome)
      client:close()
      server:take()
    end
  end)

  it("stops messages, two requests on one connection", function()
    for _, provider in ipairs(providers) do
      local ids = some_ids(provider, 0)
      local wrong, report, requests = try(provider, good(provider, ids, 3), true)
      assert.same({}, wrong)
      assert.is_true(report.ok)
      assert.equal(2, #requests)
      assert.equal(2, requests[2].request)
    end
  end)

  for _, is_reused in ipairs({ false, true }) do
    local kind = is_reused and "reused" or "fresh"

    it("a cut " .. kind .. " connection never makes an outcome stronger than the server's log",
      function()
        local cuts, wrong, takes = 0, {}, sample.start()
        local function cut(provider, script, label, is_edge)
          if not takes() and not is_edge then
            return
          end
          cuts = cuts + 1
          for _, sentence in ipairs((try(provider, script, is_reused))) do
            wrong[#wrong + 1] = ("%s, %s: %s"):format(provider.name, label, sentence)
          end
        end
        for _, provider in ipairs(providers) do
          local status, body = provider.stopped(some_ids(provider, 0))
          local answer = faults.http2(status, body, is_reused and 3 or 1)
          local _, _, requests = try(provider, good(provider, some_ids(provider, 0),
            is_reused and 3 or 1), is_reused)
          for _, how in ipairs({ "close", "drop", "reset" }) do
            for n = 0, requests[#requests].bytes, 3 * STRIDE do
              cut(provider, { ["do"] = { { "read", n }, { how } } },
                ("%s after %d bytes of the request"):format(how, n), n == 0)
            end
            for n = 0, #answer do
              local is_last = n > #answer - 3
              if n % STRIDE == 0 or is_last then
                cut(provider, {
                  ["do"] = { { "read", "all" }, { "write", faults.bytes(answer:sub(1, n)) },
                    { how } },
                  says = n == #answer and "stopped" or nil,
                }, ("%s after %d of %d bytes of the answer"):format(how, n, #answer),
                  n == 0 or is_last)
              end
            end
          end
        end
        io.stdout:write(("  HTTP/2, cut on a %s connection: %s, outcomes stronger than the "
          .. "log: %d\n"):format(kind, sample.told(cuts, "cuts"), #wrong))
        assert.same({}, wrong)
      end)

    for _, reason in ipairs(CODES) do
      it(("a request refused with %s is not sent again unseen, %s connection"):format(reason.name,
        kind), function()
        for _, provider in ipairs(providers) do
          local stream = is_reused and 3 or 1
          local settings = faults.frame(4, 0, 0, "") .. faults.frame(4, 1, 0, "")
          local greeting = is_reused and "" or settings
          local reset = faults.frame(RST_STREAM, 0, stream, number(reason.code))
          for name, frames in pairs({
            ["the stream"] = reset,
            ["the connection, before this stream"] = faults.frame(GOAWAY, 0, 0,
              number(stream - 1) .. number(reason.code)),
            ["the connection, after this stream"] = faults.frame(GOAWAY, 0, 0,
              number(stream) .. number(reason.code)) .. reset,
            ["the stream after half an answer"] = faults.frame(1, 4, stream, "\136") .. reset,
          }) do
            for _, last in ipairs({ { "close" }, { "hold" } }) do
              local wrong, report = try(provider, {
                ["do"] = { { "read", "all" }, { "write", faults.bytes(greeting .. frames) }, last,
                  { "close" } },
              }, is_reused)
              assert.same({}, wrong, provider.name .. ", " .. name)
              assert.equal(#report, report.counts.unknown, provider.name .. ", " .. name)
            end
          end
        end
      end)
    end
  end
end)
