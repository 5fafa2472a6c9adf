-- What became of every id of one call.

local outcome = require("stopmsg.outcome")

local report = {}

local Report = {}
Report.__index = Report
Report.__name = "stopmsg.report"

-- A report without items yet.
function report.new()
  local counts = {}
  for _, name in ipairs(outcome.names) do
    counts[name] = 0
  end
  return setmetatable({
    counts = counts,
    total = 0,
    ok = false,
    requests = 0,
    retries = 0,
    connections = 0,
    elapsed = 0,
    warnings = {},
  }, Report)
end

function report.is(value)
  return getmetatable(value) == Report
end

-- Counts an item that has settled.
function Report:count(item)
  local counts = self.counts
  counts[item.outcome] = counts[item.outcome] + 1
  self.total = self.total + 1
  -- Nothing stopped is not everything stopped.
  self.ok = counts.stopped == self.total
end

-- Counts all items anew, after some of them changed.
function Report:recount()
  for name in pairs(self.counts) do
    self.counts[name] = 0
  end
  self.total = 0
  for _, item in ipairs(self) do
    self:count(item)
  end
end

-- The ids with this outcome, in order.
---@param word stopmsg.Outcome
---@return (string|integer)[]
function Report:ids(word)
  if not outcome.all[word] then
    error(("bad argument #1 to 'ids' (no outcome is called '%s')"):format(tostring(word)), 2)
  end
  local list = {}
  for _, item in ipairs(self) do
    if item.outcome == word then
      list[#list + 1] = item.id
    end
  end
  return list
end

-- "3 ids: 2 stopped, 1 too_late (1 request, 0.12 s)"
function Report:__tostring()
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

return report
