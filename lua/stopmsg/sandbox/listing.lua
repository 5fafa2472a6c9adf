-- Makes pages of a list by reading a provider's definition backwards: which filters and which page
-- a request asks for, and how the response points to the next page.

local json = require("stopmsg.json")
local times = require("stopmsg.find.times")
local url = require("stopmsg.sandbox.url")

local listing = {}

-- Entries per page if a definition names no size; without pages, all are one.
local SIZE, WHOLE = 100, 1e6

local function at(document, written)
  local value = document
  for step in written:gmatch("[^.]+") do
    value = type(value) == "table" and value[step] or nil
  end
  return value
end

-- values = asked(operation, request): a function of place and name that returns the values there as
-- a list of texts, or nil.
local function asked(operation, request)
  local fields = { query = url.query(request.query) }
  if operation.form then
    fields.form = url.query(request.body)
  end
  local document = operation.json and json.decode(request.body or "")
  return function(place, name)
    if place == "json" then
      local value = at(document, name)
      if value == nil then
        return nil
      end
      local values = type(value) == "table" and value or { value }
      for i, one in ipairs(values) do
        values[i] = tostring(json.integer(one))
      end
      return values
    end
    local found = place and (fields[place][name] or fields[place][name .. "[]"])
    if found and #found == 1 and found[1] == "" then
      return nil
    end
    return found
  end
end

-- The time span requested, and whether all other filters match the held messages.
local function filters_of(operation, values_at, shows)
  local since, till, fits = nil, nil, true
  for name, filter in pairs(operation.where) do
    local values = values_at(filter.place, filter.name)
    if values and filter.time then
      local time, grain = times.read(values[1])
      if filter.bound == "from" then
        since = time
      elseif time then
        till = time + grain - 1
      end
    elseif values then
      local is_one = false
      for _, value in ipairs(values) do
        for one in value:gmatch(filter.list == "comma" and "[^,]+" or ".+") do
          is_one = is_one or tostring(shows[name]) == one
        end
      end
      fits = fits and is_one
    end
  end
  return since, till, fits
end

-- The text that stands for the page after the message with this number; a time if the provider
-- pages by time.
local function cursor_of(next_page, campaign, number)
  if next_page.until_empty then
    return os.date("!%Y-%m-%dT%H:%M:%S", campaign:time(number)) .. (".%09dZ"):format(number)
  end
  return ("after-%d"):format(number)
end

-- The number of the message before the page, for lists paged by cursor: nil for the first page,
-- false for an invalid one.
local function after(next_page, values_at, campaign)
  local by = next_page.by
  if by == "url" then
    local values = values_at("query", "after")
    return values and (tonumber(values[1]) or false)
  end
  local values = values_at(next_page.place, next_page.name)
  if not values then
    return nil
  elseif by == "last" then
    return campaign:number(values[1]) or false
  elseif next_page.until_empty then
    return tonumber(values[1]:match("%.(%d+)Z$")) -- without a fraction it is a filter
  end
  return tonumber(values[1]:match("^after%-(%d+)$")) or false
end

-- Entries before the page, for numbered pages; nil if it is not a page.
local function before(next_page, values_at, size)
  local values = values_at(next_page.place, next_page.name)
  local first = next_page.first or (next_page.by == "page" and 1 or 0)
  local number = not values and first or tonumber(values[1])
  if not number or number < first or number % 1 ~= 0 then
    return nil
  end
  return next_page.by == "page" and (number - first) * size or number - first
end

-- page = listing.page(operation, request, campaign, with): { numbers, total, pages, more, cursor,
-- last }, or nil if there is no such page. with: shows, filter -> the value that every held message
-- has; size, entries per page if not the definition's.
function listing.page(operation, request, campaign, with)
  local next_page = operation.next or {}
  local values_at = asked(operation, request)
  local since, till, fits = filters_of(operation, values_at, with.shows or {})
  local first, last = campaign:between(since, till)
  if not fits then
    first, last = 1, 0
  end
  local size, skip = with.size or next_page.size or (next_page.by and SIZE)
    or operation.most or WHOLE, 0
  local total = campaign:count(first, last)
  if next_page.by == "page" or next_page.by == "offset" then
    skip = before(next_page, values_at, size)
  elseif next_page.by then
    local number = after(next_page, values_at, campaign)
    if number == false then
      return nil
    elseif number and campaign.newest_first then
      last = math.min(last, number - 1)
    elseif number then
      first = math.max(first, number + 1)
    end
  end
  if not skip or (next_page.most and skip + size > next_page.most) then
    return nil
  end
  local numbers = campaign:list(first, last, skip, size + 1)
  local more = #numbers > size
  numbers[size + 1] = nil
  local final = numbers[#numbers]
  return { numbers = numbers, total = total, pages = math.ceil(total / size), more = more,
    last = final, cursor = final and cursor_of(next_page, campaign, final) }
end

return listing
