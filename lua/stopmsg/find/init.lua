-- Reads lists of stoppable messages for a client. Each page is an "id" of a normal run, so waiting,
-- retries, rate limits and tokens work as in every call.

local core = require("stopmsg.core")
local filters = require("stopmsg.find.filter")
local hunts = require("stopmsg.find.hunt")
local looks = require("stopmsg.find.look")
local pages = require("stopmsg.find.pages")
local text = require("stopmsg.text")
local wire = require("stopmsg.provider.wire")

local find = {}

-- Reasons that make another look pointless (is_final).
local FINAL = { credentials = true, forbidden = true, deadline = true, interrupted = true,
  outage = true, rate_limited = true, not_signed = true }

-- Why a list ended early: the fields of an item that explain a failure.
local FindError = {}
FindError.__index = FindError
FindError.__name = "stopmsg.find_error"

function FindError:__tostring()
  return self.message or self.reason or self.outcome
end

local function is_final(item)
  return item.outcome == "denied" or item.outcome == "invalid" or FINAL[item.reason] ~= nil
end

-- redact(text) removes the token, which a list may contain.
local function error_of(item, redact)
  local reason = item.reason
  if reason == "gone_or_sent" then
    reason = "http_" .. tostring(item.http) -- "gone_or_sent" would be about a message
  end
  return setmetatable({ outcome = item.outcome, reason = reason or "bad_response",
    code = item.code, http = item.http, message = text.clean(item.message, redact),
    filter = item.filter, is_final = item.is_final or is_final(item), is_depth = item.is_depth },
    FindError)
end

-- Returns whether an entry's id contains the token. Such an id is not shown.
local function repeats_token(page, redact)
  for _, item in ipairs(page.items) do
    if redact(item.id) ~= item.id then
      return true
    end
    item.state = item.state and redact(item.state)
  end
  return false
end

-- operation = find.paged(operation): a copy whose "ids" are requests for pages of the list.
function find.paged(operation)
  local paged = {}
  for name, value in pairs(operation) do
    paged[name] = value
  end
  paged.id, paged.is_page, paged.readings = operation.asks, true, {}
  for status, reading in pairs(operation.readings) do
    paged.readings[status] = reading
  end
  paged.readings[200] = { is_page = true, otherwise = operation.readings[200] }
  return paged
end

-- Seconds since 1970.
find.now = os.time

find.filter = filters.check

-- with: provider (compiled), operation (a list), paged (find.paged of it), values (settings),
-- base_url or nil, address (of all requests), own_address or nil (the provider's, ignoring
-- base_url), filter (checked), report, redact(text), clock(), deadline (by that clock),
-- collect(ids, seconds), which runs them and returns a report.
function find.new(with)
  local function warn(message)
    with.report:warn(text.clean(message, with.redact))
  end
  local function ask(asked)
    local left = with.deadline - with.clock()
    if left <= 0 then
      return nil, { outcome = "skipped", reason = "deadline" }
    end
    local id = wire.page(with.provider, with.operation, with.values, with.base_url, asked)
    local result = with.collect({ id }, left)
    local report = with.report
    report.requests = report.requests + result.requests
    report.retries = report.retries + result.retries
    report.connections = report.connections + result.connections
    for _, message in ipairs(result.warnings) do
      report:warn(message) -- already cleaned
    end
    local item = result[1]
    if not item.page then
      return nil, { outcome = item.outcome, reason = item.reason, code = item.code,
        http = item.http, message = item.message, is_final = is_final(item) }
    elseif repeats_token(item.page, with.redact) then
      return nil, { outcome = "unknown", reason = "bad_response",
        message = "an entry of the list contains the token" }
    end
    report.pages = report.pages + 1
    return item.page
  end

  with.report.pages = 0
  with.report.unit = with.operation.unit
  if with.operation.inferred then
    warn("not documented by the provider: " .. with.operation.inferred)
  end
  for _, name in ipairs(with.filter.unshown) do
    warn(("list entries do not show the filter %s: cannot check that the provider applied it")
      :format(text.quote(name)))
  end
  local origins = {}
  for _, address in pairs({ with.address, with.own_address }) do
    origins[pages.origin(address)] = true
  end
  local prefix = with.base_url and select(2, pages.origin(with.base_url)):gsub("/+$", "") or ""
  local first = wire.page(with.provider, with.operation, with.values, with.base_url,
    { filters = with.filter:asked() }):match("^[^\255]*")
  return {
    error = function(err)
      return err and error_of(err, with.redact)
    end,
    look = function(seen)
      return looks.new({
        filter = with.filter,
        ask = ask,
        seen = seen,
        now = find.now,
        warn = warn,
        paging = { origins = origins, prefix = prefix, path = first },
      })
    end,
  }
end

-- next_item = find.items(lister, report): iterates over one look.
function find.items(lister, report)
  local look, items, at = lister.look(core.seen()), {}, 0
  return function()
    while items and at == #items do
      items, at = look:page(), 0
    end
    if not items then
      report.is_complete, report.err = look.is_complete, lister.error(look.err)
      return nil
    end
    at = at + 1
    report:count(items[at])
    return items[at]
  end
end

-- source = find.source(lister, with): iterates over look after look. with: report, clock, interval,
-- ended, first, found (see hunt.lua); seen, a set of ids to skip (core.seen or compatible), or nil
-- for an empty one.
function find.source(lister, with)
  local seen = with.seen or core.seen()
  local hunt = hunts.new({
    look = function()
      return lister.look(seen)
    end,
    clock = with.clock,
    interval = with.interval,
    ended = with.ended,
    first = with.first,
    found = with.found,
    report = with.report,
  })
  return function(chunk, want)
    local is_last, at = hunt:fill(chunk, want)
    local report = with.report
    if report.err and getmetatable(report.err) ~= FindError then
      report.err = lister.error(report.err)
    end
    return is_last, at
  end, seen
end

return find
