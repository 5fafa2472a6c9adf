-- feed, work, job and collect, given what is wrong: each says what, and what to do.

local command = require("spec.support.command")
local files = require("spec.support.files")
local json = require("stopmsg.json")
local native = require("stopmsg.command")
local redis = require("spec.support.redis")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local it = sample.its(it)

local PASSWORD = "canary-1d44ce-redis"

local OLD = [[
  return function(words)
    local text = "redis_version:6.2.14\r\n"
    return "$" .. #text .. "\r\n" .. text .. "\r\n"
  end]]

-- What a job needs of a Redis, but for what INFO and TIME are good for.
local RIGHTS = { "+@all", "-@admin", "-@dangerous" }

describe("a job, given what is wrong:", function()
  local runner, sandbox, started, guarded, folder, count

  setup(function()
    runner, count = command.start(), 0
    sandbox = server.start()
    started = redis.start()
    guarded = redis.start({ "--requirepass", PASSWORD })
    local client = redis.client(guarded.port)
    assert(client:call("AUTH", PASSWORD))
    for name, rules in pairs({ bare = RIGHTS, no_time = { "+@all", "-time" },
      no_eval = { "+@all", "-@scripting" } }) do
      assert(client:call("ACL", "SETUSER", name, "on", ">" .. PASSWORD, "~stopmsg:*",
        (table.unpack or unpack)(rules))) -- luacheck: ignore
    end
    client:close()
    folder = files.folder()
  end)

  teardown(function()
    runner:stop()
    sandbox:stop()
    started:stop()
    guarded:stop()
    files.remove(folder)
  end)

  local job

  before_each(function()
    count = count + 1
    job = "job-" .. count
  end)

  -- A file of so many ids; the first one may be another one.
  local function input(ids, first)
    local lines = {}
    for i = 1, ids do
      lines[i] = ("%028xaaaa"):format(i)
    end
    lines[1] = first or lines[1]
    local path = ("%s/%s.txt"):format(folder, job)
    files.write(path, table.concat(lines, "\n") .. "\n")
    return path
  end

  local function environment(env)
    local variables = { STOPMSG_REDIS = started.url, STOPMSG_TOKEN = "sandbox",
      STOPMSG_BASE_URL = sandbox.url }
    for name, value in pairs(env or {}) do
      variables[name] = value
    end
    return variables
  end

  -- Nobody learns a token or a password.
  local function run(arguments, env)
    local answer = runner:run(arguments, { env = environment(env) })
    assert.is_nil((answer.stdout .. answer.stderr):find("canary"))
    return answer
  end

  local function feed(path, more, env)
    local arguments = { "feed", job, "-p", "clickatell", "-i", path }
    for _, argument in ipairs(more or {}) do
      arguments[#arguments + 1] = argument
    end
    return run(arguments, env)
  end

  local function ends(answer, code, words)
    assert.message(answer.stderr).equal(code, answer.code)
    assert.matches(words, answer.stderr)
  end

  -- What each of the four says to a Redis.
  local function each(env, code, words)
    local path = input(3)
    ends(feed(path, nil, env), code, words)
    ends(run({ "work", job }, env), code, words)
    ends(run({ "job", job }, env), code, words)
    ends(run({ "collect", job, "-o", folder .. "/none" }, env), code, words)
    assert.is_nil(io.open(folder .. "/none"))
  end

  it("no Redis is named", function()
    each({ STOPMSG_REDIS = false }, 2, "a job needs Redis: set STOPMSG_REDIS=redis://host:port")
    each({ STOPMSG_REDIS = "localhost" }, 2, "STOPMSG_REDIS is not of the form redis://")
    each({ STOPMSG_REDIS = "redis://:" .. PASSWORD .. "@localhost" }, 2,
      "STOPMSG_REDIS holds a password: put it into STOPMSG_REDIS_PASSWORD")
  end)

  -- All four with these arguments, too: the first one with an input.
  local function all_four(...)
    local more = { ... }
    local list = { { "feed", job, "-p", "clickatell", "-i", input(3) }, { "work", job },
      { "job", job }, { "collect", job, "-o", folder .. "/" .. job .. ".out" } }
    for _, arguments in ipairs(list) do
      for _, argument in ipairs(more) do
        arguments[#arguments + 1] = argument
      end
    end
    return list
  end

  it("nobody is where the Redis should be, and is waited for as long as --patience says", function()
    for _, arguments in ipairs(all_four("--patience", "0")) do
      local answer = run(arguments, { STOPMSG_REDIS = "redis://127.0.0.1:1" })
      ends(answer, 5, "^stopmsg %l+: Redis at 127%.0%.0%.1:1 cannot be reached [^\n]*\n$")
    end
    local answer = run({ "job", job, "--patience", "100ms" },
      { STOPMSG_REDIS = "redis://127.0.0.1:1" })
    ends(answer, 5, "cannot be reached [^\n]*: waiting up to 1 s\n")
  end)

  it("no patience is enough for a Redis that answers", function()
    for _, arguments in ipairs(all_four("--patience", "0")) do
      ends(run(arguments), 0, "")
    end
    assert.matches("3 stopped", run({ "job", job }).stdout)
  end)

  it("the Redis is too old, or none at all", function()
    local old = server.spawn({ server.interpreter(), "spec/support/resp_server.lua", OLD })
    each({ STOPMSG_REDIS = "redis://127.0.0.1:" .. old.first_line }, 2,
      "is Redis 6%.2%.14: a job needs 7%.0 or newer")
    old:stop()
    each({ STOPMSG_REDIS = "redis://127.0.0.1:" .. sandbox.port }, 2, "answers as no Redis does")
  end)

  it("the password is wrong, or missing", function()
    each({ STOPMSG_REDIS = guarded.url }, 2, "wants a password: set STOPMSG_REDIS_PASSWORD")
    each({ STOPMSG_REDIS = guarded.url, STOPMSG_REDIS_PASSWORD = "wrong" }, 2,
      "refused the user or the password %(the one in STOPMSG_REDIS_PASSWORD%)")
  end)

  it("a replica takes no writes", function()
    local replica = redis.start({ "--replicaof", "127.0.0.1 " .. started.port })
    ends(feed(input(3), nil, { STOPMSG_REDIS = replica.url }), 2, "name the primary")
    replica:stop()
  end)

  it("the user may run no scripts", function()
    ends(feed(input(3), nil, { STOPMSG_REDIS = guarded.url:gsub("//", "//no_eval@"),
      STOPMSG_REDIS_PASSWORD = PASSWORD }), 2, "refused a command that is needed")
  end)

  it("the Redis drops keys when its memory is full", function()
    local full = redis.start({ "--maxmemory-policy", "allkeys-lru" })
    local answer = feed(input(3), nil, { STOPMSG_REDIS = full.url })
    ends(answer, 0, "warning: Redis at %S+ drops keys when its memory is full %(maxmemory%-policy "
      .. "allkeys%-lru%): the job may be lost; noeviction keeps it")
    full:stop()
  end)

  -- Ids that end so have left at this provider.
  local LATE = ("%028x"):format(1) .. "0003"

  it("the Redis refuses INFO, CONFIG and the like: it is told, and no is not believed", function()
    local env = { STOPMSG_REDIS = guarded.url:gsub("//", "//bare@"),
      STOPMSG_REDIS_PASSWORD = PASSWORD }
    ends(feed(input(3, LATE), nil, env), 0, "refuses INFO, so nobody can tell")
    ends(run({ "work", job }, env), 0, "2 stopped, 1 unknown")
  end)

  it("the Redis refuses TIME", function()
    local env = { STOPMSG_REDIS = guarded.url:gsub("//", "//no_time@"),
      STOPMSG_REDIS_PASSWORD = PASSWORD }
    ends(feed(input(3, LATE), nil, env), 0, "all 3 ids are in the job")
    ends(run({ "work", job }, env), 0, "2 stopped, 1 too_late")
  end)

  it("there is no such job, or the name is none", function()
    for name, option in pairs({ work = "--once", job = "--format=text" }) do
      ends(run({ name, job, option }), 2,
        "has no job " .. job:gsub("%-", "%%-") .. ": feed it first")
      ends(run({ name, "{a}" }), 2, "the job '{a}': expected a name of at most")
    end
    ends(run({ "collect", job, "-o", folder .. "/out" }), 2, "has no job")
  end)

  it("the file has changed, or another job has the name", function()
    ends(feed(input(3)), 0, "all 3 ids are in the job")
    ends(feed(input(3)), 0, "all 3 ids are in the job")
    ends(feed(input(4)), 2, "already exists, but its input is different or has changed: use "
      .. "another name, or remove that job with stopmsg job %S+ %-%-forget")
    input(3)
    ends(feed(input(3), { "--entry", "7" }), 2, "its entry size differs")
    ends(feed(input(3), { "--base-url", "http://127.0.0.1:2" }), 2, "its address differs")
    ends(run({ "feed", job, "-p", "revicom", "2a28d557-22a1-4be6-8908-1481723043dd" }), 2,
      "it is of 'clickatell'")
  end)

  it("the worker has another provider, address, token, or none", function()
    feed(input(3))
    ends(run({ "work", job, "-p", "revicom" }), 2, "the job is for 'clickatell', but %-p names "
      .. "'revicom'")
    ends(run({ "work", job }, { STOPMSG_BASE_URL = false }), 2,
      "is for another address than https://")
    ends(run({ "work", job, "--base-url", "http://127.0.0.1:9" }), 2,
      "is for another address than http://127%.0%.0%.1:9, which this worker would ask %(from "
      .. "%-%-base%-url%); give %-%-base%-url as feed was given it")
    ends(run({ "work", job }, { STOPMSG_TOKEN = false }), 2, "no token: use %-%-token%-file FILE")
    local before = json.decode(run({ "job", job, "--format", "json" }).stdout)
    ends(run({ "work", job }, { STOPMSG_TOKEN = command.CANARY }), 6,
      "clickatell refused the token, which came from STOPMSG_TOKEN; what this worker held went "
      .. "back to the job; 0 ids settled here")
    local after = json.decode(run({ "job", job, "--format", "json" }).stdout)
    assert.same({ before.waiting, before.settled }, { after.waiting, after.settled })
    ends(run({ "work", job }), 0, "is finished; 3 ids settled here: 3 stopped")
  end)

  it("the job is of a provider that is not built in", function()
    local path = folder .. "/own.lua"
    files.write(path, [[
      local own = require("stopmsg").definition("clickatell")
      own.name = "own"
      return own]])
    local list = input(2)
    ends(run({ "feed", job, "-p", path, "-i", list }), 0, "all 2 ids")
    ends(run({ "work", job }), 2,
      "the job is for 'own', which is not built in: pass its definition with %-p FILE")
    -- Who may write to Redis must not have a file read.
    started:call("HSET", ("stopmsg:{%s}:job"):format(job), "provider", path)
    ends(run({ "work", job }), 2, "which is not built in")
    started:call("HSET", ("stopmsg:{%s}:job"):format(job), "provider", "own")
    ends(run({ "work", job, "-p", path }), 0, "2 stopped")
  end)

  it("nobody is there at the provider", function()
    local gone = "http://127.0.0.1:1"
    feed(input(3), { "--base-url", gone })
    ends(run({ "work", job, "--base-url", gone, "--patience", "500ms" }), 5,
      "the provider could not be asked %(.*went back to the job; 0 ids settled here")
  end)

  it("two feeds fill it", function()
    local path = input(30)
    local first = server.spawn({ server.interpreter(), "bin/stopmsg", "feed", job, "-p",
      "clickatell", "-i", path, "--entry", "10", "--ahead", "1", "-q" }, {
      environment = environment(), is_ready = function()
        return started:call("HGET", ("stopmsg:{%s}:job"):format(job), "fed") == "10"
      end })
    ends(feed(path, { "--entry", "10" }), 2,
      "another feed is filling the job %S+: %S+/" .. first.pid .. "; wait for it")
    first:kill("sigkill")
    -- After a while it is taken for dead.
    ends(feed(path, { "--entry", "10" }), 0, "all 30 ids are in the job")
    first:stop()
  end)

  it("options make no sense", function()
    local path = input(3)
    for _, name in ipairs({ "--ahead", "--entry", "--results" }) do
      ends(feed(path, { name, "0" }), 2, ("%s: expected an integer"):format(name:gsub("%-", "%%-")))
      ends(feed(path, { name, "1.5" }), 2,
        ("%s: expected an integer"):format(name:gsub("%-", "%%-")))
    end
    feed(path)
    ends(run({ "work", job, "--lease", "100ms" }), 2, "%-%-lease: from 1 s to a day")
    ends(run({ "job", job, "--pause", "--resume" }), 2, "use only one of")
    ends(run({ "job", job, "--watch", "--cancel" }), 2, "use only one of")
    ends(run({ "collect", job }), 2, "no output file: use %-o FILE")
  end)

  it("no id is valid, or some are not", function()
    local path = folder .. "/bad.txt"
    local function feed_it()
      return run({ "feed", job, "-p", "revicom", "-i", path })
    end
    files.write(path, "?\n")
    ends(feed_it(), 2, "no valid id")
    files.write(path, "?\n2a28d557-22a1-4be6-8908-1481723043dd\nx\n")
    ends(feed_it(), 0, "all 3 ids are in the job")
    assert.equal(2, json.decode(run({ "job", job, "--format", "json" }).stdout).counts.invalid)
    ends(run({ "work", job }), 0, "1 id settled here: 1 stopped")
    ends(run({ "collect", job, "-o", folder .. "/bad.out" }), 3, "holds 3 ids")
    local outcomes = {}
    for line in files.read(folder .. "/bad.out"):gmatch("[^\n]+") do
      local item = json.decode(line)
      outcomes[item.n] = item.outcome
    end
    assert.same({ "invalid", "stopped", "invalid" }, outcomes)
  end)

  it("collects into a file of something else, or of another job", function()
    local out = folder .. "/" .. job
    feed(input(3))
    run({ "work", job })
    for _, bytes in ipairs({ "something else\n", "something else",
      '{"n":4,"id":"a","outcome":"x"}\n',
      '{"id":"a","outcome":"stopped"}\n' }) do
      files.write(out, bytes)
      ends(run({ "collect", job, "-o", out }), 2, "is not a job's result: use another file")
      assert.equal(bytes, files.read(out))
    end
    local held = assert(native.log(out))
    ends(run({ "collect", job, "-o", out }), 2, out:gsub("%p", "%%%0") .. ": another run holds it")
    held:close()
    ends(run({ "collect", job, "-o", folder }), 2, "Is a directory")
    ends(run({ "collect", job, "-o", folder .. "/none/out" }), 2, "No such file or directory")
    local script = ("ulimit -f 0; exec %s bin/stopmsg collect %s -o %s.new"):format(
      server.interpreter(), job, out)
    ends(runner:run({ "-c", script }, { argv = { "sh" }, env = environment() }), 1,
      "new cannot be written: File too large; free some space and run the same command again\n$")
    files.write(out, '{"n":1,"id":"another","outcome":"stopped"}\n')
    ends(run({ "collect", job, "-o", out }), 2, "has another id as number 1")
    os.remove(out)
    -- What was being written when it died is not taken for a result.
    files.write(out, '{"n":1,"id":"00')
    ends(run({ "collect", job, "-o", out }), 0, "holds 3 ids: the job %S+ is finished")
    local _, lines = files.read(out):gsub("\n", "")
    assert.equal(3, lines)
    -- Results leave the job with their first collect.
    ends(run({ "collect", job, "-o", out .. ".2" }), 0,
      "holds 0 ids %(3 ids of the job were collected into another file%): the job %S+ is finished")
    ends(run({ "collect", job, "-o", out }), 0, "holds 3 ids: the job %S+ is finished")
  end)

  it("is paused, which a worker says that does not wait", function()
    feed(input(3))
    run({ "job", job, "--pause" })
    ends(run({ "work", job, "--once" }), 0, "the job %S+ is paused; 0 ids settled here")
    run({ "job", job, "--resume" })
    ends(run({ "work", job, "--once" }), 0, "is finished; 3 ids settled here")
  end)

  it("is forgotten only where nothing is lost, or somebody says yes", function()
    feed(input(3))
    ends(run({ "job", job, "--forget" }), 2, "3 ids are not settled: pass %-%-yes")
    run({ "work", job })
    ends(run({ "job", job, "--forget" }), 2, "the results of 3 ids are not collected: pass %-%-yes")
    ends(run({ "job", job, "--forget", "--yes" }), 0, "is forgotten")
    ends(run({ "job", job }), 2, "has no job")
    assert.same({}, started:call("KEYS", ("stopmsg:{%s}*"):format(job)))
  end)

  it("is gone: whoever works at it does not call for the same list again", function()
    local path = input(3)
    feed(path)
    run({ "job", job, "--pause" })
    local script = ([[
      set -- %s bin/stopmsg
      err=%s/gone
      "$@" work %s 2>$err & pid=$!
      until grep -q "sending to" $err; do sleep 0.05; done
      "$@" job %s --forget --yes; wait $pid; echo $? >>$err
      "$@" feed %s -p clickatell -i %s --entry 1 --ahead 1 2>>$err & pid=$!
      until grep -q "waits\? for workers" $err; do sleep 0.05; done
      "$@" job %s --forget --yes; wait $pid; echo $? >>$err
      cat $err >&2]]):format(server.interpreter(), folder, job, job, job, path, job)
    local result = runner:run({ "-c", script }, { argv = { "sh" }, env = environment() })
    local start_over = "start over with what stopmsg status shows as open"
    assert.matches("has lost the job %S+: unless its feed still runs, " .. start_over
      .. "; 0 ids settled here\n5\n", result.stderr)
    assert.matches("was removed while being fed: " .. start_over .. "\n5\n$", result.stderr)
  end)

  it("is cancelled, which cannot be undone", function()
    local path = input(3)
    feed(path)
    ends(run({ "job", job, "--cancel" }), 0, "is cancelled")
    ends(run({ "job", job, "--resume" }), 2, "is cancelled: that cannot be undone")
    ends(feed(path), 5, "is cancelled: nothing more is fed")
    ends(run({ "work", job }), 0, "is cancelled; 0 ids settled here")
    assert.equal(5, run({ "job", job }).code)
    ends(run({ "collect", job, "-o", path .. ".ndjson" }), 5, "is cancelled: 0 of 3 ids settled")
  end)

  it("keeps the token out of Redis", function()
    feed(input(3), nil, { STOPMSG_TOKEN = command.CANARY })
    run({ "work", job }, { STOPMSG_TOKEN = command.CANARY })
    for _, key in ipairs(started:call("KEYS", "*")) do
      assert.is_nil((started:call("DUMP", key) or ""):find("canary", 1, true))
    end
  end)
end)
