-- stopmsg stop --dry-run: the requests that would be made.

local exit = require("stopmsg.cli.exit")
local form = require("stopmsg.ids")
local pool = require("stopmsg.pool")
local progress = require("stopmsg.cli.progress")
local text = require("stopmsg.text")

local dry_run = {}

-- Requests that are shown, and ids of each.
local MAX_SHOWN, MAX_IDS = 10, 3

local function percent(id)
  return (id:gsub("[^%w%-._~]", function(char)
    return ("%%%02X"):format(char:byte())
  end))
end

-- The address of a request that begins with these ids.
local function address(operation, base, ids)
  local url = operation.url_form
  local path = url.open
  if url.escape then
    local parts = {}
    for i, id in ipairs(ids) do
      parts[i] = percent(id)
    end
    path = path .. table.concat(parts, url.between) .. url.close
  end
  return base:gsub("/+$", "") .. path
end

-- Reads all ids as the run would: each(first ids, count) for every request.
local function cut(given, operation, limit, each)
  local first, count, seen = {}, 0, {}
  local function close()
    if count > 0 then
      each(first, count)
    end
    first, count, seen = {}, 0, {}
  end
  for id in given:reader() do
    local sent, key = form.check(operation.id, id)
    if sent and not seen[key] then
      seen[key] = true
      count = count + 1
      if count <= MAX_IDS then
        first[count] = sent
      end
      if count == limit then
        close()
      end
    end
  end
  close()
end

-- code = dry_run.show(args, host, provider, operation, given)
function dry_run.show(args, host, provider, operation, given)
  local requests, total = 0, 0
  local function write(...)
    for _, line in ipairs({ ... }) do
      host.stdout:write(text.printable(line), "\n")
    end
  end

  write(provider.auth .. "[token]")
  for _, line in ipairs(pool.headers(provider, operation, args.xml and "xml" or "json")) do
    write(line)
  end
  write("")
  local base = args.base_url or provider.base_url
  local limit = math.min(args.batch_size or operation.limit, operation.limit)
  cut(given, operation, limit, function(first, count)
    requests, total = requests + 1, total + count
    if requests <= MAX_SHOWN then
      local more = count > #first and (", … (%s ids)"):format(progress.grouped(count)) or ""
      write(operation.method .. " " .. address(operation, base, first))
      write("    " .. table.concat(first, ", ") .. more)
    end
  end)
  if requests > MAX_SHOWN then
    write(("… and %s more"):format(progress.grouped(requests - MAX_SHOWN)))
  end
  local odd = given:oddities()
  if odd then
    write("", odd)
  end
  local time = args.rate and (", at least %s at %s a second"):format(
    progress.duration(math.max(0, requests - 1) / args.rate), tostring(args.rate)) or ""
  write("", ("%s request(s) for %s id(s)%s; nothing was sent"):format(progress.grouped(requests),
    progress.grouped(total), time))
  return exit.ok
end

return dry_run
