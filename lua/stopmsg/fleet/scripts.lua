-- The scripts that keep a job in Redis. Each is atomic: its writes are complete or absent, even
-- after a power cut, since Redis replays only whole scripts.
--
-- Keys, all under the hash tag `stopmsg:{JOB}:`, in the order of KEYS:
--   job     hash: identity of the job (provider, kind, address, settings, input, total, size) and
--           its progress: state (running, paused, cancelled), fed (the last position in the job),
--           feeder (its name) and beat (its sign of life), run (the identity of the last feed),
--           top (positions up to this one may have been in the job before Redis lost them), lease
--           (milliseconds), seen (the clock of Redis), ripe (when workers may start: before that, a
--           power cut could lose the whole job, and with it the record that ids were sent)
--   work    stream: an entry is { f = first position, n = number of ids, i = ids, one per line,
--           with an empty line for a settled one, e = identity, k = how many may have been sent,
--           p = marks }. Its group is `workers`
--   intent  hash: entry -> how many of its ids may have been sent
--   counts  hash: outcome -> ids; settled, collected (ids), dead (ids)
--   done    stream: results not collected yet, { n = number of ids, r = lines }
--   dead    stream: entries delivered too often, with the fields of `work`
-- and part:<entry>, one byte per id, `0` for an unsettled one.
--
-- The identity names the Redis process and its history (run_id and replication id). After a power
-- cut, Redis may have lost writes that it had confirmed. An unsettled id therefore counts as
-- perhaps sent if its entry was written under another identity. If INFO is refused, the identity is
-- empty, and empty identities never match.

local scripts = {}

-- Deliveries without any id settled after which an entry is dead.
local MOST_DELIVERIES = 3

local IDENTITY = [==[
local function identity()
  local info = redis.pcall('INFO', 'server', 'replication')
  if type(info) ~= 'string' then
    return ''
  end
  local run = string.match(info, 'run_id:(%x+)')
  local history = string.match(info, 'master_replid:(%x+)')
  return run and string.sub(run, 1, 20) .. string.sub(history or '', 1, 20) or ''
end
]==]

-- Returns the clock of Redis; nil if scripts may not read it.
local CLOCK = [==[
local function milliseconds()
  local time = redis.pcall('TIME')
  if not time.err then
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  end
end
]==]

-- Entries that workers hold; nil if the group is gone, as after a FLUSHALL, and the job with it.
-- Then an entry: the worker that holds it and the number of its deliveries, its marks, how many of
-- its ids may have been sent by intent, its fields by name, and its removal.
local ENTRY = [==[
local function pending(...)
  local rows = redis.pcall('XPENDING', KEYS[2], 'workers', ...)
  if rows.err and not string.find(rows.err, 'NOGROUP', 1, true) then
    error(rows)
  end
  return not rows.err and rows or nil
end
local function holder(entry)
  local rows = pending(entry, entry, 1)
  if rows and rows[1] then
    return rows[1][2], rows[1][4]
  end
end
local function part_key(entry)
  return string.gsub(KEYS[2], 'work$', 'part:') .. entry
end
local function intended(entry)
  return tonumber(redis.call('HGET', KEYS[3], entry))
end
local function by_name(fields)
  local of = {}
  for i = 1, #fields, 2 do
    of[fields[i]] = fields[i + 1]
  end
  return of
end
local function drop(entry)
  redis.call('XACK', KEYS[2], 'workers', entry)
  redis.call('XDEL', KEYS[2], entry)
  redis.call('DEL', part_key(entry))
  redis.call('HDEL', KEYS[3], entry)
end
]==]

-- Returns the number of deliveries of an entry that `me` holds under the identity `known`, or nil
-- and the refusal to reply with.
local HELD = [==[
local function held(me, entry, known)
  local held_by, deliveries = holder(entry)
  if held_by ~= me then
    return nil, { 'FENCED' }
  end
  local now = identity()
  if now ~= known then
    return nil, { 'EPOCH', now }
  end
  return deliveries
end
]==]

-- ARGV: feeder; the replaced feeder and its beat; position this feeder has reached, empty if
-- unknown; milliseconds until a write of Redis is on disk; names and values of the job's identity.
-- Returns { OK, fed, identity, state }
-- { DIFFERS, name, value }
-- { BUSY, feeder, beat }.
local BEGIN = [==[
local now = identity()
local me, old, beat, top, lasting = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local known, fields = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  known[fields[i]] = fields[i + 1]
end
if not known.fed then
  local words = { 'HSET', KEYS[1] }
  for i = 6, #ARGV do
    words[#words + 1] = ARGV[i]
  end
  redis.call(unpack(words))
  local at = lasting > 0 and milliseconds()
  redis.call('HSET', KEYS[1], 'ripe', at and string.format('%.0f', at + lasting) or '0',
    'state', 'running', 'fed', '0', 'feeder', me, 'beat', '0',
    'run', now, 'top', top == '' and '0' or top)
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
  redis.call('XGROUP', 'CREATE', KEYS[2], 'workers', '0', 'MKSTREAM')
  return { 'OK', '0', now, 'running' }
end
for i = 6, #ARGV, 2 do
  if known[ARGV[i]] ~= ARGV[i + 1] then
    return { 'DIFFERS', ARGV[i], known[ARGV[i]] or '' }
  end
end
if known.feeder ~= '' and known.feeder ~= me
  and not (known.feeder == old and known.beat == beat) then
  return { 'BUSY', known.feeder, known.beat }
end
redis.call('HSET', KEYS[1], 'feeder', me)
if known.run ~= now or now == '' then
  -- What was fed under the other identity may have been lost, and sent before that.
  local reached = top == '' and known.total or top
  redis.call('HSET', KEYS[1], 'run', now,
    'top', string.format('%.0f', math.max(tonumber(known.top), tonumber(reached))))
end
return { 'OK', known.fed, now, known.state }
]==]

-- ARGV: feeder; identity; last position before this entry; its last position; number of its ids
-- still to be settled; maximum of waiting entries, and of waiting results; ids; marks; and for ids
-- already settled: their number, their lines.
-- Returns { OK }
-- { FULL, work or results }
-- { AT, fed }
-- { EPOCH }
-- { LOST, identity }
-- { OTHER, feeder }
-- { state }.
local FEED = [==[
local known = redis.call('HMGET', KEYS[1], 'feeder', 'fed', 'state', 'top')
local fed = tonumber(known[2])
if not fed then
  return { 'LOST', identity() }
elseif known[1] ~= ARGV[1] then
  return { 'OTHER', known[1] }
elseif known[3] == 'cancelled' then
  return { known[3] }
end
local now = identity()
if now ~= ARGV[2] then
  return { 'EPOCH' }
elseif fed ~= tonumber(ARGV[3]) then
  return { 'AT', known[2] }
end
redis.call('HINCRBY', KEYS[1], 'beat', '1')
local last = tonumber(ARGV[4])
if last == fed then
  return { 'OK' } -- asked only whether all is as it was
end
local counts = redis.call('HMGET', KEYS[4], 'settled', 'collected')
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[6]) then
  return { 'FULL', 'work' }
elseif (tonumber(counts[1]) or 0) - (tonumber(counts[2]) or 0) >= tonumber(ARGV[7]) then
  return { 'FULL', 'results' }
end
if tonumber(ARGV[5]) > 0 then
  local sent = math.max(0, math.min(last, tonumber(known[4])) - fed)
  redis.call('XADD', KEYS[2], '*', 'f', string.format('%.0f', fed + 1),
    'n', string.format('%.0f', last - fed), 'i', ARGV[8], 'e', now,
    'k', string.format('%.0f', sent), 'p', ARGV[9])
end
if tonumber(ARGV[10]) > 0 then
  redis.call('XADD', KEYS[5], '*', 'n', ARGV[10], 'r', ARGV[11])
  redis.call('HINCRBY', KEYS[4], 'invalid', ARGV[10])
  redis.call('HINCRBY', KEYS[4], 'settled', ARGV[10])
end
redis.call('HSET', KEYS[1], 'fed', ARGV[4])
return { 'OK' }
]==]

-- ARGV: worker; its lease in milliseconds; maximum of entries.
-- Returns { LOST }
-- { state (or opening), identity, end, entries… }, each entry { id, first, n, ids, whether it was
-- written under this identity, how many may have been sent, marks }. end: `over` if all ids are
-- settled, `dead` if all others are in dead entries, else empty.
local TAKE = [==[
local me, lease, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local known = redis.call('HMGET', KEYS[1], 'state', 'fed', 'total', 'lease', 'seen', 'ripe')
if not known[2] then
  return { 'LOST' }
end
local now = identity()
local settled = redis.call('HGET', KEYS[4], 'settled') or '0'
local buried = tonumber(redis.call('HGET', KEYS[4], 'dead')) or 0
local is_over = known[2] == known[3] and tonumber(settled) + buried == tonumber(known[3])
local reply = { known[1], now, is_over and (buried > 0 and 'dead' or 'over') or '' }
if is_over or known[1] ~= 'running' or most == 0 then
  return reply
end
if (tonumber(known[4]) or 0) < lease then
  redis.call('HSET', KEYS[1], 'lease', ARGV[2])
else
  lease = tonumber(known[4])
end
local at = milliseconds()
if at then
  if (tonumber(known[5]) or 0) > at + 1000 then
    -- The clock was set back: leases would seem to begin in times to come.
    for _, row in ipairs(redis.call('XPENDING', KEYS[2], 'workers', '-', '+', 1000)) do
      redis.call('XCLAIM', KEYS[2], 'workers', row[2], '0', row[1], 'JUSTID')
    end
    redis.call('HSET', KEYS[1], 'ripe', '0')
  elseif (tonumber(known[6]) or 0) > at then
    reply[1] = 'opening'
    return reply
  end
  redis.call('HSET', KEYS[1], 'seen', string.format('%.0f', at))
end
local function give(entry, fields, deliveries, is_own)
  local of = by_name(fields)
  -- Who was to send it has written an intent, unless Redis dropped it.
  local intent = intended(entry) or deliveries > 0 and of.n or 0
  local sent = math.max(tonumber(of.k), tonumber(intent))
  reply[#reply + 1] = { entry, of.f, of.n, of.i, of.e == now and now ~= '' and '1' or '0',
    string.format('%.0f', sent), redis.call('GET', part_key(entry)) or of.p,
    is_own and '1' or '0' }
end
local function bury(entry, fields)
  local part = redis.call('GET', part_key(entry))
  local words = { 'XADD', KEYS[6], '*' }
  local n
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'k' then
      value = string.format('%.0f', math.max(tonumber(value), intended(entry) or 0))
    elseif name == 'p' then
      value = part or value
      n = select(2, string.gsub(value, '0', ''))
    end
    words[#words + 1] = name
    words[#words + 1] = value
  end
  redis.call(unpack(words))
  redis.call('HINCRBY', KEYS[4], 'dead', n)
  drop(entry)
end
local count, idle = 0, pending('IDLE', lease, '-', '+', most)
if not idle then
  return { 'LOST' }
end
for _, row in ipairs(idle) do
  local entry = row[1]
  local found = redis.call('XRANGE', KEYS[2], entry, entry)[1]
  if not found then
    redis.call('XACK', KEYS[2], 'workers', entry)
  elseif row[4] >= MOST_DELIVERIES then
    bury(entry, found[2])
  else
    redis.call('XCLAIM', KEYS[2], 'workers', me, '0', entry, 'JUSTID')
    give(entry, found[2], row[4], row[2] == me)
    count = count + 1
  end
end
if count < most then
  local read = redis.call('XREADGROUP', 'GROUP', 'workers', me, 'COUNT', most - count, 'STREAMS',
    KEYS[2], '>')
  for _, found in ipairs(read and read[1][2] or {}) do
    -- What counts as a delivery is that something may have been sent.
    redis.call('XCLAIM', KEYS[2], 'workers', me, '0', found[1], 'JUSTID', 'RETRYCOUNT', '0')
    give(found[1], found[2], 0, false)
  end
end
return reply
]==]

-- ARGV: worker; entry; identity; how many of its ids may be sent from now on; 1 for the first
-- intent of this delivery.
-- Returns { OK }
-- { FENCED }
-- { EPOCH, identity }
-- { state }.
local INTEND = [==[
local me, entry = ARGV[1], ARGV[2]
local deliveries, refusal = held(me, entry, ARGV[3])
if not deliveries then
  return refusal
end
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'running' then
  return { state or 'LOST' }
end
-- Never fewer than an earlier holder said: its requests may have been carried out.
redis.call('HSET', KEYS[3], entry, string.format('%.0f', math.max(tonumber(ARGV[4]),
  intended(entry) or 0)))
if ARGV[5] == '1' then
  deliveries = deliveries + 1
end
redis.call('XCLAIM', KEYS[2], 'workers', me, '0', entry, 'JUSTID', 'RETRYCOUNT', deliveries)
return { 'OK' }
]==]

-- ARGV: worker; entry; identity; number of its ids; marks to use if none is settled yet; `keep` the
-- entry, or give it `back`, with how many may have been sent, and 1 to uncount a counted delivery;
-- and for each id: its place in the entry, mark, outcome, line.
-- Returns { DONE or OK, how many were new }
-- { FENCED }
-- { EPOCH, identity }.
local SETTLE = [==[
local me, entry = ARGV[1], ARGV[2]
local deliveries, refusal = held(me, entry, ARGV[3])
if not deliveries then
  return refusal
end
local before = redis.call('GET', part_key(entry)) or ARGV[5]
local marks, lines, words = {}, {}, {}
for i = 9, #ARGV, 4 do
  local at, word = tonumber(ARGV[i]), ARGV[i + 2]
  if not marks[at] and string.sub(before, at, at) == '0' then
    marks[at] = ARGV[i + 1]
    lines[#lines + 1] = ARGV[i + 3]
    words[word] = (words[word] or 0) + 1
  end
end
local count = #lines
if count > 0 then
  local bytes = {}
  for at = 1, #before do
    bytes[at] = marks[at] or string.sub(before, at, at)
  end
  before = table.concat(bytes)
  redis.call('XADD', KEYS[5], '*', 'n', count, 'r', table.concat(lines))
  for word, times in pairs(words) do
    redis.call('HINCRBY', KEYS[4], word, times)
  end
  redis.call('HINCRBY', KEYS[4], 'settled', count)
  deliveries = math.min(deliveries, 1)
end
if not string.find(before, '0', 1, true) then
  drop(entry)
  return { 'DONE', count }
end
if count > 0 then
  redis.call('SET', part_key(entry), before)
end
if ARGV[6] == 'back' then
  redis.call('HSET', KEYS[3], entry, ARGV[7])
  redis.call('XCLAIM', KEYS[2], 'workers', 'back', '0', entry, 'IDLE', '1000000000', 'JUSTID',
    'RETRYCOUNT', math.max(0, deliveries - tonumber(ARGV[8])))
else
  redis.call('XCLAIM', KEYS[2], 'workers', me, '0', entry, 'JUSTID', 'RETRYCOUNT', deliveries)
end
return { 'OK', count }
]==]

-- Renews leases. ARGV: worker; its entries. Returns { OK, entries now held by another worker… }.
local CLAIM = [==[
local reply = { 'OK' }
for i = 2, #ARGV do
  if holder(ARGV[i]) == ARGV[1] then
    redis.call('XCLAIM', KEYS[2], 'workers', ARGV[1], '0', ARGV[i], 'JUSTID')
  else
    reply[#reply + 1] = ARGV[i]
  end
end
return reply
]==]

-- Returns { fields of job, counts, entries of work, held entries (by worker and number), results in
-- done, dead entries, identity, fields of consumers }
-- { LOST }.
local TOTALS = [==[
local job = redis.call('HGETALL', KEYS[1])
if #job == 0 then
  return { 'LOST' }
end
local now, unsure = identity(), 0
local function add_unsure(found)
  local of = by_name(found[2])
  local sent = math.max(tonumber(of.k), intended(found[1]) or 0)
  if of.e ~= now or now == '' then
    sent = tonumber(of.n)
  end
  local marks = redis.call('GET', part_key(found[1])) or of.p
  unsure = unsure + select(2, string.gsub(string.sub(marks, 1, sent), '0', ''))
end
-- Nobody asks about these ids any more.
if redis.call('HGET', KEYS[1], 'state') == 'cancelled' then
  for _, key in ipairs({ KEYS[2], KEYS[6] }) do
    for _, found in ipairs(redis.call('XRANGE', key, '-', '+')) do
      add_unsure(found)
    end
  end
end
return { job, redis.call('HGETALL', KEYS[4]), redis.call('XLEN', KEYS[2]),
  redis.call('XPENDING', KEYS[2], 'workers'), redis.call('XLEN', KEYS[5]),
  redis.call('XLEN', KEYS[6]), now, redis.call('XINFO', 'CONSUMERS', KEYS[2], 'workers'), unsure }
]==]

-- ARGV: the new state. Returns { the previous state, the state now }
-- { LOST }.
local CHANGE = [==[
local state = redis.call('HGET', KEYS[1], 'state')
if not state then
  return { 'LOST' }
elseif state ~= 'cancelled' then
  redis.call('HSET', KEYS[1], 'state', ARGV[1])
end
return { state, redis.call('HGET', KEYS[1], 'state') }
]==]

-- Puts dead entries back into work. ARGV: maximum of entries. Returns { how many, how many are left
-- }.
local RETRY = [==[
local found = redis.call('XRANGE', KEYS[6], '-', '+', 'COUNT', ARGV[1])
for _, entry in ipairs(found) do
  local words = { 'XADD', KEYS[2], '*' }
  for i, value in ipairs(entry[2]) do
    words[#words + 1] = value
    if i % 2 == 0 and entry[2][i - 1] == 'p' then
      redis.call('HINCRBY', KEYS[4], 'dead', -select(2, string.gsub(value, '0', '')))
    end
  end
  redis.call(unpack(words))
  redis.call('XDEL', KEYS[6], entry[1])
end
return { #found, redis.call('XLEN', KEYS[6]) }
]==]

-- Deletes the job piece by piece. ARGV: maximum of entries. Returns { how many entries are left }.
local FORGET = [==[
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', ARGV[1])) do
  redis.call('DEL', part_key(entry[1]))
  redis.call('XDEL', KEYS[2], entry[1])
end
local left = redis.call('XLEN', KEYS[2])
if left == 0 then
  redis.call('DEL', KEYS[2])
end
return { left }
]==]

-- Removes results. ARGV: entries of done. Returns { how many ids they held }.
local REMOVE = [==[
local ids = 0
for i = 1, #ARGV do
  local found = redis.call('XRANGE', KEYS[5], ARGV[i], ARGV[i])[1]
  if found then
    ids = ids + tonumber(found[2][2])
    redis.call('XDEL', KEYS[5], ARGV[i])
  end
end
redis.call('HINCRBY', KEYS[4], 'collected', ids)
return { ids }
]==]

-- Ends a feed. ARGV: feeder.
local LEAVE = [==[
if redis.call('HGET', KEYS[1], 'feeder') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'feeder', '')
end
return { 'OK' }
]==]

-- If Redis is out of memory, nothing is added to the job, but work on its entries goes on.
local ALLOW = "#!lua flags=allow-oom\n"
local DENY = "#!lua\n"

local function define(head, ...)
  return ((head .. table.concat({ ... })):gsub("MOST_DELIVERIES", MOST_DELIVERIES))
end

local TEXTS = {
  begin = define(DENY, IDENTITY, CLOCK, BEGIN),
  feed = define(DENY, IDENTITY, FEED),
  take = define(ALLOW, IDENTITY, CLOCK, ENTRY, TAKE),
  intend = define(ALLOW, IDENTITY, ENTRY, HELD, INTEND),
  settle = define(ALLOW, IDENTITY, ENTRY, HELD, SETTLE),
  claim = define(ALLOW, ENTRY, CLAIM),
  totals = define(ALLOW, IDENTITY, ENTRY, TOTALS),
  change = define(ALLOW, CHANGE),
  retry = define(DENY, RETRY),
  forget = define(ALLOW, ENTRY, FORGET),
  remove = define(ALLOW, REMOVE),
  leave = define(ALLOW, LEAVE),
}

-- SHA-1 of the scripts, as in Redis; a spec checks them.
local SHA = {
  begin = "fea1e0c4c5296a69d25fdc22475c5b5386bb5e70",
  change = "2941bc6955d163f18d7d9ba43c5bec04c14de53c",
  claim = "f803777a5331fab891f6dc07fa54c965738245f6",
  feed = "22ee1adba83a27e6757e2090561f0abfeafaa6c6",
  forget = "1dc4facaafdc7da49056114e4a4e580b59f9325b",
  intend = "b310607de0616b6583e6db19822a817c4010b7d4",
  leave = "8b965ecf81e39defe62197b210e1656867971c57",
  remove = "89f8c76324799322684b7917bf6300232c8bab66",
  retry = "a0b841531a4024c593d33a5733500a36d7c044b6",
  settle = "52303cb5f439b2191162e42796b20eaee9204e5b",
  take = "1c489fe7f72a28e4d0c5b9064c3a5bd4c706c342",
  totals = "833c91d271c71fa749ef5ea61325c9a45be2b3d9",
}

for name, text in pairs(TEXTS) do
  scripts[name] = { text = text, sha = SHA[name] or ("0"):rep(40) }
end

return scripts
