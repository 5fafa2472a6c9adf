-- Sockets and system calls that fail in all the ways they may.
--
--   lua5.4 spec/torture/system.lua io LIBRARY SEEDS [FIRST]
--   lua5.4 spec/torture/system.lua tls LIBRARY SEEDS [FIRST]
--   lua5.4 spec/torture/system.lua strace TIMES
--   lua5.4 spec/torture/system.lua core TIMES
--
-- io: runs of child.lua with io.c preloaded, each with a seed of its own; what is said of every id
-- has to be what an undisturbed run says. tls: the same over TLS, with HTTP/1.1 and HTTP/2 by
-- turns. strace: system calls that fail the n-th time, or from then on, n up to TIMES; then nobody
-- may crash, or say more than the sandbox's log allows. core: the same of the parts of the core
-- alone, and of its log: what that says of itself has to be so. The last line says what was done;
-- the exit code is 1 where something was wrong, or nothing was disturbed.

local certificates = require("spec.support.certificates")
local nginx = require("spec.support.nginx")
local part_servers = require("spec.torture.part_servers")
local server = require("spec.support.server")

local wrongs = {}

local function wrong(...)
  wrongs[#wrongs + 1] = string.format(...)
end

local lua = server.interpreter()
local sandbox = server.start({ log_bodies = true })
local number = 0

-- What the child tells, as lists of fields; nil where it did not come to its end. url: of another
-- server than the sandbox.
local function run(prefix, names, url)
  number = number + 1
  local command = ("timeout -s KILL 600 %s %s spec/torture/child.lua %s %d %s 2>&1"):format(
    prefix, lua, url or sandbox.url, number, names or "")
  local file = assert(io.popen(command, "r"))
  local lines, is_over = { spoiled = { 0, 0 } }, false
  local text = {}
  for line in file:lines() do
    local fields = {}
    for field in line:gmatch("[^\t]+") do
      fields[#fields + 1] = field
    end
    if fields[1] == "spoiled" then
      lines.spoiled = { tonumber(fields[2]), tonumber(fields[3]) }
    else
      lines[#lines + 1] = fields
      is_over = line == "end"
    end
    text[#text + 1] = line
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

-- What is spoiled, by turns. libcurl 7.88 keeps the end of a request over HTTP/2 to itself once a
-- write has been refused, until something comes from the server: there requests are lost, and the
-- sandbox's log is the judge.
local WAYS = {
  io = { { name = "plain" } },
  tls = {
    { name = "TLS", variables = "HTTP_VERSION=1.1" },
    { name = "HTTP/2, reads", variables = "HTTP_VERSION=2 IO_READS=1", are_writes_spared = true },
    { name = "HTTP/2", variables = "HTTP_VERSION=2 TIMEOUT=0.2", is_lossy = true },
  },
}

-- Where nothing is lost, no limit of time decides.
local AMPLE = "TIMEOUT=100 DEADLINE=1000 VERIFY=100"

-- Those whose ids tell in the sandbox's log what became of them.
local JUDGED = "revicom clickatell"

-- What was said of ids that the log is to judge.
local told = {}

local function tell(fields, what)
  fields.what = what
  told[#told + 1] = fields
end

local function compare(lines, plain, what)
  if #lines ~= #plain then
    wrong("%s: %d lines, not %d", what, #lines, #plain)
    return
  end
  for i, line in ipairs(lines) do
    if line ~= plain[i] then
      wrong("%s: %s, not %s", what, line, plain[i])
    end
  end
end

local function spoil_sockets(ways, library, seeds, first, target)
  local plain = without_ids(assert(run("env " .. AMPLE)))
  local items, reads, writes = 0, 0, 0
  for seed = first, first + seeds - 1 do
    local way = ways[seed % #ways + 1]
    local what = ("%s, seed %d"):format(way.name, seed)
    local lines, text = run(("env IO_SEED=%d LD_PRELOAD=%s %s %s %s"):format(seed, library,
      target.variables, way.is_lossy and "" or AMPLE, way.variables or ""),
      way.is_lossy and JUDGED, target.url)
    if not lines then
      wrong("%s: ended early: %s", what, text)
      lines = { {}, spoiled = { 0, 0 } }
    elseif way.is_lossy then
      for i = 1, #lines - 1 do
        tell(lines[i], what)
      end
    else
      compare(without_ids(lines), plain, what)
    end
    local spoiled = lines.spoiled
    if spoiled[1] == 0 or (spoiled[2] == 0) ~= (way.are_writes_spared or false) then
      wrong("%s: %d reads and %d writes were disturbed", what, spoiled[1], spoiled[2])
    end
    items, reads, writes = items + #lines - 1, reads + spoiled[1], writes + spoiled[2]
  end
  return ("%d runs of %d items with %d reads and %d writes disturbed"):format(seeds, items, reads,
    writes)
end

-- The same with TLS in front of the sandbox.
local function spoil_tls(library, seeds, first)
  local keys = certificates.make()
  local proxy = nginx.start_tls(sandbox.url, keys)
  local done, result = pcall(spoil_sockets, WAYS.tls, library, seeds, first, {
    url = proxy.url,
    variables = "CA_FILE=" .. keys .. "/ca.pem",
  })
  proxy:stop()
  certificates.remove(keys)
  return assert(done and result, result)
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

local function spoil_call(call, fault, when)
  local what = ("%s:error=%s:when=%s"):format(call, fault, when)
  local lines, text = run(("strace -f -qq -o /dev/null -e trace=%s -e inject=%s"):format(call,
    what), JUDGED)
  if not lines then
    wrong("%s: ended early: %s", what, text)
  end
  for _, fields in ipairs(lines or {}) do
    if fields[1] == "raised" then
      wrong("%s: raised %s", what, fields[3])
    elseif fields[1] ~= "end" then
      tell(fields, what)
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
  return ("%d runs of %d items with failing system calls"):format(runs, #told)
end

-- What a part told, by itself or under strace; nil where it did not come to its end.
local function run_part(prefix, name, context)
  local file = assert(io.popen(("%s timeout -s KILL 600 %s spec/torture/part.lua %s %s %s %s 2>&1")
    :format(prefix, lua, name, context.url, context.items_url, context.path), "r"))
  local text = file:read("*a")
  file:close()
  local said = text:match("begin\n(.*)\nend\n")
  return said, text
end

local STRACE = "strace -f -qq -o /dev/null %s -e trace=%s -e inject=%s:%s:when=%s"

local function spoil_part(name, context, good, call, fault, when)
  local said, text = run_part(STRACE:format("", call, call, "error=" .. fault, when), name, context)
  if not said then
    wrong("%s, %s %s %s: ended early: %s", name, call, fault, when, text)
  elseif said ~= good and not said:find("^fault ") then
    wrong("%s, %s %s %s: %s", name, call, fault, when, said)
  end
end

-- Calls that reach a log, what they may fail with, or what is done in their place.
local LOG_CALLS = {
  { "openat", "error=EACCES", "error=EMFILE" },
  { "%fstat", "error=EIO" },
  { "flock", "error=EINTR", "error=ENOLCK", "error=EAGAIN" },
  { "pread64", "error=EINTR", "error=EIO", "retval=0" },
  { "write", "error=EINTR", "error=EIO", "error=ENOSPC", "retval=0" },
  { "fsync", "error=EIO" },
  { "fdatasync", "error=EIO" },
  { "ftruncate", "error=EIO" },
}

local function read_file(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text
end

-- A log may be left with half of what it could not append.
local TORN = "log, a full and broken disk"

-- What a log said of its steps has to be what is in the file.
local function judge_log(what, said, path)
  if said:find("^fault [^|]*$") then
    return -- it was not opened
  end
  local steps = {}
  for step in (said .. "|"):gmatch("([^|]*)|") do
    steps[#steps + 1] = step
  end
  local expected = steps[1] == "true" and "one,two," or ""
  expected = steps[3] == "true" and expected:sub(1, 4) or expected
  expected = expected .. (steps[4] == "true" and ("three,"):rep(20000) or "")
  local read, held = steps[5] or said, read_file(path)
  if what == TORN then
    read, held = read:sub(1, #expected), held:sub(1, #expected)
  end
  local is_true = read == expected or what:find("pread64 retval=0", 1, true)
  if not is_true and not read:find("^fault ") then
    wrong("%s: reads %s", what, tostring(read))
  end
  if tonumber(steps[6]) ~= #expected or held ~= expected then
    wrong("%s: says %s, the file has %d bytes", what, said:gsub("[^|]*three,", "..."),
      #read_file(path))
  end
end

local function spoil_log(context, times)
  local runs = 0
  local function try(prefix, what)
    os.remove(context.path)
    local said, text = run_part(prefix, "log", context)
    if said then
      judge_log(what, said, context.path)
    else
      wrong("%s: ended early: %s", what, text)
    end
    runs = runs + 1
  end
  local only = ("-P %s -P %s"):format(context.path, context.path:match("^.*/"))
  for _, call in ipairs(LOG_CALLS) do
    for i = 2, #call do
      for n = 1, times do
        try(STRACE:format(only, call[1], call[1], call[i], n),
          ("log, %s %s %d"):format(call[1], call[i], n))
      end
    end
  end
  -- A disk that is full in the middle of what is appended.
  local small = [[sh -c 'trap "" XFSZ; ulimit -f 100; exec "$@"' - ]]
  try(small, "log, a full disk")
  -- The second time is when the half of a line that was written is to be cut off.
  try(small .. STRACE:format(only, "ftruncate", "ftruncate", "error=EIO", 2), TORN)
  return runs
end

local function spoil_parts(times)
  local context, stop_servers = part_servers()
  local file = assert(io.popen("mktemp -d"))
  local directory = file:read("*l")
  file:close()
  context.path = directory .. "/log"
  local runs = spoil_log(context, times)
  for _, name in ipairs({ "direct", "items" }) do
    local good = assert(run_part("", name, context))
    for _, call in ipairs(CALLS) do
      for i = 2, #call do
        for n = 1, times do
          spoil_part(name, context, good, call[1], call[i], n)
          spoil_part(name, context, good, call[1], call[i], n .. "+2")
          runs = runs + 2
        end
      end
    end
  end
  stop_servers()
  os.remove(context.path)
  os.remove(directory)
  return ("%d runs of the core with failing system calls"):format(runs)
end

local done
local first = tonumber(arg[4]) or 1
if arg[1] == "core" then
  done = spoil_parts(tonumber(arg[2]))
elseif arg[1] == "io" then
  done = spoil_sockets(WAYS.io, arg[2], tonumber(arg[3]), first, { variables = "" })
elseif arg[1] == "tls" then
  done = spoil_tls(arg[2], tonumber(arg[3]), first)
else
  done = spoil_calls(tonumber(arg[2]))
end
judge()
for i = 1, math.min(#wrongs, 40) do
  io.stderr:write(wrongs[i], "\n")
end
print(("%s, %d wrong"):format(done, #wrongs))
os.exit(#wrongs > 0 and 1 or 0)
