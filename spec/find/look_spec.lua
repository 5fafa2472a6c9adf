-- One look at a list: what it gives, and whether it may say that this is all.

local core = require("stopmsg.core")
local filters = require("stopmsg.find.filter")
local looks = require("stopmsg.find.look")
local providers = require("stopmsg.provider")
local sample = require("spec.support.sample")
local times = require("stopmsg.find.times")

local NOW = 1795955696

local revicom = providers.load("revicom").operations.find

-- The messages between two bounds of time, each of which may be nil.
local function select_from(messages, since, till)
  local found = {}
  for _, message in ipairs(messages) do
    if (not since or message.time >= since) and (not till or message.time <= till) then
      found[#found + 1] = message
    end
  end
  return found
end

-- A list of `messages`, { id, time, state } in the order of the list, that answers as Revicom does:
-- 100 a page, 10,000 of one selection. on_page(n), called before each page, may change the list.
local function provider(messages, on_page)
  local self = { pages = 0 }
  local selected, found -- the last selection, and what it gave
  function self.ask(asked)
    self.pages = self.pages + 1
    if on_page then
      on_page(self.pages, messages)
      selected = nil
    end
    local function bound(name)
      return asked.filters[name] and times.parse(asked.filters[name][1], NOW)
    end
    local since, till = bound("since"), bound("till")
    local selection = tostring(since) .. " " .. tostring(till)
    if selection ~= selected then
      selected, found = selection, select_from(messages, since, till)
    end
    local first = (asked.page.value - 1) * 100
    assert(first + 100 <= 10000, "too deep")
    local page = { count = 0, items = {}, total = #found }
    for i = first + 1, math.min(first + 100, #found) do
      page.count = page.count + 1
      page.items[page.count] = { id = found[i].id, key = found[i].id,
        outcome = found[i].outcome or "open", state = found[i].state or "sending",
        entry = found[i].entry or {} }
    end
    return page
  end
  return self
end

local function messages(count, time_of)
  local list = {}
  for i = 1, count do
    list[i] = { id = ("m%06d"):format(i), time = time_of and time_of(i) or NOW }
  end
  return list
end

local function look_at(ask, given, seen, warnings)
  return looks.new({
    filter = assert(filters.check(revicom, "revicom", given, NOW)),
    ask = ask,
    seen = seen or core.seen(),
    now = function()
      return NOW
    end,
    warn = function(message)
      table.insert(warnings or {}, message)
    end,
    paging = { origins = {}, prefix = "", path = "/" },
  })
end

-- ids, how many of them came twice: all that a look gives.
local function all_of(look)
  local ids, twice, count = {}, 0, 0
  local items = look:page()
  while items do
    for _, item in ipairs(items) do
      twice = twice + (ids[item.id] and 1 or 0)
      count = count + (ids[item.id] and 0 or 1)
      ids[item.id] = true
    end
    items = look:page()
  end
  return ids, twice, count
end

describe("stopmsg.find.look", function()
  it("gives what every page lists, once", function()
    local look = look_at(provider(messages(250)).ask)
    local _, twice, count = all_of(look)
    assert.same({ 250, 0, 250 }, { count, twice, look.found })
    assert.is_true(look.is_complete)
    assert.is_nil(look.err)
    assert.is_nil(look:page())
  end)

  it("finds an empty list complete", function()
    local look = look_at(provider({}).ask)
    assert.same({}, look:page())
    assert.is_nil(look:page())
    assert.is_true(look.is_complete)
  end)

  it("gives an id once that stands on two pages", function()
    local list = messages(250)
    local look = look_at(provider(list, function(n)
      if n > 1 then
        table.insert(list, 1, { id = "new" .. n, time = NOW }) -- all others move on
      end
    end).ask)
    local _, twice, count = all_of(look)
    assert.equal(0, twice)
    assert.is_true(count >= 250)
    assert.is_true(look.is_complete)
  end)

  it("gives nothing that was seen before", function()
    local seen = core.seen()
    seen:add("m000001")
    local ids, _, count = all_of(look_at(provider(messages(250)).ask, nil, seen))
    assert.equal(249, count)
    assert.is_nil(ids.m000001)
  end)

  it("gives only what can be stopped, and tells of states that nobody knows", function()
    local list = messages(5)
    list[1].outcome, list[2].outcome, list[3].outcome = "stopped", "too_late", "unknown"
    list[3].state, list[4].outcome, list[4].state = "floating", "again", "moving"
    local warnings = {}
    local look = look_at(provider(list).ask, nil, nil, warnings)
    local ids = all_of(look)
    assert.same({ m000005 = true }, ids)
    assert.equal(1, look.changing)
    assert.equal(2, #warnings)
    assert.matches("'floating'", warnings[1], 1, true)
    assert.matches("'moving' until their state changes", warnings[2], 1, true)
    assert.is_true(look.is_complete)
  end)

  it("ends where a page fails, with what was given before", function()
    local list = provider(messages(250))
    local look = look_at(function(asked)
      if asked.page.value == 2 then
        return nil, { outcome = "unknown", reason = "http_500" }
      end
      return list.ask(asked)
    end)
    local _, _, count = all_of(look)
    assert.equal(100, count)
    assert.is_false(look.is_complete)
    assert.equal("http_500", look.err.reason)
  end)

  it("gives nothing of a page on which an entry shows that a filter was ignored", function()
    local list = messages(250)
    for i, message in ipairs(list) do
      message.entry = { dispatchId = i == 199 and 18 or 17 }
    end
    local look = look_at(provider(list).ask, { dispatch = 17 })
    local _, _, count = all_of(look)
    assert.equal(100, count)
    assert.is_false(look.is_complete)
    assert.same({ "filter_ignored", "dispatch", true }, { look.err.reason, look.err.filter,
      look.err.is_final })
    assert.matches("'m000199'", look.err.message, 1, true)
  end)

  it("looks at entries that cannot be stopped for the filter, too", function()
    local list = messages(3)
    for i, message in ipairs(list) do
      message.entry, message.outcome = { dispatchId = i == 3 and 18 or 17 }, i == 3 and "stopped"
    end
    local look = look_at(provider(list).ask, { dispatch = 17 })
    assert.is_nil(look:page())
    assert.equal("filter_ignored", look.err.reason)
  end)

  describe("at a list of more than the provider shows of one selection", function()
    local it = sample.its(it)

    for title, time_of in pairs({
      ["over a day"] = function(i) return NOW + i end,
      ["in the past"] = function(i) return NOW - 7 * i end,
      ["on both sides of now"] = function(i) return NOW + (i % 2 == 0 and 5 or -5) * i end,
      ["mostly in one minute"] = function(i) return NOW + 86400 + (i < 20000 and i % 60 or i) end,
      ["years away"] = function(i) return NOW + 5 * 365 * 86400 + i end,
    }) do
      it("reads it in parts of time: " .. title, function()
        local list = provider(messages(25000, time_of))
        local look = look_at(list.ask)
        local _, twice, count = all_of(look)
        assert.same({ 25000, 0 }, { count, twice })
        assert.is_true(look.is_complete, look.err and look.err.message)
        assert.is_true(list.pages < 2 * 250 + 100)
      end)
    end

    it("stays within the bounds that were asked for", function()
      local list = provider(messages(50000, function(i) return NOW + i end))
      local look = look_at(list.ask, { since = NOW + 1000, till = NOW + 30999 })
      local _, _, count = all_of(look)
      assert.equal(30000, count)
      assert.is_true(look.is_complete)
    end)

    it("is not complete where too many have one time", function()
      local look = look_at(provider(messages(15000, function() return NOW + 60 end)).ask)
      local _, _, count = all_of(look)
      assert.equal(10000, count)
      assert.is_false(look.is_complete)
      assert.same({ "depth", true }, { look.err.reason, look.err.is_depth })
    end)

    it("is not complete where some have no time", function()
      local list = messages(15000, function(i) return i <= 40 and 0 / 0 or NOW + i end)
      local without = provider(list)
      local look = look_at(function(asked)
        return without.ask(asked)
      end)
      for i = 101, 140 do
        list[i].time = 0 / 0 -- in no part
      end
      local _, _, count = all_of(look)
      assert.is_true(count < 15000)
      assert.is_false(look.is_complete)
      assert.equal("depth", look.err.reason)
    end)
  end)
end)
