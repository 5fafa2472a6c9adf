-- Differences between Lua 5.1 and 5.4, and helpers that all of them lack. Only this file names a
-- version.

local compat = {
  is_compiled = rawget(_G, "jit") ~= nil, -- Lua code becomes machine code
  -- Both are nil on a Lua whose numbers are all floats.
  math_type = math.type,
  tointeger = math.tointeger,
  unpack = table.unpack or unpack,
}

-- Lua 5.1 cannot tell whether its collector is stopped, and a step would restart it.
local can_tell = pcall(collectgarbage, "isrunning")

-- A heap of so many KiB is walked through in a few milliseconds. LuaJIT takes steps at their word;
-- to the others they make no difference.
local SMALL_HEAP = rawget(_G, "jit") and 0 or 24 * 1024

-- Lets the collector take what `kib` KiB of garbage are, unless the user stopped it: all there is
-- in a small heap, and in a large one, which holds what is not ours, no more than its next step.
function compat.collect(kib)
  if not can_tell or not collectgarbage("isrunning") then
    return
  elseif collectgarbage("count") < SMALL_HEAP then
    collectgarbage()
  else
    collectgarbage("step", kib)
  end
end

-- Until Lua 5.2, and in LuaJIT, a line ends at NUL and goes on with the next line.
local joins_lines = _VERSION == "Lua 5.1" or _VERSION == "Lua 5.2"

-- Bytes of a file read at once. One at a time from pipes, which may give no more for now.
local BLOCK = 4096

-- read = compat.lines_of(file): read() gives the next line; nil at the end; nil and why if that
-- failed.
function compat.lines_of(file)
  if not joins_lines then
    return function()
      return file:read("*l")
    end
  end
  local size, block, from = file:seek("cur") and BLOCK or 1, "", 1
  return function()
    local parts = {}
    while true do
      local stop = block:find("\n", from, true)
      parts[#parts + 1] = block:sub(from, (stop or 0) - 1)
      if stop then
        from = stop + 1
        return table.concat(parts)
      end
      local more, why = file:read(size)
      block, from = more or "", 1
      if not more then
        local line = table.concat(parts)
        return not why and line ~= "" and line or nil, why
      end
    end
  end
end

local function without_memory(called, message, ...)
  if not called and type(message) == "string" and message:find("not enough memory", 1, true) then
    error(message, 0)
  end
  return called, message, ...
end

-- pcall that raises again if memory ran out, which is no fault of the callee.
function compat.try(f, ...)
  return without_memory(pcall(f, ...))
end

-- What to tell of a user's error: its words, or its type where it has none. `__tostring` may raise.
function compat.words_of(err)
  local is_written, words = compat.try(tostring, err)
  return is_written and type(words) == "string" and words or type(err)
end

-- Whether a function may yield inside pcall, which Lua 5.1 forbids. Not tried out, because nginx's
-- coroutines would yield through the require() that loads this file.
local can_yield = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

-- compat.try for user functions, which may yield to a scheduler; on Lua 5.1 only with coxpcall's
-- pcall, which schedulers such as copas bring along. compat.try_question is for those whose answer
-- is needed: where it would forbid them to yield, it lets their errors through.
compat.try_hook, compat.try_question = compat.try, compat.try

if not can_yield then
  function compat.try_hook(f, ...)
    local coxpcall = package.loaded.coxpcall
    return without_memory((coxpcall and coxpcall.pcall or pcall)(f, ...))
  end

  function compat.try_question(f, ...)
    if coroutine.running() and not package.loaded.coxpcall then
      return true, f(...)
    end
    return compat.try_hook(f, ...)
  end
end

return compat
