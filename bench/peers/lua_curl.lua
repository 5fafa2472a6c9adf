-- Debian's binding to libcurl (lua-curl 0.3, for Lua 5.1 and 5.2) with cjson. It has no multi
-- interface: one kept handle, one request after the other.

local common = require("common")
local curl = require("curl")

local given, ids = common.start(...)

local lines = { "Expect:" }
for name, value in pairs(given.headers) do
  lines[#lines + 1] = name .. ": " .. value
end

local parts, status
local easy = curl.easy_init()
easy:setopt(curl.OPT_HTTPHEADER, lines)
easy:setopt(curl.OPT_NOSIGNAL, 1)
easy:setopt(curl.OPT_PROXY, "")
easy:setopt(curl.OPT_CUSTOMREQUEST, given.is_batch and "POST" or "DELETE")
easy:setopt(curl.OPT_WRITEFUNCTION, function(chunk)
  parts[#parts + 1] = chunk
  return #chunk
end)
-- There is no getinfo either: the status is in the header.
easy:setopt(curl.OPT_HEADERFUNCTION, function(line)
  status = tonumber(line:match("^HTTP/%S+ (%d+)")) or status
  return #line
end)
if given.ca then
  easy:setopt(curl.OPT_CAINFO, given.ca)
end

local work = common.work(given, ids)
local request = work:take()
while request do
  parts, status = {}, nil
  easy:setopt(curl.OPT_URL, request.url)
  if request.body then
    easy:setopt(curl.OPT_POSTFIELDS, request.body)
  end
  assert(easy:perform())
  work:finish(request, status, table.concat(parts))
  request = work:take()
end
work:stop()
