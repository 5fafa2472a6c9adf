-- stopmsg stop --dry-run: shows the requests of a stop.

local client = require("stopmsg.client")
local exit = require("stopmsg.cli.exit")
local form = require("stopmsg.ids")
local progress = require("stopmsg.cli.progress")
local text = require("stopmsg.text")

local dry_run = {}

-- Requests shown, and bytes shown of an address and of a body.
local MAX_SHOWN, MAX_BYTES = 10, 1000

-- Groups all ids into requests: each(ids, count) per request; only the count for those not shown.
local function cut(given, operation, limit, each)
  local ids, count, requests, seen = {}, 0, 0, {}
  local function close()
    if count > 0 then
      requests = requests + 1
      each(ids, count)
    end
    ids, count, seen = {}, 0, {}
  end
  for id in given:reader() do
    local sent, key = form.check(operation.id, id)
    if sent and not seen[key] then
      seen[key] = true
      count = count + 1
      if requests < MAX_SHOWN then
        ids[count] = sent
      end
      if count == limit then
        close()
      end
    end
  end
  close()
end

local function short(s)
  if #s <= MAX_BYTES then
    return s
  end
  return ("%s… (%s bytes)"):format(text.cut(s, MAX_BYTES), progress.grouped(#s))
end

-- Formats one request as a server would receive it.
local function write_request(write, request)
  write(("%s %s HTTP/1.1"):format(request.method, short(request.target)))
  write("Host: " .. request.origin:match("://(.*)$"))
  write("User-Agent: " .. request.user_agent)
  local has_accept = false
  for _, line in ipairs(request.headers) do
    has_accept = has_accept or line:lower():find("^accept:") ~= nil
  end
  if not has_accept then
    write("Accept: */*")
  end
  for _, line in ipairs(request.headers) do
    write(line)
  end
  if request.body then
    write("Content-Length: " .. #request.body)
    write("")
    write(short(request.body))
  end
  write("")
end

-- Shows the first request for these example ids.
function dry_run.show_first(_, host, made, operation, ids)
  local checked = {}
  for i = 1, math.min(#ids, operation.limit) do
    checked[i] = form.check(operation.id, ids[i])
  end
  write_request(function(line)
    host.stdout:write(text.printable(line), "\n")
  end, client.preview(made, operation, checked))
end

-- code = dry_run.show(args, host, made, operation, given): `made` is a client.
function dry_run.show(args, host, made, operation, given)
  local requests, total = 0, 0
  local function write(...)
    for _, line in ipairs({ ... }) do
      host.stdout:write(text.printable(line), "\n")
    end
  end

  local limit = math.min(args.batch_size or operation.limit, operation.limit)
  cut(given, operation, limit, function(ids, count)
    requests, total = requests + 1, total + count
    if requests == 1 then
      write(client.preview(made, operation, ids).origin, "")
    end
    if requests <= MAX_SHOWN then
      write_request(write, client.preview(made, operation, ids))
    end
  end)
  if requests > MAX_SHOWN then
    write(("… and %s more"):format(progress.grouped(requests - MAX_SHOWN)))
  end
  local odd = given:oddities()
  if odd then
    write("", odd)
  end
  if operation.all then
    write("each stops " .. operation.all)
  end
  local time = args.rate and (", at least %s at %s a second"):format(
    progress.duration(math.max(0, requests - 1) / args.rate), tostring(args.rate)) or ""
  write(("%s request(s) for %s id(s)%s; nothing was sent"):format(progress.grouped(requests),
    progress.grouped(total), time))
  return exit.ok
end

return dry_run
