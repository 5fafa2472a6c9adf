-- Decides which page of a list comes next. Pure: takes pages from meaning/reading.lua and returns
-- what to request. Nothing in a response can redirect requests to another host.

local pages = {}

local Pages = {}
Pages.__index = Pages

-- Maximum length of a cursor, which becomes part of a URL.
local LONGEST_CURSOR = 8192

-- Maximum number of pages in a row without an entry.
local MOST_EMPTY = 1000

-- pages.new(next_page, with): `next_page` is the compiled field of the definition, or nil if one
-- response is the whole list. with: origins, the set of the provider's own; prefix, the path of
-- base_url; cursors, an empty set (core.seen) for cursors already used and pages already read.
function pages.new(next_page, with)
  return setmetatable({
    asked = nil, -- { place, name, value } | nil: the current page's parameter
    target = nil, -- or its path and query
    read = 0, -- entries of all pages so far
    is_deep = false, -- the list continues beyond the provider's limit
    _next = next_page,
    _with = with,
    _number = 0, -- pages read so far
    _last_ids = nil, -- ids of the previous page, joined
    _distinct = 0, -- pages with ids that no page before had
    _old = 0, -- pages in a row that were read before
    _empty = 0, -- pages in a row without an entry
  }, Pages)
end

local function asked(self, value)
  return { place = self._next.place, name = self._next.name, value = value }
end

-- Resets to before the first page.
function Pages:begin()
  local next_page = self._next
  if next_page and next_page.by == "page" then
    self.asked = asked(self, next_page.first or 1)
  elseif next_page and next_page.by == "offset" then
    self.asked = asked(self, next_page.first or 0)
  end
end

local function fault(reason, message)
  return { outcome = "failed", reason = reason, message = message }
end

local function is_set(value)
  return value ~= nil and value ~= "" and value ~= false
end

-- Lower-case host without a default port.
local function origin(scheme, authority)
  scheme, authority = scheme:lower(), authority:lower()
  local default = scheme == "https" and ":443" or ":80"
  if authority:sub(-#default) == default then
    authority = authority:sub(1, -#default - 1)
  end
  return scheme .. "://" .. authority
end

-- origin, path = pages.origin(url): normalized; nil if it is not a URL with a host.
function pages.origin(url)
  local scheme, authority, rest = url:match("^(%a[%w+.-]*)://([^/?#\\]*)(.*)$")
  if scheme then
    return origin(scheme, authority), rest
  end
end

-- target | nil, message: the next page's path and query, to be sent to our own address.
local function target_of(self, url)
  if type(url) ~= "string" or #url > LONGEST_CURSOR or url:find("[%c\128-\255 \"<>\\^`{|}#]") then
    return nil, "the next page's URL is not valid"
  end
  local host, rest = pages.origin(url)
  if host then
    if not self._with.origins[host] then
      return nil, "the next page is on another host, which must not get the token: " .. host
    end
    url = rest
  elseif url:find("^//") then
    return nil, "the next page is on another host, which must not get the token"
  elseif url:find("^%?") then
    local before = (self.target or self._with.path):match("^[^?]*")
    url = before .. url
  end
  if not url:find("^/") then
    return nil, "the next page's URL is not valid"
  end
  local prefix = self._with.prefix
  if prefix ~= "" and (url:sub(1, #prefix + 1) == prefix .. "/") then
    url = url:sub(#prefix + 1)
  end
  return url
end

-- Moves to the next page if the response names one.
local function follow(self, page)
  local next_page, value = self._next, page.cursor
  if next_page.by == "last" then
    value = page.count > 0 and page.items[page.count].id
    if not value then
      return nil, fault("contradiction", "the list continues, but the page has no entry to "
        .. "continue after")
    end
  end
  if type(value) == "number" then
    value = ("%.14g"):format(value)
  elseif type(value) ~= "string" or #value > LONGEST_CURSOR or value:find("%c") then
    return nil, fault("bad_response", "the next page's cursor is not valid")
  end
  local target, message
  if next_page.by == "url" then
    target, message = target_of(self, value)
    if not target then
      return nil, fault("elsewhere", message)
    end
  end
  if self._with.cursors:add(target or value) then
    return nil, fault("circle", "the list loops: it points to a page that was already read")
  end
  self.target = target
  self.asked = not target and asked(self, value) or nil
  return true
end

-- Returns whether more pages follow; nil, fault if the response contradicts itself.
local function goes_on(self, page)
  local next_page = self._next
  if next_page.until_empty and page.count == 0 then
    return false
  elseif type(page.total) == "number" and page.total < page.count then
    return nil, fault("contradiction", ("the list has %d entries on one page, but %.0f in all")
      :format(page.count, page.total))
  elseif next_page.by == "cursor" or next_page.by == "url" then
    if is_set(page.cursor) then
      return page.more ~= false
    elseif next_page.until_empty or (next_page.more and page.more ~= false) then
      return nil, fault("contradiction", "the list continues, but the page does not say where")
    end
    return false
  elseif type(page.more) == "boolean" then
    return page.more
  elseif type(page.pages) == "number" then
    return self._number < page.pages
  elseif type(page.total) == "number" then
    if self.read < page.total and page.count == 0 then
      return nil, fault("contradiction", ("the list ended after %d of %.0f entries"):format(
        self.read, page.total))
    end
    return self.read < page.total
  elseif next_page.size then
    return page.count >= next_page.size
  end
  return page.count > 0
end

-- The ids of a page, joined, to detect a repeated page.
local function ids_of(page)
  local ids = {}
  for i, item in ipairs(page.items) do
    ids[i] = item.key
  end
  return table.concat(ids, "\0")
end

-- Returns whether as many pages in a row as there are were read before, or very many had no entry.
-- One page that was read before proves nothing: entries of different messages may have the same id.
local function goes_round(self, ids)
  self._empty = ids == "" and self._empty + 1 or 0
  if ids == "" then
    return self._empty == MOST_EMPTY
  end
  local is_old = self._with.cursors:add("\1" .. ids) -- no cursor begins so
  self._distinct = self._distinct + (is_old and 0 or 1)
  self._old = is_old and self._old + 1 or 0
  return self._old >= self._distinct
end

-- Returns whether every entry of a page is too old to be stoppable.
local function is_past(self, page, now, read_time)
  local oldest = self._next.oldest
  if not oldest or page.count == 0 then
    return false
  end
  for _, item in ipairs(page.items) do
    local time = read_time(item.entry, oldest.paths)
    if not time or time > now - oldest.seconds then
      return false
    end
  end
  return true
end

-- more, fault = pages:after(page, now, read_time): true if there is another page, described by
-- `asked` or `target`; false at the end; nil and why if that is unclear. now: seconds since 1970.
-- read_time(entry, paths): a time in an entry.
function Pages:after(page, now, read_time)
  self.read, self._number = self.read + page.count, self._number + 1
  local next_page = self._next
  if not next_page or is_past(self, page, now, read_time) then
    return false
  end
  local more, wrong = goes_on(self, page)
  if not more then
    return more, wrong
  end
  local ids = ids_of(page)
  if page.count > 0 and ids == self._last_ids then
    return nil, fault("repeats", "the provider repeated a page instead of the next one")
  elseif goes_round(self, ids) then
    return nil, fault("circle", "the list does not end: its pages come again, or have no entries")
  end
  self._last_ids = ids
  if next_page.most and self._number * (next_page.size or 0) + next_page.size > next_page.most then
    self.is_deep = true
    return false
  elseif next_page.by == "page" then
    self.asked = asked(self, (next_page.first or 1) + self._number)
    return true
  elseif next_page.by == "offset" then
    self.asked = asked(self, (next_page.first or 0) + self.read)
    return true
  end
  return follow(self, page)
end

return pages
