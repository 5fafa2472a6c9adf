-- The schedulers that specs run calls under: { name, sleep, run(functions) }. run() starts all of
-- them as coroutines of the scheduler, returns when the last has ended, and raises what they raise.

local uv = require("luv")

local schedulers = {}

-- Seconds of a clock that nobody sets, nor any spec.
local function now()
  return uv.hrtime() / 1e9
end

-- A module of pure Lua that was packaged for another Lua only.
local function borrow(name)
  local found, module = pcall(require, name)
  if not found then
    local path = package.path
    package.path = path .. ";/usr/share/lua/5.2/?.lua"
    found, module = pcall(require, name)
    package.path = path
  end
  return found and module or nil
end

local function luv()
  local function resume(thread)
    local went, message = coroutine.resume(thread)
    if not went then
      error(message, 0)
    end
  end
  return {
    name = "luv",
    sleep = function(seconds)
      local thread, timer = coroutine.running(), uv.new_timer()
      timer:start(math.ceil(seconds * 1000), 0, function()
        -- Its close callback keeps the timer until then.
        timer:close(function()
          return timer
        end)
        resume(thread)
      end)
      coroutine.yield()
    end,
    run = function(functions)
      local open = #functions
      for _, call in ipairs(functions) do
        resume(coroutine.create(function()
          call()
          open = open - 1
        end))
      end
      -- Not until the loop is empty: it holds the specs' servers, too.
      while open > 0 do
        uv.run("once")
      end
    end,
  }
end

-- Before 2.0 it has no sleep: who waits is kept beside it and started again when it is time.
local function copas()
  local module = borrow("copas")
  if not module then
    return nil
  end
  local due = {} -- thread -> when to go on
  local function sleep(seconds)
    local thread = coroutine.running()
    due[thread] = now() + seconds
    coroutine.yield()
  end
  return {
    name = "copas",
    sleep = module.sleep or sleep,
    run = function(functions)
      local open, fault = #functions, nil
      for _, call in ipairs(functions) do
        module.addthread(function()
          module.setErrorHandler(function(message)
            fault = message
          end)
          call()
          open = open - 1
        end)
      end
      while open > 0 and not fault do
        module.step(0.0005)
        local ready = {}
        for thread, at in pairs(due) do
          if at <= now() then
            ready[#ready + 1] = thread
          end
        end
        for _, thread in ipairs(ready) do
          due[thread] = nil
          module.addthread(thread)
        end
      end
      if fault then
        error(fault, 0)
      end
    end,
  }
end

local function cqueues()
  local found, module = pcall(require, "cqueues")
  return found and {
    name = "cqueues",
    sleep = module.sleep,
    run = function(functions)
      local queue = module.new()
      for _, call in ipairs(functions) do
        queue:wrap(call)
      end
      assert(queue:loop())
    end,
  } or nil
end

-- Those that this Lua has.
function schedulers.all()
  local list = { luv() }
  list[#list + 1] = copas()
  list[#list + 1] = cqueues()
  return list
end

return schedulers
