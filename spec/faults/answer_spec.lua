local certificates = require("spec.support.certificates")
local coded = require("spec.support.coded")
local faults = require("spec.support.faults")
local patience = require("spec.support.patience")
local stopmsg = require("stopmsg")

local MIB = 1024 * 1024

local function say(...)
  io.stdout:write("  " .. string.format(...) .. "\n")
end

local function head(lines)
  return "HTTP/1.1 200 OK\r\n" .. lines .. "\r\n"
end

-- What comes in place of an answer. `write(body)` makes the bytes of a good body's spoilt answer;
-- `actions` stand for those where they are not just written. The connection is then closed, or
-- kept where `is_kept`. `outcome` is what a provider's ids become, "unknown" without one.
local CASES = {
  {
    name = "garbage",
    write = function()
      return ("\0\1\2\254\255 this is no answer\r\n\r\n"):rep(50)
    end,
  },
  {
    name = "a body without headers, as HTTP/0.9 had it",
    write = function(body)
      return body .. "\r\n"
    end,
  },
  {
    name = "a length that is too long, and the end of the connection",
    write = function(body)
      return head("Content-Length: " .. #body + 1 .. "\r\n") .. body
    end,
  },
  {
    name = "a length that is too short",
    write = function(body)
      return head("Content-Length: " .. math.max(0, #body - 1) .. "\r\n") .. body
    end,
    is_kept = true,
    outcome = { idigital = "stopped" },
  },
  {
    name = "a length of nothing before a body",
    write = function()
      return head("Content-Length: 0\r\n") .. '{"code":5,"message":"not found"}'
    end,
    is_kept = true,
    outcome = { idigital = "stopped" },
  },
  {
    name = "a negative length",
    write = function(body)
      return head("Content-Length: -5\r\n") .. body
    end,
  },
  {
    name = "a length that is no number",
    write = function(body)
      return head("Content-Length: many\r\n") .. body
    end,
  },
  {
    name = "two lengths, the second too short",
    write = function(body)
      return head(("Content-Length: %d\r\nContent-Length: 1\r\n"):format(#body + 1)) .. body .. "x"
    end,
    is_kept = true,
  },
  {
    name = "two lengths, the second too long",
    write = function(body)
      return head(("Content-Length: %d\r\nContent-Length: 5000\r\n"):format(#body)) .. body
    end,
  },
  {
    -- What says nothing has to be known to be all.
    name = "no length, and the end of the connection",
    write = function(body)
      return head("") .. body
    end,
    outcome = { revicom = "stopped", pushwoosh = "stopped", clickatell = "stopped" },
  },
  {
    name = "a byte order mark",
    write = function(body)
      return faults.http("200 OK", "\239\187\191" .. body)
    end,
    is_kept = true,
    outcome = { revicom = "stopped", pushwoosh = "stopped", clickatell = "stopped" },
  },
  {
    name = "gzip that nobody asked for",
    write = function(body)
      return faults.http("200 OK", coded.make("gzip", body), "length",
        "Content-Encoding: gzip\r\n")
    end,
    is_kept = true,
    outcome = { revicom = "stopped", idigital = "stopped", pushwoosh = "stopped",
      clickatell = "stopped" },
  },
  {
    name = "deflate that nobody asked for",
    write = function(body)
      return faults.http("200 OK", coded.make("raw", body), "chunked",
        "Content-Encoding: deflate\r\n")
    end,
    is_kept = true,
    outcome = { revicom = "stopped", idigital = "stopped", pushwoosh = "stopped",
      clickatell = "stopped" },
  },
  {
    name = "gzip without its end",
    write = function(body)
      return faults.http("200 OK", coded.make("gzip", body):sub(1, -9), "length",
        "Content-Encoding: gzip\r\n")
    end,
    is_kept = true,
  },
  {
    name = "a coding that nobody knows",
    write = function(body)
      return faults.http("200 OK", body .. " ", "length", "Content-Encoding: br\r\n")
    end,
    is_kept = true,
  },
  {
    name = "an error beside what looks like success",
    write = function(body)
      return faults.http("200 OK", '{"error":{"code":"001","msg":"no"},'
        .. (body:match("^{(.+)") or '"a":1}'))
    end,
    is_kept = true,
  },
  {
    name = "a sentence",
    write = function()
      return faults.http("200 OK", "Service temporarily unavailable")
    end,
    is_kept = true,
  },
  {
    name = "a chunk size that is no number",
    write = function(body)
      return head("Transfer-Encoding: chunked\r\n") .. "zz\r\n" .. body .. "\r\n0\r\n\r\n"
    end,
  },
  {
    name = "a negative chunk size",
    write = function(body)
      return head("Transfer-Encoding: chunked\r\n") .. "-2\r\n" .. body .. "\r\n0\r\n\r\n"
    end,
  },
  {
    name = "a chunk size beyond 64 bits",
    write = function(body)
      return head("Transfer-Encoding: chunked\r\n") .. "fffffffffffffffff2\r\n" .. body
        .. "\r\n0\r\n\r\n"
    end,
  },
  {
    name = "a chunk that is longer than it says",
    write = function(body)
      return head("Transfer-Encoding: chunked\r\n") .. ("%x\r\n"):format(#body + 3) .. body
        .. "xxxyyy\r\n0\r\n\r\n"
    end,
  },
  {
    name = "chunks without an end",
    write = function(body)
      return head("Transfer-Encoding: chunked\r\n") .. ("%x\r\n"):format(#body + 1) .. body
        .. " \r\n"
    end,
  },
  {
    name = "headers with a NUL",
    write = function(body)
      return head("X-Odd: a\0b\r\nContent-Length: " .. #body .. "\r\n") .. body
    end,
  },
  {
    name = "a header without a colon",
    write = function(body)
      return head("X-Odd\r\nContent-Length: " .. #body .. "\r\n") .. body
    end,
  },
  {
    name = "a CR within a header",
    write = function(body)
      return head("X-Odd: a\rb\r\nContent-Length: " .. #body .. "\r\n") .. body
    end,
  },
  {
    name = "two CRs in place of the end of the headers",
    write = function(body)
      return head("Content-Length: " .. #body .. "\r\n"):sub(1, -2) .. "\r\n" .. body
    end,
  },
  {
    name = "headers that end before their last byte",
    write = function()
      return head("Content-Length: 0\r\n"):sub(1, -2)
    end,
  },
  {
    name = "a NUL in a trailer",
    write = function(body)
      local chunk = #body > 0 and ("%x\r\n%s\r\n"):format(#body, body) or ""
      return head("Transfer-Encoding: chunked\r\n") .. chunk .. "0\r\nX-Odd: a\0b\r\n\r\n"
    end,
  },
  {
    name = "an interim answer, and the end of the connection",
    write = function()
      return "HTTP/1.1 100 Continue\r\n\r\n"
    end,
  },
  {
    name = "an interim answer, and half of the headers",
    write = function()
      return "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-"
    end,
  },
  {
    name = "a change of protocols that nobody asked for",
    write = function()
      return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    end,
  },
  {
    name = "a status that is none",
    write = function(body)
      return ("HTTP/1.1 2000 OK\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body)
    end,
  },
  {
    name = "status 299",
    write = function(body)
      return ("HTTP/1.1 299 Odd\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body)
    end,
  },
  {
    name = "status 206, a part of something",
    write = function(body)
      return ("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\n"
        .. "Content-Length: %d\r\n\r\n%s"):format(#body, body)
    end,
  },
  {
    name = "JSON nested 100,000 deep",
    write = function()
      return faults.http("200 OK", ("["):rep(100000))
    end,
    is_kept = true,
  },
  {
    name = "headers without end",
    actions = {
      { "write", "HTTP/1.1 200 OK\r\n" },
      { "flood", "X-More: " .. ("a"):rep(1000) .. "\r\n", 64 * MIB },
    },
    is_measured = true,
  },
  {
    name = "one header line without end",
    actions = {
      { "write", "HTTP/1.1 200 OK\r\nX-More: " },
      { "flood", ("a"):rep(1000), 64 * MIB },
    },
    is_measured = true,
  },
  {
    name = "a reason phrase without end",
    actions = { { "write", "HTTP/1.1 200 " }, { "flood", ("OK"):rep(1000), 64 * MIB } },
    is_measured = true,
  },
  {
    name = "a body without end",
    actions = { { "write", head("") }, { "flood", "{}" .. (" "):rep(1000), 64 * MIB } },
    is_measured = true,
  },
  {
    name = "chunks without number",
    actions = {
      { "write", head("Transfer-Encoding: chunked\r\n") },
      { "flood", "3e8\r\n" .. (" "):rep(1000) .. "\r\n", 64 * MIB },
    },
    is_measured = true,
  },
  {
    name = "a body of 32 GiB by its length",
    actions = {
      { "write", head("Content-Length: 34359738368\r\n") },
      { "flood", "{}" .. (" "):rep(1000), 64 * MIB },
    },
    is_measured = true,
  },
  {
    name = "128 MiB of zeros, compressed though nobody asked",
    actions = {
      { "write", head("Content-Encoding: gzip\r\n") },
      { "write", { zeros = 128 * MIB } },
    },
    is_measured = true,
  },
  {
    name = "interim answers without end",
    actions = { { "flood", "HTTP/1.1 102 Processing\r\n\r\n", 64 * MIB } },
    is_measured = true,
  },
  {
    name = "early hints without end",
    actions = { { "flood", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 64 * MIB } },
    is_measured = true,
  },
}

-- First lines that libcurls read each in their own way; none of them is a success.
for _, line in ipairs({
  "HTTP/1.1 2000 OK", "HTTP/1.1 2000", "HTTP/1.1 200OK", "HTTP/1.1 200.1 OK", "HTTP/1.1 200\tOK",
  "HTTP/1.1 200\0 OK", "HTTP/1.1 200 O\0K", "HTTP/1.1 200\rOK", "HTTP/1.1 20 OK",
  "HTTP/1.1 0200 OK",
  "HTTP/1.1 +200 OK", "HTTP/1.1 000 OK", "HTTP/1.1 099 OK", "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK",
  "HTTP/1.1200 OK", "HTTP/1.11 200 OK", "HTTP/11 200 OK", "HTTP/1 200 OK", "HTTP/ 200 OK",
  "http/1.1 200 OK", "HTTP/1.1", "HTTP/1.1 ", "HTTP/9.9 200 OK",
}) do
  CASES[#CASES + 1] = {
    name = ('the first line "%s"'):format((line:gsub("%c", "?"))),
    write = function(body)
      -- Lua 5.1 formats no text beyond a NUL.
      return line .. ("\r\nContent-Length: %d\r\n\r\n"):format(#body) .. body
    end,
  }
end

-- The most memory this process ever had, in KiB; with `is_reset` counted from now on.
local function peak(is_reset)
  if is_reset then
    collectgarbage()
    local file = io.open("/proc/self/clear_refs", "w")
    if file then
      file:write("5")
      file:close()
    end
  end
  local file = io.open("/proc/self/status")
  local status = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return tonumber(status:match("VmHWM:%s*(%d+)"))
end

describe("an answer that is not what it should be", function()
  local server, other_port, tls_port, folder

  setup(function()
    folder = certificates.make()
    server = faults.start()
    other_port = server:listen()
    tls_port = server:listen({ cert = folder .. "/good.pem", key = folder .. "/good.key" })
  end)

  teardown(function()
    server:stop()
    certificates.remove(folder)
  end)

  local function new_client(provider, options)
    local given = {
      provider = provider.name,
      token = "a-token",
      base_url = server.url,
      max_attempts = 1,
      patience = 0,
      max_response = MIB,
      timeout = patience.SECONDS,
      connect_timeout = patience.SECONDS,
      concurrency = 1,
    }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    return stopmsg.new(given)
  end

  local function some_ids(provider, from)
    local ids = {}
    for i = 1, provider.batch do
      ids[i] = provider.id(from + i)
    end
    return ids
  end

  -- A call, and the server's log of it. Nothing in it may be stronger than the log.
  local function stop(client, provider, ids, scenario)
    scenario.ids = ids
    server:set(scenario)
    local report = client[provider.call](client, ids)
    local log = server:take()
    assert.same({}, faults.judge(report, log, ids))
    return report, log
  end

  -- What the client makes of an answer "too late" to its next request, which a good answer that
  -- was left over from the last one would turn into a success.
  local function stop_late(client, provider, ids, port)
    local status, body, word = provider.late(ids)
    local report = stop(client, provider, ids, {
      port = port,
      requests = { faults.answer(faults.http(status, body), word) },
    })
    return report, word
  end

  for _, case in ipairs(CASES) do
    it("is survived: " .. case.name, function()
      local most = 0
      for _, provider in ipairs(faults.providers) do
        local client = new_client(provider)
        local ids = some_ids(provider, 0)
        local actions = { { "read", "all" } }
        for _, action in ipairs(case.actions or {}) do
          actions[#actions + 1] = action
        end
        if case.write then
          actions[2] = { "write", faults.bytes(case.write(select(2, provider.stopped(ids)))) }
        end
        if not case.is_kept then
          actions[#actions + 1] = { "close" }
        end
        local expected = case.outcome and case.outcome[provider.name] or "unknown"
        local before = case.is_measured and peak(true)
        local report, log = stop(client, provider, ids, {
          requests = {
            { ["do"] = actions, says = expected == "stopped" and "stopped" or nil },
          },
        })
        if case.is_measured then
          local record = faults.only(log, "request")[1]
          -- The client hung up, and did not read it all.
          assert.is_truthy(record.error or not case.actions[2] or case.actions[2][1] ~= "flood",
            provider.name .. ": all was read")
        end
        if before then
          most = math.max(most, peak() - before)
        end
        for _, item in ipairs(report) do
          assert.equal(expected, item.outcome, provider.name .. ": " .. tostring(item.reason))
        end
        local word
        report, word = stop_late(client, provider, some_ids(provider, 100))
        for _, item in ipairs(report) do
          assert.equal(word, item.outcome, provider.name .. ", the next request: "
            .. tostring(item.reason))
        end
        client:close()
      end
      if case.is_measured then
        say("peak memory, max_response of 1 MiB, %s: + %d KiB", case.name, most)
        assert.is_true(most < 16 * 1024)
      end
    end)
  end

  it("is survived in bounded memory with the largest answers allowed", function()
    local provider = faults.providers[3]
    local client = new_client(provider, { max_response = 16 * MIB })
    local before = peak(true)
    local report = stop(client, provider, some_ids(provider, 0), {
      requests = {
        {
          ["do"] = {
            { "read", "all" },
            { "write", head("") },
            { "flood", "{}" .. (" "):rep(1000), 256 * MIB },
          },
        },
      },
    })
    assert.equal("too_large", report[1].reason)
    if before then
      local most = peak() - before
      say("peak memory, max_response of 16 MiB, a body without end: + %d KiB", most)
      assert.is_true(most < 64 * 1024)
    end
    client:close()
  end)

  it("is taken when interim answers come first", function()
    for _, provider in ipairs(faults.providers) do
      local client, ids = new_client(provider), some_ids(provider, 0)
      local report = stop(client, provider, ids, {
        requests = {
          faults.answer(("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n"
            .. "\r\n"):rep(20) .. faults.http(provider.stopped(ids)), "stopped"),
        },
      })
      assert.is_true(report.ok)
      client:close()
    end
  end)

  it("is taken when its lines end in LF alone", function()
    for _, provider in ipairs(faults.providers) do
      local client, ids = new_client(provider), some_ids(provider, 0)
      local answer = faults.http(provider.stopped(ids)):gsub("^(.-\r\n)(.-\r\n\r\n)",
        function(first, others)
          return ((first .. "X:\r\n" .. others):gsub("\r", ""))
        end)
      local report = stop(client, provider, ids, {
        requests = { faults.answer(answer, "stopped") },
      })
      assert.is_true(report.ok)
      client:close()
    end
  end)

  it("is taken when it comes byte by byte", function()
    for _, provider in ipairs(faults.providers) do
      local client, ids = new_client(provider), some_ids(provider, 0)
      local answer = faults.http(provider.stopped(ids))
      local report = stop(client, provider, ids, {
        requests = {
          {
            ["do"] = { { "read", "all" }, { "drip", answer, 1, 0.0001 } },
            says = "stopped",
          },
        },
      })
      assert.is_true(report.ok)
      client:close()
    end
  end)

  it("is taken when it comes before the request is complete", function()
    for _, provider in ipairs(faults.providers) do
      local client, ids = new_client(provider), some_ids(provider, 0)
      local answer = faults.http(provider.stopped(ids))
      local report = stop(client, provider, ids, {
        requests = {
          {
            ["do"] = { { "read", 10 }, { "write", answer }, { "read", "all" } },
            says = "stopped",
          },
        },
      })
      assert.is_true(report.ok)
      report = stop_late(client, provider, some_ids(provider, 100))
      assert.equal(0, report.counts.stopped)
      client:close()
    end
  end)

  it("is never taken for the answer to the next request when it came twice", function()
    local count, unknown = 0, 0
    for _, provider in ipairs(faults.providers) do
      local client = new_client(provider)
      for round = 1, 4 do
        local ids, others = some_ids(provider, 0), some_ids(provider, 100)
        local first = faults.http(provider.stopped(ids))
        local extra = faults.http(provider.stopped(others))
        local actions = {
          { { "read", "all" }, { "write", first .. extra } },
          { { "read", "all" }, { "write", first }, { "write", extra } },
          { { "read", "all" }, { "write", first .. extra .. extra }, { "close" } },
          -- Half of one more answer: the real one would be taken for its other half.
          { { "read", "all" }, { "write", first .. extra:sub(1, -3) } },
        }
        local report = stop(client, provider, ids, {
          requests = { { ["do"] = actions[round], says = "stopped" } },
        })
        assert.is_true(report.ok)
        report = stop_late(client, provider, others)
        assert.equal(0, report.counts.stopped, provider.name .. ", round " .. round)
        unknown = unknown + report.counts.unknown
        count = count + 1
      end
      client:close()
    end
    say("answers that came twice: %d, taken for the next request's: 0, next request unknown: %d",
      count, unknown)
  end)

  for _, way in ipairs({
    { name = "plain HTTP" },
    { name = "TLS", tls = true, http_version = "1.1" },
    { name = "TLS, where HTTP/2 was hoped for", tls = true, http_version = "2" },
  }) do
    -- A client that has had an answer to `ids`, over a connection where this was done thereafter.
    local function client_after(provider, ids, ...)
      local port = way.tls and tls_port or server.port
      local client = new_client(provider, {
        base_url = (way.tls and "https" or "http") .. "://127.0.0.1:" .. port,
        ca_file = folder .. "/ca.pem",
        http_version = way.http_version,
        max_attempts = 3,
      })
      server:set({
        port = port,
        requests = {
          {
            ["do"] = { { "read", "all" }, { "write", faults.http(provider.stopped(ids)) },
              { "hold" }, ... },
            says = "stopped",
          },
        },
        ids = ids,
      })
      local report = client[provider.call](client, ids)
      server:go()
      assert.same({}, faults.judge(report, server:take(), ids))
      assert.is_true(report.ok)
      return client, port
    end

    it("is never taken for the answer to the next request when it came while nobody asked, over "
      .. way.name, function()
      for _, provider in ipairs(faults.providers) do
        local ids, others = some_ids(provider, 0), some_ids(provider, 100)
        local client, port = client_after(provider, ids,
          { "write", faults.http(provider.stopped(others)) })
        local report, word = stop_late(client, provider, others, port)
        assert.equal(#others, report.counts[word], provider.name .. ": " .. report[1].outcome)
        client:close()
      end
    end)

    for _, how in ipairs({ "close", "reset", "drop" }) do
      it(("leaves the next request certain when the idle connection is over (%s), over %s"):format(
        how, way.name), function()
        for _, provider in ipairs(faults.providers) do
          local ids, others = some_ids(provider, 0), some_ids(provider, 100)
          local client, port = client_after(provider, ids, { how })
          local report, word = stop_late(client, provider, others, port)
          assert.equal(#others, report.counts[word], ("%s: %s (%s)"):format(provider.name,
            report[1].outcome, tostring(report[1].reason)))
          assert.is_nil(report[1].ambiguous)
          client:close()
        end
      end)
    end
  end

  describe("because it redirects", function()
    for _, status in ipairs({ "301 Moved Permanently", "302 Found", "303 See Other",
      "307 Temporary Redirect", "308 Permanent Redirect" }) do
      it("to another place is reported and never followed: " .. status, function()
        local number = status:match("%d+")
        for _, provider in ipairs(faults.providers) do
          local ids = some_ids(provider, 0)
          for _, place in ipairs({ "http://127.0.0.1:" .. other_port, "http://localhost:"
            .. other_port, "https://127.0.0.1:" .. other_port, "/elsewhere" }) do
            -- Of its own: after an outage it would send nothing where it is slow, without patience.
            local client = new_client(provider, { max_attempts = 3 })
            local report, log = stop(client, provider, ids, {
              requests = {
                faults.answer(faults.http(status, "", "length", ("Location: %s/api\r\n"
                  .. "Alt-Svc: h2=\"127.0.0.1:%d\"; ma=600\r\nRefresh: 0; url=%s\r\n"):format(
                  place, other_port, place)), "failed"),
              },
            })
            assert.equal(#ids, report.counts.failed)
            assert.equal("http_" .. number, report[1].reason)
            assert.equal(tonumber(number), report[1].http)
            assert.equal(1, #faults.only(log, "request"))
            for _, record in ipairs(log) do
              assert.equal(server.port, record.port)
            end
            client:close()
          end
        end
      end)
    end
  end)
end)
