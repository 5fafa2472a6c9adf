-- Reads the list of stoppable messages once, page by page. If the provider caps the size of a list,
-- splits it by time. Pure: requests and the clock are passed in.

local core = require("stopmsg.core")
local pages = require("stopmsg.find.pages")
local path = require("stopmsg.meaning.path")
local text = require("stopmsg.text")
local times = require("stopmsg.find.times")

local looks = {}

local Look = {}
Look.__index = Look

-- Default upper time bound of a part, in seconds from now.
local NEAR = 3600

-- Times further away than this (a hundred years) are not treated as bounds.
local FAR = 100 * 365 * 86400

-- looks.new(with): with.ask(asked) returns a page as meaning/reading.lua makes it, or nil and why.
-- with.filter: a checked filter. with.seen: a set (core.seen) of ids to skip. with.now(): seconds
-- since 1970. with.paging: what pages.new takes besides cursors. with.warn(message).
function looks.new(with)
  return setmetatable({
    found = 0, -- ids returned
    changing = 0, -- entries in a temporary state
    is_complete = false, -- once over: whether the whole list was read
    err = nil, -- once over: why it is not complete
    _with = with,
    _operation = with.filter.operation,
    _parts = nil, -- time spans still to read: { since, till }
    _pages = nil, -- of the current part
    _part = nil,
    _total = nil, -- entries of the whole list, when it is split
    _listed = 0, -- entries read in parts
    _is_over = false,
  }, Look)
end

-- Splits a time span into two that overlap, since providers do not say whether bounds are
-- inclusive. Returns nil if it is too short.
local function halves(part, now, grain)
  local since, till = part.since, part.till
  local middle
  if since and till then
    if till - since < 4 * grain then
      return nil
    end
    middle = since + math.floor((till - since) / 2 / grain) * grain
  elseif since then
    middle = since + math.max(NEAR, grain, 2 * (since - now))
    if middle > now + FAR then
      return nil
    end
  elseif till then
    middle = till - math.max(NEAR, grain, 2 * (now - till))
    if middle < now - FAR or middle <= 0 then
      return nil
    end
  else
    middle = now
  end
  return { since = since, till = middle }, { since = middle - grain, till = till }
end

-- Returns whether the list can be filtered by both time bounds, and their resolution in seconds.
local function grain_of(operation)
  local since, till = operation.where.since, operation.where.till
  if since and till and since.time and till.time and since.is_asked and till.is_asked then
    return math.max(times.grain(since.time), times.grain(till.time))
  end
end

local function begin_part(self, part)
  local with = self._with
  self._part = part
  self._pages = pages.new(self._operation.next, {
    origins = with.paging.origins,
    prefix = with.paging.prefix,
    path = with.paging.path,
    cursors = core.seen(),
  })
  self._pages:begin()
end

local function finish(self, err)
  self._is_over = true
  self.err = self.err or err
  self.is_complete = self.err == nil
  return nil
end

-- Splits the current part in two; returns true if that is possible.
local function divide(self, page)
  local grain = grain_of(self._operation)
  local first, second
  if grain then
    first, second = halves(self._part, math.floor(self._with.now()), grain)
  end
  if not first then
    return false
  end
  if not self._total then
    self._total = type(page.total) == "number" and page.total or 0
  end
  table.insert(self._parts, second)
  table.insert(self._parts, first) -- the last one inserted is read next
  return true
end

local function read_time(entry, paths)
  return (times.read(path.first(entry, paths)))
end

-- Returns the new, matching items of a page; nil and why if the provider ignored a filter, and then
-- none of the page.
local function take(self, page)
  local with, items, fresh = self._with, {}, {}
  for i, item in ipairs(page.items) do
    local is_meant, name = with.filter:fits(item.entry)
    if is_meant == nil then
      return nil, { outcome = "failed", reason = "filter_ignored", filter = name, is_final = true,
        message = ("the provider ignored the filter %s: it listed %s, which does not match")
          :format(text.quote(name), text.quote(item.id)) }
    end
    items[i] = is_meant and item.outcome == "open" and item or false
    if is_meant and item.outcome == "again" then
      self.changing = self.changing + 1
      with.warn(("skipping entries that are %s until their state changes")
        :format(text.quote(item.state)))
    elseif is_meant and item.outcome == "unknown" then
      with.warn(item.state and ("skipping list entries with the unknown state %s")
        :format(text.quote(item.state)) or "skipping list entries without a known state")
    end
  end
  for _, item in ipairs(items) do
    if item and not with.seen:add(item.key) then
      fresh[#fresh + 1] = { id = item.id, outcome = "open", state = item.state }
    end
  end
  self.found = self.found + #fresh
  return fresh
end

-- Requests the next page of the current part.
local function ask(self)
  local with, part, reader = self._with, self._part, self._pages
  return with.ask({
    filters = with.filter:asked(part.since, part.till),
    page = reader.asked,
    target = reader.target,
  })
end

local function begin_whole(self)
  local filter = self._with.filter
  begin_part(self, { since = filter:time("since"), till = filter:time("till") })
end

-- Checks the parts against the provider's total: if fewer were read, some entries are in no part.
local function check_parts(self)
  if not self._total or self._listed >= self._total then
    return finish(self)
  end
  begin_whole(self)
  local page, err = ask(self)
  if not page then
    return finish(self, err)
  elseif type(page.total) == "number" and page.total > self._listed then
    return finish(self, { outcome = "failed", reason = "depth", is_depth = true,
      message = ("the provider reports %.0f entries but lists only %d of them by time"):format(
        page.total, self._listed) })
  end
  return finish(self)
end

-- items = look:page(): a possibly empty list of { id, outcome, state }; nil at the end. Blocks
-- where with.ask does.
function Look:page()
  if self._is_over then
    return nil
  end
  if not self._parts then
    self._parts = {}
    begin_whole(self)
  elseif not self._pages then
    if #self._parts == 0 then
      return check_parts(self)
    end
    begin_part(self, table.remove(self._parts))
  end
  local reader = self._pages
  local page, err = ask(self)
  if not page then
    return finish(self, err)
  end
  local items, wrong = take(self, page)
  if not items then
    return finish(self, wrong)
  end
  local next_page = self._operation.next
  local is_too_much = next_page and next_page.most and type(page.total) == "number"
    and page.total > next_page.most
  if is_too_much and divide(self, page) then
    self._pages = nil
    return items
  end
  local more, fault = reader:after(page, self._with.now(), read_time)
  if more == nil then
    self.err = fault
    return self:_last(items)
  elseif not more then
    self._listed = self._listed + reader.read
    self._pages = nil
    local most = self._operation.most
    local is_deep = reader.is_deep and not divide(self, page)
    if is_deep or (most and page.count >= most) then
      self.err = self.err or { outcome = "failed", reason = "depth", is_depth = true,
        message = ("the provider lists at most %d entries per query"):format(
          most or next_page.most) }
    end
  end
  return items
end

-- Returns these items as the last ones.
function Look:_last(items)
  self._is_over = true
  self.is_complete = false
  return items
end

return looks
