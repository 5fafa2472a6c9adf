-- Bytes on a connection: what is asked by the request that the core writes, and what it makes of
-- any answer, Retry-After included.
--
-- Input: a line of ids, then the bytes of the answer.

local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local json = require("cjson")
local outage = require("stopmsg.outage")
local pacer = require("stopmsg.pacer")
local retry = require("stopmsg.run.retry")
local socket = require("socket")

local listener = assert(socket.bind("127.0.0.1", 0, 16))
listener:settimeout(0)
local _, port = listener:getsockname()

local TOKEN = "canary-7f3a"
local secret = core.secret(TOKEN)
local STAGES = { queued = true, connected = true, sent = true, status = true, complete = true }
local FIELDS = { list = "items", id = "id", code = "code" }

-- Each in-between step is one of these, so this is a few seconds.
local MAX_STEPS = 3000

local function read_request(peer)
  local head = {}
  repeat
    local line = peer:receive("*l")
    head[#head + 1] = line
  until not line or line == ""
  local length = tonumber((table.concat(head, "\n"):match("Content%-Length: (%d+)"))) or 0
  return head, length > 0 and peer:receive(length) or ""
end

local HEADERS = { Host = true, Authorization = true, ["User-Agent"] = true, Accept = true,
  ["Content-Length"] = true, ["Content-Type"] = true }

local function check_request(head, body, ids)
  local path = assert(head[1]:match("^POST /stop/([%w%-._~%%,]+) HTTP/1%.1$"),
    "another request: " .. tostring(head[1]))
  local named = path:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  assert(named == table.concat(ids, ","), "another path: " .. path)
  for i = 2, #head - 1 do
    assert(HEADERS[head[i]:match("^([%w-]+): ")], "another header: " .. head[i])
  end
  local sent = json.decode(body)
  assert(#sent == #ids, "another number of ids")
  for i, id in ipairs(ids) do
    assert(sent[i] == id, "another id")
  end
end

-- An answer is sent in two pieces.
local function halves(bytes)
  local middle = math.floor(#bytes / 2)
  return bytes:sub(1, middle), bytes:sub(middle + 1)
end

-- libcurl may lose the first part of a header line where a NUL stands in it, or in one before: what
-- is left of the line is then the end of the headers.
local function loses_header(bytes)
  local first, second = halves(bytes)
  return first:find("\0", 1, true) and second:find("^[\r\n]")
end

-- Sends the answer, and closes. Returns what the core makes of it.
local function exchange(engine, ids, bytes)
  local peer, got, sent, result
  for _ = 1, MAX_STEPS do
    assert(engine:step())
    result = { engine:collect() }
    if result[1] then
      break
    end
    peer = peer or listener:accept()
    if peer and not got then
      peer:settimeout(0)
      local ready = socket.select({ peer }, nil, 0)
      if ready[1] then
        peer:settimeout(1)
        got = { read_request(peer) }
        check_request(got[1], got[2], ids)
        local first, second = halves(bytes)
        sent = peer:send(first)
        assert(engine:step())
        peer:send(second)
        peer:close()
      end
    elseif not (peer and got) or sent then
      engine:wait(0.001)
    end
  end
  if peer and not got then
    peer:close()
  end
  assert(result[1], "no end")
  return result
end

-- status, body, headers of an answer that leaves nothing to argue about; nil for others.
local function simple(bytes)
  local status, rest = bytes:match("^HTTP/1%.1 ([2-5]%d%d) [%w ]*\r\n(.*)$")
  local headers, body = (rest or ""):match("^(.-)\r\n\r\n(.*)$")
  if rest and rest:sub(1, 2) == "\r\n" then
    headers, body = "", rest:sub(3)
  end
  if not headers or status == "204" or status == "304" then
    return nil
  end
  local values = {}
  for line in (headers .. "\r\n"):gmatch("(.-)\r\n") do
    local name, value = line:match("^(X%-%w+): [%w ]+$")
    if not name then
      name, value = line:match("^(Retry%-After): (%d+)$")
    end
    if line ~= "" and (not name or values[name]) then
      return nil
    end
    values[name or ""] = value
  end
  return tonumber(status), body, values
end

local function check_pause(retry_after)
  assert(retry_after == nil or retry_after > 0 and retry_after < math.huge, "no pause: "
    .. tostring(retry_after))
  local delay = retry.delay({ max_attempts = 4 }, 1, retry_after, 60)
  assert(delay == nil or delay >= 0 and delay < 60, "a repeat after the end")
  local pause = outage.new({ slots = 4 }):throttled(1, 0, 4, retry_after)
  assert(pause >= 0, "a pause that ended before it began")
  local pace = pacer.new(10)
  pace:pause(pause)
end

local function ids_of(line)
  local ids = {}
  for id in line:gmatch("[^ ]+") do
    -- "." and ".." are folders, and refused before they come here; so is what is no ASCII.
    if id ~= "." and id ~= ".." and id:find("^[\33-\126]+$") then
      ids[#ids + 1] = id
    end
  end
  return ids[1] and ids
end

return function(data)
  local line, bytes = data:match("^([^\n]*)\n(.*)$")
  local ids = line and ids_of(line)
  if not ids then
    return
  end
  local engine = assert(engines.new({ slots = 1, max_response = 4096, connect_timeout = 2,
    proxy = "", user_agent = "fuzz" }))
  local is_read = #ids % 2 == 0
  local operation = engine:prepare({
    method = "POST",
    base = "http://127.0.0.1:" .. port,
    url = { "/stop/", { "ids", "percent", 0, "," } },
    body = { '["', { "ids", "json", 0, '","' }, '"]' },
    items = is_read and FIELDS or nil,
    headers = { "Content-Type: application/json", "Expect:",
      { "Authorization: Bearer ", { "token" } } },
  })
  engine:authorize(operation, secret)
  assert(engine:submit(operation, ids, 1, #ids, 2))
  local _, status, body, stage, fault, detail, retry_after, _, items =
    table.unpack(exchange(engine, ids, bytes), 1, 9)
  engine:close()

  assert(STAGES[stage], "no stage: " .. tostring(stage))
  assert((fault == nil) == (stage == "complete"), "complete with a fault, or the other way round")
  assert(stage == "complete" or body == "", "a body of half an answer")
  -- Nothing tells that it was empty, or it cannot be decoded.
  local is_known = body ~= nil
  body = body or ""
  assert(not (detail and detail:find(TOKEN, 1, true)), "the token in a message")
  assert(not items or status == 200 and is_read and stage == "complete", "items of no answer")
  assert(#body <= 4096, "larger than allowed")
  check_pause(retry_after)
  if stage == "complete" then
    -- libcurl takes any line that begins with CR for the end of the headers.
    assert(bytes:find("\n[\r\n]") or loses_header(bytes), "complete without headers")
  end
  local plain_status, plain_body, headers = simple(bytes)
  if plain_status and #plain_body <= 4096 then
    assert(stage == "complete", "refused: " .. tostring(fault) .. ", " .. tostring(detail))
    assert(status == plain_status, "another status: " .. status)
    assert(items or is_read and status == 200 or body == plain_body, "another body")
    assert(is_known == (body ~= ""), "known to be empty, without a length")
    local said = tonumber(headers["Retry-After"])
    assert(not said or said > 1e9 or retry_after == (said > 0 and said or nil), "another pause")
  end
end
