-- Replies of Redis, and the connection that they come over.

local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local patience = require("spec.support.patience")
local redis = require("spec.support.redis")

local LIMIT = 65536 * 4

local function read(text, piece, limit)
  return core.read_replies(text, piece or #text + 1, limit or LIMIT)
end

local GOOD = {
  { "a status", "+OK\r\n", "OK" },
  { "an empty status", "+\r\n", "" },
  { "an error", "-ERR no\r\n", { err = "ERR no" } },
  { "a number", ":42\r\n", 42 },
  { "a negative number", ":-7\r\n", -7 },
  { "a string", "$5\r\nhello\r\n", "hello" },
  { "an empty string", "$0\r\n\r\n", "" },
  { "a string with a line end in it", "$6\r\na\r\nb\r\n\r\n", "a\r\nb\r\n" },
  { "a string with a NUL in it", "$3\r\na\0b\r\n", "a\0b" },
  { "no string", "$-1\r\n", false },
  { "no list", "*-1\r\n", false },
  { "an empty list", "*0\r\n", {} },
  { "a list", "*3\r\n:1\r\n$1\r\na\r\n$-1\r\n", { 1, "a", false } },
  { "lists in lists", "*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n-ERR x\r\n",
    { { 1, {} }, { { err = "ERR x" } } } },
}

describe("replies of Redis", function()
  for _, case in ipairs(GOOD) do
    it("may be " .. case[1] .. ", cut at every byte", function()
      for piece = 1, #case[2] do
        local values, state = read(case[2], piece)
        assert.equal("complete", state)
        assert.same({ case[3] }, values)
      end
    end)

    it("that are " .. case[1] .. " are not there before their last byte", function()
      for len = 1, #case[2] - 1 do
        local values, state = read(case[2]:sub(1, len))
        assert.equal("more", state)
        assert.same({}, values)
      end
    end)
  end

  it("follow each other, in whatever pieces", function()
    local text, expected = "", {}
    for _, case in ipairs(GOOD) do
      text = text .. case[2]
      expected[#expected + 1] = case[3]
    end
    for piece = 1, #text do
      local values, state = read(text, piece)
      assert.equal("complete", state)
      assert.same(expected, values)
    end
  end)

  for name, text in pairs({
    ["an answer of HTTP"] = "HTTP/1.1 400 Bad Request\r\n",
    ["a banner"] = "220 mail ready\r\n",
    ["an alert of TLS"] = "\21\3\3\0\2\2\70",
    ["a NUL"] = "\0",
    ["an empty line"] = "\r\n",
    ["a reply of RESP3"] = "%1\r\n+a\r\n:1\r\n",
    ["a number without digits"] = ":\r\n",
    ["a number with letters"] = ":12a\r\n",
    ["a number that does not fit"] = ":9223372036854775808\r\n",
    ["a fraction"] = ":1.5\r\n",
    ["a length below none"] = "$-2\r\n",
    ["a count below none"] = "*-2\r\n",
    ["a length without digits"] = "$\r\n\r\n",
    ["a string that is longer than it says"] = "$1\r\nab\r\n",
    ["a line feed alone"] = "+OK\n",
    ["a carriage return alone"] = "+OK\rx\r\n",
    ["a list with something else in it"] = "*1\r\nx\r\n",
  }) do
    it("are not " .. name, function()
      for piece = 1, #text do
        local values, state = read(text, piece)
        assert.equal("broken", state)
        assert.same({}, values)
      end
    end)
  end

  it("have numbers from end to end", function()
    assert.same({ -9007199254740992, 9007199254740992 },
      (read(":-9007199254740992\r\n:9007199254740992\r\n")))
  end)

  for name, text in pairs({
    ["a string"] = "$1000\r\n",
    ["a string whose length is nonsense"] = "$999999999999999999\r\n",
    ["a list"] = "*1000\r\n",
    ["a list whose count is nonsense"] = "*999999999999999999\r\n",
    ["many small parts"] = "*30\r\n" .. ("$10\r\n0123456789\r\n"):rep(30),
    ["a line"] = "+" .. ("x"):rep(1000),
  }) do
    it("have a limit: " .. name, function()
      local _, state = read(text, 7, 100)
      assert.equal("too_large", state)
    end)
  end

  it("have a limit for lines of their own", function()
    local _, state = read("+" .. ("x"):rep(65536 * 2), 1000)
    assert.equal("too_large", state)
  end)

  it("are no deeper than sixteen lists", function()
    local values, state = read(("*1\r\n"):rep(16) .. ":1\r\n")
    assert.equal("complete", state)
    for _ = 1, 16 do
      values = values[1]
    end
    assert.same({ 1 }, values)
    assert.equal("too_large", select(2, read(("*1\r\n"):rep(17) .. ":1\r\n")))
  end)
end)

describe("a connection to Redis", function()
  local started, connection

  setup(function()
    started = redis.start()
  end)

  teardown(function()
    started:stop()
  end)

  before_each(function()
    connection = core.redis({ url = "http://127.0.0.1:" .. started.port .. "/",
      connect_timeout = 60, limit = 64 * 1024 * 1024 })
  end)

  after_each(function()
    connection:close()
  end)

  local function until_connected()
    assert(connection:connect())
    patience.until_(function()
      local is_connected = assert.is_not_nil(connection:step()) and connection:step()
      if not is_connected then
        connection:wait(1)
      end
      return is_connected
    end)
  end

  local function receive()
    local value
    patience.until_(function()
      assert(connection:step())
      local has, given = connection:receive()
      assert.message(tostring(given)).is_not_nil(has)
      value = given
      if not has then
        connection:wait(1)
      end
      return has
    end)
    return value
  end

  it("sends commands, and gives their replies in order", function()
    until_connected()
    for i = 1, 1000 do
      assert.is_true(connection:send({ "ECHO", "word " .. i }))
    end
    for i = 1, 1000 do
      assert.equal("word " .. i, receive())
    end
  end)

  it("carries what does not fit into the kernel's buffers", function()
    until_connected()
    local big = ("0123456789abcdef"):rep(512 * 1024)
    assert.is_true(connection:send({ "SET", "big", big }))
    assert.is_true(connection:send({ "GET", "big" }))
    assert.equal("OK", receive())
    assert.is_true(big == receive())
    started:call("DEL", "big")
  end)

  it("takes no more than its limit of commands that wait", function()
    until_connected()
    local big, count = ("x"):rep(1024 * 1024), 0
    while count < 100 and connection:send({ "ECHO", big }) do
      count = count + 1
    end
    assert.is_true(count >= 10 and count < 17)
    for _ = 1, count do
      assert.equal(#big, #receive())
    end
  end)

  it("says that it was closed, after the replies that came before", function()
    until_connected()
    connection:send({ "PING" })
    connection:send({ "QUIT" })
    assert.equal("PONG", receive())
    assert.equal("OK", receive())
    local has, message, kind
    patience.until_(function()
      has, message, kind = connection:receive()
      return has == nil
    end)
    assert.equal("lost", kind)
    assert.equal("the connection was closed", message)
    assert.same({ nil, "not connected", "idle" }, { connection:step() })
    until_connected()
    connection:send({ "PING" })
    assert.equal("PONG", receive())
  end)

  it("says that nobody is there", function()
    local nobody = core.redis({ url = "http://127.0.0.1:1/", connect_timeout = 60, limit = 1000 })
    assert(nobody:connect())
    local state, message, kind
    patience.until_(function()
      state, message, kind = nobody:step()
      return state == nil
    end)
    assert.equal("connect", kind)
    assert.matches("connect", message)
    nobody:close()
  end)

  it("ends the wait of an engine", function()
    until_connected()
    local engine = engines.new({ slots = 1, connect_timeout = 1, max_response = 1000 })
    connection:send({ "BLPOP", "never", "0.05" })
    assert(connection:step())
    local has
    patience.until_(function()
      engine:wait(60, connection)
      has = connection:receive()
      return has
    end)
    assert.is_true(has)
    engine:close()
  end)

  it("is of no use once it is closed", function()
    until_connected()
    connection:close()
    connection:close()
    for _, name in ipairs({ "connect", "step", "receive" }) do
      assert.has_error(function()
        connection[name](connection)
      end, "attempt to use a closed connection")
    end
    assert.matches("closed", tostring(connection))
  end)

  it("takes lists of strings only", function()
    until_connected()
    assert.has_error(function()
      connection:send({ "ECHO", 1 })
    end, "word 2 of a command is a number, not a string")
    assert.has_error(function()
      connection:send("PING")
    end)
    connection:send({ "PING" })
    assert.equal("PONG", receive())
  end)

  it("may be collected while it connects, and while replies are due", function()
    assert(connection:connect())
    connection:step()
    connection = core.redis({ url = "http://127.0.0.1:" .. started.port .. "/",
      connect_timeout = 60, limit = 1000 })
    collectgarbage()
    until_connected()
    connection:send({ "PING" })
    connection:step()
    connection = core.redis({ url = "http://127.0.0.1:1/", connect_timeout = 1, limit = 1000 })
    collectgarbage()
  end)
end)

describe("a connection to Redis over TLS", function()
  local keys, started

  setup(function()
    keys = redis.certificates.make()
    started = redis.start({}, keys)
  end)

  teardown(function()
    started:stop()
    redis.certificates.remove(keys)
  end)

  -- The reply to an ECHO of a word | nil, message, kind
  local function ask(options, word)
    options.url = ("https://127.0.0.1:%d/"):format(started.port)
    options.connect_timeout, options.limit = 60, 64 * 1024 * 1024
    local connection = core.redis(options)
    assert(connection:connect())
    local was_sent, state, value, kind = false, nil, nil, nil
    patience.until_(function()
      state, value, kind = connection:step()
      if state and not was_sent then
        was_sent = connection:send({ "ECHO", word })
      elseif state then
        state, value, kind = connection:receive()
      end
      if state == false then
        connection:wait(1)
      end
      return state == nil or (was_sent and state and type(value) == "string")
    end)
    connection:close()
    if state == nil then
      return nil, value, kind
    end
    return value
  end

  it("trusts the certificates of ca_file", function()
    local word = ("secret"):rep(100000)
    assert.is_true(word == ask({ ca_file = keys .. "/ca.pem" }, word))
  end)

  it("refuses one that nobody vouches for", function()
    local value, _, kind = ask({}, "x")
    assert.is_nil(value)
    assert.equal("tls", kind)
  end)

  it("takes any where verification is switched off", function()
    assert.equal("x", ask({ insecure = true }, "x"))
  end)
end)
