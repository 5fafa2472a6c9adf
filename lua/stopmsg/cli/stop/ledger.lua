-- The ids found by `stop --where`, each with the position where it was first found, in this run or
-- an earlier one with a journal. An id takes the memory of its core.seen entry and half a byte in
-- the journal's marks.

local core = require("stopmsg.core")
local forms = require("stopmsg.ids")
local journal = require("stopmsg.journal")

local ledger = {}

-- Maximum number of an earlier run's unproven stops to look up.
local MAX_HELD = 100000

local Ledger = {}
Ledger.__index = Ledger

-- made = ledger.new{ form (of the ids), book (a journal or nil), path (of the journal), most (limit
-- of ids to stop, or nil) }
-- nil, message
function ledger.new(with)
  local self = setmetatable({
    first = {}, -- { id, position } of an earlier run, to be sent again
    promises = {}, -- the same, stopped or accepted but not proven
    found = 0, -- positions so far
    is_full = false, -- more was found than may be stopped
    _book = with.book,
    _most = with.most or math.huge,
    _places = core.seen(with.form.mask),
    _given = 0, -- positions handed out or settled
    _before = 0, -- the last position of earlier runs
  }, Ledger)
  if with.book and not with.book.is_new then
    local loaded, message = self:_load(with.form, with.path)
    if not loaded then
      return nil, message
    end
  end
  return self
end

local function nothing() end

function Ledger:_load(form, path)
  local book = self._book
  local read, message = journal.read(path, {
    header = nothing,
    outcome = nothing,
    other = nothing,
    intent = function(from, _, ids)
      for i, id in ipairs(type(ids) == "table" and ids or {}) do
        local position = from + i - 1
        if not self._places:add(forms.key(form, id), position) then
          local known = book:known(position)
          if not journal.settled[known] then
            table.insert(self.first, { id = id, position = position })
          elseif #self.promises < MAX_HELD
            and (book:is_promised(position) or book:is_late(position)) then
            table.insert(self.promises, { id = id, position = position })
          end
        end
        self.found = math.max(self.found, position)
      end
    end,
  })
  self._given, self._before = self.found, self.found
  return read, message
end

-- Removes ids that a lookup has settled meanwhile from those to be sent again.
function Ledger:prune()
  local first = {}
  for _, entry in ipairs(self.first) do
    if not journal.settled[self._book:known(entry.position)] then
      first[#first + 1] = entry
    end
  end
  self.first = first
end

-- Returns the earlier position of a known id, or nil after adding it. Has the interface of
-- core.seen.
function Ledger:add(key)
  local earlier = self._places:add(key, self.found + 1)
  if not earlier then
    self.found = self.found + 1
  end
  return earlier
end

function Ledger:close()
  self._places:close()
end

-- Returns the position of the id handed out at this place.
function Ledger:position(place)
  local entry = self.first[place]
  return entry and entry.position or place - #self.first + self._before
end

-- Records in the journal that these items are about to be stopped. Returns false if that failed or
-- there are too many.
function Ledger:intend(items)
  local book = self._book
  local is_first = items == self.first
  if not is_first and self._given + #items > self._most then
    self.is_full = true
    return false
  elseif is_first then
    for _, entry in ipairs(items) do
      if book and not book:intend(entry.position, { entry.id }, true) then
        return false
      end
    end
    return not book or book:sync()
  end
  local ids = {}
  for i, item in ipairs(items) do
    ids[i] = item.id
  end
  local first = self._given + 1
  self._given = self._given + #items
  return not book or book:intend(first, ids)
end

return ledger
