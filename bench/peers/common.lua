-- What the Lua clients share: arguments, ids, answers made into items, and the line at the end.

local cjson = require("cjson")
local uv = require("luv")

local common = {}

common.BATCH = 10000
common.JSON = "application/json"

local CODES = { ["006"] = "stopped", ["003"] = "too_late", [200] = "stopped", [403] = "too_late" }

-- arguments, ids = common.start(...): KIND URL FILE COUNT IN_FLIGHT VERSION CA
function common.start(kind, url, file, count, in_flight, version, ca)
  local given = {
    is_batch = kind == "batch",
    url = url,
    count = tonumber(count),
    in_flight = tonumber(in_flight),
    version = tonumber(version),
    ca = ca ~= "-" and ca or nil,
  }
  given.headers = given.is_batch and {
    ["Authorization"] = "Basic bench-token",
    ["Content-Type"] = common.JSON,
  } or {
    ["Authorization"] = "Bearer bench-token",
    ["X-Version"] = "1",
    ["Accept"] = common.JSON,
  }
  local ids = {}
  for id in io.lines(file) do
    ids[#ids + 1] = id
    if #ids == given.count then
      break
    end
  end
  return given, ids
end

-- seconds of a clock that nobody sets
function common.now()
  return uv.hrtime() / 1e9
end

local Work = {}
Work.__index = Work

-- The requests of a run, handed out in order, and what became of each id.
function common.work(given, ids)
  collectgarbage()
  collectgarbage()
  return setmetatable({
    items = {},
    latencies = {},
    _given = given,
    _ids = ids,
    _next = 1,
    _cpu = os.clock(),
    _started = common.now(),
  }, Work)
end

-- request = { url, body or nil, first, last }, nil when there are no more
function Work:take()
  local first, given = self._next, self._given
  if first > given.count then
    return nil
  end
  local last = given.is_batch and math.min(first + common.BATCH - 1, given.count) or first
  self._next = last + 1
  local request = { first = first, last = last, started = common.now() }
  if given.is_batch then
    request.url = given.url
    request.body = '{"uuids":["' .. table.concat(self._ids, '","', first, last) .. '"]}'
  else
    request.url = given.url .. self._ids[first]
  end
  return request
end

local function unknown(self, request)
  for place = request.first, request.last do
    self.items[place] = { id = self._ids[place], outcome = "unknown" }
  end
end

-- The items of an answer, each at the place of its id.
function Work:finish(request, status, body)
  local now = common.now()
  self.latencies[#self.latencies + 1] = now - request.started
  self.first = self.first or now
  local is_json, answer = pcall(cjson.decode, body)
  if status ~= 200 or not is_json then
    return unknown(self, request)
  end
  if not self._given.is_batch then
    local id, data = self._ids[request.first], answer.data
    local is_it = type(data) == "table" and data.apiMessageId == id
    self.items[request.first] = {
      id = id,
      outcome = is_it and CODES[data.messageStatus] or "unknown",
      code = is_it and data.messageStatus or nil,
    }
    return
  end
  -- In the order asked as a rule: only where it is not, places are looked up.
  local places
  for i, item in ipairs(answer.items) do
    local place = request.first + i - 1
    if self._ids[place] ~= item.messageUuid then
      if not places then
        places = {}
        for at = request.first, request.last do
          places[self._ids[at]] = at
        end
      end
      place = places[item.messageUuid]
    end
    if place then
      self.items[place] = {
        id = self._ids[place],
        outcome = CODES[item.code] or "unknown",
        code = item.code,
      }
    end
  end
end

local function percentile(sorted, part)
  return sorted[math.min(#sorted, math.floor(#sorted * part) + 1)]
end

function Work:stop()
  local elapsed, cpu = common.now() - self._started, os.clock() - self._cpu
  table.sort(self.latencies)
  local counts = { stopped = 0, too_late = 0, unknown = 0 }
  for place = 1, self._given.count do
    local outcome = self.items[place] and self.items[place].outcome or "unknown"
    counts[outcome] = counts[outcome] + 1
  end
  print(("elapsed=%.6f cpu=%.6f first=%.6f p50=%.6f p99=%.6f stopped=%d too_late=%d"):format(
    elapsed, cpu, self.first - self._started, percentile(self.latencies, 0.5),
    percentile(self.latencies, 0.99), counts.stopped, counts.too_late))
end

return common
