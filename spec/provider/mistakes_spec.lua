-- What users get wrong at the providers, and the sentence that helps: a setting that is missing or
-- of the wrong form, an id of another provider, a token of the wrong kind.

local clients = require("spec.support.clients")
local providers = require("stopmsg.provider")
local recorded = require("stopmsg.sandbox.recorded")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local UUID = "11111111-2222-4333-8444-555555555551"
local SID = "SM00000000000000000000000000000001"

-- Of every provider with recorded answers what its definition tells is tried; here are sentences
-- that have to help with some of them. Provider, settings, and what the message has to hold.
local SETTINGS = {
  { "airship", nil, "airship needs the setting 'application': the app key" },
  { "airship", { application = "a:b" }, "'application' of airship: expected the app key" },
  { "airship", { application = "a", region = "de" }, "one of eu, us" },
  { "infobip", { channel = "fax" }, "one of email, sms" },
  { "onesignal", nil, "onesignal needs the setting 'application': the App ID" },
  { "onesignal", { application = "my app" }, "'application' of onesignal: expected the App ID" },
  { "sendgrid", { region = "us" }, "one of eu, global" },
  { "sinch", nil, "sinch needs the setting 'plan': the service plan id" },
  { "sinch", { plan = "a/b" }, "'plan' of sinch: expected the service plan id" },
  { "sinch", { plan = "p", region = "evil.example/" }, "one of au, br, ca, eu, us" },
  { "slack", { channel = "C1" }, "slack has no setting 'channel'" },
  { "telnyx", { region = "us" }, "telnyx has no setting 'region'" },
  { "twilio", nil, "twilio needs the setting 'account': the Account SID" },
  { "twilio", { account = "123" }, "'account' of twilio: expected the Account SID" },
  { "twilio", { acount = "AC1" }, "did you mean 'account'?" },
}

-- provider, an id of another one, and what the message has to hold.
local IDS = {
  { "airship", "C024BE91L/Q1298393284", "a UUID" },
  { "brevo", SID, "a message id in angle brackets" },
  { "brevo", "202611291200.1@x.y", "a message id in angle brackets" },
  { "infobip", "BULK 1", "a bulk id like" },
  { "onesignal", SID, "a UUID" },
  { "resend", "<1@x.y>", "a UUID" },
  { "sendgrid", "<1@x.y>", "a batch id like" },
  { "sinch", "<1@x.y>", "a batch id like" },
  { "slack", UUID, "a channel and a scheduled message like C024BE91L/Q1298393284" },
  { "slack", "Q1298393284", "a channel and a scheduled message like" },
  { "telnyx", SID, "a UUID" },
  { "twilio", UUID, "a message SID like" },
}

local function new(name, more)
  local options = {
    provider = name,
    token = "sandbox",
    base_url = "http://127.0.0.1:1",
    settings = recorded.find(name).settings,
    max_attempts = 1,
  }
  for field, value in pairs(more or {}) do
    options[field] = value
  end
  return clients.new(options)
end

-- The examples' settings, without one or with another value for it.
local function changed(name, setting, value)
  local settings = {}
  for field, given in pairs(recorded.find(name).settings or {}) do
    settings[field] = given
  end
  settings[setting] = value
  return settings
end

describe("a mistake", function()
  for _, name in ipairs(providers.names()) do
    if recorded.find(name) then
      local provider = providers.load(name)

      for setting, rules in pairs(provider.settings) do
        it(("of the setting %s of %s is told"):format(setting, name), function()
          if not rules.default and not rules.optional then
            local made, message = pcall(new, name, { settings = changed(name, setting, nil) })
            assert.is_false(made)
            assert.matches(("%s needs the setting '%s'"):format(name, setting), message, 1, true)
          end
          for _, wrong in ipairs({ "a b/c", "evil.example/", "\r\nX: y", "" }) do
            local made, message = pcall(new, name, { settings = changed(name, setting, wrong) })
            assert.message(wrong).is_false(made)
            assert.matches(("'%s' of %s"):format(setting, name), message, 1, true)
          end
        end)
      end

      it(("of an id of %s is told before anything is sent"):format(name), function()
        local client = new(name)
        local kind = provider.operations.stop and "stop" or "stop_dispatch"
        local report = client[kind](client, { "a b", "\r\n", ("x"):rep(5000) })
        client:close()
        assert.equal(3, report.counts.invalid)
        assert.equal("malformed_id", report[1].reason)
        assert.matches("expected " .. provider.operations[kind].id.about, report[1].message, 1,
          true)
        assert.equal(0, report.requests)
      end)
    end
  end

  for _, case in ipairs(SETTINGS) do
    it(("of the settings of %s is told: %s"):format(case[1], case[3]), function()
      local made, message = pcall(stopmsg.new, { provider = case[1], token = "canary-5531",
        settings = case[2], base_url = "http://127.0.0.1:1" })
      assert.is_false(made)
      assert.matches(case[3], message, 1, true)
      assert.not_matches("canary", message)
      assert.is_nil(message:find("'key'", 1, true)) -- it has a default
    end)
  end

  it("of the address of Infobip is told", function()
    local _, message = pcall(stopmsg.new, { provider = "infobip", token = "sandbox" })
    assert.matches("bad argument #1 to 'new' (option 'base_url' is missing", message, 1, true)
  end)

  it("of the address of a definition is not told of an option that nobody gave", function()
    local definition = stopmsg.definition("telnyx")
    definition.name = "own"
    for url, words in pairs({ ["http://api.example.com"] = "is plain http to another host",
      ["https://api.example.com:99999"] = "is not a URL" }) do
      definition.url = url
      local _, message = pcall(stopmsg.new, { provider = definition, token = "key" })
      assert.matches("option 'provider': provider definition own.url " .. words, message, 1, true)
      _, message = pcall(stopmsg.new, { provider = definition, token = "key", base_url = url })
      assert.matches("option 'base_url' " .. words, message, 1, true)
    end
  end)

  for _, case in ipairs(IDS) do
    it(("of an id of %s is told before anything is sent: %s"):format(case[1], case[2]), function()
      local client = new(case[1])
      local report = client:stop(case[2])
      client:close()
      assert.equal("invalid", report[1].outcome)
      assert.equal("malformed_id", report[1].reason)
      assert.matches("expected " .. case[3], report[1].message, 1, true)
      assert.equal(0, report.requests)
    end)
  end

  it("of the token ends the run with the provider's own words", function()
    local sandbox = server.start()
    local told = {}
    for _, name in ipairs(stopmsg.providers()) do
      local all = recorded.find(name)
      if all then
        local client = new(name, { token = "wrong", base_url = sandbox.url .. "/" .. name })
        local report = client:stop({ all.id:format(1), all.id:format(2) })
        client:close()
        assert.message(name).equal("denied", report[1].outcome)
        assert.message(name).equal("credentials", report[1].reason)
        told[name] = report[1].message
      end
    end
    sandbox:stop()
    assert.equal("API key is invalid", told.resend)
    assert.equal("Key not found", told.brevo)
    assert.equal("Invalid login details", told.infobip)
    assert.matches("authentication headers", told.telnyx)
  end)
end)
