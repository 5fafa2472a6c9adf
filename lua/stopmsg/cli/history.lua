-- What journals tell: how many ids ended how, why, when, and how the runs went.

local native = require("stopmsg.command")
local journal = require("stopmsg.journal")
local outcome = require("stopmsg.meaning.outcome")

local history = {}

-- A position's outcomes are counted up to here.
local MOST = 15

-- The mark of a position that was about to be sent.
local INTENT = 1

local History = {}
History.__index = History

-- made = history.new(): of no journal yet.
function history.new()
  return setmetatable({
    journals = {}, -- { path, provider, operation, ids, runs, open_runs }
    counts = outcome.counts(), -- of the last outcome of each id
    reasons = {}, -- of what was not stopped: reason -> count
    ids = 0,
    unreached = 0, -- ids that no run has come to
    intended = 0, -- ids that may have been sent, without an outcome: counted as unknown, too
    left = 0, -- messages that had left before their dispatch was stopped
    runs = 0,
    ended = 0, -- runs that came to their end
    requests = 0,
    slowest = 0, -- seconds
    pauses = {}, -- { at, seconds }
    outages = {}, -- { at, phase, reason, … }
    seconds = {}, -- second since 1970 -> { stopped, missed, requests, slowest }
    first = nil, -- milliseconds since 1970
    last = nil,
  }, History)
end

function History:_see(at)
  if type(at) == "number" then
    self.first = math.min(self.first or at, at)
    self.last = math.max(self.last or at, at)
  end
end

function History:_second(at)
  local second = math.floor(at / 1000)
  local found = self.seconds[second]
  if not found then
    found = { stopped = 0, missed = 0, requests = 0, slowest = 0 }
    self.seconds[second] = found
  end
  return found
end

-- What a line says that is neither an intent nor an outcome.
local function take_other(self, about, fields)
  local at = fields.at
  self:_see(at)
  if fields.start then
    self.runs, about.runs = self.runs + 1, about.runs + 1
  elseif fields["end"] then
    self.ended, about.ended = self.ended + 1, about.ended + 1
  elseif type(fields.request) == "table" and at then
    local count, slowest = fields.request.count or 0, fields.request.slowest or 0
    self.requests = self.requests + count
    self.slowest = math.max(self.slowest, slowest)
    local second = self:_second(at)
    second.requests = second.requests + count
    second.slowest = math.max(second.slowest, slowest)
  elseif type(fields.pause) == "table" then
    self.pauses[#self.pauses + 1] = { at = at, seconds = fields.pause.seconds or 0 }
  elseif type(fields.outage) == "table" then
    fields.outage.at = at
    self.outages[#self.outages + 1] = fields.outage
  end
end

local function nothing() end

-- Counts the last outcome of a position.
local function count(self, word, rest)
  self.counts[word] = self.counts[word] + 1
  if word ~= "stopped" then
    local reason = rest:match(',"reason":"([%w_]+)"')
    if reason then
      self.reasons[reason] = (self.reasons[reason] or 0) + 1
    end
  end
  self.left = self.left + (tonumber(rest:match(',"left":(%d+)')) or 0)
end

-- Puts a position into the timeline, whose last outcome is `word`.
local function date(self, word, at)
  if at then
    local second = self:_second(at)
    local name = word == "stopped" and "stopped" or "missed"
    second[name] = second[name] + 1
  end
end

-- true | nil, message: adds a journal, which is readable then. What it tells is counted by sum().
function History:add(path)
  local about = { path = path, runs = 0, ended = 0 }
  -- How many outcomes a position has, how many of them since it was last about to be sent (0 also
  -- once it is dated), and its last one.
  local times, since, marks = native.marks(), native.marks(), native.marks()
  local highest = 0 -- position
  local read, message = journal.read(path, {
    header = function(fields)
      about.provider, about.operation = fields.provider, fields.operation
      about.ids = type(fields.ids) == "number" and fields.ids or nil
    end,
    intent = function(first, last)
      if type(first) == "number" and type(last) == "number" then
        highest = math.max(highest, last)
        for position = math.max(1, first), math.min(last, about.ids or last) do
          if not journal.settled[journal.words[marks:get(position)]] then
            marks:set(position, INTENT)
            since:set(position, 0)
          end
        end
      end
    end,
    outcome = function(position, _, word)
      highest = math.max(highest, position)
      times:set(position, math.min(MOST, times:get(position) + 1))
      since:set(position, math.min(MOST, since:get(position) + 1))
      marks:set(position, journal.marks[word])
    end,
    other = function(fields)
      take_other(self, about, fields)
    end,
  })
  if not read then
    return nil, ("%s: %s"):format(path, message)
  end
  about.ids = about.ids or highest -- of ids that were found nobody knew the number
  about.times, about.since, about.marks = times, since, marks
  self.journals[#self.journals + 1] = about
  return true
end

local function sum(self, about, each)
  local times, since, marks, settled = about.times, about.since, about.marks, 0
  local read, message = journal.read(about.path, {
    header = nothing,
    intent = nothing,
    other = nothing,
    outcome = function(position, id, word, rest)
      local left, recent = times:get(position), since:get(position)
      -- Of one that has more outcomes than can be counted, the first that is as the last. One that
      -- was about to be sent again after its outcome has none.
      local mark = marks:get(position)
      local is_last = mark ~= INTENT and (left == 1
        or (left == MOST and journal.words[mark] == word))
      times:set(position, left == MOST and not is_last and MOST or is_last and 0
        or math.max(0, left - 1))
      local at = tonumber(rest:match('"at":(%d+)$'))
      self:_see(at)
      -- What a lookup proves or tells later happened when the id was sent: it is dated by the first
      -- outcome since.
      if recent > 0 and (left == recent or is_last) then
        since:set(position, 0)
        date(self, journal.words[mark], at)
      end
      if is_last then
        settled = settled + 1
        count(self, word, rest)
        if each then
          each(id, word, rest)
        end
      end
    end,
  })
  if not read then
    return nil, ("%s: %s"):format(about.path, message)
  end
  local intended = marks:count(INTENT)
  self.counts.unknown = self.counts.unknown + intended
  self.intended = self.intended + intended
  self.ids = self.ids + about.ids
  self.unreached = self.unreached + about.ids - settled - intended
  return true
end

-- true | nil, message: counts what the journals tell. Where `each` is given, it is called with the
-- id, the outcome and the rest of the line of every id's last outcome.
function History:sum(each)
  for _, about in ipairs(self.journals) do
    local read, message = sum(self, about, each)
    if not read then
      return nil, message
    end
  end
  return true
end

-- Ids for which the same command, run again, would do something.
function History:open()
  local counts = self.counts
  return counts.unknown + counts.failed + counts.skipped + counts.denied + counts.open
    + self.unreached
end

-- How many outages began.
function History:outage_count()
  local number = 0
  for _, outage in ipairs(self.outages) do
    number = number + (outage.phase ~= "end" and 1 or 0)
  end
  return number
end

-- The seconds in which something happened, in their order: a list of { second, stopped, … }.
function History:timeline()
  local list = {}
  for second, what in pairs(self.seconds) do
    what.second = second
    list[#list + 1] = what
  end
  table.sort(list, function(a, b)
    return a.second < b.second
  end)
  return list
end

return history
