-- Many calls, reloads and handlers that end early: nothing is lost, mixed up, or left behind. The
-- numbers are small here; `make soak` runs the large ones and tells what it measured.

local fetch = require("spec.support.fetch")
local nginx = require("spec.support.nginx")
local server = require("spec.support.server")
local uv = require("luv")

if not nginx.is_due() then
  return
end

local IS_LONG = os.getenv("STOPMSG_SOAK") == "1"
local RELOADS = IS_LONG and 100 or 3
local CALLS = IS_LONG and 100000 or 1500
local ABORTED = IS_LONG and 1000 or 60

local AT_ONCE = 16 -- calls

-- Descriptors that a client may hold besides one for each call at once: its epoll and the two that
-- wake libcurl 7.88 are three, newer ones have been seen to hold five.
local OWN = 5

local CONFIG = {
  http = [[
    lua_check_client_abort on;
    init_by_lua_block {
      client = require("stopmsg").new({ provider = "idigital", token = "sandbox",
        base_url = "SANDBOX", concurrency = 32 })
    }
  ]],
  server = [[
    location /stop {
      content_by_lua_block {
        local item = client:stop_dispatch(tonumber(ngx.var.arg_id))[1]
        ngx.print(item.id, " ", item.outcome)
      }
    }
    location /state {
      content_by_lua_block {
        -- LuaJIT compiles more as time goes on, up to its limits: that is no leak of ours.
        require("jit").flush()
        collectgarbage()
        collectgarbage()
        local pages = 0
        local flights = client._session and client._session.engine:in_flight() or 0
        for line in io.open("/proc/self/statm"):lines() do
          pages = line:match("^%d+ (%d+)")
        end
        ngx.print(ngx.worker.pid(), " ", flights, " ", pages)
      }
    }
  ]],
}

-- Every seventh id is one that cannot be stopped any more.
local function id_of(i)
  return 1000000 + i * 10000 + (i % 7 == 0 and 4031 or 1)
end

local function answer_of(i)
  return id_of(i) .. (i % 7 == 0 and " not_stoppable" or " stopped")
end

-- The slope of y over x by least squares, and its standard error.
local function slope_of(x, y)
  local n, sx, sy, sxx, sxy = #x, 0, 0, 0, 0
  for i = 1, n do
    sx, sy = sx + x[i], sy + y[i]
  end
  local mx, my = sx / n, sy / n
  for i = 1, n do
    sxx = sxx + (x[i] - mx) ^ 2
    sxy = sxy + (x[i] - mx) * (y[i] - my)
  end
  local slope, rest = sxy / sxx, 0
  for i = 1, n do
    rest = rest + (y[i] - my - slope * (x[i] - mx)) ^ 2
  end
  return slope, math.sqrt(rest / (n - 2) / sxx)
end

describe("a long time in nginx", function()
  local sandbox, worker

  local function start(delay)
    sandbox = server.start({ delay = delay })
    local http = CONFIG.http:gsub("SANDBOX", sandbox.url)
    worker = nginx.start({ server = CONFIG.server, http = http })
  end

  after_each(function()
    worker:stop()
    sandbox:stop()
    local log = worker:log()
    for _, word in ipairs({ "[error]", "[crit]", "exited on signal", "Sanitizer" }) do
      assert.is_nil(log:find(word, 1, true), log)
    end
  end)

  -- Inodes of the sockets through which a process is called: they come and go with these calls.
  local function callers_of(pid)
    local inodes, sockets = {}, io.open("/proc/" .. pid .. "/net/tcp")
    for line in sockets and sockets:lines() or function() end do
      local port, inode = line:match("^%s*%d+: %x+:(%x+)" .. ("%s+%S+"):rep(7) .. "%s+(%d+)")
      if port and tonumber(port, 16) == worker.port then
        inodes[inode] = true
      end
    end
    return inodes
  end

  -- How many descriptors a process has, and what each of them is; nil where it has ended.
  local function descriptors_of(pid)
    local folder, callers, kinds = "/proc/" .. pid .. "/fd", callers_of(pid), {}
    local entries = uv.fs_scandir(folder)
    if not entries then
      return nil
    end
    for name in function() return uv.fs_scandir_next(entries) end do
      local what = uv.fs_readlink(folder .. "/" .. name) or "gone"
      if not callers[what:match("^socket:%[(%d+)%]$") or ""] then
        kinds[#kinds + 1] = what
      end
    end
    return #kinds, table.concat(kinds, ", ")
  end

  -- pid, requests in flight, descriptors, KiB, what the descriptors are
  local function state()
    local pid, flights, pages, fds, kinds
    repeat -- an old worker may have ended when it has answered
      pid, flights, pages = fetch.one(worker.port, "/state"):match("(%d+) (%d+) (%d+)")
      fds, kinds = descriptors_of(pid)
    until fds
    return pid, tonumber(flights), fds, tonumber(pages) * 4, kinds
  end

  -- Waits until nothing is left of what callers did: descriptors, KiB of a worker that had `unused`
  -- descriptors before it was used.
  local function settle(unused)
    local _, flights, fds, size, kinds
    local is_settled = server.wait(function()
      _, flights, fds, size, kinds = state()
      return flights == 0 and fds <= unused + AT_ONCE + OWN
    end)
    assert.is_true(is_settled, ("%d in flight, %d descriptors in place of %d: %s"):format(flights,
      fds, unused, kinds))
    return fds, size
  end

  -- Calls number first to last, AT_ONCE at a time; each has to give its own item.
  local function call(first, last, meanwhile)
    local open, next_one = {}, first
    local done = server.wait(function()
      for place = 1, AT_ONCE do
        local request = open[place]
        if request and request.is_closed then
          if request.body ~= answer_of(request.number) then
            error(("call %d got %s, not %s"):format(request.number, tostring(request.body),
              answer_of(request.number)))
          end
          open[place], request = nil, nil
        end
        if not request and next_one <= last then
          open[place] = fetch.start(worker.port, "/stop?id=" .. id_of(next_one))
          open[place].number = next_one
          next_one = next_one + 1
        end
      end
      if meanwhile then
        meanwhile()
      end
      return next(open) == nil
    end)
    assert.is_true(done, "calls without an answer")
  end

  it("loses and mixes up nothing while it is loaded anew again and again", function()
    start(0.02)
    local at, lines, fds, sizes, numbers = 0, 0, {}, {}, {}
    local _, _, unused = state()
    for i = 1, RELOADS do
      local is_sent = false
      call(at + 1, at + 60, function()
        if not is_sent then
          worker:kill("sighup")
          is_sent = true
        end
      end)
      at = at + 60
      call(at + 1, at + 20)
      at = at + 20
      fds[i], sizes[i] = settle(unused)
      numbers[i] = i
    end
    for _ in pairs(sandbox:log()) do
      lines = lines + 1
    end
    assert.equal(at, lines)
    if IS_LONG then
      local most, least = 0, math.huge
      for _, count in ipairs(fds) do
        most, least = math.max(most, count), math.min(least, count)
      end
      local slope, err = slope_of(numbers, sizes)
      print(("%d reloads, %d calls: each answered once; new workers have %d to %d descriptors, "
        .. "%d KiB, %.2f ± %.2f KiB a reload"):format(RELOADS, at, least, most,
        sizes[RELOADS], slope, err))
      assert.is_true(slope <= 3 * err + 1)
    end
  end)

  it("keeps its size over many calls", function()
    start(0)
    local _, _, unused = state()
    local samples = 25
    local each = CALLS / samples
    local numbers, sizes, fds = {}, {}, {}
    -- Connections, compiled code and the allocators' holes come first: a worker grows by 1.5 MB in
    -- its first 100,000 calls.
    local at = IS_LONG and CALLS or CALLS / 10
    call(1, at)
    for i = 1, samples do
      call(at + 1, at + each)
      at = at + each
      numbers[i] = at
      fds[i], sizes[i] = settle(unused)
    end
    local slope, err = slope_of(numbers, sizes)
    if IS_LONG then
      print(("%d calls: %d KiB, %.2f ± %.2f bytes a call, %d descriptors"):format(CALLS,
        sizes[samples], slope * 1024, err * 1024, fds[samples]))
    end
    -- 1,500 calls are too few to tell a slope; a kilobyte left behind by each would show. The
    -- address sanitizer keeps what is freed.
    if not os.getenv("ASAN_OPTIONS") then
      -- 64 KiB are holes of an allocator; any leak would be a hundred times that.
      assert.is_true(slope <= (IS_LONG and 3 * err + 64 / CALLS or 1))
    end
  end)

  it("outlives handlers that are ended while their requests are in flight", function()
    start(0.02)
    call(1, 100)
    local _, _, _, before = state()
    local at = 100
    for _ = 1, ABORTED / 20 do
      local gone = {}
      for i = 1, 20 do
        at = at + 1
        gone[i] = fetch.start(worker.port, "/stop?id=" .. id_of(at))
      end
      fetch.rest(0.01)
      for _, request in ipairs(gone) do
        request:close()
      end
      -- Theirs come in now, and must not be taken for the answers to these.
      call(at + 1, at + 8)
      at = at + 8
    end
    local flights, fds, size
    server.wait(function()
      _, flights, fds, size = state()
      return flights == 0
    end)
    assert.equal(0, flights)
    if IS_LONG then
      print(("%d handlers ended early: %d KiB before, %d KiB after, %d descriptors"):format(ABORTED,
        before, size, fds))
    end
    if not os.getenv("ASAN_OPTIONS") then
      assert.is_true(size - before < 4096, before .. " KiB became " .. size)
    end
    worker:kill("sigquit")
    assert.is_true(worker:has_ended())
    assert.is_truthy(worker:log():find("worker process %d+ exited with code 0"))
  end)
end)
