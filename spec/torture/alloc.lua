-- Whole stops with the n-th request for memory failing, for every n; then the judge.
--
--   LD_PRELOAD=alloc.so lua5.4 spec/torture/alloc.lua alloc.so SETTING MODE [SAMPLE [SEED]]
--
-- SETTING: revicom, idigital, pushwoosh, clickatell or clickatell-xml. MODE: once, twice (that and
-- the next one) or sticky (all from there on). SAMPLE: how many n are tried, spread over all there
-- are; without, each of them.
--
-- A try may raise "not enough memory", but it must not crash, hang, leak a block or a descriptor,
-- say more of an id than the sandbox's log allows, or spoil what comes after it. The last line says
-- what was done; the exit code is 1 where something was wrong.

-- luacheck: globals jit
if jit then
  jit.off() -- the unwinder takes memory for each piece of code that is made
end

local files = require("spec.support.files")
local server = require("spec.support.server")

local PATH, NAME, MODE = arg[1], arg[2], arg[3]
local SAMPLE, SEED = tonumber(arg[4]), tonumber(arg[5]) or 1
local ONLY = tonumber(os.getenv("ONLY")) -- one n, to look into it

-- Seconds of a try that is taken for one that hangs: it would wait for its deadline.
local HUNG = 120

local SETTINGS = {
  revicom = { call = "stop", id = "%n-22a1-4be6-8908-%p0000000", late = "0403" },
  idigital = { call = "stop_dispatch", id = "7%p%n", late = "4031" },
  pushwoosh = { call = "stop", id = "1A2B-3C4D5E%p0-%n", late = "0400" },
  clickatell = { call = "stop", id = "d7a1c4e2b8f94a1e%n%p000", late = "0004" },
  ["clickatell-xml"] = {
    call = "stop", id = "d7a1c4e2b8f94a1e%n%p000", late = "0004", format = "xml",
  },
}
local MODES = { once = 0, twice = 1, sticky = 2 }

local setting = assert(SETTINGS[NAME], "no such setting")
local mode = assert(MODES[MODE], "no such mode")
local alloc = assert(package.loadlib(PATH, "luaopen_alloc"))()

local sandbox = server.start({ log_bodies = true })
local wrongs = {}

local function wrong(n, text)
  wrongs[#wrongs + 1] = ("%s %s n=%d: %s"):format(NAME, MODE, n, text)
end

local function split(line)
  local fields = {}
  for field in (line .. "\t"):gmatch("([^\t]*)\t") do
    fields[#fields + 1] = field
  end
  return fields
end

-- What a try told, by kind and phase.
local function digest(text)
  local told = { ids = {}, items = {}, reports = {}, over = {}, raised = {}, dead = {} }
  for line in text:gmatch("([^\n]*)\n") do
    local f = split(line)
    if f[1] == "id" then
      told.ids[f[2]] = told.ids[f[2]] or {}
      told.ids[f[2]][tonumber(f[3])] = f[4]
    elseif f[1] == "item" then
      told.items[#told.items + 1] = { phase = f[2], place = tonumber(f[3]), id = f[4],
        outcome = f[5], reason = f[6], ambiguous = f[7], verified = f[8] }
    elseif f[1] == "report" then
      told.reports[f[2]] = { tonumber(f[3]), tonumber(f[4]), tonumber(f[5]) }
    elseif f[1] == "over" then
      told.over[f[2]] = true
    elseif f[1] == "=raised" then
      told.raised[f[2]] = f[3]
    elseif f[1] == "dead" then
      told.dead[f[2]] = f[3]
    elseif f[1] == "=end" then
      told.requests, told.failed = tonumber(f[2]), tonumber(f[3])
      told.lua_blocks, told.c_blocks, told.fds = tonumber(f[4]), tonumber(f[5]), tonumber(f[6])
      told.kept_parsers = tonumber(f[7])
    else
      told.panic = line
    end
  end
  return told
end

-- Place, outcome, reason, ambiguous, verified of the items of a phase, in a line; `most` at most.
local function told_of(told, phase, most)
  local parts = {}
  for _, item in ipairs(told.items) do
    if item.phase == phase and #parts < (most or 1000) then
      parts[#parts + 1] = table.concat({ item.place, item.outcome, item.reason, item.ambiguous,
        item.verified }, " ")
    end
  end
  return table.concat(parts, ", ")
end

local number = 0
local tries, slowest, all_failed = {}, 0, 0

-- One try; nil where it did not come to its end.
local function try(n)
  number = number + 1
  local text, status, seconds = alloc.try(number, n, mode, HUNG)
  local told = digest(text)
  if status ~= 0 or not told.requests then
    wrong(n, ("ended with status %d %s after %.1f s, having told: %s"):format(status,
      told.panic or "", seconds, text:sub(-300)))
    return nil
  end
  told.n = n
  tries[#tries + 1] = told
  slowest = math.max(slowest, seconds)
  all_failed = all_failed + told.failed
  return told
end

-- Of C, that a parser has which Expat does not free: see alloc.c.
local PARSER_BLOCKS = 32

-- What libcurl's handle may say that could not be replaced yet.
local BROKEN = "libcurl: Out of memory"

-- What may be said with memory again, of what the lack of it has ended.
local DEAD = {
  used = "attempt to use a closed client",
  each = "attempt to resume a run that failed",
}

-- What needs no log.
local function check(told, good)
  local n = told.n
  for name, message in pairs(told.raised) do
    if name ~= "act" or not (message:find("not enough memory$") or message == BROKEN) then
      wrong(n, name .. "() raised " .. message)
    end
  end
  for phase, message in pairs(told.dead) do
    if not DEAD[phase]:find(message, 1, true) then
      wrong(n, phase .. ": " .. message)
    end
  end
  local left = told.c_blocks - good.c_blocks
  if told.lua_blocks ~= 0 or left < 0 or left > told.kept_parsers * PARSER_BLOCKS then
    wrong(n, ("%d blocks of Lua and %d of C are left"):format(told.lua_blocks,
      left))
  end
  if told.fds ~= good.fds then
    wrong(n, ("%d descriptors are left"):format(told.fds - good.fds))
  end
  for phase, sizes in pairs(told.reports) do
    local count = #told.ids[phase]
    for _, size in ipairs(sizes) do
      if size ~= count then
        wrong(n, ("%s: %d ids, the report says %d"):format(phase, count, size))
      end
    end
  end
  -- With memory again, all is as it always was.
  if told_of(told, "fresh") ~= told_of(good, "fresh") then
    wrong(n, "fresh: " .. told_of(told, "fresh"))
  elseif told.reports.used and told_of(told, "used") ~= told_of(good, "fresh", 2) then
    wrong(n, "used: " .. told_of(told, "used"))
  end
  local seen = {}
  for _, item in ipairs(told.items) do
    local ids = told.ids[item.phase == "told" and "stop" or item.phase]
    local key = item.phase .. tostring(item.place)
    if ids[item.place] ~= item.id then
      wrong(n, ("%s: item %s is of %s"):format(item.phase, tostring(item.place), item.id))
    elseif seen[key] then
      wrong(n, ("%s: a second item %s"):format(item.phase, key))
    end
    seen[key] = true
  end
  if told.over.each then
    for place in ipairs(told.ids.each) do
      if not seen["each" .. place] then
        wrong(n, ("each: ended without item %d"):format(place))
      end
    end
  end
end

-- The ids that the sandbox stopped, from its log.
local function stops(log)
  local stopped = {}
  for _, record in ipairs(log) do
    if record.status == 200 and record.method ~= "GET" and not record.path:find(":list$") then
      for id in ((record.body or "") .. " " .. record.path):gmatch("[%x%-]+") do
        if not id:find(setting.late .. "$") then
          stopped[id:lower()] = true
        end
      end
    end
  end
  return stopped
end

local MAYBE = { unknown = true, accepted = true }

local function judge(told, stopped)
  for _, item in ipairs(told.items) do
    local was_stopped = stopped[item.id:lower()] or false
    if not MAYBE[item.outcome] and was_stopped ~= (item.outcome == "stopped") then
      wrong(told.n, ("%s: %s is called %s (%s), the sandbox %s it"):format(item.phase, item.id,
        item.outcome, item.reason, was_stopped and "stopped" or "did not stop"))
    end
  end
end

local source = ("SETTING = { provider = %q, call = %q, url = %q, format = %q, id = %q, late = %q }")
  :format(NAME:match("^%a+"), setting.call, sandbox.url, setting.format or "json", setting.id,
    setting.late) .. "\n" .. files.read("spec/torture/alloc_victim.lua")
alloc.state(source)

-- The undisturbed try; in the first one the loader may still have kept something.
try(-1)
local good = assert(try(-1), "the undisturbed try failed")
local total, count = good.requests, 0
assert(good.failed == 0 and not next(good.raised), good.raised.act)
tries = {}

if ONLY then
  try(ONLY)
  count = 1
elseif SAMPLE then
  math.randomseed(SEED)
  local step = total / SAMPLE
  for i = 1, SAMPLE do
    try(math.floor((i - 1) * step + math.random() * step) + 1)
    count = count + 1
  end
else
  local is_over = false
  while not is_over do
    count = count + 1
    local told = try(count)
    is_over = told and told.failed == 0
  end
end

sandbox:stop()
local stopped = stops(sandbox:log())
for _, told in ipairs(tries) do
  check(told, good)
  judge(told, stopped)
end
for i = 1, math.min(#wrongs, 40) do
  io.stderr:write(wrongs[i], "\n")
end
print(("%s %s: %d tries, %d requests for memory in each, %d failed, slowest %.1f s, %d wrong")
  :format(NAME, MODE, count, total, all_failed, slowest, #wrongs))
os.exit(#wrongs > 0 and 1 or 0)
