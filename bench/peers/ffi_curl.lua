-- LuaJIT's FFI on libcurl's multi interface with cjson: kept handles, one for each request in
-- flight.

local common = require("common")
local ffi = require("ffi")

ffi.cdef([[
typedef void CURL;
typedef void CURLM;
struct curl_slist;
typedef struct { int msg; CURL *easy; union { void *whatever; int result; } data; } CURLMsg;
int curl_global_init(long flags);
CURL *curl_easy_init(void);
int curl_easy_setopt(CURL *, int, ...);
int curl_easy_getinfo(CURL *, int, ...);
struct curl_slist *curl_slist_append(struct curl_slist *, const char *);
CURLM *curl_multi_init(void);
int curl_multi_setopt(CURLM *, int, ...);
int curl_multi_add_handle(CURLM *, CURL *);
int curl_multi_remove_handle(CURLM *, CURL *);
int curl_multi_perform(CURLM *, int *);
int curl_multi_poll(CURLM *, void *, unsigned int, int, int *);
CURLMsg *curl_multi_info_read(CURLM *, int *);
typedef size_t (*write_function)(char *, size_t, size_t, void *);
]])

local curl = ffi.load("curl.so.4")
local GLOBAL_ALL = 3
local OPT = {
  WRITEDATA = 10001, URL = 10002, PROXY = 10004, POSTFIELDS = 10015, HTTPHEADER = 10023,
  CUSTOMREQUEST = 10036, POSTFIELDSIZE = 60, CAINFO = 10065, HTTP_VERSION = 84, NOSIGNAL = 99,
  BUFFERSIZE = 98, PRIVATE = 10103, PIPEWAIT = 237, WRITEFUNCTION = 20011,
  UPLOAD_BUFFERSIZE = 280,
}
local RESPONSE_CODE, PRIVATE = 0x200002, 0x100015
local HTTP_1_1, HTTP_2TLS = 2, 4
local MAXCONNECTS = 6

local given, ids = common.start(...)

local function set(easy, name, value)
  assert(curl.curl_easy_setopt(easy, OPT[name], value) == 0, name)
end

local function long(value)
  return ffi.cast("long", value)
end

curl.curl_global_init(GLOBAL_ALL)
local headers = curl.curl_slist_append(nil, "Expect:")
for name, value in pairs(given.headers) do
  headers = curl.curl_slist_append(headers, name .. ": " .. value)
end

local transfers = {}
local on_body = ffi.cast("write_function", function(bytes, size, count, user)
  local parts = transfers[tonumber(ffi.cast("intptr_t", user))].parts
  parts[#parts + 1] = ffi.string(bytes, size * count)
  return size * count
end)

local multi = curl.curl_multi_init()
curl.curl_multi_setopt(multi, MAXCONNECTS, long(given.in_flight))

local function new_transfer(number)
  local easy = curl.curl_easy_init()
  set(easy, "HTTPHEADER", headers)
  set(easy, "NOSIGNAL", long(1))
  set(easy, "PROXY", "")
  set(easy, "HTTP_VERSION", long(given.version == 2 and HTTP_2TLS or HTTP_1_1))
  set(easy, "PIPEWAIT", long(given.version == 2 and 1 or 0))
  set(easy, "CUSTOMREQUEST", given.is_batch and "POST" or "DELETE")
  set(easy, "WRITEFUNCTION", on_body)
  set(easy, "WRITEDATA", ffi.cast("void *", number))
  set(easy, "PRIVATE", ffi.cast("void *", number))
  if given.is_batch then
    set(easy, "BUFFERSIZE", long(512 * 1024))
    set(easy, "UPLOAD_BUFFERSIZE", long(1024 * 1024))
  end
  if given.ca then
    set(easy, "CAINFO", given.ca)
  end
  return { easy = easy }
end

local work = common.work(given, ids)

-- Whether there was one more request for this handle.
local function start(transfer)
  local request = work:take()
  if not request then
    return false
  end
  transfer.request, transfer.parts = request, {}
  set(transfer.easy, "URL", request.url)
  if request.body then
    -- libcurl does not copy it: the request keeps it.
    set(transfer.easy, "POSTFIELDS", request.body)
    set(transfer.easy, "POSTFIELDSIZE", long(#request.body))
  end
  assert(curl.curl_multi_add_handle(multi, transfer.easy) == 0)
  return true
end

local running, left = ffi.new("int[1]"), ffi.new("int[1]")
local status, private = ffi.new("long[1]"), ffi.new("void *[1]")

-- How many handles found no more work.
local function harvest()
  local ended = 0
  local message = curl.curl_multi_info_read(multi, left)
  while message ~= nil do
    local easy, result = message.easy, message.data.result
    curl.curl_easy_getinfo(easy, RESPONSE_CODE, status)
    curl.curl_easy_getinfo(easy, PRIVATE, private)
    curl.curl_multi_remove_handle(multi, easy)
    local transfer = transfers[tonumber(ffi.cast("intptr_t", private[0]))]
    work:finish(transfer.request, result == 0 and tonumber(status[0]) or 0,
      table.concat(transfer.parts))
    if not start(transfer) then
      ended = ended + 1
    end
    message = curl.curl_multi_info_read(multi, left)
  end
  return ended
end

-- libcurl calls back into Lua from here, which compiled code must not be left for.
local function perform()
  curl.curl_multi_perform(multi, running)
end
jit.off(perform) -- luacheck: ignore

local live = 0
for number = 1, given.in_flight do
  transfers[number] = new_transfer(number)
  if start(transfers[number]) then
    live = live + 1
  end
end
while live > 0 do
  perform()
  live = live - harvest()
  if live > 0 then
    curl.curl_multi_poll(multi, nil, 0, 1000, nil)
  end
end
work:stop()
