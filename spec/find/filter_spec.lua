-- Filters: what users give against what a definition has, and whether an entry shows it.

local filters = require("stopmsg.find.filter")
local providers = require("stopmsg.provider")

local NOW = 1795955696

local revicom = providers.load("revicom").operations.find
local airship = providers.load("airship").operations.find
local sinch = providers.load("sinch").operations.find

local function check(given, options, operation)
  return filters.check(operation or revicom, "revicom", given, NOW, options)
end

local function refusal(...)
  local filter, message = check(...)
  assert.is_nil(filter)
  return message
end

describe("stopmsg.find.filter", function()
  it("takes values, lists of values and times", function()
    local filter = check({ dispatch = { 17, "18" }, tag = "spring", since = "-2h" })
    assert.same({ "dispatch", "since", "tag" }, filter.names)
    assert.same({ "17", "18" }, filter.values.dispatch)
    assert.same({ NOW - 7200 }, filter.values.since)
    assert.equal(NOW - 7200, filter:time("since"))
    assert.is_nil(filter:time("till"))
  end)

  it("reads back as the same filter, relative times as they were", function()
    local filter = check({ dispatch = { 17, 18 }, since = "-2h" })
    assert.equal("dispatch=17 dispatch=18 since=2026-11-29T10:34:56Z", tostring(filter))
    local given = {}
    for _, pair in ipairs(filter:resolved()) do
      given[pair[1]] = given[pair[1]] or {}
      table.insert(given[pair[1]], pair[2])
    end
    local again = filters.check(revicom, "revicom", given, NOW + 86400)
    assert.equal(tostring(filter), tostring(again))
  end)

  it("names the nearest filter for one that there is not, and all there are", function()
    local message = refusal({ dispach = 17 })
    assert.matches("revicom has no filter 'dispach'; did you mean 'dispatch'?", message, 1, true)
    assert.matches("dispatch, recipient, sender, since, tag, till", message, 1, true)
    local resend = providers.load("resend").operations.find
    assert.matches("resend has no filters",
      select(2, filters.check(resend, "resend", { tag = "x" }, NOW)), 1, true)
  end)

  for title, given in pairs({
    ["an empty text"] = "", ["white space"] = " \t", ["an empty list"] = {},
    ["an empty text in a list"] = { "17", "" },
  }) do
    it("refuses " .. title, function()
      assert.matches("filter 'dispatch': an empty value", refusal({ dispatch = given }), 1, true)
    end)
  end

  for title, given in pairs({
    ["a table with names"] = { dispatch = { a = 1 } },
    ["a list with gaps"] = { dispatch = { [3] = 1 } },
    ["a broken number"] = { dispatch = 1.5 }, ["a function"] = { dispatch = print },
    ["a control character"] = { tag = "a\nb" }, ["what is no UTF-8"] = { tag = "a\255b" },
    ["a long text"] = { tag = ("x"):rep(2000) }, ["no time"] = { since = "soon" },
    ["two times"] = { since = { "09:00", "10:00" } },
    ["since after till"] = { since = "2026-11-29T10:00:00Z", till = "2026-11-29T09:00:00Z" },
  }) do
    it("refuses " .. title, function()
      assert.matches("filter '", refusal(given), 1, true)
    end)
  end

  it("refuses two values where the provider takes one", function()
    local idigital = providers.load("idigital").operations.find_dispatch
    assert.matches("expected one value", refusal({ name = { "a", "b" } }, nil, idigital), 1, true)
  end)

  describe("for a stop", function()
    it("refuses nothing at all, unless everything is meant", function()
      for _, given in ipairs({ false, {} }) do
        local message = refusal(given or nil, { needs_one = true })
        assert.matches("all = true", message, 1, true)
      end
      assert.is_truthy(check(nil, { needs_one = true, all = true }))
    end)

    it("refuses an empty value beside others, unless everything is meant", function()
      assert.matches("empty", refusal({ dispatch = "", tag = "x" }, { needs_one = true }))
      local filter = check({ dispatch = "", tag = "x" }, { needs_one = true, all = true })
      assert.same({ "tag" }, filter.names)
    end)
  end)

  describe(":asked", function()
    it("writes times as the provider does", function()
      assert.same({ since = { "2026-11-29T10:34:56Z" }, tag = { "a", "b" } },
        check({ since = "-2h", tag = { "a", "b" } }):asked())
    end)

    it("takes other bounds of time", function()
      assert.same({ since = { "2026-11-29T12:34:56Z" }, till = { "2026-11-29T12:34:57Z" } },
        check({ since = "-2h" }):asked(NOW, NOW + 1))
    end)

    it("adds what has to be asked where nobody says it", function()
      assert.same({ since = { "2026-11-15T12:34:56.000Z" } }, check({}, nil, sinch):asked())
      assert.same({}, check({}, nil, sinch).names)
    end)

    it("leaves out what the provider is not asked for", function()
      assert.same({}, check({ since = "-2h" }, nil, airship):asked())
    end)
  end)

  describe(":fits", function()
    local function fits(given, entry, operation)
      return check(given, nil, operation):fits(entry)
    end

    it("is content with an entry that shows it, however it is written", function()
      assert.is_true(fits({ dispatch = 17 }, { dispatchId = 17 }))
      assert.is_true(fits({ dispatch = "17" }, { dispatchId = "17" }))
      assert.is_true(fits({ dispatch = { 16, 17 } }, { dispatchId = 17 }))
      assert.is_true(fits({ tag = "spring" }, { tags = { "sale", "Spring" } }))
      assert.is_true(fits({ recipient = "+7 999 000-00-00" }, { destination = "79990000000" }))
    end)

    it("tells which filter the provider ignored", function()
      for _, entry in ipairs({ { dispatchId = 18 }, { dispatchId = "017x" }, {},
        { dispatchId = {} }, { dispatchId = { dispatchId = 17 } } }) do
        local is_meant, name = fits({ dispatch = 17, tag = "x" }, entry)
        assert.is_nil(is_meant)
        assert.equal("dispatch", name)
      end
      assert.is_nil((fits({ tag = "spring" }, { tags = { "springs" } })))
      assert.is_nil((fits({ tag = "spring" }, { tags = {} })))
    end)

    it("says nothing about what entries cannot show", function()
      local filter = check({ since = "-2h", dispatch = 17 })
      assert.same({ "since" }, filter.unshown)
      assert.is_true(filter:fits({ dispatchId = 17 }))
    end)

    it("leaves out what is not meant where the provider is not asked", function()
      local given = { since = "2026-11-29T09:00:00Z", till = "2026-11-29T10:00:00Z" }
      local function at(time)
        return fits(given, { schedule = { scheduled_time = time } }, airship)
      end
      assert.is_true(at("2026-11-29T09:30:00"))
      assert.is_false(at("2026-11-29T08:30:00"))
      assert.is_false(at("2026-11-29T10:30:00"))
      assert.is_false(at(nil)) -- one that recurs
    end)

    it("allows for a second, and for the day of a date", function()
      local given = { since = "2026-11-29T09:00:00Z", till = "2026-11-29T10:00:00Z" }
      for time, is_meant in pairs({ ["2026-11-29T08:59:59Z"] = true,
        ["2026-11-29T08:59:58Z"] = false, ["2026-11-29T10:00:01Z"] = true,
        ["2026-11-29T10:00:02Z"] = false, ["2026-11-29"] = true, ["2026-11-28"] = false }) do
        local found = fits(given, { created_at = time }, sinch)
        assert.message(time).equal(is_meant, found == true)
      end
    end)
  end)
end)
