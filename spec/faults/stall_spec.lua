local certificates = require("spec.support.certificates")
local core = require("stopmsg.core")
local faults = require("spec.support.faults")
local socket = require("socket")
local stopmsg = require("stopmsg")

local function say(...)
  io.stdout:write("  " .. string.format(...) .. "\n")
end

-- How a call is limited, and how long it may take: all phases are run with each.
local LIMITS = {
  { name = "deadline", seconds = 0.12, options = { timeout = 5 }, call = { deadline = 0.12 } },
  { name = "timeout", seconds = 0.12, options = { timeout = 0.12, max_attempts = 1 } },
  {
    name = "deadline over many attempts",
    seconds = 0.2,
    options = { timeout = 0.05, max_attempts = 50 },
    call = { deadline = 0.2 },
  },
  {
    name = "deadline, waiting by a scheduler's sleep",
    seconds = 0.12,
    options = { timeout = 5, sleep = function(seconds) socket.sleep(seconds) end },
    call = { deadline = 0.12 },
  },
}

local ANSWER = '{"items":[{"messageUuid":"2a28d557-22a1-4be6-8908-000000000001","code":200}],'
  .. '"errors":false}'
local BYTES = faults.http("200 OK", ANSWER)
local HEAD = select(2, BYTES:find("\r\n\r\n", 1, true))

local function stalled(...)
  local actions = { ... }
  actions[#actions + 1] = { "wait", 10 }
  return { ["do"] = actions }
end

-- Where the server stops: a script for each request, or `accept` for each connection; on a `port`
-- of the servers below. `outcome` is what the id becomes.
local PHASES = {
  { name = "before the connection is taken up", port = "deaf", outcome = "failed" },
  { name = "before the TLS handshake", port = "tls", accept = stalled(), outcome = "failed" },
  {
    name = "in the TLS handshake",
    port = "tls",
    accept = stalled({ "read", 5 }, { "write", "\22\3\3\0\100" }),
    outcome = "failed",
  },
  { name = "before the request is read", accept = stalled() },
  { name = "in the request", script = stalled({ "read", 100 }) },
  { name = "before the answer", script = stalled({ "read", "all" }) },
  { name = "in the status line", script = stalled({ "read", "all" }, { "write", "HTTP/1.1 20" }) },
  {
    name = "after the status line",
    script = stalled({ "read", "all" }, { "write", "HTTP/1.1 200 OK\r\n" }),
  },
  {
    name = "after the headers",
    script = stalled({ "read", "all" }, { "write", BYTES:sub(1, HEAD) }),
  },
  { name = "in the body", script = stalled({ "read", "all" }, { "write", BYTES:sub(1, -10) }) },
  {
    name = "before the last byte",
    script = stalled({ "read", "all" }, { "write", BYTES:sub(1, -2) }),
  },
  {
    name = "in chunks, before the last one",
    script = stalled({ "read", "all" },
      { "write", (faults.http("200 OK", ANSWER, "chunked"):gsub("0\r\n\r\n$", "")) }),
  },
  {
    name = "never, but drips one byte after the other",
    script = { ["do"] = { { "read", "all" }, { "drip", (" "):rep(1000) .. BYTES, 1, 0.01 } } },
  },
  {
    name = "never, but drips headers",
    script = {
      ["do"] = { { "read", "all" }, { "drip", "HTTP/1.1 200 OK\r\n" .. ("X: y\r\n"):rep(500), 6,
        0.005 } },
    },
  },
  {
    name = "never, but drips interim answers",
    script = {
      ["do"] = { { "read", "all" }, { "drip", ("HTTP/1.1 102 Processing\r\n\r\n"):rep(200), 27,
        0.005 } },
    },
  },
  {
    name = "between refusals",
    script = faults.answer(faults.http("503 Service Unavailable", ""), "unknown"),
  },
  {
    name = "because it is asked to wait",
    script = faults.answer(faults.http("429 Too Many Requests", ""), "failed"),
    outcome = "failed",
  },
}

describe("a server that stalls", function()
  local server, ports, folder
  local overshoots = {}

  setup(function()
    folder = certificates.make()
    server = faults.start()
    ports = {
      plain = server.port,
      deaf = server:listen(nil, true),
      tls = server:listen({ cert = folder .. "/good.pem", key = folder .. "/good.key" }),
    }
  end)

  teardown(function()
    server:stop()
    certificates.remove(folder)
    table.sort(overshoots)
    say("over deadline or timeout: %d calls, at most %.1f ms, p99 %.1f ms, median %.1f ms",
      #overshoots, overshoots[#overshoots] * 1000,
      overshoots[math.max(1, math.floor(#overshoots * 0.99))] * 1000,
      overshoots[math.ceil(#overshoots / 2)] * 1000)
  end)

  for _, phase in ipairs(PHASES) do
    it("holds up no call longer than it may take: it stalls " .. phase.name, function()
      for _, limit in ipairs(LIMITS) do
        local options = {
          provider = "revicom",
          token = "a-token",
          base_url = (phase.port == "tls" and "https" or "http") .. "://127.0.0.1:"
            .. ports[phase.port or "plain"],
          ca_file = folder .. "/ca.pem",
        }
        for name, value in pairs(limit.options) do
          options[name] = value
        end
        local client = stopmsg.new(options)
        local ids = { "2a28d557-22a1-4be6-8908-000000000001" }
        local accept = {}
        for i = 1, phase.accept and 60 or 0 do
          accept[i] = phase.accept
        end
        server:set({
          port = ports[phase.port or "plain"],
          accept = accept,
          ["then"] = phase.script,
          ids = ids,
        })
        local began = core.now()
        local report = client:stop(ids, limit.call)
        local over = core.now() - began - limit.seconds
        client:close()
        local log = server:take()
        assert.same({}, faults.judge(report, log, ids))
        local item = report[1]
        local told = ("%s: %s (%s), %.3f s over"):format(limit.name, item.outcome,
          tostring(item.reason), over)
        assert.equal(phase.outcome or "unknown", item.outcome, told)
        assert.is_true(over < 0.5, told)
        -- A call may end early, when no further attempt fits into what is left.
        overshoots[#overshoots + 1] = math.max(0, over)
        for _, record in ipairs(log) do
          assert.is_true(record.time < began + limit.seconds + 0.5, "an attempt after the deadline")
        end
      end
    end)
  end

  for _, way in ipairs({ "http", "https" }) do
    for _, version in ipairs({ "1.1", "2" }) do
      it(("holds up no request but its own, over %s with HTTP/%s wanted"):format(way, version),
        function()
          local provider, ids = faults.providers[2], {}
          for i = 1, 4 do
            ids[i] = provider.id(i)
          end
          local port = way == "https" and ports.tls or ports.plain
          local client = stopmsg.new({
            provider = provider.name,
            token = "a-token",
            base_url = way .. "://127.0.0.1:" .. port,
            ca_file = folder .. "/ca.pem",
            http_version = version,
            concurrency = 4,
            timeout = 0.8, -- time for three answers on a busy machine, too
            max_attempts = 1,
          })
          server:set({
            port = port,
            requests = { stalled({ "read", "all" }) },
            ["then"] = faults.answer(faults.http(provider.stopped(ids)), "stopped"),
            ids = ids,
          })
          local report = client:stop_dispatch(ids)
          client:close()
          assert.same({}, faults.judge(report, server:take(), ids))
          assert.equal(3, report.counts.stopped, tostring(report))
          assert.equal(1, report.counts.unknown, tostring(report))
        end)
    end
  end
end)
