-- stopmsg stop --rate N --shared NAME, with a real Redis, and with what is none.

local command = require("spec.support.command")
local files = require("spec.support.files")
local redis = require("spec.support.redis")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local it = sample.its(it)

local PASSWORD = "canary-9c41aa-redis"
local TOKEN = "canary-77d0f3-token"

local OLD = [[
  return function(words)
    if words[1] == "INFO" then
      local text = "redis_version:6.2.14\r\n"
      return "$" .. #text .. "\r\n" .. text .. "\r\n"
    end
    return "*3\r\n:0\r\n:20000\r\n:0\r\n"
  end]]

describe("stopmsg stop --shared", function()
  local runner, sandbox, started, guarded

  setup(function()
    runner = command.start()
    sandbox = server.start()
    started = redis.start()
    guarded = redis.start({ "--requirepass", PASSWORD, "--databases", "4" })
    local client = redis.client(guarded.port)
    assert(client:call("AUTH", PASSWORD))
    for name, rules in pairs({
      good = { "~stopmsg:rate:*", "+select", "+evalsha", "+eval", "+time", "+hgetall", "+hset",
        "+hdel", "+pexpire" },
      no_select = { "~*", "+@all", "-select" },
      no_hset = { "~*", "+@all", "-hset" },
      no_evalsha = { "~*", "+@all", "-evalsha" },
      no_eval = { "~*", "+@all", "-eval" },
      no_time = { "~*", "+@all", "-time" },
      no_key = { "~other:*", "+@all" },
    }) do
      assert(client:call("ACL", "SETUSER", name, "on", ">" .. PASSWORD,
        (table.unpack or unpack)(rules))) -- luacheck: ignore
    end
    client:close()
  end)

  teardown(function()
    runner:stop()
    sandbox:stop()
    started:stop()
    guarded:stop()
  end)

  local function ids_of(count)
    local ids = {}
    for i = 1, count do
      ids[i] = ("%028xaaaa"):format(i)
    end
    return ids
  end

  -- What the command answers; nobody learns a token or a password.
  local function stop(arguments, env, count)
    local list = { "stop", "-p", "clickatell", "--base-url", sandbox.url, "--format", "ndjson" }
    for _, part in ipairs({ arguments, ids_of(count or 3) }) do
      for _, argument in ipairs(part) do
        list[#list + 1] = argument
      end
    end
    local variables = { STOPMSG_TOKEN = "sandbox", STOPMSG_REDIS = started.url }
    for name, value in pairs(env or {}) do
      variables[name] = value
    end
    local answer = runner:run(list, { env = variables })
    assert.is_nil((answer.stdout .. answer.stderr):find("canary"))
    return answer
  end

  local SHARED = { "--rate", "1000", "--shared", "account" }

  it("stops at the rate that all share", function()
    local before = #sandbox:log()
    local answer = stop(SHARED, nil, 40)
    assert.message(answer.stderr).equal(0, answer.code)
    assert.equal(40, #sandbox:log() - before)
    assert.is_not_nil(started:call("HGET", "stopmsg:rate:account", "next"))
  end)

  it("names itself, and goes into a database of one's choice", function()
    local answer = stop(SHARED, { STOPMSG_REDIS = guarded.url:gsub("//", "//good@") .. "/2",
      STOPMSG_REDIS_PASSWORD = PASSWORD })
    assert.message(answer.stderr).equal(0, answer.code)
  end)

  it("goes over TLS with --ca-file", function()
    local keys = redis.certificates.make()
    local tls = redis.start({}, keys)
    local answer = stop({ "--rate", "1000", "--shared", "account", "--ca-file", keys .. "/ca.pem" },
      { STOPMSG_REDIS = tls.url })
    assert.message(answer.stderr).equal(0, answer.code)
    answer = stop(SHARED, { STOPMSG_REDIS = tls.url })
    assert.equal(2, answer.code)
    assert.matches("certificate", answer.stderr)
    tls:stop()
    redis.certificates.remove(keys)
  end)

  it("is a dry run without a Redis", function()
    local answer = stop({ "--rate", "50", "--shared", "account", "--dry-run" },
      { STOPMSG_REDIS = "redis://127.0.0.1:1" })
    assert.message(answer.stderr).equal(0, answer.code)
  end)

  -- What waiting does not mend is told before anything is sent.
  local function refuses(arguments, env, words)
    local before = #sandbox:log()
    local answer = stop(arguments, env)
    assert.message(answer.stderr).equal(2, answer.code)
    assert.matches(words, answer.stderr)
    assert.equal("", answer.stdout)
    assert.equal(before, #sandbox:log())
  end

  it("wants a rate, a name and a Redis", function()
    refuses({ "--shared", "account" }, nil, "%-%-shared needs %-%-rate N")
    refuses({ "--rate", "50", "--shared", "an account" }, nil, "%-%-shared 'an account'")
    refuses({ "--rate", "50", "--shared", "" }, nil, "%-%-shared ''")
    refuses(SHARED, { STOPMSG_REDIS = false }, "set STOPMSG_REDIS=redis://host:port")
    refuses(SHARED, { STOPMSG_REDIS = "" }, "set STOPMSG_REDIS=redis://host:port")
    refuses(SHARED, { STOPMSG_REDIS = "localhost" }, "STOPMSG_REDIS is not of the form redis://")
    refuses(SHARED, { STOPMSG_REDIS = "redis://:" .. PASSWORD .. "@127.0.0.1" },
      "STOPMSG_REDIS holds a password: put it into STOPMSG_REDIS_PASSWORD")
    refuses({ "--rate", "0", "--shared", "account" }, nil, "%-%-rate: expected requests")
  end)

  for user, words in pairs({
    [""] = "wants a password: set STOPMSG_REDIS_PASSWORD",
    ["no_evalsha@"] = "'evalsha'",
    ["no_eval@"] = "'eval'",
    ["no_time@"] = "does not let scripts ask for the TIME",
    ["no_hset@"] = "does not let scripts run a command that a shared rate needs",
    ["no_key@"] = "refused a command that is needed",
    ["nobody@"] = "refused the user or the password",
  }) do
    it("refuses a Redis that " .. words, function()
      guarded:call("AUTH", PASSWORD)
      guarded:call("SCRIPT", "FLUSH")
      refuses(SHARED, { STOPMSG_REDIS = guarded.url:gsub("//", "//" .. user),
        STOPMSG_REDIS_PASSWORD = user ~= "" and PASSWORD or false }, words)
    end)
  end

  it("refuses a wrong password, and one for a Redis without", function()
    refuses(SHARED, { STOPMSG_REDIS = guarded.url, STOPMSG_REDIS_PASSWORD = "wrong" },
      "refused the user or the password %(the one in STOPMSG_REDIS_PASSWORD%)")
    refuses(SHARED, { STOPMSG_REDIS_PASSWORD = PASSWORD }, "has no password for that user")
    refuses(SHARED, { STOPMSG_REDIS = started.url .. "/99" }, "no database of that number")
    refuses(SHARED, { STOPMSG_REDIS = guarded.url:gsub("//", "//no_select@") .. "/2",
      STOPMSG_REDIS_PASSWORD = PASSWORD }, "does not let this user SELECT")
  end)

  it("refuses a Redis that is too old, and a server that is none", function()
    local old = server.spawn({ server.interpreter(), "spec/support/resp_server.lua", OLD })
    refuses(SHARED, { STOPMSG_REDIS = "redis://127.0.0.1:" .. old.first_line },
      "is Redis 6%.2%.14: a shared rate needs 7%.0 or newer")
    old:stop()
    refuses(SHARED, { STOPMSG_REDIS = "redis://127.0.0.1:" .. sandbox.port }, "as no Redis does")
    local other = server.spawn({ server.interpreter(), "spec/support/resp_server.lua",
      "return function() return '+OK\\r\\n' end" })
    refuses(SHARED, { STOPMSG_REDIS = "redis://127.0.0.1:" .. other.first_line },
      "as no Redis does")
    other:stop()
  end)

  it("refuses a replica, and a name that holds something else", function()
    local replica = redis.start({ "--replicaof", "127.0.0.1 " .. started.port })
    refuses(SHARED, { STOPMSG_REDIS = replica.url }, "name the primary")
    replica:stop()
    started:call("SET", "stopmsg:rate:taken", "x")
    refuses({ "--rate", "50", "--shared", "taken" }, nil, "has something else under the name")
  end)

  it("warns of a Redis that drops keys", function()
    local full = redis.start({ "--maxmemory-policy", "allkeys-lru" })
    local answer = stop(SHARED, { STOPMSG_REDIS = full.url })
    assert.equal(0, answer.code)
    assert.matches("warning: Redis at %S+ drops keys when its memory is full %(maxmemory%-policy "
      .. "allkeys%-lru%)", answer.stderr)
    full:stop()
  end)

  it("makes no journal where it refuses", function()
    local folder = files.folder()
    local path = folder .. "/journal"
    refuses({ "--rate", "50", "--shared", "account", "--journal", path },
      { STOPMSG_REDIS = started.url .. "/99" }, "no database")
    assert.is_nil(io.open(path))
    files.remove(folder)
  end)

  for name, journal in pairs({ ["a journal"] = true, ["none"] = false }) do
    it("waits for a Redis that is away, and says what to do then, with " .. name, function()
      local folder = files.folder()
      local before = #sandbox:log()
      local arguments = { "--rate", "50", "--shared", "account", "--patience", "0.2" }
      if journal then
        arguments[#arguments + 1] = "--journal"
        arguments[#arguments + 1] = folder .. "/journal"
      end
      local answer = stop(arguments, { STOPMSG_REDIS = "redis://user@127.0.0.1:1",
        STOPMSG_REDIS_PASSWORD = PASSWORD, STOPMSG_TOKEN = TOKEN })
      assert.equal(5, answer.code)
      assert.equal(before, #sandbox:log())
      local _, count = answer.stdout:gsub('"outcome":"skipped","reason":"outage"', "")
      assert.message(answer.stdout).equal(3, count)
      assert.matches("Redis at 127%.0%.0%.1:1 cannot be reached %([^\n]*%): waiting up to 1 s",
        answer.stderr)
      assert.matches("\nstopmsg stop: [^\n]*run again without %-%-shared, with a %-%-rate of your "
        .. "own[^\n]*\n$", answer.stderr)
      answer = stop({ "--rate", "50", "--shared", "account", "--patience", "0", "-q" },
        { STOPMSG_REDIS = "redis://127.0.0.1:1" })
      assert.equal(5, answer.code)
      assert.matches("^stopmsg stop: [^\n]*with a %-%-rate of your own[^\n]*\n$",
        (answer.stderr:gsub("^[^\n]*\n", "", 1)))
      if journal then
        assert.is_nil(files.read(folder .. "/journal"):find("canary"))
        arguments = { "--rate", "50", "--journal", folder .. "/journal" }
        answer = stop(arguments)
        assert.message(answer.stderr).equal(0, answer.code)
      end
      files.remove(folder)
    end)
  end
end)
