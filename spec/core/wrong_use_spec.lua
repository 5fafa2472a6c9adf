-- Calls of the core that nothing of ours makes: they raise, or are refused, and harm nothing.

local cli = require("spec.support.cli")
local core = require("stopmsg.core")
local native = require("stopmsg.command")
local engines = require("spec.support.engines")
local patience = require("spec.support.patience")
local pieces = require("spec.support.pieces")
local server = require("spec.support.server")

local HUGE, NAN = math.huge, 0 / 0
local HEX = ("x"):rep(32)

local function options(changes)
  local all = { slots = 2, max_response = 1000, connect_timeout = 120, proxy = "" }
  for name, value in pairs(changes) do
    all[name] = value
  end
  return all
end

local function operation(changes)
  local all = { method = "POST", base = "http://127.0.0.1:1", url = { open = "/" }, headers = {},
    auth = "Authorization: " }
  for name, value in pairs(changes) do
    all[name] = value
  end
  return pieces.operation(all)
end

local function with_url(url)
  local made = operation({})
  made.url = url
  return made
end

describe("wrong use of stopmsg.core", function()
  local engine, number, log, path

  setup(function()
    engine = assert(engines.new(options({})))
    number = engine:prepare(operation({}))
    path = cli.file("one\n")
    log = assert(native.log(path))
  end)

  teardown(function()
    engine:close()
    log:close()
    os.remove(path)
  end)

  local calls = {
    ["an engine without slots"] = function() core.engine(options({ slots = 0 })) end,
    ["an engine of too many slots"] = function() core.engine(options({ slots = 1025 })) end,
    ["an engine of no number of slots"] = function()
      core.engine(options({ slots = NAN }))
    end,
    ["answers of no bytes"] = function() core.engine(options({ max_response = 0 })) end,
    ["answers without end"] = function() core.engine(options({ max_response = HUGE })) end,
    ["a user agent of two lines"] = function() core.engine(options({ user_agent = "a\nb" })) end,
    ["an address list of tables"] = function() core.engine(options({ resolve = { {} } })) end,
    ["no operation"] = function() engine:submit(0, {}, 1, 0, 1) end,
    ["an operation that is not there"] = function() engine:submit(99, {}, 1, 0, 1) end,
    ["the token of none"] = function() engine:authorize(99, (core.secret("x"))) end,
    ["an operation of half a definition"] = function() engine:prepare({}) end,
    ["what was left of half a definition"] = function()
      local other = engines.new(options({}))
      pcall(other.prepare, other, {})
      other:submit(1, {}, 1, 0, 1)
    end,
    ["an operation with an __index"] = function()
      engine:prepare(setmetatable(operation({}), { __index = {} }))
    end,
    ["no method"] = function() engine:prepare(operation({ method = "" })) end,
    ["a method in small letters"] = function() engine:prepare(operation({ method = "post" })) end,
    ["a method that is too long"] = function()
      engine:prepare(operation({ method = ("X"):rep(40) }))
    end,
    ["an operation without an address"] = function()
      local without = operation({})
      without.url = nil
      engine:prepare(without)
    end,
    ["a header of two lines"] = function()
      engine:prepare(operation({ headers = { "a: b\rc" } }))
    end,
    ["a scheme of two lines"] = function() engine:prepare(operation({ auth = "a: b\nc: " })) end,
    ["an escape nobody knows"] = function()
      engine:prepare(operation({ url = { open = "/", escape = "html" } }))
    end,
    ["a hole nobody knows"] = function() engine:prepare(with_url({ "/", { "ip" } })) end,
    ["a hole without a name"] = function() engine:prepare(with_url({ "/", {} })) end,
    ["a piece that is a number"] = function() engine:prepare(with_url({ "/", 5 })) end,
    ["a template that is a text"] = function() engine:prepare(with_url("/")) end,
    ["two lists in one text"] = function()
      engine:prepare(with_url({ "/", { "ids", "percent" }, { "ids", "percent" } }))
    end,
    ["a part that ids do not have"] = function()
      engine:prepare(with_url({ "/", { "id", "percent", 2 } }))
    end,
    ["a list in a header"] = function()
      engine:prepare(operation({ headers = { { "a: ", { "ids", "header" } } } }))
    end,
    ["ids of too many parts"] = function()
      engine:prepare(operation({ split = { "/", "/", "/", "/" } }))
    end,
    ["a walk through no list"] = function() core.walk("a", 0, 0, nil, 1) end,
    ["fewer than no ids"] = function() core.known(-1, HEX) end,
    ["too many ids"] = function() core.known(2 ^ 31, HEX) end,
    ["ids at no place"] = function() core.known(1, HEX):add(("a"):rep(32), -1) end,
    ["ids beyond the last place"] = function() core.known(1, HEX):add(("a"):rep(32), 2) end,
    ["an id of another form"] = function() core.known(1, HEX):add("a", 1) end,
    ["an id with a wrong digit"] = function()
      core.known(1, HEX):add(("g"):rep(32), 1)
    end,
    ["an id that is none"] = function() core.seen():add({}, 1) end,
    ["a set with half a mask"] = function() core.seen("xx") end,
    ["many ids for a set without a mask"] = function()
      core.seen():admit({}, 1, 0, 0, {}, {}, 0)
    end,
    ["a place that is no number"] = function() core.seen():add("a", {}) end,
    ["a mask of too few digits"] = function() core.known(1, "xx") end,
    ["pieces of no bytes"] = function()
      core.read_items({ list = "a", id = "b", code = "c" }, {}, "{}", 0)
    end,
    ["fields without names"] = function() core.read_items({ list = "", id = 1 }, {}, "{}") end,
    ["a line before the first"] = function() native.next_line("a\n", 0, 35) end,
    ["lines before the first"] = function() native.count_lines("a\n", -1, "x") end,
    ["bytes before the first"] = function() log:read(-1, 1) end,
    ["bytes beyond all"] = function() log:read(1e19, 1) end,
    ["no bytes"] = function() log:read(0, 0) end,
    ["too many bytes"] = function() log:read(0, 2 ^ 30) end,
    ["a cut before the first byte"] = function() log:cut(-1) end,
    ["a cut beyond the last"] = function() log:cut(5) end,
    ["a position of no number"] = function() native.marks():set(NAN, 1) end,
    ["a farewell without end"] = function() native.process.farewell(("x"):rep(1000)) end,
    ["a token that was wiped"] = function()
      local secret = core.secret("x")
      secret:close()
      engine:authorize(number, secret)
    end,
  }

  for what, call in pairs(calls) do
    it("raises: " .. what, function()
      local called, message = pcall(call)
      assert.is_false(called)
      assert.is_string(message)
    end)
  end

  it("leaves the engine as it was", function()
    engine:authorize(number, (core.secret("x")))
    assert(engine:submit(number, {}, 1, 0, 120))
    assert.is_true(engine:step())
  end)

  it("ends with a name for what is no token", function()
    for token, fault in pairs({
      ["a\n"] = "line break", ["a\r"] = "line break", ["\na"] = "control character",
      ["a "] = "space", [" a"] = "space", [""] = "empty", ["a\127"] = "control character",
    }) do
      local secret, message = core.secret(token)
      assert.is_nil(secret)
      assert.matches(fault, message)
    end
  end)

  it("ends with a name for a base that cannot be", function()
    for url, fault in pairs({
      ["https://h/" .. ("x"):rep(300000)] = "too long",
      ["https://:p@h"] = "user name", ["https://h?"] = "query", ["https://h#a"] = "fragment",
      ["https://h#"] = "fragment", ["https://h/?"] = "query", ["https://h/a?#"] = "query",
      ["https://h:1/#"] = "fragment", ["http://127.0.0.1?"] = "query",
      ["https://h:"] = "port", ["http://127.0.0.1:/a:1"] = "port", ["https://[::1]:"] = "port",
      ["ftp://h"] = "https", ["http://127.1.2.3.4"] = "plain http", [""] = "URL",
    }) do
      local fine, message = core.check_base(url, false)
      assert.message(url:sub(1, 30)).is_nil(fine)
      assert.message(url:sub(1, 30)).matches(fault, message)
    end
  end)
end)

describe("stopmsg.core, where little is usual,", function()
  it("keeps an open log where there is no directory in its name", function()
    local name = "stopmsg-spec-" .. core.pid()
    local log = assert(native.log(name))
    log:close()
    os.remove(name)
  end)

  it("knows that two names are not one file", function()
    local one, other = cli.file("a"), cli.file("a")
    assert.is_false(native.same_file(one, other))
    assert.is_false(native.same_file(one, "/nowhere/at/all"))
    assert.is_false(native.same_file("/nowhere/at/all", one))
    os.remove(one)
    os.remove(other)
  end)

  it("counts lines in hex of both cases, and stops at all else", function()
    local shape = "xx"
    for line, count in pairs({
      ["09"] = 1, ["af"] = 1, ["AF"] = 1, ["/0"] = 0, [":0"] = 0, ["@a"] = 0, ["Ga"] = 0,
      ["`a"] = 0, ["ga"] = 0,
    }) do
      assert.message(line).equal(count, (native.count_lines(line .. "\n", 1, shape)))
    end
  end)

  it("escapes the neighbours of what need not be escaped", function()
    local engine = assert(engines.new(options({})))
    local number = engine:prepare(operation({
      url = { open = "/", escape = "percent", close = "" } }))
    engine:authorize(number, (core.secret("x"))) -- which it needs none of
    assert(engine:submit(number, { "/09:@AZ[`az{-._~" }, 1, 1, 120))
    engine:close()
  end)

  it("remembers an id at its first place, and admits none of an empty range", function()
    local id = ("a"):rep(32)
    local known = core.known(3, HEX)
    assert.is_nil(known:add(id, 2))
    assert.equal(2, known:add(id, 3))
    assert.equal(0, known:admit({ id }, 2, 1, 0, {}, {}, 0))
  end)

  it("writes no line with a number that is too long for one", function()
    local lines = native.lines()
    assert.is_nil(lines:add("{", 1e300, ",", "a", "}"))
    assert.equal(0, lines:size())
    lines:close()
  end)

  it("takes other tokens while one is in use", function()
    local engine = assert(engines.new(options({ slots = 1 })))
    local number = engine:prepare(operation({}))
    for _, token in ipairs({ "a", "b", "c" }) do
      engine:authorize(number, (core.secret(token)))
      engine:submit(number, {}, 1, 0, 120)
    end
    patience.until_(function()
      local moved, has_done = engine:step()
      assert.is_true(moved)
      return has_done
    end)
    assert.equal(1, (engine:collect()))
    engine:close()
  end)

  it("waits for no answer that is there", function()
    -- A wait ends after a minute by itself: too late with the third.
    local child = server.spawn({ server.interpreter(), "-e", [[
      local engines = require("spec.support.engines")
      local engine = engines.new({ slots = 1, max_response = 1, connect_timeout = 120, proxy = "" })
      local operation = engine:prepare({ method = "POST", base = "http://127.0.0.1:1",
        url = { open = "/" }, headers = {} })
      assert(engine:submit(operation, {}, 1, 0, 120))
      repeat
        local _, has_done = engine:step()
      until has_done
      for _ = 1, 4 do
        engine:wait(120)
      end
      print(engine:collect())
    ]] })
    assert.matches("^1\t", child.first_line)
    assert.equal(0, (child:end_input()))
  end)

  it("reads escapes up to the edges of the surrogates", function()
    local fields = { list = "l", id = "i", code = "c" }
    local function code(text)
      local items = core.read_items(fields, { "a" }, '{"l":[{"i":"a","c":"' .. text .. '"}]}')
      return items and (items:run(1, 1))
    end
    assert.equal("\237\159\191", code("\\uD7fF"))
    assert.equal("\238\128\128", code("\\ue000"))
    assert.is_nil(code("\\udc00"))
    assert.is_nil(code("\\udfff"))
    assert.is_nil(code("\\ud800\\ue000"))
    assert.is_nil(code("\\ud800\\udbff"))
    assert.equal("\244\143\191\191", code("\\udbff\\udfff"))
  end)

  it("takes an id of no bytes for one that is empty", function()
    local fields = { list = "l", id = "i", code = "c" }
    local items = core.read_items(fields, { "", "b" }, '{"l":[{"i":"","c":1},{"i":"b","c":2}]}')
    assert.same({ 1, 2 }, { (items:run(1, 2)), (items:run(2, 1)) })
  end)

  it("refuses brackets that do not fit", function()
    local fields = { list = "l", id = "i", code = "c" }
    for _, text in ipairs({ "}", "]", '{"l":[}', '{"l":[{]}', '{"l":{]', "{]", '{"l":[]]' }) do
      assert.message(text).is_nil((core.read_items(fields, { "a" }, text)))
    end
  end)

  it("refuses an id that is too long for an answer", function()
    local fields = { list = "l", id = "i", code = "c" }
    assert.has_error(function()
      core.read_items(fields, { ("x"):rep(5000), "b" }, "{}")
    end)
    assert.has_error(function()
      core.read_items(fields, { 5 }, "{}")
    end)
  end)
end)
