-- A worker of a job: takes entries from a storage (see store.lua), serves as the source of the run
-- that sends their ids, and records the results. It keeps the rules of a journal: no id is sent
-- before its intent is recorded, and a response after an unconfirmed attempt is checked for being
-- its echo.
--
-- A worker settles only ids with a provider's response and ids whose request may have worked. All
-- others go back to the job: another worker may have a valid token, a better network or more time.
--
-- Pure: storage and clocks are passed in. Only finish() blocks, in a function of its caller.

local outcome = require("stopmsg.meaning.outcome")

local worker = {}

-- Seconds between writes of results, and the maximum of results per write.
local FLUSH_EVERY, MANY = 0.25, 256

-- Ids whose intent is recorded ahead if each is a request of its own: first and most. The number
-- grows when the run has to wait for the storage.
local LEAST_WINDOW, MOST_WINDOW = 16, 1024

-- Parts of a lease: after RENEWED it is renewed, after TRUSTED no more ids are sent.
local RENEWED, TRUSTED = 1 / 4, 2 / 3

-- Seconds between two attempts to take entries, and between two checks for a reply of the storage.
local TAKE_EVERY, LOOK_EVERY = 0.2, 0.001

-- Seconds for which ids are handed out without stepping the storage.
local STEP_EVERY = 0.005

-- Reasons of a `failed` item whose request did not reach the provider.
local BEFORE = { connect = true, tls = true, rate_limited = true, credentials = true,
  outage = true, deadline = true, interrupted = true }

local OPEN = ("0"):byte()

local Worker = {}
Worker.__index = Worker

-- made = worker.new(options): store, me (a unique name), lease (seconds), clock (monotonic,
-- seconds), time (milliseconds since 1970), line(position, item, time) (the line of a result, for
-- the collector), most (ids that may wait here to be sent), batch (ids per request), is_once (ends
-- when there is nothing to take).
function worker.new(options)
  return setmetatable({
    counts = outcome.counts(), -- of the ids this worker settled
    settled = 0,
    handed_back = 0, -- ids
    ending = nil, -- why no more entries are taken: over, dead, cancelled, lost, empty
    failure = nil, -- the first item given back because of this worker
    fault = nil, -- why the storage cannot be used
    trouble = nil, -- why its last verb had no reply
    is_paused = false,
    ended = function() end, -- why the run stopped sending; nil if it has not
    _store = options.store,
    _me = options.me,
    _lease = options.lease,
    _clock = options.clock,
    _time = options.time,
    _most = options.most,
    _batch = options.batch,
    _is_once = options.is_once,
    _line = options.line,
    _window = math.max(LEAST_WINDOW, options.batch),
    _grown = 0, -- the place at which the window last grew
    _entries = {}, -- held entries, the oldest first
    _size = 1, -- ids of the largest entry so far
    _owners = {}, -- place in the run -> entry
    _indices = {}, -- place in the run -> place in the entry
    _place = 0,
    _take_at = -math.huge,
    _claim_at = math.huge,
    _is_taking = false,
    _is_claiming = false,
    _flushed = options.clock(),
    _stepped = -math.huge,
  }, Worker)
end

-- Returns whether sending has ended.
function Worker:is_over()
  return self.ending ~= nil or self.failure ~= nil or self.fault ~= nil or self.ended() ~= nil
    or self._is_stopped or false
end

-- Ends sending.
function Worker:stop()
  self._is_stopped = true
end

-- Notes why a verb has no reply, if so. Returns whether it has one.
local function has_reply(self, reply, message, is_final)
  self.trouble = not reply and message or nil
  if not reply and is_final and not self.fault then
    self.fault = message
  end
  return reply ~= nil
end

-- Drops an entry that another worker holds; its results are no longer wanted.
local function drop(self, entry)
  if entry.is_gone then
    return
  end
  entry.is_gone = true
  for i, other in ipairs(self._entries) do
    if other == entry then
      table.remove(self._entries, i)
      break
    end
  end
end

-- Handles a storage that may have lost confirmed writes. Another worker may have held the entry
-- meanwhile, so the storage may know more about it than we do, or less.
local function doubt(self, entry, identity)
  entry.identity, entry.returns = identity, true
  if self._store.has_epochs ~= false then
    entry.sent = entry.count
  end
end

-- Adds an entry.
local function add(self, entry, now)
  entry.at = 1 -- the next id to hand out
  entry.granted = 0 -- ids that may be sent
  entry.is_asking = false
  entry.is_counted = false -- an intent was recorded
  entry.is_settling = false
  entry.is_gone = false
  entry.beat = now
  entry.results, entry.first, entry.last = {}, 1, 0 -- not written yet
  entry.out = 0 -- ids handed out without an item yet
  entry.returns = false -- goes back as soon as these have their items
  entry.open = 0 -- unsettled ids
  for i = 1, entry.count do
    if entry.marks:byte(i) == OPEN then
      entry.open = entry.open + 1
    end
  end
  self._entries[#self._entries + 1] = entry
end

-- Takes in an entry from the storage. If its own lease has expired, this worker still has the
-- entry; if it had it twice, it could hand one back while the other's ids are in flight. It
-- continues with the first one, unless another worker held the entry in between.
local function take_in(self, entry, now)
  for _, other in ipairs(self._entries) do
    if other.id == entry.id then
      if entry.is_own then
        other.beat = math.max(other.beat, now)
        return
      end
      drop(self, other)
      break
    end
  end
  add(self, entry, now)
end

local function take(self, now)
  if self._is_taking or now < self._take_at then
    return
  end
  local waiting = 0 -- ids not handed out yet
  for _, entry in ipairs(self._entries) do
    waiting = waiting + entry.open - entry.out - (entry.last - entry.first + 1)
  end
  if waiting >= math.max(self._most, self._size) then
    return
  end
  -- Takes one entry at first, since their size is not known before.
  local most = math.max(1, math.floor((self._most - waiting) / self._size))
  most = self._size > 1 and most or 1
  self._is_taking = true
  self._store:take(self._me, self._lease, most, function(reply, message, is_final)
    self._is_taking = false
    if not has_reply(self, reply, message, is_final) then
      self._take_at = self._clock() + TAKE_EVERY
      return
    end
    for _, entry in ipairs(reply.entries) do
      self._size = math.max(self._size, entry.count)
      take_in(self, entry, now)
    end
    self.is_paused = reply.state == "paused"
    if #reply.entries == 0 then
      self._take_at = self._clock() + TAKE_EVERY
    end
    if reply.state == "LOST" then
      self.ending = "lost"
    elseif reply.state == "cancelled" then
      self.ending = "cancelled"
    elseif #self._entries > 0 or reply.state == "opening" then
      return
    elseif reply.ending ~= "" then
      self.ending = reply.ending
    elseif self._is_once and #reply.entries == 0 then
      self.ending = "empty"
    end
  end)
end

-- Renews the leases that are due.
local function claim(self, now)
  if self._is_claiming then
    return
  end
  local ids = {}
  for _, entry in ipairs(self._entries) do
    if now - entry.beat >= self._lease * RENEWED then
      ids[#ids + 1] = entry.id
    end
  end
  if #ids == 0 then
    return
  end
  local held = {}
  for i, entry in ipairs(self._entries) do
    held[i], ids[i] = entry, entry.id
  end
  self._is_claiming = true
  self._store:claim(self._me, ids, function(reply, message, is_final)
    self._is_claiming = false
    if not has_reply(self, reply, message, is_final) then
      return
    end
    local lost = {}
    for i = 2, #reply do
      lost[reply[i]] = true
    end
    for _, entry in ipairs(held) do
      if lost[entry.id] then
        drop(self, entry)
      else
        entry.beat = math.max(entry.beat, now)
      end
    end
  end)
end

-- Records the intent for the ids of an entry up to `count`.
local function intend(self, entry, count, now)
  entry.is_asking = true
  self._store:intend(self._me, entry, count, not entry.is_counted,
    function(reply, message, is_final)
      entry.is_asking = false
      if not has_reply(self, reply, message, is_final) or entry.is_gone then
        return
      end
      local said = reply[1]
      if said == "OK" then
        entry.granted, entry.is_counted = count, true
        entry.beat = math.max(entry.beat, now)
      elseif said == "EPOCH" then
        doubt(self, entry, reply[2])
      elseif said == "FENCED" then
        drop(self, entry)
      elseif said == "cancelled" or said == "LOST" then
        self.ending = said:lower()
      else
        self.is_paused = true
        entry.pauses_till = self._clock() + TAKE_EVERY
      end
    end)
end

-- Returns the next unsettled id of an entry, from `at` on; nil if there is none.
local function next_open(entry, at)
  return entry.marks:find("0", at, true)
end

-- Records intents before they are needed.
local function intend_ahead(self, now)
  local ready = 0
  for _, entry in ipairs(self._entries) do
    local at = next_open(entry, entry.at)
    if at then
      ready = ready + math.max(0, entry.granted - at + 1)
      if ready > self._window / 2 then
        return
      elseif not entry.is_asking and entry.granted < entry.count
        and now >= (entry.pauses_till or 0) then
        local count = math.min(entry.count, math.max(at - 1, entry.granted) + self._window)
        intend(self, entry, count, now)
        ready = ready + count - math.max(at - 1, entry.granted)
      end
    end
  end
end

-- Returns the line of a result, for the collector.
local function line_of(self, entry, result)
  local item = result.item
  if result.at <= entry.sent and item.reason ~= "malformed_id" then
    outcome.taint(item)
  end
  return self._line(entry.position + result.at - 1, item, result.time)
end

-- Writes up to MANY results of an entry. With the last of them the entry may go `back`.
local function settle(self, entry, back)
  local results = {}
  local first, last = entry.first, math.min(entry.last, entry.first + MANY - 1)
  for i = first, last do
    local result = entry.results[i]
    local line = line_of(self, entry, result) -- this may change the outcome
    results[#results + 1] = { at = result.at, word = result.item.outcome, line = line }
  end
  back = last == entry.last and back or nil
  entry.is_settling = true
  local asked = self._clock()
  self._store:settle(self._me, entry, results, back, function(reply, message, is_final)
    entry.is_settling = false
    if not has_reply(self, reply, message, is_final) then
      return
    elseif reply[1] == "EPOCH" then
      return doubt(self, entry, reply[2])
    elseif reply[1] == "FENCED" then
      return drop(self, entry)
    end
    for _, result in ipairs(results) do
      self.counts[result.word] = self.counts[result.word] + 1
    end
    self.settled = self.settled + #results
    for i = first, last do
      entry.results[i] = nil
    end
    entry.first = last + 1
    if not entry.is_gone then
      entry.open = entry.open - #results
      entry.beat = math.max(entry.beat, asked)
    end
    if reply[1] == "DONE" then
      drop(self, entry)
    elseif back then
      self.handed_back = self.handed_back + entry.open
      drop(self, entry)
    elseif entry.open == 0 then
      entry.returns = true -- the storage has unsettled ids in it
    end
  end)
end

-- Returns whether an entry can go back: none of its ids or intents is in flight.
local function is_ready_to_return(entry)
  return entry.returns and entry.out == 0 and not entry.is_asking
end

local function flush(self, now)
  local is_time = now - self._flushed >= FLUSH_EVERY
  if is_time then
    self._flushed = now
  end
  local entries = self._entries
  for i = #entries, 1, -1 do
    local entry = entries[i]
    local count = entry and entry.last - entry.first + 1 or 0
    if entry and not entry.is_settling then
      if is_ready_to_return(entry) then
        settle(self, entry, { sent = entry.intent, is_counted = entry.is_counted })
      elseif count > 0 and (is_time or count >= MANY or count == entry.open) then
        settle(self, entry)
      end
    end
  end
end

-- Does the work that is due. Called often.
function Worker:step()
  local store = self._store
  store:step()
  local now = self._clock()
  self._stepped = now
  if not store:is_ready() then
    return
  end
  flush(self, now)
  claim(self, now)
  if not self:is_over() then
    take(self, now)
    intend_ahead(self, now)
  end
end

-- Adds the next ids that may be sent to the chunk, after its place `n`.
local function hand_out(self, entry, chunk, want)
  while chunk.n < want do
    local at = next_open(entry, entry.at)
    if not at then
      entry.at = entry.count + 1
      return
    end
    entry.at = at
    if at > entry.granted then
      return
    end
    local n, place = chunk.n + 1, self._place + 1
    chunk[n], chunk.n = entry.ids[at], n
    self._place = place
    self._owners[place], self._indices[place] = entry, at
    entry.at, entry.out = at + 1, entry.out + 1
  end
end

-- Fills the chunk from the entries. Returns whether an entry waits for the storage.
local function gather(self, chunk, want, now)
  local is_waiting = false
  for _, entry in ipairs(self._entries) do
    local is_trusted = now - entry.beat < self._lease * TRUSTED
    if is_trusted and not entry.returns and entry.at <= entry.count then
      hand_out(self, entry, chunk, want)
      is_waiting = is_waiting or entry.is_asking
    end
    if chunk.n == want then
      break
    end
  end
  return is_waiting
end

-- The source of a run; see run/source.lua.
function Worker:fill(chunk, want)
  chunk.n = 0
  local now = self._clock()
  if now - self._stepped >= STEP_EVERY then
    self:step()
  end
  if self:is_over() then
    return true
  end
  gather(self, chunk, want, now)
  if chunk.n > 0 then
    return false
  end
  self:step()
  if self:is_over() then
    return true
  end
  local is_waiting = gather(self, chunk, want, now)
  if chunk.n > 0 then
    return false
  elseif is_waiting and self._window < MOST_WINDOW
    and self._place - self._grown >= self._window then
    self._window, self._grown = self._window * 2, self._place
  end
  local is_asking = is_waiting or (self._is_taking and #self._entries == 0)
  return false, now + (is_asking and LOOK_EVERY or TAKE_EVERY / 4)
end

-- Returns whether an item shows nothing about its message: this worker could not ask the provider.
local function goes_back(item)
  local word, reason = item.outcome, item.reason
  if word == "skipped" or (word == "denied" and reason == "credentials") then
    return true
  end
  return word == "failed" and (item.attempts == 0 or BEFORE[reason]
    or (item.message ~= nil and item.message:find("not in the provider's form", 1, true) ~= nil))
end

-- Takes the run's item for the id at a place. Returns false if the id goes back to the job.
function Worker:take(item, place)
  local entry, at = self._owners[place], self._indices[place]
  self._owners[place], self._indices[place] = nil, nil
  entry.out = entry.out - 1
  if goes_back(item) then
    -- Not caused by this worker.
    if item.reason ~= "interrupted" then
      self.failure = self.failure or item
    end
    return false
  end
  if not entry.is_gone then
    entry.last = entry.last + 1
    entry.results[entry.last] = { at = at, item = item, time = self._time() }
  end
  return true
end

-- Returns whether the storage still has to be updated.
local function has_more(self)
  return #self._entries > 0 or self._is_taking
end

-- Call it once the run has ended: records the results and gives all other ids back. wait() waits
-- for the storage; it returns true to stop. Returns whether everything was recorded.
function Worker:finish(wait)
  self:stop()
  -- Ids handed out without an item may have been sent.
  local on_way = {}
  for place, entry in pairs(self._owners) do
    on_way[entry] = math.max(on_way[entry] or 0, self._indices[place])
  end
  while has_more(self) do
    self._store:step()
    if self.fault then
      return false
    elseif self._store:is_ready() then
      for i = #self._entries, 1, -1 do
        local entry = self._entries[i]
        if entry and not entry.is_settling and not entry.is_asking then
          settle(self, entry, {
            sent = math.max(entry.intent, on_way[entry] or 0),
            is_counted = entry.is_counted and not on_way[entry],
          })
        end
      end
    end
    if has_more(self) and wait() then
      return false
    end
  end
  return true
end

return worker
