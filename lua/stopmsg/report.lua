-- The report of one call: an item for every id, and totals.

local outcome = require("stopmsg.meaning.outcome")

local report = {}

-- Maximum number of different warnings.
local MAX_WARNINGS = 50

-- Items to count between two pauses.
local PIECE = 1024

local Report = {}
Report.__index = Report
Report.__name = "stopmsg.report"

-- An empty report. `list` is an empty table, perhaps with room for the items.
function report.new(list)
  local self = list or {}
  self.counts = outcome.counts()
  self.reasons = {} -- reason -> how many items have it
  self.total = 0
  self.ok = false
  self.requests = 0
  self.retries = 0
  self.connections = 0
  self.elapsed = 0
  self.warnings = {}
  return setmetatable(self, Report)
end

-- What a report counts of its items.
local COUNTED = { counts = true, reasons = true, total = true, ok = true }

-- Hides what an empty report counts, until somebody looks at it, or unveil() is called. look() then
-- returns counts and reasons, and the report is like any other: to count each item costs a stream
-- half of its time.
function report.veil(self, look)
  for field in pairs(COUNTED) do
    self[field] = nil
  end
  return setmetatable(self, {
    __index = function(_, field)
      if COUNTED[field] then
        self:unveil(look())
        return rawget(self, field)
      end
      return Report[field]
    end,
    __name = Report.__name,
    __tostring = Report.__tostring,
  })
end

-- Shows what a veiled report counts.
function Report:unveil(counts, reasons)
  self.counts, self.reasons = counts, reasons
  setmetatable(self, Report):add_up()
end

function report.is(value)
  return type(value) == "table" and value.counts and getmetatable(value) == Report
end

-- Adds a warning, once.
function Report:warn(message)
  for _, known in ipairs(self.warnings) do
    if known == message then
      return
    end
  end
  if message and #self.warnings < MAX_WARNINGS then
    self.warnings[#self.warnings + 1] = message
  end
end

-- Makes the rest of what `counts` says, which somebody else has counted in. total: their sum, or
-- nil.
function Report:add_up(total)
  if not total then
    total = 0
    for _, count in pairs(self.counts) do
      total = total + count
    end
  end
  self.total, self.ok = total, total > 0 and self.counts.stopped == total
end

-- Counts items with the same outcome.
function Report:count_alike(word, count)
  local counts = self.counts
  counts[word] = counts[word] + count
  self.total = self.total + count
  self.ok = counts.stopped == self.total
end

-- Counts one item.
function Report:count(item)
  self:count_alike(item.outcome, 1)
  if item.reason then
    self.reasons[item.reason] = (self.reasons[item.reason] or 0) + 1
  end
end

-- Recounts all items after some of them changed. breathe() yields to others; it may be nil.
function Report:recount(breathe)
  for name in pairs(self.counts) do
    self.counts[name] = 0
  end
  self.total, self.reasons = 0, {}
  for place, item in ipairs(self) do
    self:count(item)
    if breathe and place % PIECE == 0 then
      breathe()
    end
  end
end

---The ids with this outcome, in order.
---@param word stopmsg.Outcome
---@return (string|integer)[]
function Report:ids(word)
  if not outcome.all[word] then
    error(("bad argument #1 to 'ids' (unknown outcome '%s')"):format(tostring(word)), 2)
  end
  local list = {}
  for _, item in ipairs(self) do
    if item.outcome == word then
      list[#list + 1] = item.id
    end
  end
  return list
end

-- The most frequent reason, or nil. Items that were stopped have none.
local function commonest(reasons)
  local found
  for reason, count in pairs(reasons) do
    if not found or count > reasons[found] or count == reasons[found] and reason < found then
      found = reason
    end
  end
  return found
end

-- "3 ids: 2 stopped, 1 too_late (1 request, 0.12 s)": for callers that show the reasons themselves
function report.totals(self)
  local parts = {}
  for _, name in ipairs(outcome.names) do
    if self.counts[name] > 0 then
      parts[#parts + 1] = ("%d %s"):format(self.counts[name], name)
    end
  end
  local function plural(n, word)
    return ("%d %s%s"):format(n, word, n == 1 and "" or "s")
  end
  return ("%s: %s (%s%s, %.2f s)"):format(plural(self.total, "id"),
    #parts > 0 and table.concat(parts, ", ") or "nothing to do", plural(self.requests, "request"),
    self.retries > 0 and (", %d repeated"):format(self.retries) or "", self.elapsed)
end

-- The same with the commonest reason: "2 ids: 1 stopped, 1 failed (1 request, 0.12 s); reason: tls"
function Report:__tostring()
  local reason = commonest(self.reasons)
  local is_only = reason and next(self.reasons) == reason and next(self.reasons, reason) == nil
  return report.totals(self)
    .. (reason and (is_only and "; reason: " or "; main reason: ") .. reason or "")
end

return report
