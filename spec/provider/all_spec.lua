-- A stop that reaches beyond its ids, as Mailgun's empties the queue of a domain: nothing is sent
-- unless the client or the call says `all = true`.

local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local DOMAIN = "mg.example0007"
local STOPS = "every scheduled and undelivered e-mail of the domain"

describe("a stop that reaches beyond its ids", function()
  local sandbox

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  local function options(all)
    return { provider = "mailgun", token = "sandbox", settings = { region = "us-east4" },
      base_url = sandbox.url .. "/mailgun", patience = 0, all = all }
  end

  local function refuses(call)
    local before = #sandbox:log()
    local called, message = pcall(call)
    assert.is_false(called)
    assert.matches(STOPS, message, 1, true)
    assert.matches("all = true", message, 1, true)
    assert.equal(before, #sandbox:log())
  end

  -- Requests that reached the sandbox while `call` ran.
  local function sent_by(call)
    local before = #sandbox:log()
    call()
    return #sandbox:log() - before
  end

  for _, all in ipairs({ "nothing", false }) do
    it("raises where all is " .. tostring(all) .. ", and sends nothing", function()
      local own = options(all == false and all or nil)
      local client = stopmsg.new(own)
      local given = all == false and { all = false } or nil
      refuses(function() client:stop(DOMAIN, given) end)
      refuses(function() client:each({ DOMAIN }, given) end)
      refuses(function() stopmsg.stop(own, DOMAIN, given) end)
      client:close()
    end)
  end

  it("is sent once where the call says all", function()
    local client = stopmsg.new(options())
    assert.equal(1, sent_by(function()
      assert.equal("accepted", client:stop({ DOMAIN, DOMAIN:upper() }, { all = true })[1].outcome)
    end))
    assert.equal(1, sent_by(function()
      for item in client:each({ DOMAIN }, { all = true }) do
        assert.equal("accepted", item.outcome)
      end
    end))
    assert.equal(1, sent_by(function()
      stopmsg.stop(options(), DOMAIN, { all = true })
    end))
    refuses(function() client:stop(DOMAIN) end)
    client:close()
  end)

  it("is sent once where the client says all", function()
    local client = stopmsg.new(options(true))
    assert.equal(1, sent_by(function()
      assert.equal("accepted", client:stop(DOMAIN)[1].outcome)
    end))
    client:close()
  end)

  it("is refused behind a filter, too, and for many ids a request", function()
    local definition = stopmsg.definition("mailgun")
    definition.find = { request = "GET /v3/domains", each = "items", id = "name",
      where = { state = { query = "state" } } }
    definition.stop.many = { request = "DELETE /v3/{ids}/envelopes", join = ",", limit = 2,
      [200] = { each = "done", means = "accepted" } }
    local own = options()
    own.provider = definition
    local client = stopmsg.new(own)
    refuses(function() client:stop_where({ state = "active" }) end)
    refuses(function() client:stop({ DOMAIN, "mg.example0008" }) end)
    client:close()
  end)

  it("is no matter of stops that are for their ids alone", function()
    local client = stopmsg.new({ provider = "revicom", token = "sandbox", all = true,
      base_url = sandbox.url })
    local report = client:stop("2a28d557-22a1-4be6-8908-1481723043dd", { all = true })
    assert.equal(1, report.counts.stopped)
    assert.has_error(function()
      client:stop_where({})
    end)
    client:close()
  end)
end)
