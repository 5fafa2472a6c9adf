-- LuaSocket's http with cjson: one request after the other. It opens a connection for each, as
-- that is all its http module does.

local common = require("common")
local http = require("socket.http")
local ltn12 = require("ltn12")

local given, ids = common.start(...)
local work = common.work(given, ids)

local request = work:take()
while request do
  local parts = {}
  given.headers["Content-Length"] = request.body and #request.body or nil
  local _, status = http.request({
    url = request.url,
    method = request.body and "POST" or "DELETE",
    headers = given.headers,
    source = request.body and ltn12.source.string(request.body) or nil,
    sink = ltn12.sink.table(parts),
  })
  work:finish(request, status, table.concat(parts))
  request = work:take()
end
work:stop()
