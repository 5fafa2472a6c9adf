-- stopmsg work, as a program: what a run does to ids that are the last ones of a job.

local command = require("spec.support.command")
local files = require("spec.support.files")
local redis = require("spec.support.redis")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local it = sample.its(it)

describe("stopmsg work", function()
  local runner, sandbox, started, folder, count

  setup(function()
    runner, count = command.start(), 0
    sandbox = server.start()
    started = redis.start()
    folder = files.folder()
  end)

  teardown(function()
    runner:stop()
    sandbox:stop()
    started:stop()
    files.remove(folder)
  end)

  local job

  before_each(function()
    count = count + 1
    job = "job-" .. count
  end)

  local function run(arguments, env)
    local variables = { STOPMSG_REDIS = started.url, STOPMSG_TOKEN = "sandbox",
      STOPMSG_BASE_URL = sandbox.url }
    for name, value in pairs(env or {}) do
      variables[name] = value
    end
    return runner:run(arguments, { env = variables })
  end

  -- Revicom ids with these last four digits.
  local function feed(endings, ...)
    local lines = {}
    for i, ending in ipairs(endings) do
      lines[i] = ("2a28d557-22a1-4be6-8908-%08x%s"):format(i, ending)
    end
    local path = folder .. "/" .. job
    files.write(path, table.concat(lines, "\n") .. "\n")
    local answer = run({ "feed", job, "-p", "revicom", "-i", path, "-q", ... })
    assert.message(answer.stderr).equal(0, answer.code)
  end

  it("settles a request that fails for good, when the job has no other id", function()
    -- A few answers in a row that are of no use may be an outage, until another id is asked.
    feed({ "aaaa", "aaaa", "0500", "0503" })
    local answer = run({ "work", job, "--batch-size", "2", "--deadline", "20" })
    assert.message(answer.stderr).equal(0, answer.code)
    assert.matches("the job %S+ is finished; 4 ids settled here: 2 stopped, 2 unknown",
      answer.stderr)
  end)

  it("waits for the job, as whoever watches it does, and says so once", function()
    local path = folder .. "/" .. job
    files.write(path, "2a28d557-22a1-4be6-8908-1481723043dd\n")
    local stopmsg = server.interpreter() .. " bin/stopmsg"
    local script = ([[
      JOB work %s 2>FILE.1 & one=$!
      JOB collect %s --watch -o FILE.results 2>FILE.2 & two=$!
      JOB job %s --watch >FILE.shown 2>FILE.3 & three=$!
      until grep -qs "waiting for" FILE.1 && grep -qs "waiting for" FILE.2 \
        && grep -qs "waiting for" FILE.3; do kill -0 $one $two $three || exit; sleep 0.01; done
      JOB feed %s -p revicom -i FILE || exit
      for pid in $one $two $three; do wait $pid || exit; done]]):gsub("%%s", job)
      :gsub("JOB", stopmsg):gsub("FILE", path)
    local answer = runner:run({ "-c", script }, { argv = { "sh" }, env = {
      STOPMSG_REDIS = started.url, STOPMSG_TOKEN = "sandbox", STOPMSG_BASE_URL = sandbox.url } })
    for i = 1, 3 do
      local said = files.read(("%s.%d"):format(path, i))
      assert.message(answer.stderr .. said).equal(0, answer.code)
      assert.equal(1, select(2, said:gsub("has no job %S+ yet: waiting for stopmsg feed", "")))
    end
    assert.matches("1 stopped", files.read(path .. ".1"))
    assert.matches('"outcome":"stopped"', files.read(path .. ".results"))
  end)

  it("is interrupted while it waits for the job", function()
    local answer = runner:run({ "work", job }, {
      env = { STOPMSG_REDIS = started.url, STOPMSG_TOKEN = "sandbox" },
      steps = { { wait = "waiting for", signal = "SIGTERM" } },
    })
    assert.message(answer.stderr).equal(143, answer.code)
    assert.matches("interrupted; nothing was sent\n$", answer.stderr)
  end)

  it("knows the job's address in another spelling", function()
    feed({ "aaaa" })
    local env = { STOPMSG_BASE_URL = sandbox.url .. "/" }
    local again = run({ "feed", job, "-p", "revicom", "-i", folder .. "/" .. job }, env)
    assert.message(again.stderr).equal(0, again.code)
    local answer = run({ "work", job }, env)
    assert.message(answer.stderr).equal(0, answer.code)
  end)

  it("is watched for as long as somebody reads that", function()
    feed({ "aaaa" })
    local watch = { "job", job, "--watch", "--format", "json" }
    local env = { STOPMSG_REDIS = started.url }
    local cut = runner:run(watch, { env = env, stdout = { lines = 1 } })
    assert.message(cut.stderr).equal(141, cut.code)
    local full = runner:run(watch, { env = env, stdout = { file = "/dev/full" } })
    assert.message(full.stderr).equal(1, full.code)
  end)

  it("waits as long as --patience says for a Redis that takes nothing more", function()
    feed({ "aaaa" })
    assert.equal(0, run({ "job", job, "--pause" }).code)
    local path = folder .. "/" .. job
    -- It is at work, and asks again and again whether it may go on.
    local script = ([[
      LUA bin/stopmsg work %s --patience 100ms 2>FILE.said & pid=$!
      until grep -qs "sending to" FILE.said; do kill -0 $pid || exit; sleep 0.01; done
      LUA -e 'require("spec.support.redis").client(%d):call("CONFIG", "SET",
        "min-replicas-to-write", "1")' || exit
      wait $pid]]):format(job, started.port):gsub("LUA", server.interpreter()):gsub("FILE", path)
    finally(function()
      started:call("CONFIG", "SET", "min-replicas-to-write", "0")
    end)
    local answer = runner:run({ "-c", script }, { argv = { "sh" }, env = {
      STOPMSG_REDIS = started.url, STOPMSG_TOKEN = "sandbox", STOPMSG_BASE_URL = sandbox.url } })
    assert.message(answer.stderr).equal(5, answer.code)
    assert.matches("has too few replicas, and takes no more; what this worker held goes to others",
      files.read(path .. ".said"))
  end)

  it("stays within a rate that it shares", function()
    feed({ "aaaa", "aaaa", "aaaa", "aaaa" })
    local answer = run({ "work", job, "--batch-size", "1", "--rate", "1000", "--shared", job })
    assert.message(answer.stderr).equal(0, answer.code)
    assert.matches("4 stopped", answer.stderr)
    assert.is_truthy(started:call("HGET", "stopmsg:rate:" .. job, "next"))
  end)

  it("is content with these rights in Redis", function()
    started:call("ACL", "SETUSER", "fleet", "on", "nopass", "~stopmsg:*", "-@all", "+evalsha",
      "+eval", "+info", "+time", "+hset", "+hget", "+hmget", "+hgetall", "+hincrby", "+hdel",
      "+get", "+set", "+del", "+xadd", "+xlen", "+xrange", "+xdel", "+xack", "+xgroup",
      "+xreadgroup", "+xpending", "+xclaim", "+xinfo")
    local env = { STOPMSG_REDIS = started.url:gsub("//", "//fleet@"), STOPMSG_REDIS_PASSWORD = "x" }
    local path = folder .. "/" .. job
    files.write(path, "2a28d557-22a1-4be6-8908-1481723043dd\n")
    for _, arguments in ipairs({
      { "feed", job, "-p", "revicom", "-i", path },
      { "job", job, "--pause" },
      { "job", job, "--resume" },
      { "work", job },
      { "job", job },
      { "collect", job, "-o", path .. ".out" },
      { "job", job, "--retry" },
      { "job", job, "--forget" },
    }) do
      local answer = run(arguments, env)
      assert.message(answer.stderr).equal(0, answer.code)
    end
  end)
end)
