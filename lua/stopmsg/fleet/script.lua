-- The script that hands out slots. A slot is a moment, by the clock of Redis, at which one request
-- may go. All processes with the same name share one hash and so one rate.
--
-- The hash holds, in microseconds since 1970: `next` (the first free slot), `seen` (the last use),
-- `pause` (the end of a pause), and for each rate in use `r<rate>` (when it stops counting as in
-- use). If the clock was set back, all of them move back by as much. Numbers are formatted with
-- %.0f: Lua's default format loses digits beyond 14.

local script = {}

-- KEYS[1]: the hash. ARGV: rate (requests per second), number of slots, seconds of a pause. Returns
-- { microseconds until the first slot, between two slots, until the end of a pause }. The first
-- slot may be slightly in the past, which lets a late process catch up.
script.text = [==[
local LATE, IN_USE, LONGEST = 10000, 10000000, 3600000000
local rate, count, pause = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.pcall('TIME')
if time.err then
  return redis.error_reply('NOTIME ' .. time.err)
end
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local fields = redis.call('HGETALL', KEYS[1])
local known = {}
for i = 1, #fields, 2 do
  known[fields[i]] = tonumber(fields[i + 1])
end
local back = math.max(0, (known.seen or now) - now)
local own, lowest, writes, stale = 'r' .. ARGV[1], rate, {}, {}
for name, value in pairs(known) do
  local other = tonumber(string.match(name, '^r(.+)$'))
  if other and name ~= own then
    if value - back < now then
      stale[#stale + 1] = name
    else
      lowest = math.min(lowest, other)
      if back > 0 then
        writes[#writes + 1] = name
        writes[#writes + 1] = string.format('%.0f', value - back)
      end
    end
  end
end
local function ahead(value)
  value = (value or 0) - back
  return value - now <= LONGEST and value or now
end
local interval = 1000000 / lowest
local paused = math.max(ahead(known.pause), pause > 0 and now + pause * 1000000 or 0)
local first = math.max(ahead(known.next), paused, now - math.min(LATE, interval))
local free = first + count * interval
local used = math.max(now, free) + IN_USE
for name, value in pairs({ next = free, seen = now, pause = paused, [own] = used }) do
  writes[#writes + 1] = name
  writes[#writes + 1] = string.format('%.0f', value)
end
redis.call('HSET', KEYS[1], unpack(writes))
if #stale > 0 then
  redis.call('HDEL', KEYS[1], unpack(stale))
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', (used - now) / 1000 + 60000))
return { math.floor(first - now), math.floor(interval), math.max(0, math.ceil(paused - now)) }
]==]

-- SHA-1 of the script, as in Redis; a spec checks it.
script.sha = "fefb975b8ae0ef2a01e4193239917f461c6f321c"

-- Maximum seconds of a pause: runs that heard of it have ended by then.
local LONGEST = 3600

function script.key(name)
  return "stopmsg:rate:" .. name
end

-- Returns the script's arguments as strings.
function script.arguments(rate, count, pause)
  return { ("%.14g"):format(rate), ("%d"):format(count), ("%.3f"):format(math.min(pause, LONGEST)) }
end

-- first, interval, pause = script.read(reply): seconds
-- nil for a reply of another kind.
function script.read(reply)
  if type(reply) ~= "table" then
    return nil
  end
  local numbers = {}
  for i = 1, 3 do
    local number = tonumber(reply[i])
    if not number or number ~= number then
      return nil
    end
    numbers[i] = number / 1e6
  end
  if numbers[2] <= 0 then
    return nil
  end
  return numbers[1], numbers[2], numbers[3]
end

return script
