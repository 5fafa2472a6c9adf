-- Reads the list of stoppable messages again and again until nothing is left, and feeds the ids to
-- the run that stops them. Pure: looks and the clock are passed in.

local hunts = {}

-- The hunt ends after this many complete looks in a row that find nothing new, or failed looks in a
-- row that find nothing.
local QUIET, FAILED = 2, 3

-- Limit for looks that find only entries in a temporary state.
local CHANGING = 12

local Hunt = {}
Hunt.__index = Hunt

-- hunts.new(with): with.look() starts a look; with.clock(); with.interval, the seconds between
-- looks when the first found nothing; with.ended() returns why the run stopped sending, or nil;
-- with.report, whose fields rounds, found, is_complete and err are updated. Optional: with.first,
-- items to return before the first look; with.found(items), called before items are returned: false
-- ends the hunt.
function hunts.new(with)
  local report = with.report
  report.rounds, report.found, report.is_complete, report.err = 0, 0, false, nil
  return setmetatable({
    _with = with,
    _look = nil,
    _first = with.first and #with.first > 0 and with.first or nil,
    _items = nil, -- current page; items up to _at are returned
    _at = 0,
    _owes = false, -- returned items may still wait for their batch to fill
    _rests_till = -math.huge,
    _quiet = 0,
    _failed = 0,
    _trouble = nil, -- why the last look was incomplete
    _changing = 0,
    _is_over = false,
  }, Hunt)
end

local function finish(self, err)
  local report = self._with.report
  self._is_over = true
  report.is_complete, report.err = err == nil, err
end

-- Decides what follows a look that ended.
local function judge(self, look)
  local with = self._with
  local is_quiet = look.found == 0 and look.is_complete and look.changing == 0
  local is_waiting = look.found == 0 and look.is_complete and look.changing > 0
  self._quiet = is_quiet and self._quiet + 1 or 0
  self._changing = is_waiting and self._changing + 1 or 0
  self._trouble = look.err
  self._failed = look.found == 0 and not look.is_complete and self._failed + 1 or 0
  if self._quiet == QUIET then
    finish(self)
  elseif self._changing == CHANGING then
    finish(self, { outcome = "failed", reason = "changing",
      message = ("%d entries stay in a state that should only be temporary"):format(
        look.changing) })
  elseif not look.is_complete and (look.err.is_final or self._failed == FAILED) then
    finish(self, look.err)
  elseif look.found == 0 or not (look.is_complete or look.err.is_depth) then
    self._rests_till = with.clock() + with.interval
  end
end

-- Sets the items to return next.
local function give(self, items)
  local with = self._with
  if with.found and not with.found(items) then
    return finish(self, { outcome = "skipped", reason = "interrupted",
      message = "the run ended before the list was complete" })
  end
  self._items, self._at = items, 0
  with.report.found = with.report.found + #items
end

-- is_last, at = hunt:fill(chunk, want): a source, see run/source.lua. After each page it reports
-- that nothing more is ready, so its ids are stopped before the next page is read.
function Hunt:fill(chunk, want)
  local with = self._with
  local items = self._items
  if items then
    chunk.n = math.min(want, #items - self._at)
    for i = 1, chunk.n do
      chunk[i] = items[self._at + i].id
    end
    self._at, self._owes = self._at + chunk.n, true
    if self._at == #items then
      self._items = nil
    end
    return false
  end
  chunk.n = 0
  if self._is_over then
    return true
  end
  local reason = with.ended()
  if reason then
    local trouble = self._trouble
    local why = trouble and (trouble.message or trouble.reason)
    finish(self, { outcome = "skipped", reason = reason,
      message = "the run ended before the list was complete"
        .. (why and "; the last look failed: " .. why or "") })
    return true
  elseif self._owes then
    self._owes = false
    return false, with.clock()
  elseif with.clock() < self._rests_till then
    return false, self._rests_till
  end
  if self._first then
    local first = self._first
    self._first = nil
    give(self, first)
    return self._is_over, with.clock()
  end
  if not self._look then
    self._look = with.look()
    with.report.rounds = with.report.rounds + 1
  end
  local found = self._look:page()
  if not found then
    local look = self._look
    self._look = nil
    judge(self, look)
  elseif #found > 0 then
    give(self, found)
  end
  return self._is_over, with.clock()
end

return hunts
