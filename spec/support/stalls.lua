-- Servers that stall in every phase of a request, and calls that are limited in every way.

local certificates = require("spec.support.certificates")
local core = require("stopmsg.core")
local faults = require("spec.support.faults")
local patience = require("spec.support.patience")
local socket = require("socket")
local stopmsg = require("stopmsg")

local stalls = {}

-- What a call gets that may take so many seconds: options of its client, options of its own.
stalls.limits = {
  ["deadline"] = function(seconds)
    return { timeout = 1000 }, { deadline = seconds }
  end,
  ["timeout"] = function(seconds)
    return { timeout = seconds, max_attempts = 1, patience = 0 }
  end,
  ["deadline over many attempts"] = function(seconds)
    return { timeout = seconds / 4, max_attempts = 50 }, { deadline = seconds }
  end,
  ["deadline, waiting by a scheduler's sleep"] = function(seconds)
    return { timeout = 1000, sleep = function(s) socket.sleep(s) end }, { deadline = seconds }
  end,
}

local ANSWER = '{"items":[{"messageUuid":"2a28d557-22a1-4be6-8908-000000000001","code":200}],'
  .. '"errors":false}'
local BYTES = faults.http("200 OK", ANSWER)
local HEAD = select(2, BYTES:find("\r\n\r\n", 1, true))

local function stalled(...)
  local actions = { ... }
  actions[#actions + 1] = { "wait", patience.SECONDS }
  return { ["do"] = actions }
end

-- Where the server stops: a script for each request, or `accept` for each connection; on a `port`
-- of the servers below. `outcome` is what the id becomes.
stalls.phases = {
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

local Stalls = {}
Stalls.__index = Stalls

-- self = stalls.start(): { call(), stop(), server, ports, folder }
function stalls.start()
  local folder, server = certificates.make(), faults.start()
  return setmetatable({
    folder = folder,
    server = server,
    ports = {
      plain = server.port,
      deaf = server:listen(nil, true),
      tls = server:listen({ cert = folder .. "/good.pem", key = folder .. "/good.key" }),
    },
  }, Stalls)
end

function Stalls:stop()
  self.server:stop()
  certificates.remove(self.folder)
end

-- One call of one id to a server that stalls in this phase. Gives the report, the log, what the log
-- has against the report, the call's seconds, and when it began.
function Stalls:call(phase, name, seconds)
  local port = self.ports[phase.port or "plain"]
  local options, call = stalls.limits[name](seconds)
  options.provider = "revicom"
  options.token = "a-token"
  options.base_url = (phase.port == "tls" and "https" or "http") .. "://127.0.0.1:" .. port
  options.ca_file = self.folder .. "/ca.pem"
  local client = stopmsg.new(options)
  local ids = { "2a28d557-22a1-4be6-8908-000000000001" }
  local accept = {}
  for i = 1, phase.accept and 60 or 0 do
    accept[i] = phase.accept
  end
  self.server:set({ port = port, accept = accept, ["then"] = phase.script, ids = ids })
  local began = core.now()
  local report = client:stop(ids, call)
  local took = core.now() - began
  client:close()
  local log = self.server:take()
  return report, log, faults.judge(report, log, ids), took, began
end

return stalls
