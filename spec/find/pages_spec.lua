-- Which page comes next: the eight ways in which lists go on, and what is wrong with them.

local core = require("stopmsg.core")
local lists = require("stopmsg.provider.lists")
local pages = require("stopmsg.find.pages")

local function reader(given)
  local made = pages.new(given and lists.next("spec.next", given), {
    origins = { ["https://api.example.com"] = true, ["http://127.0.0.1:8080"] = true },
    prefix = "/gateway",
    path = "/v1/messages?limit=2",
    cursors = core.seen(),
  })
  made:begin()
  return made
end

-- A page of entries with these ids.
local function page(ids, fields)
  local made = { count = #ids, items = {} }
  for i, id in ipairs(ids) do
    made.items[i] = { id = id, key = id, entry = { id = id } }
  end
  for name, value in pairs(fields or {}) do
    made[name] = value
  end
  return made
end

local function after(given, ...)
  return given:after(page(...), 0, function() end)
end

describe("stopmsg.find.pages", function()
  it("ends after a single answer", function()
    local single = reader(nil)
    assert.is_nil(single.asked)
    assert.is_false(after(single, { "a" }))
  end)

  for title, case in pairs({
    ["numbers from 1"] = { { by = "page", as = "query:page", size = 2 }, 1, 2 },
    ["numbers from 0"] = { { by = "page", as = "json:paging.page", first = 0, size = 2 }, 0, 1 },
    ["offsets"] = { { by = "offset", as = "query:offset", size = 2 }, 0, 2 },
  }) do
    it("asks by " .. title, function()
      local one = reader(case[1])
      assert.equal(case[2], one.asked.value)
      assert.is_true(after(one, { "a", "b" }))
      assert.equal(case[3], one.asked.value)
      assert.is_false(after(one, { "c" }))
    end)
  end

  it("knows the last page by the number of entries", function()
    local one = reader({ by = "page", as = "query:page", size = 2, total = "total" })
    assert.is_true(after(one, { "a", "b" }, { total = 3 }))
    assert.is_false(after(one, { "c" }, { total = 3 }))
  end)

  it("counts what came, not what was asked for", function()
    local one = reader({ by = "page", as = "query:page", size = 100, total = "total" })
    assert.is_true(after(one, { "a", "b" }, { total = 3 })) -- the provider gives two at a time
    assert.is_false(after(one, { "c" }, { total = 3 }))
  end)

  it("knows it by the number of pages, by a flag, or by an empty page", function()
    local one = reader({ by = "page", as = "query:page", pages = "total_pages" })
    assert.is_true(after(one, { "a" }, { pages = 2 }))
    assert.is_false(after(one, { "b" }, { pages = 2 }))
    one = reader({ by = "page", as = "query:page", more = "hasMore" })
    assert.is_true(after(one, { "a" }, { more = true }))
    assert.is_false(after(one, { "b" }, { more = false }))
    one = reader({ by = "page", as = "query:page", until_empty = true })
    assert.is_true(after(one, { "a" }))
    assert.is_false(after(one, {}))
  end)

  it("goes on after a cursor, and ends where there is none", function()
    for _, last in ipairs({ "", false, 0 }) do
      local one = reader({ by = "cursor", as = "form:cursor", path = "next" })
      assert.is_nil(one.asked)
      assert.is_true(after(one, { "a" }, { cursor = "dGVhbQ==" }))
      assert.same({ place = "form", name = "cursor", value = "dGVhbQ==" }, one.asked)
      local cursor = last
      if last == 0 then
        cursor = nil
      end
      assert.is_false(after(one, { "b" }, { cursor = cursor }))
    end
  end)

  it("goes on after a page without entries, where a cursor says so", function()
    local one = reader({ by = "cursor", as = "query:c", path = "next" })
    assert.is_true(after(one, {}, { cursor = "a" }))
    assert.is_true(after(one, {}, { cursor = "b" }))
  end)

  it("goes on after the last id", function()
    local one = reader({ by = "last", as = "query:after", more = "has_more" })
    assert.is_true(after(one, { "a", "b" }, { more = true }))
    assert.equal("b", one.asked.value)
    assert.is_false(after(one, { "c" }, { more = false }))
  end)

  it("follows a URL on its own hosts, in any spelling", function()
    for url, target in pairs({
      ["https://api.example.com/v1/messages?page=2"] = "/v1/messages?page=2",
      ["HTTPS://API.example.COM:443/v1/messages?page=2"] = "/v1/messages?page=2",
      ["http://127.0.0.1:8080/v1/messages?page=2"] = "/v1/messages?page=2",
      ["http://127.0.0.1:8080/gateway/v1/messages?page=2"] = "/v1/messages?page=2",
      ["/v1/messages?page=2"] = "/v1/messages?page=2",
      ["/gateway/v1/messages?page=2"] = "/v1/messages?page=2",
      ["?page=2"] = "/v1/messages?page=2",
    }) do
      local one = reader({ by = "url", path = "next" })
      assert.message(url).is_true((after(one, { "a" }, { cursor = url })))
      assert.equal(target, one.target)
      assert.is_nil(one.asked)
    end
  end)

  for _, url in ipairs({
    "https://evil.example/v1/messages", "http://api.example.com/v1/messages",
    "https://api.example.com.evil.example/", "https://api.example.com@evil.example/",
    "https://evil.example\\@api.example.com/", "//evil.example/v1", "https://api.example.com:8443/",
    "ftp://api.example.com/", "javascript:alert(1)", "messages?page=2", "/a b", "/a\r\nHost: x",
    "/caf\195\169", ("/"):rep(9000), "https://", "https:///x", "/\\evil.example", "/a#b",
  }) do
    it(("does not follow %q"):format(url:sub(1, 60)), function()
      local one = reader({ by = "url", path = "next" })
      local more, err = after(one, { "a" }, { cursor = url })
      assert.is_nil(more)
      assert.is_true(err.reason == "elsewhere" or err.reason == "bad_response")
      assert.is_nil(one.target)
    end)
  end

  it("tells a list that goes in circles", function()
    local one = reader({ by = "cursor", as = "query:c", path = "next" })
    assert.is_true(after(one, { "a" }, { cursor = "x" }))
    assert.is_true(after(one, { "b" }, { cursor = "y" }))
    local more, err = after(one, { "c" }, { cursor = "x" })
    assert.is_nil(more)
    assert.equal("circle", err.reason)
  end)

  it("tells a page that comes again", function()
    local one = reader({ by = "page", as = "query:page", size = 2 })
    assert.is_true(after(one, { "a", "b" }))
    local more, err = after(one, { "a", "b" })
    assert.is_nil(more)
    assert.equal("repeats", err.reason)
  end)

  it("tells pages that come again and again, in whatever order", function()
    for _, given in ipairs({ { by = "page", as = "query:page", size = 2 },
      { by = "offset", as = "query:offset", size = 2 },
      { by = "cursor", as = "query:c", path = "next" } }) do
      local one = reader(given)
      assert.is_true(after(one, { "a", "b" }, { cursor = "1" }))
      assert.is_true(after(one, { "c", "d" }, { cursor = "2" }))
      assert.is_true(after(one, { "a", "b" }, { cursor = "3" }))
      local more, err = after(one, { "c", "d" }, { cursor = "4" })
      assert.is_nil(more)
      assert.equal("circle", err.reason)
    end
  end)

  it("tells a list that goes on without entries, for ever", function()
    local one = reader({ by = "cursor", as = "query:c", path = "next" })
    local more, err, count = true, nil, 0
    while more and count < 2000 do
      count = count + 1
      more, err = after(one, {}, { cursor = "c" .. count })
    end
    assert.is_nil(more)
    assert.equal("circle", err.reason)
    assert.is_true(count > 500)
  end)

  it("takes a page whose ids were seen before, as of a batch with many messages", function()
    local one = reader({ by = "page", as = "query:page", size = 2 })
    for _, ids in ipairs({ { "a", "a" }, { "b", "b" }, { "a", "a" }, { "c", "c" } }) do
      assert.is_true(after(one, ids))
    end
    assert.is_false(after(one, { "a" }))
  end)

  it("tells a list that ends before its end", function()
    local one = reader({ by = "page", as = "query:page", size = 2, total = "total" })
    assert.is_true(after(one, { "a", "b" }, { total = 9 }))
    local more, err = after(one, {}, { total = 9 })
    assert.is_nil(more)
    assert.equal("contradiction", err.reason)
    one = reader({ by = "last", as = "query:after", more = "has_more" })
    more, err = after(one, {}, { more = true })
    assert.is_nil(more)
    assert.equal("contradiction", err.reason)
  end)

  it("takes nothing but a text or number for a cursor", function()
    for _, cursor in ipairs({ true, {}, "a\nb", ("x"):rep(9000) }) do
      local one = reader({ by = "cursor", as = "query:c", path = "next" })
      local more, err = after(one, { "a" }, { cursor = cursor })
      assert.is_nil(more)
      assert.equal("bad_response", err.reason)
    end
    local one = reader({ by = "cursor", as = "query:c", path = "next" })
    assert.is_true(after(one, { "a" }, { cursor = 17 }))
    assert.equal("17", one.asked.value)
  end)

  it("goes no deeper than the provider lists", function()
    local one = reader({ by = "page", as = "query:page", size = 2, most = 4, total = "total" })
    assert.is_true(after(one, { "a", "b" }, { total = 9 }))
    assert.is_false(after(one, { "c", "d" }, { total = 9 }))
    assert.is_true(one.is_deep)
  end)

  it("ends at the first page of entries that are all too old", function()
    local one = reader({ by = "cursor", as = "query:c", path = "next",
      oldest = { path = "made", days = 35 } })
    local now = 100 * 86400
    local function read(entry)
      return entry.id
    end
    local function ages(...)
      local made = page({ ... }, { cursor = tostring((...)) })
      return one:after(made, now, read)
    end
    assert.is_true(ages(now - 86400, now - 36 * 86400))
    assert.is_false(ages(now - 36 * 86400, now - 37 * 86400))
  end)
end)
