-- A shared rate as the provider sees it: four workers, and two nginx with two workers each, take
-- turns through a real Redis. Run by LuaJIT, which nginx has: make bench-shared.
--
-- Tells the rate, the worst second and the longest gap, in quiet and while something breaks.

local nginx = require("spec.support.nginx")
local redis = require("spec.support.redis")
local server = require("spec.support.server")
local uv = require("luv")

local SECONDS = tonumber(arg[1]) or 20

local KEY = "stopmsg:rate:bench"

local ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

local WORK = [[
  local stopmsg = require("stopmsg")
  local client = stopmsg.new({ provider = "idigital", token = "t", concurrency = 64,
    http_version = "1.1", base_url = "%s", patience = 60,
    rate = stopmsg.shared.rate({ name = "bench", rate = %d, redis = "%s" }) })
  local id = 0
  local function stop()
    for _ in client:each(function()
      id = id + 1
      return id
    end, { kind = "dispatch" }) do
    end
  end
]]

local arrivals = {} -- seconds, as they came

local function serve()
  local listener = uv.new_tcp()
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(256, function()
    local peer, rest = uv.new_tcp(), ""
    listener:accept(peer)
    peer:nodelay(true)
    peer:read_start(function(_, bytes)
      if not bytes then
        return not peer:is_closing() and peer:close()
      end
      rest = rest .. bytes
      local _, count = rest:gsub("\r\n\r\n", "")
      if count > 0 then
        rest = rest:match(".*\r\n\r\n(.-)$")
        for _ = 1, count do
          arrivals[#arrivals + 1] = uv.hrtime() / 1e9
          peer:write(ANSWER)
        end
      end
    end)
  end))
  return ("http://127.0.0.1:%d"):format(listener:getsockname().port)
end

local function pass(seconds)
  local timer, is_over = uv.new_timer(), false
  timer:start(math.ceil(seconds * 1000), 0, function()
    is_over = true
  end)
  while not is_over do
    uv.run("once")
  end
  timer:close()
end

-- rate, the most in any second, the longest gap: of what came from `from` to `to`.
local function measure(from, to)
  local most, gap, count, first, last = 0, 0, 0, 1, from
  for i, at in ipairs(arrivals) do
    if at >= from and at < to then
      count = count + 1
      gap, last = math.max(gap, at - last), at
      while arrivals[first] <= at - 1 or arrivals[first] < from do
        first = first + 1
      end
      most = math.max(most, i - first + 1)
    end
  end
  return count / (to - from), most, math.max(gap, to - last)
end

local function calls(started)
  local said = started:call("INFO", "commandstats")
  return tonumber(said:match("cmdstat_evalsha:calls=(%d+)") or 0)
end

local function tell(what, rate, from, to)
  local reached, most, gap = measure(from, to)
  print(("%4d/s  %-34s %8.2f/s  worst second %5d  longest gap %6.3f s"):format(rate, what, reached,
    most, gap))
end

local function now()
  return uv.hrtime() / 1e9
end

-- Runs f, and tells what came in so many seconds from then on.
local function watch(rate, what, seconds, f)
  local from = now()
  f()
  pass(math.max(0, from + seconds - now()))
  tell(what, rate, from, now())
end

local function shift(started, seconds)
  for _, name in ipairs({ "next", "seen", "pause", "r" .. 50, "r" .. 1000 }) do
    local value = tonumber(started:call("HGET", KEY, name))
    if value and value > 0 then
      started:call("HSET", KEY, name, ("%.0f"):format(value + seconds * 1e6))
    end
  end
end

local function run(rate, with_nginx)
  arrivals = {}
  local started = redis.start()
  local work = WORK:format(serve(), rate, started.url)
  local workers, webs = {}, {}
  local lua = os.getenv("WORKER_LUA") or server.interpreter()
  for i = 1, with_nginx and 0 or 4 do
    workers[i] = server.spawn({ lua, "-e",
      "print('ready') io.stdout:flush() " .. work .. "stop()" })
  end
  for i = 1, with_nginx and 2 or 0 do
    webs[i] = nginx.start({ workers = 2, http = [[
      init_by_lua_block {
        package.preload["resty.redis"] = function()
          return require("spec.support.resty_redis")
        end
        require("stopmsg.shared")
      }
      init_worker_by_lua_block {
        ngx.timer.at(0, function()
          ]] .. work .. [[
          stop()
        end)
      }
    ]] })
  end
  pass(3)
  local before, from = calls(started), now()
  pass(SECONDS)
  local to = now()
  tell(with_nginx and "two nginx, two workers each" or "four workers", rate, from, to)
  local count = 0
  for _, at in ipairs(arrivals) do
    count = count + (at >= from and at < to and 1 or 0)
  end
  print(("        calls to Redis a request: %.3f"):format((calls(started) - before) / count))
  if not with_nginx then
    watch(rate, "a worker killed", 5, function()
      workers[4]:kill("sigkill")
    end)
    watch(rate, "Redis restarted, empty", 5, function()
      started:restart()
    end)
    watch(rate, "Redis cut off for 10 s, and after", 15, function()
      started:freeze()
      pass(10)
      started:kill("sigcont")
    end)
    watch(rate, "its clock an hour back", 5, function()
      shift(started, 3600)
    end)
    watch(rate, "its clock an hour forward", 5, function()
      shift(started, -3600)
    end)
  end
  for _, worker in ipairs(workers) do
    worker:kill("sigkill")
    worker:stop()
  end
  for _, web in ipairs(webs) do
    web:stop()
    if os.getenv("SHOW_LOG") then
      io.stderr:write(web:log())
    end
  end
  started:stop()
end

for _, rate in ipairs(arg[2] and { tonumber(arg[2]) } or { 50, 1000 }) do
  if arg[3] ~= "nginx" then
    run(rate, false)
  end
  run(rate, true)
end
