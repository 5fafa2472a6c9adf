-- Journals that were torn, edited, or are none: what is read from one is what stands in it, no
-- position is handed out that was settled, and the end of the run finds all of them.
--
-- Input: the number of ids and of ids a batch, then the journal, in which @ stands for the header
-- that belongs to this run.

local cjson = require("cjson")
local journal = require("stopmsg.journal")
local outcome = require("stopmsg.meaning.outcome")
local record = require("stopmsg.record")

local path = os.tmpname()
local codec = cjson.new()
codec.decode_invalid_numbers(false)

local function write(bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function read()
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

local function open(total, batch)
  return journal.open(path, { provider = "revicom", operation = "stop", base_url = "https://x",
    fingerprint = "f", total = total }, { batch = batch, now = os.clock })
end

local headers = {}
local function header(total)
  if not headers[total] then
    write("")
    local opened = assert(open(total, 2))
    assert(opened:close())
    headers[total] = read()
  end
  return headers[total]
end

local AGAIN = { unknown = true, skipped = true, open = true, failed = true, denied = true }

-- Position -> its last word, and whether that is to be sent again; nil for what cannot be judged.
local function settled_of(bytes)
  local known = {}
  for line in bytes:gmatch("([^\n]*)\n") do
    local called, object = pcall(codec.decode, line)
    if not called or type(object) ~= "table" then
      return nil
    end
    for _, name in ipairs({ "n", "outcome", "reason", "intent" }) do
      if select(2, line:gsub('"' .. name .. '"', "")) > 1 then
        return nil -- nobody knows which of the two is meant
      end
    end
    if object.n and not object.intent then
      known[object.n] = { word = object.outcome, is_again = AGAIN[object.outcome] }
    end
  end
  return known
end

local tails = record.tails()

-- Runs to the end; the positions that were sent.
local function finish(opened)
  local sent, position = {}, opened:grant(0)
  while position do
    assert(not sent[position], "granted twice")
    sent[position] = true
    local item = { id = "id" .. position, outcome = "stopped", code = 200 }
    opened:outcome(position, item, tails(item))
    position = opened:grant(position)
  end
  return sent
end

return function(data)
  local total, batch, bytes = data:match("^(%d+) (%d+)\n(.*)$")
  if not total then
    return
  end
  total, batch = tonumber(total) % 40 + 1, tonumber(batch) % 8 + 1
  bytes = bytes:gsub("@", function()
    return header(total)
  end)
  write(bytes)
  local opened, message = open(total, batch)
  if not opened then
    assert(type(message) == "string", "no reason")
    assert(read() == bytes or bytes:sub(1, #read()) == read(), "refused, and written to")
    return
  end
  local whole = bytes:match("^.*\n") or ""
  local known = settled_of(whole:match("^[^\n]*\n(.*)$") or "")
  local counts = opened:counts()
  local sum = 0
  for _, word in ipairs(outcome.names) do
    assert(counts[word] >= 0, "a count below zero")
    sum = sum + counts[word]
  end
  assert(sum <= total, "more outcomes than ids")
  if known then
    for position = 1, total do
      local word, is_ambiguous = opened:known(position)
      local one = known[position]
      if one and not one.is_again then
        assert(word == one.word, ("position %d: %s, not %s"):format(position, tostring(word),
          tostring(one.word)))
        assert(not is_ambiguous, "a settled one that is in doubt")
      end
    end
  end
  local before = {}
  for position = 1, total do
    before[position] = { opened:known(position) }
  end
  local sent = finish(opened)
  assert(opened:close())
  for position = 1, total do
    local word = before[position][1]
    local one = known and known[position]
    assert(sent[position] or word and not AGAIN[word], "one was forgotten")
    assert(not sent[position] or not one or one.is_again, "a settled one was sent again")
    assert(sent[position] or not one or not one.is_again, "one was not sent again")
  end
  opened = assert(open(total, batch))
  local left = opened:grant(0)
  assert(not left, "something is left after the end")
  counts = opened:counts()
  sum = 0
  for _, word in ipairs(outcome.names) do
    sum = sum + counts[word]
  end
  assert(sum == total, "not one outcome an id")
  assert(opened:close())
  assert(not read():sub(1, -2):find("\n\n", 1, true) or bytes:find("\n\n", 1, true), "a blank line")
end
