-- The core's parts with the n-th request for memory failing, for every n, once and from there on.
--
--   LD_PRELOAD=alloc.so lua5.4 spec/torture/alloc_core.lua alloc.so [PART [STEP]]
--
-- With a STEP: one n of so many, and others in the second mode.
--
-- A part may raise "not enough memory" or lose a request, but it must not crash, hang, leak a block
-- or a descriptor, say anything else than without the failure, or spoil what comes after it. The
-- last line says what was done; the exit code is 1 where something was wrong.

-- luacheck: globals jit
if jit then
  jit.off() -- the unwinder takes memory for each piece of code that is made
end

local part_servers = require("spec.torture.part_servers")

local PARTS = { "direct", "again", "filled", "proxied", "named", "items", "offered", "lengths",
  "reader", "usual", "urls", "signed", "replies", "redis", "notes", "log", "inherited" }
local MODES = { once = 0, sticky = 2 }
local STEP = tonumber(arg[3]) or 1
local HUNG = 120 -- seconds

-- What the state does whose memory fails. `number` is that of the part.
local SOURCE = [[
-- LuaJIT's compiler of traces does not survive the lack of memory.
if jit then
  jit.off()
end
local parts = require("spec.torture.parts")
local context = { url = %q, items_url = %q, redis_url = %q, path = %q }
local names, name = { %s }

local function try(phase)
  local done, result = pcall(parts[name], context)
  collectgarbage()
  tell(phase, done, result)
end

function before()
  name = names[number]
end

function act()
  try("act")
end

function after()
  try("after")
end

function warm()
  context.inherited = parts.inherit(context)
  for number = 1, #names do
    name = names[number]
    assert(pcall(parts[name], context))
  end
end
]]

local alloc = assert(package.loadlib(arg[1], "luaopen_alloc"))()
local servers, stop_servers = part_servers()
local path = os.tmpname()
local wrongs, tries, all_failed = {}, 0, 0

-- One try: what was told of act and after, how many requests there were, and what was left; nil
-- where it did not come to its end.
local function try(what, number, n, mode)
  local text, status = alloc.try(number, n, mode, HUNG)
  local told = {}
  tries = tries + 1
  for line in text:gmatch("[^\n]+") do
    local kind, rest = line:match("^([^\t]*)\t(.*)$")
    told[kind or line] = rest
  end
  if status ~= 0 or not told["=end"] then
    wrongs[#wrongs + 1] = ("%s: ended with status %d, having told: %s"):format(what, status,
      text:sub(-300))
    return nil
  end
  local requests, failed, left = told["=end"]:match("^(%d+)\t(%d+)\t(.*)$")
  all_failed = all_failed + tonumber(failed)
  return { act = told.act, after = told.after, requests = tonumber(requests),
    failed = tonumber(failed), left = left, raised = told["=raised"] }
end

-- What may be told of a part without memory. libcurl has many words for that, one of which says,
-- too, that a header is too long; but a request that is lost is never called complete.
local function is_honest(text)
  return text:find("^%a*\t.*not enough memory$") or text:find("^\t.*too many lines for the memory$")
    or text:find("^true\tfault %a+ [%a_]+$") or text:find("^true\tfault Out of memory$")
    or text:find("^true\t{.*}memory$") -- replies up to there
end

local function check(what, told, good)
  local function same(name)
    if told[name] ~= good[name] then
      wrongs[#wrongs + 1] = ("%s: %s: %s, not %s"):format(what, name, tostring(told[name]),
        tostring(good[name]))
    end
  end
  if not is_honest(told.act or told.raised or "") then
    same("act")
  end
  same("after")
  same("left")
end

local function spoil(name, number, mode, first)
  local what = ("%s, %s"):format(name, mode)
  try(what, number, -1, MODES[mode]) -- the loader may keep something
  local good = assert(try(what, number, -1, MODES[mode]), wrongs[1])
  assert(not good.raised and good.act:find("^true\t"), good.act)
  local n, is_over = first, false
  while not is_over do
    local told = try(("%s n=%d"):format(what, n), number, n, MODES[mode])
    if told then
      check(("%s n=%d"):format(what, n), told, good)
    end
    is_over = told and told.failed == 0
    n = n + STEP
  end
end

local names = {}
for i, name in ipairs(PARTS) do
  names[i] = ("%q"):format(name)
end
alloc.state(SOURCE:format(servers.url, servers.items_url, servers.redis_url, path,
  table.concat(names, ", ")))
for number, name in ipairs(PARTS) do
  if not arg[2] or arg[2] == name then
    spoil(name, number, "once", 1)
    spoil(name, number, "sticky", math.min(2, STEP))
  end
end

stop_servers()
os.remove(path)
for i = 1, math.min(#wrongs, 40) do
  io.stderr:write(wrongs[i], "\n")
end
print(("%d tries of the core, %d requests for memory failed, %d wrong"):format(tries, all_failed,
  #wrongs))
os.exit(#wrongs > 0 and 1 or 0)
