-- Random sequences of calls: clients made, used, broken off, closed and dropped at any time, their
-- coroutines resumed from anywhere, users' functions that raise. Nothing is wrong with the network,
-- so what is said of every id is known beforehand, and the sandbox's log is the judge of it.
--
-- SEEDS sets how many; a failure names the seed, which SEED repeats.

local patience = require("spec.support.patience")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")
local uv = require("luv")

local SEEDS, ONLY = tonumber(os.getenv("SEEDS")) or 60, tonumber(os.getenv("SEED"))
local STEPS = 14

-- The same numbers on every Lua: Park and Miller's generator.
local function generator(seed)
  local state = seed * 7919 % 2147483646 + 1
  return function(n)
    state = state * 16807 % 2147483647
    return state % n + 1
  end
end

local PROVIDERS = {
  { name = "revicom", id = "2a28d557-22a1-4be6-8908-%08d%s", late = "0403", says = "too_late" },
  { name = "idigital", id = "70%08d%s", late = "4031", says = "not_stoppable", kind = "dispatch" },
  { name = "pushwoosh", id = "1A2B-3C4D5E6F-%08d%s", late = "0400", says = "not_stoppable" },
  { name = "clickatell", id = "d7a1c4e2b8f94a1e93c5%08d%s", late = "0004", says = "too_late" },
}

local MALFORMED = "\1"

local function count_descriptors()
  local count, scan = 0, assert(uv.fs_scandir("/proc/self/fd"))
  while uv.fs_scandir_next(scan) do
    count = count + 1
  end
  return count
end

describe("random sequences of calls", function()
  local sandbox, serial
  local claims = {} -- id -> whether an item said that it was stopped

  setup(function()
    sandbox, serial = server.start({ log_bodies = true }), 0
  end)

  teardown(function()
    sandbox:stop()
  end)

  -- The state of one seed.
  local World = {}
  World.__index = World

  -- ids, and what has to be said of each. A stream forgets what settled: none comes twice.
  function World:ids(provider, is_stream)
    local ids, words, count = {}, {}, self.random(30)
    for i = 1, count do
      local kind = self.random(10)
      if kind == 1 and i > 1 and not is_stream then
        local twin = self.random(i - 1)
        ids[i], words[i] = ids[twin], words[twin]
      elseif kind == 2 then
        ids[i], words[i] = MALFORMED, "invalid"
      else
        serial = serial + 1
        local is_late = kind == 3
        ids[i] = provider.id:format(serial, is_late and provider.late or "8001")
        words[i] = is_late and provider.says or "stopped"
      end
    end
    return ids, words
  end

  local function check(item, place, ids, words)
    assert.equal(ids[place], item.id)
    assert.equal(words[place], item.outcome, item.message)
    claims[item.id] = item.outcome == "stopped"
  end

  function World:add_client()
    local provider = PROVIDERS[self.random(#PROVIDERS)]
    local can_yield = self.random(2) == 1
    local client = stopmsg.new({
      provider = provider.name,
      base_url = sandbox.url,
      token = "sandbox",
      application = "A",
      concurrency = self.random(4),
      batch_size = provider.name == "revicom" and self.random(12) or nil,
      sleep = can_yield and coroutine.yield or nil,
    })
    self.clients[#self.clients + 1] = {
      client = client, provider = provider, can_yield = can_yield, is_closed = false,
    }
  end

  -- A client, or nil where there is none of that kind.
  function World:pick(can_yield)
    local fitting = {}
    for _, one in ipairs(self.clients) do
      if one.can_yield == can_yield then
        fitting[#fitting + 1] = one
      end
    end
    return fitting[self.random(math.max(#fitting, 1))]
  end

  -- A hook that sees each item once, and may raise or close the client on the way.
  function World:hook(one, ids, words, seen)
    local trouble = self.random(6)
    local at = self.random(#ids)
    local count = 0
    return function(item, place)
      count = count + 1
      assert.is_nil(seen[place], "an item twice")
      check(item, place, ids, words)
      seen[place] = true
      if trouble == 1 and count == at then
        error("in the hook", 0)
      elseif trouble == 2 and count == at then
        one.client:close()
        one.is_closed = true
      elseif trouble == 3 and count == at then
        collectgarbage()
      end
    end
  end

  -- What a call may raise: what we did to it.
  local function expect_excuse(one, message)
    assert.is_true(tostring(message):find("in the hook", 1, true) ~= nil
      or (one.is_closed and tostring(message):find("closed client", 1, true) ~= nil),
      tostring(message))
  end

  -- Lua 5.1 cannot yield across pcall: what is raised in a coroutine ends it.
  local function call_directly(f, ...)
    return true, f(...)
  end

  function World:stop(one, try)
    local ids, words = self:ids(one.provider)
    local seen = {}
    local call = one.provider.kind and one.client.stop_dispatch or one.client.stop
    local done, report = try(call, one.client, ids, {
      on_item = self:hook(one, ids, words, seen),
    })
    if not done then
      return expect_excuse(one, report)
    end
    assert.equal(#ids, #report)
    assert.equal(#ids, report.total)
    for place, item in ipairs(report) do
      check(item, place, ids, words)
      assert.is_true(seen[place])
    end
  end

  -- Takes items until the end, or only some of them; after a hook has raised, it goes on.
  function World:each(one, try)
    local ids, words = self:ids(one.provider, true)
    local seen = {}
    local most = self.random(3) == 1 and self.random(#ids) or math.huge
    local next_item, summary = one.client:each(ids, {
      kind = one.provider.kind,
      on_item = self:hook(one, ids, words, seen),
    })
    local taken = 0
    while taken < most do
      local called, item = try(next_item)
      if not called then
        expect_excuse(one, item)
        if one.is_closed then
          return
        end
      elseif not item then
        for place = 1, #ids do
          assert.is_true(seen[place], "no item")
        end
        assert.equal(#ids, summary.total)
        return
      end
      taken = taken + 1
    end
  end

  function World:use(one, try)
    if self.random(2) == 1 then
      self:stop(one, try)
    else
      self:each(one, try)
    end
  end

  function World:spawn(one)
    self.threads[#self.threads + 1] = {
      one = one,
      thread = coroutine.create(function()
        self:use(one, call_directly)
      end),
    }
  end

  -- Lets one go on for a bit, maybe from within another coroutine.
  function World:resume()
    local at = self.random(math.max(#self.threads, 1))
    local spawned = self.threads[at]
    if not spawned then
      return
    end
    local thread = spawned.thread
    local function go_on()
      local done, message = coroutine.resume(thread)
      if not done then
        expect_excuse(spawned.one, message)
      end
    end
    for _ = 1, self.random(4) do
      if coroutine.status(thread) == "suspended" then
        if self.random(2) == 1 then
          coroutine.wrap(go_on)()
        else
          go_on()
        end
      end
    end
    if coroutine.status(thread) == "dead" then
      table.remove(self.threads, at)
    end
  end

  local ACTS = {
    function(self)
      self:add_client()
    end,
    function(self)
      local one = self:pick(false)
      if one and not one.is_closed then
        self:use(one, pcall)
      end
    end,
    function(self)
      local one = self:pick(true)
      if one and not one.is_closed then
        self:spawn(one)
      end
    end,
    World.resume,
    World.resume,
    function(self)
      local one = self:pick(self.random(2) == 1)
      if one and self.random(3) == 1 then
        one.client:close()
        one.is_closed = true
        assert.error_matches(function() one.client:status("x") end, "closed client")
      end
    end,
    function(self)
      if self.random(3) == 1 then
        table.remove(self.clients, self.random(math.max(#self.clients, 1)))
      elseif self.random(3) == 1 then
        table.remove(self.threads, self.random(math.max(#self.threads, 1)))
      end
    end,
    function()
      collectgarbage()
    end,
  }

  local function run(seed)
    local self = setmetatable({ random = generator(seed), clients = {}, threads = {} }, World)
    self:add_client()
    for _ = 1, STEPS do
      ACTS[self.random(#ACTS)](self)
    end
    -- What is left goes on to its end.
    patience.until_(function()
      self:resume()
      return #self.threads == 0
    end, "a call that does not end")
    for _, one in ipairs(self.clients) do
      one.client:close()
    end
  end

  it("end as they have to, and leave nothing open", function()
    run(0) -- what is opened once
    collectgarbage()
    collectgarbage()
    local before = count_descriptors()
    for seed = ONLY or 1, ONLY or SEEDS do
      local done, message = pcall(run, seed)
      assert(done, ("seed %d: %s"):format(seed, tostring(message)))
    end
    collectgarbage()
    collectgarbage()
    assert.equal(before, count_descriptors())
  end)

  it("claim no stop that the provider does not know of", function()
    sandbox:stop()
    local stopped = {}
    for _, record in ipairs(sandbox:log()) do
      if record.status == 200 then
        for id in ((record.body or "") .. " " .. record.path):gmatch("[%x%-]+") do
          stopped[id] = true
        end
      end
    end
    local count = 0
    for id, is_stopped in pairs(claims) do
      if is_stopped then
        count = count + 1
        assert.is_true(stopped[id], id)
      end
    end
    assert.is_true(count > 0)
  end)
end)
