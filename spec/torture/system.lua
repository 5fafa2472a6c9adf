-- Sockets and system calls that fail in all the ways they may.
--
--   lua5.4 spec/torture/system.lua io LIBRARY SEEDS [FIRST]
--   lua5.4 spec/torture/system.lua strace TIMES
--
-- io: runs of child.lua with io.c preloaded, each with a seed of its own; what is said of every id
-- has to be what an undisturbed run says. strace: system calls that fail the n-th time, or from
-- then on, n up to TIMES; then nobody may crash, or say more than the sandbox's log allows. The
-- last line says what was done; the exit code is 1 where something was wrong.

local server = require("spec.support.server")

local wrongs, raised = {}, 0

local function wrong(...)
  wrongs[#wrongs + 1] = string.format(...)
end

local lua = server.interpreter()
local sandbox = server.start({ log_bodies = true })
local number = 0

-- What the child tells, as lists of fields; nil where it did not come to its end.
local function run(prefix, names)
  number = number + 1
  local command = ("%s timeout -s KILL 60 %s %s spec/torture/child.lua %s %d %s 2>&1"):format(
    prefix[1], prefix[2] or "", lua, sandbox.url, number, names or "")
  local file = assert(io.popen(command, "r"))
  local lines, is_over = {}, false
  local text = {}
  for line in file:lines() do
    local fields = {}
    for field in line:gmatch("[^\t]+") do
      fields[#fields + 1] = field
    end
    lines[#lines + 1] = fields
    text[#text + 1] = line
    is_over = line == "end"
  end
  file:close()
  return is_over and lines or nil, table.concat(text, "\n", math.max(1, #text - 5))
end

-- What was said of each place, without the ids.
local function without_ids(lines)
  local list = {}
  for i, fields in ipairs(lines) do
    list[i] = table.concat(fields, " ", 1, math.min(2, #fields)) .. " "
      .. table.concat(fields, " ", math.min(4, #fields + 1))
  end
  return list
end

local function spoil_sockets(library, seeds, first)
  local plain = without_ids(assert(run({ "" })))
  for seed = first, first + seeds - 1 do
    local lines, text = run({ ("IO_SEED=%d LD_PRELOAD=%s"):format(seed, library) })
    local list = lines and without_ids(lines)
    if not list then
      wrong("seed %d: ended early: %s", seed, text)
    elseif #list ~= #plain then
      wrong("seed %d: %d lines, not %d", seed, #list, #plain)
    end
    for i = 1, list and #list == #plain and #plain or 0 do
      if list[i] ~= plain[i] then
        wrong("seed %d: %s, not %s", seed, list[i], plain[i])
      end
    end
  end
  return ("%d runs of %d items with bad sockets"):format(seeds, #plain - 1)
end

-- System calls and what they may fail with.
local CALLS = {
  { "epoll_create1", "EMFILE", "ENOMEM" },
  { "epoll_ctl", "ENOMEM", "ENOSPC" },
  { "epoll_wait", "EINTR" },
  { "socket", "EMFILE", "ENOBUFS" },
  { "connect", "ECONNREFUSED", "EADDRNOTAVAIL", "ENETUNREACH", "ETIMEDOUT", "EINTR" },
  { "getsockopt", "ENOBUFS" },
  { "setsockopt", "ENOBUFS" },
  { "getsockname", "ENOBUFS" },
  { "getpeername", "ENOTCONN" },
  { "fcntl", "EBADF" },
  { "sendto", "EAGAIN", "EINTR", "EPIPE", "ECONNRESET", "ENOBUFS", "ENOMEM" },
  { "recvfrom", "EAGAIN", "EINTR", "ECONNRESET", "ENOMEM", "ETIMEDOUT" },
  { "socketpair", "EMFILE" },
  { "clone3", "EAGAIN" },
}

-- All that strace must not have been in the way of.
local SPOILED = "revicom clickatell"

local told = {}

local function spoil_call(call, fault, when)
  local what = ("%s:error=%s:when=%s"):format(call, fault, when)
  local lines, text = run({ "", ("strace -f -qq -o /dev/null -e trace=%s -e inject=%s"):format(call,
    what) }, SPOILED)
  if not lines then
    wrong("%s: ended early: %s", what, text)
  end
  for _, fields in ipairs(lines or {}) do
    if fields[1] == "raised" then
      raised = raised + 1
      if not fields[3]:find("^libcurl: ") then
        wrong("%s: raised %s", what, fields[3])
      end
    elseif fields[1] ~= "end" then
      fields.what = what
      told[#told + 1] = fields
    end
  end
end

local LATE = { ["0403"] = true, ["0004"] = true }

local function judge()
  sandbox:stop()
  local stopped = {}
  for _, record in ipairs(sandbox:log()) do
    if record.status == 200 and record.method ~= "GET" then
      for id in ((record.body or "") .. " " .. record.path):gmatch("[%x%-]+") do
        stopped[id] = not LATE[id:sub(-4)] or nil
      end
    end
  end
  for _, fields in ipairs(told) do
    local id, outcome = fields[3], fields[4]
    local is_open = outcome == "unknown" or outcome == "accepted"
    if not is_open and (outcome == "stopped") ~= (stopped[id] or false) then
      wrong("%s: %s %s is called %s (%s)", fields.what, stopped[id] and "stopped" or "not stopped",
        id, outcome, fields[5])
    end
  end
end

local function spoil_calls(times)
  local runs = 0
  for _, call in ipairs(CALLS) do
    for i = 2, #call do
      for n = 1, times do
        spoil_call(call[1], call[i], n)
        spoil_call(call[1], call[i], n .. "+7")
        runs = runs + 2
      end
    end
  end
  judge()
  return ("%d runs of %d items with failing system calls, %d calls raised"):format(runs, #told,
    raised)
end

local done
if arg[1] == "io" then
  done = spoil_sockets(arg[2], tonumber(arg[3]), tonumber(arg[4]) or 1)
else
  done = spoil_calls(tonumber(arg[2]))
end
sandbox:stop()
for i = 1, math.min(#wrongs, 40) do
  io.stderr:write(wrongs[i], "\n")
end
print(("%s, %d wrong"):format(done, #wrongs))
os.exit(#wrongs > 0 and 1 or 0)
