-- The fault server for specs, good answers to spoil, and the judge: what the server's log allows a
-- client to say.

local json = require("stopmsg.json")
local python = require("spec.support.python")
local server = require("spec.support.server")
local socket = require("socket")

local faults = {}

local Faults = {}
Faults.__index = Faults

-- Bytes as the server's JSON wants them: text as it is, all else in hexadecimal.
function faults.bytes(s)
  if not s:find("[\127-\255]") then
    return s
  end
  return { hex = (s:gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end)) }
end

-- server = faults.start(): { port, url, pid, set(), go(), take(), listen(), stop() }
function faults.start()
  local self = setmetatable({}, Faults)
  self._child = server.spawn({ python, "spec/support/fault_server.py" })
  local port, control = self._child.first_line:match("127%.0%.0%.1:(%d+), .*:(%d+)$")
  self.port = tonumber(port)
  self.url = "http://127.0.0.1:" .. port
  self.pid = self._child.pid
  self._control = assert(socket.connect("127.0.0.1", tonumber(control)))
  self._control:setoption("tcp-nodelay", true)
  return self
end

function Faults:_ask(command)
  assert(self._control:send(json.encode(command) .. "\n"))
  local answer = assert(json.decode(assert(self._control:receive("*l"))))
  if answer.error then
    error("the fault server says: " .. answer.error, 3)
  end
  return answer
end

-- What the server does from now on; see fault_server.py. Waits until nothing is under way and
-- forgets the log.
function Faults:set(scenario)
  scenario["do"] = "set"
  self:_ask(scenario)
end

-- The records since the last `set` or `take`, once nothing is under way.
function Faults:take()
  return self:_ask({ ["do"] = "take" }).records
end

-- Lets scripts go on that hold.
function Faults:go()
  self:_ask({ ["do"] = "go" })
end

-- One more port; with TLS where `tls` is given, never answering where is_deaf.
function Faults:listen(tls, is_deaf)
  return json.integer(self:_ask({ ["do"] = "listen", tls = tls, deaf = is_deaf }).port)
end

function Faults:stop()
  self._control:close()
  return self._child:stop()
end

-- Only the requests of a log, or the connections.
function faults.only(records, event)
  local list = {}
  for _, record in ipairs(records) do
    if record.event == event then
      list[#list + 1] = record
    end
  end
  return list
end

-- A script that reads the whole request and answers `answer`, which says `word` of all ids.
function faults.answer(answer, word, extra)
  local script = {
    ["do"] = { { "read", "all" }, { "write", faults.bytes(answer) } },
    says = word,
    carries = word == "stopped" or word == "accepted",
  }
  for name, value in pairs(extra or {}) do
    script[name] = value
  end
  return script
end

-- A whole HTTP answer. framing: "length" (the default), "chunked" or "close". Lua 5.1 cuts a "%s"
-- at a NUL, so the body is not put in with one.
function faults.http(status, body, framing, headers)
  local head = "HTTP/1.1 " .. status .. "\r\nContent-Type: application/json\r\n" .. (headers or "")
  if framing == "chunked" then
    local chunks = ""
    for chunk in body:gmatch(("."):rep(20) .. "?") do
      chunks = chunks .. ("%x\r\n"):format(#chunk) .. chunk .. "\r\n"
    end
    local rest = body:sub(#body - #body % 20 + 1)
    if rest ~= "" then
      chunks = chunks .. ("%x\r\n"):format(#rest) .. rest .. "\r\n"
    end
    return head .. "Transfer-Encoding: chunked\r\n\r\n" .. chunks .. "0\r\n\r\n"
  elseif framing == "close" then
    return head .. "Connection: close\r\n\r\n" .. body
  end
  return head .. ("Content-Length: %d\r\n\r\n"):format(#body) .. body
end

-- A frame of HTTP/2.
function faults.frame(kind, flags, stream, payload)
  local length = #payload
  return string.char(math.floor(length / 65536), math.floor(length / 256) % 256, length % 256,
    kind, flags, 0, 0, 0, stream) .. payload
end

-- A whole answer in frames of HTTP/2, to the request on `stream`; the first of a connection comes
-- with the server's own greeting.
function faults.http2(status, body, stream)
  local settings = stream == 1 and faults.frame(4, 0, 0, "") .. faults.frame(4, 1, 0, "") or ""
  -- A literal field without indexing, its name number 8 of the static table: `:status`.
  local fields = "\8\3" .. status:sub(1, 3)
  if body == "" then
    return settings .. faults.frame(1, 5, stream, fields)
  end
  return settings .. faults.frame(1, 4, stream, fields) .. faults.frame(0, 1, stream, body)
end

local function uuid(n)
  return ("2a28d557-22a1-4be6-8908-%012x"):format(n)
end

-- Of each provider: the call, ids (`id(n)` makes the n-th), how many go into one request, and the
-- bodies of answers: `stopped(ids)`, `late(ids)`.
faults.providers = {
  {
    name = "revicom",
    call = "stop",
    batch = 3,
    id = uuid,
    stopped = function(ids)
      local items = {}
      for i, id in ipairs(ids) do
        items[i] = ('{"messageUuid":"%s","code":200}'):format(id)
      end
      return "200 OK", '{"items":[' .. table.concat(items, ",") .. '],"errors":false}'
    end,
    late = function(ids)
      local items = {}
      for i, id in ipairs(ids) do
        items[i] = ('{"messageUuid":"%s","code":403}'):format(id)
      end
      return "200 OK", '{"items":[' .. table.concat(items, ",") .. '],"errors":true}', "too_late"
    end,
  },
  {
    name = "idigital",
    call = "stop_dispatch",
    batch = 1,
    id = function(n)
      return ("70%08d"):format(n)
    end,
    stopped = function()
      return "200 OK", ""
    end,
    late = function()
      return "403 Forbidden", '{"error":{"code":4031,"msg":"Invalid state"}}', "not_stoppable"
    end,
  },
  {
    name = "pushwoosh",
    call = "stop",
    batch = 1,
    id = function(n)
      return ("1A2B-3C4D5E6F-%08X"):format(n)
    end,
    stopped = function()
      return "200 OK", "{}"
    end,
    late = function()
      return "400 Bad Request", '{"code":9,"message":"message is already sent","details":[]}',
        "not_stoppable"
    end,
  },
  {
    name = "clickatell",
    call = "stop",
    batch = 1,
    id = function(n)
      return ("d7a1c4e2b8f94a1e93c5d0e6%08x"):format(n)
    end,
    stopped = function(ids)
      return "200 OK", ('{"data":{"messageStatus":"006","description":"Message stopped by user",'
        .. '"apiMessageId":"%s"}}'):format(ids[1])
    end,
    late = function(ids)
      return "200 OK", ('{"data":{"messageStatus":"004","description":"Received by recipient",'
        .. '"apiMessageId":"%s"}}'):format(ids[1]), "too_late"
    end,
  },
}

-- Words that say that the message was not stopped by us.
local NOT_STOPPED = {
  failed = true,
  skipped = true,
  too_late = true,
  not_stoppable = true,
  not_found = true,
  invalid = true,
  denied = true,
}

-- What the server's log knows of one id.
local function evidence_of(id, requests)
  local evidence = { carried = 0, unseen = 0, words = {} }
  for _, record in ipairs(requests) do
    local is_in = false
    for _, held in ipairs(record.ids) do
      is_in = is_in or held == id
    end
    if is_in then
      local word = record.answered and record.says
      if type(word) == "table" then
        word = word[id]
      end
      if word then
        evidence.words[word] = true
      end
      if record.carried then
        evidence.carried = evidence.carried + 1
        if not word then
          evidence.unseen = evidence.unseen + 1
        end
      end
    end
  end
  return evidence
end

-- Why this item says more than the server's log allows; nil where it does not.
local function fault_of(item, evidence)
  local word = item.outcome
  if evidence.carried > (item.attempts or 1) then
    return ("was carried out %d times in %d attempt(s)"):format(evidence.carried,
      item.attempts or 1)
  end
  if word == "stopped" or word == "accepted" then
    if evidence.carried == 0 then
      return "was never carried out"
    elseif not evidence.words[word] then
      return "was never answered so"
    end
  elseif NOT_STOPPED[word] then
    if evidence.unseen > 0 then
      return "was carried out without an answer"
    elseif evidence.words.stopped or evidence.words.accepted then
      return "was carried out and answered"
    elseif word ~= "failed" and word ~= "skipped" and item.reason ~= "malformed_id"
      and not evidence.words[word] then
      return "was never answered so"
    end
    if word == "skipped" and (item.attempts or 0) > 0 then
      return "was sent"
    end
  elseif word ~= "unknown" then
    return "is no outcome of a stop"
  end
end

-- What is wrong with a report, by the server's log: a list of sentences, empty where all is well.
function faults.judge(report, records, ids)
  local wrong = {}
  local requests = faults.only(records, "request")
  if #report ~= #ids or report.total ~= #ids then
    wrong[#wrong + 1] = ("%d ids, %d items, a total of %s"):format(#ids, #report,
      tostring(report.total))
  end
  local counted = 0
  for _, count in pairs(report.counts) do
    counted = counted + count
  end
  if counted ~= #ids then
    wrong[#wrong + 1] = ("%d ids, counts of %d"):format(#ids, counted)
  end
  local came = 0
  for _, record in ipairs(requests) do
    if record.method:find("^%u*$") then
      came = came + 1 -- and no greeting of TLS to a plain port
    end
  end
  if came > report.requests then
    wrong[#wrong + 1] = ("%d requests reported, %d came"):format(report.requests, came)
  end
  for i, id in ipairs(ids) do
    local item = report[i]
    if not item or item.id ~= id then
      wrong[#wrong + 1] = ("item %d is %s, not %s"):format(i, tostring(item and item.id), id)
    else
      local fault = fault_of(item, evidence_of(id, requests))
      if fault then
        wrong[#wrong + 1] = ("%s is %s (%s), but %s"):format(id, item.outcome,
          tostring(item.reason), fault)
      end
    end
  end
  return wrong
end

return faults
