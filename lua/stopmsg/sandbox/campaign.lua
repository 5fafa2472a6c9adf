-- The messages of a sandbox provider: some from the start, more created at a rate, and some sent at
-- a rate while they are being stopped. Everything follows from the clock that is passed in.

local campaign = {}

local Campaign = {}
Campaign.__index = Campaign

-- Message numbers per block of open counts.
local BLOCK = 1024

-- Default number of messages created per second.
local PER_SECOND = 1000

-- Default number of messages held.
campaign.examples = { size = 3 }

-- A pattern for the ids of a format, which captures the number; and whether it is hexadecimal.
local function pattern_of(format)
  local before, kind, after = format:match("^(.-)%%%d*([dxX])(.*)$")
  local function plain(text)
    return (text:gsub("%%%%", "%%"):gsub("%p", "%%%0"))
  end
  return "^" .. plain(before) .. (kind == "d" and "(%d+)" or "(%x+)") .. plain(after) .. "$",
    kind ~= "d"
end

local function block_of(number)
  return math.floor((number - 1) / BLOCK) + 1
end

local function unlist(self, number)
  if not self._with.lists_all then
    local block = block_of(number)
    self._blocks[block] = self._blocks[block] - 1
  end
end

local function create(self, count)
  for number = self.created + 1, count do
    self._states[number] = false
    local block = block_of(number)
    self._blocks[block] = (self._blocks[block] or 0) + 1
  end
  self.created = math.max(self.created, count)
end

-- Catches up with the clock.
local function tick(self)
  local with = self._with
  local now = with.now()
  local elapsed = now - self._started
  local seconds = math.min(elapsed, with.create_seconds or math.huge)
  create(self, with.size + math.floor(seconds * (with.created_per_second or 0)))
  local due = math.floor(elapsed * (with.leave_per_second or 0))
  while self._due < due do
    while self._states[self._next] do
      self._next = self._next + 1
    end
    if self._next > self.created then
      self._due = due -- none is left to be sent
    else
      self._states[self._next], self.sent = true, self.sent + 1
      unlist(self, self._next)
      self._due = self._due + 1
    end
  end
  while self._first <= self._last
    and self._states[self._unshown[self._first]] + with.settle <= now do
    unlist(self, self._unshown[self._first])
    self._unshown[self._first] = nil
    self._first = self._first + 1
  end
end

-- campaign.new(with): now(), seconds since 1970; settle, seconds until a stop shows; format of an
-- id, with one number in it; size, created_per_second (for create_seconds, if given) and
-- leave_per_second; newest_first, the order of lists; lists_all, whether lists show messages that
-- are no longer stoppable.
function campaign.new(with)
  local pattern, is_hex = pattern_of(with.format)
  local self = setmetatable({
    created = 0, -- messages so far, numbered 1 to created
    stopped = 0,
    sent = 0,
    newest_first = with.newest_first or false,
    again = 0, -- stops of already stopped messages
    _with = with,
    _started = with.now(),
    _pace = (with.leave_per_second or 0) > 0 and with.leave_per_second or PER_SECOND,
    _pattern = pattern,
    _base = is_hex and 16 or 10,
    _states = {}, -- number -> false: open; a time: stopped then; true: sent
    _blocks = {}, -- block -> how many of its messages are listed
    _due = 0, -- messages that should have been sent
    _next = 1, -- lowest number that may be open
    _unshown = {}, -- numbers whose stop does not show yet, _first to _last
    _first = 1,
    _last = 0,
  }, Campaign)
  tick(self)
  return self
end

-- number = campaign:number(id), or nil if there is no such message.
function Campaign:number(id)
  if self.created == 0 then
    tick(self) -- a message must exist before it is first asked for
  end
  local digits = id:match(self._pattern)
  local number = digits and tonumber(digits, self._base)
  return number and number >= 1 and number <= self.created
    and self:id(number):lower() == id:lower() and number or nil
end

function Campaign:id(number)
  return self._with.format:format(number)
end

-- "scheduled", "stopped" or "sent"; as lookups show it if is_shown.
function Campaign:state(number, is_shown)
  tick(self)
  local state = self._states[number]
  if state == true then
    return "sent"
  elseif state and not (is_shown and state + self._with.settle > self._with.now()) then
    return "stopped"
  end
  return "scheduled"
end

-- Stops a message if possible. No time passes since its state was read.
function Campaign:stop(number)
  local state = self._states[number]
  if state == false then
    self._states[number], self.stopped = self._with.now(), self.stopped + 1
    self._last = self._last + 1
    self._unshown[self._last] = number
  elseif state ~= true then
    self.again = self.again + 1
  end
end

-- When a message is due to be sent.
function Campaign:time(number)
  return math.floor(self._started + (number - 1) / self._pace)
end

-- first, last: the numbers due within a span; either bound may be nil.
function Campaign:between(since, till)
  local per_second = self._pace
  tick(self)
  local start = math.floor(self._started)
  local first = since and math.max(1, math.floor((since - start - 1) * per_second)) or 1
  while since and first <= self.created and self:time(first) < since do
    first = first + 1
  end
  local last = till and math.min(self.created, math.ceil((till - start + 2) * per_second) + 1)
    or self.created
  while till and last >= 1 and self:time(last) > till do
    last = last - 1
  end
  return first, last
end

-- Counts messages: { created, open, stopped, sent, again }, where `again` counts stops of already
-- stopped messages.
function Campaign:tally()
  tick(self)
  return { created = self.created, open = self.created - self.stopped - self.sent,
    stopped = self.stopped, sent = self.sent, again = self.again }
end

local function is_listed(self, number)
  local state = self._states[number]
  return self._with.lists_all or state == false
    or (type(state) == "number" and state + self._with.settle > self._with.now())
end

-- How many of the numbers first to last are listed.
function Campaign:count(first, last)
  tick(self)
  local number, count = first, 0
  while number <= last do
    if (number - 1) % BLOCK == 0 and number + BLOCK - 1 <= last then
      count = count + self._blocks[block_of(number)]
      number = number + BLOCK
    else
      count = count + (is_listed(self, number) and 1 or 0)
      number = number + 1
    end
  end
  return count
end

-- numbers = campaign:list(first, last, skip, size): up to `size` listed messages after the first
-- `skip`, in the list's order.
function Campaign:list(first, last, skip, size)
  tick(self)
  local numbers = {}
  local step = self.newest_first and -1 or 1
  local number, ending = first, last
  if step < 0 then
    number, ending = last, first
  end
  while #numbers < size and (ending - number) * step >= 0 do
    local block = block_of(number)
    local edge = step > 0 and (block - 1) * BLOCK + 1 or block * BLOCK
    local is_whole = number == edge and (ending - number) * step >= BLOCK - 1
    if is_whole and self._blocks[block] <= skip then
      skip = skip - self._blocks[block]
      number = number + step * BLOCK
    else
      if is_listed(self, number) then
        if skip > 0 then
          skip = skip - 1
        else
          numbers[#numbers + 1] = number
        end
      end
      number = number + step
    end
  end
  return numbers
end

return campaign
