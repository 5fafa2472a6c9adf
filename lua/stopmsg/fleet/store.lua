-- A job in a storage shared by many machines: the ids of one list, given out to workers in entries,
-- and their results. This storage is Redis Streams; another engine would have the same verbs.
--
-- Six verbs move ids:
--   feed     adds the next entry of the input, unless too many are waiting
--   take     gives entries to a worker: free ones, or those whose holder has gone quiet
--   intend   records how many ids of an entry may have been sent, before they are
--   settle   records results, and gives back an entry that this worker cannot finish
--   claim    renews a worker's leases on the entries it holds
--   totals   returns the progress of the job
-- The others are housekeeping: begin and leave (of a feed), change (pause, resume, cancel), retry
-- (dead entries), results and remove (for collecting results), forget.
--
-- Guarantees of the verbs, even if the storage fails:
--   * each is done as a whole or not at all, and may be repeated if no reply came;
--   * intend and settle do nothing for a worker that no longer holds the entry (`FENCED`);
--   * a settled id stays settled, and is counted once;
--   * a storage that may have lost confirmed writes has another identity from then on. All ids of
--     an entry written under an earlier identity count as perhaps sent. This prevents believing a
--     "too late" that may be the echo of a forgotten stop.
--
-- Nothing here blocks: verbs call on_done(reply, message, is_final) once, later or at once.
-- `message` is the reason for a missing reply: the verb may or may not have been carried out.
-- is_final: waiting does not help.

local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local fault = require("stopmsg.fleet.fault")
local link = require("stopmsg.fleet.link")
local scripts = require("stopmsg.fleet.scripts")

local store = {}

local Store = {}
Store.__index = Store

-- Marks of a part: unsettled and settled.
local OPEN, SETTLED = "0", "1"

-- Whether an entry written under another identity counts as perhaps sent. Specs turn this off to
-- show its effect.
store.has_epochs = true

local NAMES = { "job", "work", "intent", "counts", "done", "dead" }

-- made = store.new(options, job): options as for link.new.
function store.new(options, job)
  local keys = {}
  for i, name in ipairs(NAMES) do
    keys[i] = ("stopmsg:{%s}:%s"):format(job, name)
  end
  local made = link.new(options)
  return setmetatable({
    link = made,
    connection = made.connection,
    name = made.name, -- of the Redis, in messages
    job = job,
    _keys = keys,
    _redact = fault.redactor(options.password),
  }, Store)
end

-- Drives the connection and delivers replies.
function Store:step()
  self.link:step()
end

-- Returns whether a verb can be called now.
function Store:is_ready()
  return self.link:is_ready()
end

local function words_of(self, command, text, arguments)
  local words = { command, text, tostring(#self._keys) }
  for _, key in ipairs(self._keys) do
    words[#words + 1] = key
  end
  for _, argument in ipairs(arguments) do
    words[#words + 1] = argument
  end
  return words
end

-- Returns the message for a missing reply.
local function explain(self, err, is_lost)
  if is_lost then
    return err, self.link.is_final
  end
  local words, is_final = fault.of(err, "the job")
  return self._redact(("%s %s"):format(self.name, words)), is_final
end

local function send(self, words, on_reply)
  if not self.link:command(words, on_reply) then
    on_reply(nil, self.link:trouble() or self.name .. " is not connected yet", true)
  end
end

local function run(self, name, arguments, on_done)
  local script = scripts[name]
  local function done(value, err, is_lost)
    if err then
      on_done(nil, explain(self, err, is_lost))
    elseif type(value) ~= "table" then
      on_done(nil, self.name .. " answers as no Redis does", true)
    else
      on_done(value)
    end
  end
  send(self, words_of(self, "EVALSHA", script.sha, arguments), function(value, err, is_lost)
    if not is_lost and link.lacks_script(err) then
      send(self, words_of(self, "EVAL", script.text, arguments), done)
    else
      done(value, err, is_lost)
    end
  end)
end

local function whole(number)
  return ("%.0f"):format(number)
end

-- Registers a feeder; creates the job if it does not exist.
-- what: the job's identity, a list of { name, value }. lasting: seconds until a write of Redis is
-- on disk; a new job gives out no entries before. old: { feeder, beat } of a dead feed, or nil.
-- top: the position that this feed has reached, nil if unknown.
-- reply: { "OK", fed, identity, state }
-- { "DIFFERS", name, value }
-- { "BUSY", feeder, beat }
function Store:begin(me, what, lasting, old, top, on_done)
  local arguments = { me, old and old.feeder or "", old and old.beat or "",
    top and whole(top) or "", whole(lasting * 1000) }
  for _, pair in ipairs(what) do
    arguments[#arguments + 1] = pair[1]
    arguments[#arguments + 1] = pair[2]
  end
  run(self, "begin", arguments, on_done)
end

-- Adds an entry. chunk: from (the last position before it), to, ids (a list, "" for a settled id),
-- settled (a list of { at, line }, at a place of the list; the outcome is `invalid`). limits: ahead
-- (maximum of waiting entries), results (maximum of ids with waiting results).
-- reply: { "OK" }
-- { "FULL", "work" or "results" }
-- { "AT", fed }, if the job is not at `from`
-- { "EPOCH" }
-- { "LOST" }
-- { "OTHER", feeder }
-- { "cancelled" }
function Store:feed(me, identity, chunk, limits, on_done)
  local marks, lines, bad = {}, {}, chunk.settled or {}
  for i = 1, #chunk.ids do
    marks[i] = OPEN
  end
  for i, entry in ipairs(bad) do
    marks[entry.at], lines[i] = SETTLED, entry.line
  end
  run(self, "feed", { me, identity, whole(chunk.from), whole(chunk.to), whole(#chunk.ids - #bad),
    whole(limits.ahead), whole(limits.results), table.concat(chunk.ids, "\n"),
    table.concat(marks), whole(#bad), table.concat(lines) }, on_done)
end

-- Ends a feed.
function Store:leave(me, on_done)
  run(self, "leave", { me }, on_done)
end

local function entry_of(row)
  local ids, count, n = {}, 0, tonumber(row[3])
  for id in (row[4] .. "\n"):gmatch("([^\n]*)\n") do
    count = count + 1
    ids[count] = id
  end
  if count ~= n or #row[7] ~= n then
    return nil
  end
  local sent = tonumber(row[6])
  return {
    id = row[1],
    position = tonumber(row[2]), -- of the first id, in the input
    count = n,
    ids = ids,
    sent = (row[5] == "1" or not store.has_epochs) and sent or n, -- how many may have been sent
    intent = sent,
    marks = row[7],
    is_own = row[8] == "1", -- the one who takes it held it last
  }
end

-- Takes up to `most` entries for `me`; 0 only returns the state of the job.
-- reply: { state (opening, running, paused, cancelled, or LOST), identity, ending ("over": all ids
-- are settled; "dead": all others are in dead entries; ""), entries = list of { id, position,
-- count, ids, sent, marks (one byte per id, "0": unsettled) } }
function Store:take(me, lease, most, on_done)
  run(self, "take", { me, whole(lease * 1000), whole(most) }, function(value, message, is_final)
    if not value then
      return on_done(nil, message, is_final)
    end
    local reply = { state = value[1], identity = value[2], ending = value[3], entries = {} }
    for i = 4, #value do
      local entry = entry_of(value[i])
      if not entry then
        return on_done(nil, ("%s holds something else under the name of the job %s"):format(
          self.name, self.job), true)
      end
      entry.identity = value[2]
      reply.entries[#reply.entries + 1] = entry
    end
    on_done(reply)
  end)
end

-- Records that the first `count` ids of an entry may be sent from now on.
-- reply: { "OK" }
-- { "FENCED" }
-- { "EPOCH", identity }
-- { state } if that is not running
function Store:intend(me, entry, count, is_first, on_done)
  run(self, "intend", { me, entry.id, entry.identity, whole(count), is_first and "1" or "0" },
    on_done)
end

-- Records results: a list of { at (place in the entry), word (outcome), line (for the collector) }.
-- back: nil, or, to give the entry back, { sent = how many of its ids may have been sent,
-- is_counted = whether an intent was recorded }.
-- reply: { "OK", how many were new }
-- { "DONE", … } if the whole entry is settled
-- { "FENCED" }
-- { "EPOCH", identity }
function Store:settle(me, entry, results, back, on_done)
  local arguments = { me, entry.id, entry.identity, whole(entry.count), entry.marks,
    back and "back" or "keep", back and whole(back.sent) or "0",
    back and back.is_counted and "1" or "0" }
  for _, result in ipairs(results) do
    local n = #arguments
    arguments[n + 1], arguments[n + 2] = whole(result.at), SETTLED
    arguments[n + 3], arguments[n + 4] = result.word, result.line
  end
  run(self, "settle", arguments, on_done)
end

-- Renews the leases of these entries (a list of their ids).
-- reply: { "OK", entries now held by another worker… }
function Store:claim(me, ids, on_done)
  local arguments = { me }
  for i, id in ipairs(ids) do
    arguments[i + 1] = id
  end
  run(self, "claim", arguments, on_done)
end

local function map_of(list)
  local map = {}
  for i = 1, #list, 2 do
    map[list[i]] = list[i + 1]
  end
  return map
end

-- reply: nil if there is no such job, or { job (its identity and progress), counts (by outcome,
-- settled, collected, dead: ids), waiting (entries), held (entries), workers (list of { name, held,
-- idle (seconds) }), results (pieces), dead (entries), identity }
function Store:totals(on_done)
  run(self, "totals", {}, function(value, message, is_final)
    if not value then
      return on_done(nil, message, is_final)
    elseif value[1] == "LOST" then
      return on_done(false)
    end
    local totals = { job = map_of(value[1]), counts = map_of(value[2]), waiting = value[3],
      held = value[4][1], workers = {}, results = value[5], dead = value[6],
      identity = value[7], unsure = value[9] }
    for name, count in pairs(totals.counts) do
      totals.counts[name] = tonumber(count)
    end
    for _, fields in ipairs(value[8]) do
      local consumer = map_of(fields)
      if consumer.name ~= "back" then
        table.insert(totals.workers, { name = consumer.name, held = consumer.pending,
          idle = consumer.idle / 1000 })
      else
        totals.held = totals.held - consumer.pending
      end
    end
    totals.waiting = totals.waiting - totals.held
    on_done(totals)
  end)
end

-- reply: { the previous state, the state now }
-- { "LOST" }
function Store:change(state, on_done)
  run(self, "change", { state }, on_done)
end

-- Puts dead entries back. reply: { how many, how many are left }
function Store:retry(most, on_done)
  run(self, "retry", { whole(most) }, on_done)
end

-- reply: a list of { id, count, lines }: results not collected yet, the oldest first.
function Store:results(most, on_done)
  send(self, { "XRANGE", self._keys[5], "-", "+", "COUNT", whole(most) },
    function(value, err, is_lost)
      if err then
        return on_done(nil, explain(self, err, is_lost))
      end
      local list = {}
      for i, row in ipairs(value) do
        local fields = map_of(row[2])
        list[i] = { id = row[1], count = tonumber(fields.n), lines = fields.r }
      end
      on_done(list)
    end)
end

-- Removes results. reply: { how many ids they held }
function Store:remove(ids, on_done)
  run(self, "remove", ids, on_done)
end

-- Deletes the job piece by piece. reply: { how many entries are left }
function Store:forget(most, on_done)
  run(self, "forget", { whole(most) }, on_done)
end

-- reply, message, is_final = made:wait(patience, on_wait, verb, …): calls a verb and blocks until
-- its reply, for up to `patience` seconds if Redis is unreachable; 0 tries once. on_wait(trouble)
-- is called now and then meanwhile; if it returns true, the wait ends, perhaps without a message.
function Store:wait(patience, on_wait, verb, ...)
  local count = select("#", ...)
  local arguments = { ... }
  local till = core.now() + patience
  local reply, message, is_final, is_done
  local is_asked = false
  arguments[count + 1] = function(value, why, is_last)
    if value ~= nil then
      reply, is_done, message = value, true, nil
    else
      message, is_final, is_asked = why, is_last, false
      is_done = is_last
    end
  end
  while true do
    self:step()
    if not is_asked and not is_done and self:is_ready() then
      is_asked = true
      self[verb](self, compat.unpack(arguments, 1, count + 1))
    elseif self.link.is_final and not is_done then
      return nil, self.link.fault, true
    end
    local now = core.now()
    if is_done then
      return reply, message, is_final
    elseif on_wait and on_wait(self.link:trouble() or message) then
      return nil, self.link:trouble() or message, false
    elseif now >= till and (self.link.fault or message) then
      return nil, self.link.fault or message, false
    end
    self.connection:wait(math.min(self.link:due(), 0.1))
  end
end

function Store:close()
  self.link:close()
end

return store
