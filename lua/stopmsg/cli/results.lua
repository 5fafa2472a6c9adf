-- The file that the results of a job are collected in: a line an id, each id once. A line without
-- its end was being written when the process died: it is cut off.

local journal = require("stopmsg.journal")
local native = require("stopmsg.command")
local record = require("stopmsg.record")

local results = {}

-- Bytes that are read at once.
local BLOCK = 256 * 1024

-- line = results.writer()(position, item, at): a result, as a line of the file. at: milliseconds.
function results.writer()
  local tail = record.tails()
  return function(position, item, at)
    return ('{"n":%.0f,"id":%s%s,"at":%.0f}\n'):format(position, record.quote(item.id),
      tail(item):sub(1, -3), at)
  end
end

local Results = {}
Results.__index = Results

local function unwritable(path, message)
  return ("%s cannot be written: %s; free some space and run the same command again"):format(path,
    message)
end

-- A number from 1 to 15 that two different ids seldom share.
local function mark_of(id)
  local sum = 0
  for i = 1, #id do
    sum = (sum * 31 + id:byte(i)) % 1048573
  end
  return sum % 15 + 1
end

local function strange(self, number)
  return ("%s, line %d is not a job's result: use another file"):format(self.path, number)
end

-- Notes the results in whole lines. true | nil, message
local function note(self, bytes, first)
  local number = first
  for line in bytes:gmatch("([^\n]*)\n") do
    local n, id = line:match('^{"n":(%d+),"id":"(.-)","outcome":"')
    n = tonumber(n)
    if not n or n < 1 or n > self._total or line:sub(-1) ~= "}" then
      return nil, strange(self, number)
    end
    if self._marks:get(n) == 0 then
      self.count = self.count + 1
    end
    self._marks:set(n, mark_of(id))
    number = number + 1
  end
  return number
end

-- Reads what is there. true | nil, message, is_fault
local function load(self, size)
  local at, rest, number = 0, "", 1
  while at < size do
    local block, message = self._log:read(at, math.min(BLOCK, size - at))
    if not block then
      return nil, ("%s: %s"):format(self.path, message), true
    end
    at = at + #block
    local bytes = rest .. block
    local last = bytes:match("^.*()\n")
    if last then
      number, message = note(self, bytes:sub(1, last), number)
      if not number then
        return nil, message
      end
    end
    rest = last and bytes:sub(last + 1) or bytes
    if #rest > BLOCK then
      return nil, strange(self, number)
    end
  end
  return true
end

-- opened = results.open(path, total) | nil, message, is_fault: the results that the file holds are
-- known from then on. total: ids of the job. opened.count: ids in it.
function results.open(path, total)
  local log, message = native.log(path)
  if not log then
    return nil, ("%s: %s"):format(path, message)
  end
  local self = setmetatable({ path = path, count = 0, _log = log, _marks = native.marks(),
    _total = total }, Results)
  local size
  size, message = journal.whole_size(log)
  if not size then
    log:close()
    return nil, ("%s: %s"):format(path, message), true
  end
  if size == 0 and log:size() > 0 then
    local head = log:read(0, 8)
    if head ~= ('{"n":'):sub(1, #head) and head:sub(1, 5) ~= '{"n":' then
      log:close()
      return nil, strange(self, 1)
    end
  end
  local loaded, is_fault
  loaded, message, is_fault = load(self, size)
  local cut = loaded and (size == log:size() or log:cut(size))
  if not loaded or not cut then
    log:close()
    return nil, message or path .. " cannot be written", is_fault or not message
  end
  return self
end

-- Adds the results of pieces (see store:results) that it does not hold yet, on disk. true | nil,
-- message, is_fault
function Results:add(pieces)
  local added, seen = {}, {}
  for _, piece in ipairs(pieces) do
    for line in piece.lines:gmatch("[^\n]*\n") do
      local n, id = line:match('^{"n":(%d+),"id":"(.-)","outcome":"')
      n = tonumber(n)
      if not n or n < 1 or n > self._total then
        return nil, "Redis holds something else under the name of the results", false
      end
      local mark, known = mark_of(id), seen[n] or self._marks:get(n)
      if known == 0 then
        added[#added + 1], seen[n] = line, mark
      elseif known ~= mark then
        return nil, ("%s has another id as number %.0f, so it is for another job: use another file")
          :format(self.path, n), false
      end
    end
  end
  if #added == 0 then
    return true
  end
  local wrote, message = self._log:append(table.concat(added))
  if wrote then
    wrote, message = self._log:sync()
  end
  if not wrote then
    return nil, unwritable(self.path, message), true
  end
  for n, mark in pairs(seen) do
    self._marks:set(n, mark)
    self.count = self.count + 1
  end
  return true
end

-- true | nil, message
function Results:close()
  local synced, message = self._log:sync()
  self._log:close()
  if not synced then
    return nil, unwritable(self.path, message)
  end
  return true
end

return results
