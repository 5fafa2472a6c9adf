-- The link to a real Redis, and to what only says that it is one.

local address = require("stopmsg.fleet.address")
local core = require("stopmsg.core")
local link = require("stopmsg.fleet.link")
local patience = require("spec.support.patience")
local redis = require("spec.support.redis")
local server = require("spec.support.server")

local PASSWORD = "canary-b7e1d2-password"

local SCRIPT = { text = "return { KEYS[1], ARGV[1] }", sha = nil }

describe("stopmsg.fleet.link", function()
  local started, made

  setup(function()
    started = redis.start()
    SCRIPT.sha = started:call("SCRIPT", "LOAD", SCRIPT.text)
  end)

  teardown(function()
    started:stop()
  end)

  after_each(function()
    if made then
      made:close()
      made = nil
    end
  end)

  local function open(url, options)
    options = options or {}
    options.address = assert(address.parse(url))
    options.timeout, options.connect_timeout = options.timeout or 60, 60
    made = link.new(options)
    return made
  end

  -- Steps until done() gives something.
  local function step(done)
    return patience.until_(function()
      made:step()
      local given = done()
      if not given then
        made.connection:wait(math.min(made:due(), 1))
      end
      return given
    end)
  end

  local function until_ready()
    step(function() return made:is_ready() end)
  end

  local function until_fault()
    return step(function() return made.fault end)
  end

  -- value, err = the reply to a command, or to what send() sends.
  local function ask(send, ...)
    local is_over, value, err, is_lost = false, nil, nil, nil
    local function take(...)
      is_over = true
      value, err, is_lost = ...
    end
    if type(send) == "function" then
      assert.is_true(send(take))
    else
      assert.is_true(made:command({ send, ... }, take))
    end
    step(function() return is_over end)
    return value, err, is_lost
  end

  it("connects by itself, and hands out replies in their order", function()
    open(started.url)
    assert.is_false(made:is_ready())
    assert.is_false(made:command({ "PING" }, error))
    until_ready()
    local list = {}
    for i = 1, 100 do
      made:command({ "ECHO", tostring(i) }, function(value)
        list[#list + 1] = value
      end)
    end
    step(function() return #list == 100 end)
    for i = 1, 100 do
      assert.equal(tostring(i), list[i])
    end
    assert.is_nil(made.fault)
    assert.is_nil(made:trouble())
  end)

  it("gives the text of errors", function()
    open(started.url)
    until_ready()
    local value, err, is_lost = ask("NOSUCH")
    assert.is_nil(value)
    assert.matches("^ERR unknown command", err)
    assert.is_false(is_lost)
    assert.equal("PONG", ask("PING"))
  end)

  it("runs a script, and gives its text where Redis has forgotten it", function()
    open(started.url)
    until_ready()
    local function run(take)
      return made:script(SCRIPT, "a key", { "an argument" }, take)
    end
    for _ = 1, 3 do
      started:call("SCRIPT", "FLUSH")
      assert.same({ "a key", "an argument" }, ask(run))
      assert.same({ 1 }, started:call("SCRIPT", "EXISTS", SCRIPT.sha))
      assert.same({ "a key", "an argument" }, ask(run))
    end
  end)

  it("connects again to a Redis that was restarted, and says what was lost", function()
    open(started.url)
    until_ready()
    local lost
    made:command({ "BLPOP", "never", "0" }, function(value, err, is_lost)
      lost = { value, err, is_lost }
    end)
    started:restart()
    until_fault()
    assert.is_nil(lost[1])
    assert.matches("^Redis at 127%.0%.0%.1:%d+ was lost", lost[2])
    assert.is_true(lost[3])
    assert.is_false(made.is_final)
    until_ready()
    assert.equal("PONG", ask("PING"))
    assert.is_nil(made.fault)
  end)

  it("makes nothing of an idle connection that Redis closes", function()
    open(started.url)
    until_ready()
    for _ = 1, 3 do
      assert.equal("PONG", ask("PING"))
      started:call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      step(function()
        assert.is_nil(made.fault)
        return not made:is_ready()
      end)
      until_ready()
      assert.is_nil(made.fault)
    end
  end)

  it("gives up on a Redis that says nothing, and finds it when it is back", function()
    open(started.url, { timeout = 0.05 })
    until_ready()
    started:freeze()
    local lost
    made:command({ "PING" }, function(_, err, is_lost)
      lost = is_lost and err
    end)
    step(function() return lost end)
    assert.matches("has not answered for 0%.05 s", lost)
    started:kill("sigcont")
    local value
    step(function()
      if made:is_ready() and not value then
        made:command({ "PING" }, function(given)
          value = given
        end)
      end
      return value
    end)
    assert.equal("PONG", value)
  end)

  it("waits longer from one try to the next, up to a second", function()
    local time = 1000
    open("redis://127.0.0.1:1", { clock = function() return time end })
    local pauses = {}
    for i = 1, 8 do
      patience.until_(function()
        made:step()
        return made._state == "off"
      end)
      assert.matches("cannot be reached %(%u[^()]*%)$", made.fault)
      pauses[i] = made:due()
      time = time + pauses[i]
    end
    for i, expected in ipairs({ 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1, 1 }) do
      assert.near(expected, pauses[i], 1e-6)
    end
  end)

  it("names a host that there is not", function()
    open("redis://no-such-host.invalid:6379")
    assert.matches("^Redis at no%-such%-host%.invalid:6379 cannot be reached", until_fault())
    assert.is_false(made.is_final)
  end)

  it("asks for what is never there no more than it has to", function()
    open(started.url)
    until_ready()
    assert.equal("PONG", ask("PING"))
    assert.equal(math.huge, made:due())
  end)

  describe("with a password", function()
    local guarded

    setup(function()
      guarded = redis.start({ "--requirepass", PASSWORD, "--databases", "4" })
      local client = redis.client(guarded.port)
      assert(client:call("AUTH", PASSWORD))
      assert(client:call("ACL", "SETUSER", "cron", "on", ">" .. PASSWORD, "~stopmsg:*", "+@all"))
      client:close()
    end)

    teardown(function()
      guarded:stop()
    end)

    local function place(user, path)
      return guarded.url:gsub("//", "//" .. user) .. path
    end

    it("names itself as the user default, and as another", function()
      open(place("", ""), { password = PASSWORD })
      until_ready()
      assert.equal("default", ask("ACL", "WHOAMI"))
      made:close()
      open(place("cron@", "/3"), { password = PASSWORD })
      until_ready()
      assert.equal("cron", ask("ACL", "WHOAMI"))
      assert.matches(" db=3 ", ask("CLIENT", "INFO"))
    end)

    for name, case in pairs({
      ["a wrong one"] = { "", "", "x", "refused the user or the password" },
      ["a wrong user"] = { "nobody@", "", PASSWORD, "refused the user or the password" },
      ["a database that is not there"] = { "", "/9", PASSWORD, "no database of that number" },
    }) do
      it("is refused with " .. name .. ", which waiting does not mend", function()
        open(place(case[1], case[2]), { password = case[3] })
        local fault = until_fault()
        assert.matches(case[4], fault)
        assert.is_true(made.is_final)
        assert.is_nil(fault:find(PASSWORD, 1, true))
      end)
    end

    it("hears that it needs one", function()
      open(place("", ""))
      until_ready()
      local _, err = ask("PING")
      assert.matches("^NOAUTH", err)
    end)

    it("says where it was not needed", function()
      open(started.url, { password = PASSWORD })
      assert.matches("has no password for that user", until_fault())
      assert.is_true(made.is_final)
    end)
  end)

  -- Servers that are no Redis: what the answer to a command is made of.
  for name, case in pairs({
    ["that repeats what it gets"] = { "return function(_, bytes) return bytes end" },
    ["that repeats what it gets in an error"] =
      { "return function(words) return '-ERR ' .. table.concat(words, ' ') .. '\\r\\n' end" },
    ["that repeats what it gets in a refusal"] =
      { "return function(words) return '-WRONGPASS ' .. table.concat(words, ' ') .. '\\r\\n' end" },
    ["that speaks HTTP"] =
      { "return function(words) return 'HTTP/1.1 400 ' .. words[2] .. '\\r\\n\\r\\n' end" },
    ["that answers twice"] =
      { "return function(words) return '+OK\\r\\n-' .. table.concat(words, ' ') .. '\\r\\n' end" },
  }) do
    it("tells nobody the password that it gave to a server " .. name, function()
      local other = server.spawn({ server.interpreter(), "spec/support/resp_server.lua", case[1] })
      open("redis://user@127.0.0.1:" .. other.first_line, { password = PASSWORD })
      local fault = until_fault()
      assert.is_true(made.is_final)
      assert.is_nil(fault:find("canary"))
      assert.is_nil(tostring(made:trouble()):find("canary"))
      other:stop()
    end)
  end

  it("tells nobody a password that a server repeats later", function()
    local other = server.spawn({ server.interpreter(), "spec/support/resp_server.lua", [[
      local password
      return function(words)
        password = words[1] == "AUTH" and words[2] or password
        return words[1] == "AUTH" and "+OK\r\n" or "-ERR it was " .. password .. "\r\n"
      end]] })
    open("redis://127.0.0.1:" .. other.first_line, { password = PASSWORD })
    until_ready()
    local _, err = ask("PING")
    assert.equal("ERR it was [password]", err)
    other:stop()
  end)

  it("takes nothing that it did not ask for", function()
    local other = server.spawn({ server.interpreter(), "spec/support/resp_server.lua",
      "return function() return '+PONG\\r\\n+more\\r\\n' end" })
    open("redis://127.0.0.1:" .. other.first_line)
    until_ready()
    local value = ask("PING")
    assert.equal("PONG", value)
    assert.matches("not asked", until_fault())
    other:stop()
  end)

  it("hears why it is turned away", function()
    local full = redis.start({ "--maxclients", "1" })
    -- The look whether it is there was a client, too.
    local only
    patience.until_(function()
      only = redis.client(full.port)
      local called, answer = pcall(only.call, only, "PING")
      return called and answer == "PONG"
    end)
    open(full.url)
    -- Redis hangs up by itself; that it says why may be lost with the connection.
    assert.matches("127%.0%.0%.1:%d+ ", until_fault())
    assert.is_false(made.is_final)
    only:close()
    full:stop()
  end)

  it("goes over TLS, and says what is wrong with a certificate", function()
    local keys = redis.certificates.make()
    local tls = redis.start({}, keys)
    open(tls.url, { ca_file = keys .. "/ca.pem" })
    until_ready()
    assert.equal("PONG", ask("PING"))
    made:close()
    open(tls.url)
    assert.matches("cannot be reached %(.*certificate", until_fault())
    assert.is_true(made.is_final)
    tls:stop()
    redis.certificates.remove(keys)
  end)

  it("says so where TLS is spoken to something without, and the other way round", function()
    open((started.url:gsub("^redis", "rediss")), { connect_timeout = 60 })
    made._connect_timeout = 0.2
    assert.matches("127%.0%.0%.1:%d+ cannot be reached", until_fault())
    made:close()
    local keys = redis.certificates.make()
    local tls = redis.start({}, keys)
    open((tls.url:gsub("^rediss", "redis")))
    until_ready()
    made:command({ "PING" }, function() end)
    assert.matches("127%.0%.0%.1:%d+ ", until_fault())
    tls:stop()
    redis.certificates.remove(keys)
  end)

  it("is stepped by the clock it is given", function()
    assert.equal("number", type(core.now()))
    open(started.url)
    until_ready()
  end)
end)
