-- The command as a program of its own, run with or without a terminal by terminal.py.

local json = require("stopmsg.json")
local python = require("spec.support.python")
local server = require("spec.support.server")
local socket = require("socket")

local command = {}

-- What must never be seen; the sandbox refuses it, as it does every token but its own.
command.CANARY = "canary-5f1b9e7d-never-seen"

local Command = {}
Command.__index = Command

-- runner = command.start(): { run(), stop() }
function command.start()
  local self = setmetatable({}, Command)
  self._child = server.spawn({ python, "spec/support/terminal.py" })
  local port = self._child.first_line:match("127%.0%.0%.1:(%d+)$")
  self._control = assert(socket.connect("127.0.0.1", tonumber(port)))
  self._control:setoption("tcp-nodelay", true)
  return self
end

-- The environment of the specs without what would change how the command behaves.
local function environment(wanted)
  local variables = { TERM = "xterm" }
  for _, pair in ipairs(server.environment()) do
    local name, value = pair:match("^([^=]+)=(.*)$")
    if name and not name:find("^STOPMSG_") and not name:lower():find("_proxy$")
      and name ~= "NO_COLOR" and name ~= "TERM" and name ~= "COLUMNS" then
      variables[name] = value
    end
  end
  for name, value in pairs(wanted or {}) do
    variables[name] = value or nil
  end
  return variables
end

-- Runs `stopmsg ARGUMENT...` (or options.argv) to its end: what terminal.py answers.
-- options: those of terminal.py; env: variables to add, or to take away where false.
function Command:run(arguments, options)
  local job = { argv = { server.interpreter(), "bin/stopmsg" }, terminal = json.null }
  for name, value in pairs(options or {}) do
    job[name] = value
  end
  for _, argument in ipairs(arguments) do
    job.argv[#job.argv + 1] = argument
  end
  job.env = environment(job.env)
  assert(self._control:send(json.encode(job) .. "\n"))
  local answer = assert(json.decode(assert(self._control:receive("*l"))))
  if answer.error then
    error("terminal.py says: " .. answer.error, 2)
  end
  answer.code = json.integer(answer.code)
  return answer
end

function Command:stop()
  self._control:close()
  return self._child:end_input()
end

-- What a terminal shows after these bytes, as a list of lines: \r and \n, lines erased, the cursor
-- moved up. Colours are forgotten.
function command.screen(bytes)
  local lines, row, column = { "" }, 1, 1
  local i = 1
  while i <= #bytes do
    local erase_from, erase_to = bytes:find("^\27%[[0-2]?K", i)
    local _, up_to, up = bytes:find("^\27%[(%d*)A", i)
    local _, escape_to = bytes:find("^\27%[[%d;?]*%a", i)
    local c = bytes:match("^[%z\1-\127\194-\244][\128-\191]*", i) or bytes:sub(i, i)
    local line = lines[row]
    if erase_from then
      local kind = bytes:sub(erase_to - 1, erase_to - 1)
      lines[row] = kind == "2" and "" or line:sub(1, column - 1)
      i = erase_to + 1
    elseif up_to then
      row = math.max(1, row - (tonumber(up) or 1))
      i = up_to + 1
    elseif escape_to then
      i = escape_to + 1
    elseif c == "\r" then
      column, i = 1, i + 1
    elseif c == "\n" then
      row, i = row + 1, i + 1
      lines[row] = lines[row] or ""
    else
      if column > #line then
        line = line .. (" "):rep(column - #line - 1)
      end
      lines[row] = line:sub(1, column - 1) .. c .. line:sub(column + #c)
      column, i = column + #c, i + #c
    end
  end
  for n, line in ipairs(lines) do
    lines[n] = line:gsub("%s+$", "")
  end
  return lines
end

return command
