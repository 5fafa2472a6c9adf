-- Counts which lines of lua/stopmsg run, in every process that LUA_INIT makes load this file. At
-- the process's end they are added to a file in the directory LINES_DIR.

local directory = os.getenv("LINES_DIR")
local getinfo, exit = debug.getinfo, os.exit

local names = {} -- function -> its file, false where that is not looked at
local seen = {} -- file -> line -> true

local function name_of(f)
  local name = getinfo(f, "S").source:match("^@.-lua/(stopmsg/.*%.lua)$") or false
  names[f] = name
  if name then
    seen[name] = seen[name] or {}
  end
  return name
end

local function on_line(_, line)
  local f = getinfo(2, "f").func
  local name = names[f]
  if name == nil then
    name = name_of(f)
  end
  if name then
    seen[name][line] = true
  end
end

local function write()
  debug.sethook()
  local path = os.tmpname()
  local file = io.open(directory .. "/" .. path:match("[^/]+$"), "w")
  os.remove(path)
  for name, lines in pairs(seen) do
    for line in pairs(lines) do
      file:write(name, " ", line, "\n")
    end
  end
  file:close()
end

local is_written = false
local function write_once()
  if not is_written then
    is_written = true
    write()
  end
end

os.exit = function(...) -- luacheck: ignore
  write_once()
  return exit(...)
end

-- Held by the registry until the state closes.
debug.getregistry()["stopmsg.lines"] = setmetatable({}, { __gc = write_once })

-- Coroutines inherit the hook of whoever makes them.
debug.sethook(on_line, "l")
