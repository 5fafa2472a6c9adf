-- stopmsg stop --all at a provider whose stop reaches beyond its ids: it asks first, always.

local cli = require("spec.support.cli")
local files = require("spec.support.files")
local server = require("spec.support.server")

local DOMAIN = "mg.example0007"
local STOPS = "every scheduled and undelivered e-mail of the domain"

describe("stopmsg stop --all at mailgun", function()
  local sandbox

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  -- code, out, err, and how many requests were sent.
  local function stop(arguments, options)
    local argv = { "stop", "-p", "mailgun", "--set", "region=us-east4", "--base-url", sandbox.url }
    for _, argument in ipairs(arguments) do
      argv[#argv + 1] = argument
    end
    options = options or {}
    options.env = { STOPMSG_TOKEN = "sandbox" }
    options.columns = { stderr = 200 }
    local before = #sandbox:log()
    local code, out, err = cli.run(argv, options)
    return code, out, err, #sandbox:log() - before
  end

  it("is refused without --all, by what would be stopped", function()
    local code, _, err, sent = stop({ "--yes", DOMAIN }, { answer = "y\n" })
    assert.same({ 2, 0 }, { code, sent })
    assert.matches(STOPS, err, 1, true)
    assert.matches("--all", err, 1, true)
  end)

  it("asks, naming what would be stopped, and takes no for an answer", function()
    local code, _, err, sent = stop({ "--all", DOMAIN }, { answer = "n\n" })
    assert.same({ 2, 0 }, { code, sent })
    assert.matches(("Stop %s: %s at mailgun"):format(STOPS, DOMAIN), err, 1, true)
    assert.matches("not confirmed; nothing was sent", err, 1, true)
  end)

  it("sends once after a yes", function()
    local _, out, _, sent = stop({ "--all", "--format", "csv", DOMAIN }, { answer = "y\n" })
    assert.equal(1, sent)
    assert.matches(DOMAIN .. ",accepted,", out, 1, true)
  end)

  it("wants --yes where nobody can be asked", function()
    local code, _, err, sent = stop({ "--all", DOMAIN })
    assert.same({ 2, 0 }, { code, sent })
    assert.matches(STOPS .. ": " .. DOMAIN .. ": no terminal to ask for confirmation; pass --yes",
      err, 1, true)
    _, _, _, sent = stop({ "--all", "--yes", DOMAIN })
    assert.equal(1, sent)
  end)

  it("shows with --dry-run what it would send, and stop", function()
    local code, out, _, sent = stop({ "--all", "--dry-run", DOMAIN })
    assert.same({ 0, 0 }, { code, sent })
    assert.matches("DELETE /v3/" .. DOMAIN .. "/envelopes", out, 1, true)
    assert.matches("stops " .. STOPS, out, 1, true)
  end)

  it("tells it before the question of --where, too", function()
    local definition = files.folder() .. "/acme.lua"
    files.write(definition, [[return {
      name = "acme", url = "https://acme.example", headers = { ["X-Key"] = "{token}" },
      id = "digits",
      stop = { all = "every message of the queue", request = "DELETE /queues/{id}",
        [204] = "accepted" },
      find = { request = "GET /queues", each = "queues", id = "id",
        where = { name = { query = "name" } } },
    }]])
    local scripted = server.scripted([[return function(request)
      return 200, '{"queues":[{"id":"17"}]}'
    end]])
    local code, _, err = cli.run({ "stop", "-p", definition, "--base-url", scripted.url, "--all",
      "--where", "name=x" }, { env = { STOPMSG_TOKEN = "sandbox" }, columns = { stderr = 200 },
      answer = "n\n" })
    local log = scripted:log()
    scripted:stop()
    files.remove(definition:match("^(.*)/"))
    assert.equal(2, code)
    assert.equal(1, #log)
    assert.matches("each stops every message of the queue\n", err, 1, true)
  end)

  it("is told by stopmsg providers", function()
    local _, out = cli.run({ "providers", "mailgun" })
    assert.matches(STOPS .. ", so it needs --all", out, 1, true)
  end)
end)
