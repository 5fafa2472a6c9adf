-- Where the providers' requests go by region, and the documented rates that hold without an option.

local providers = require("stopmsg.provider")
local settings = require("stopmsg.provider.settings")
local wire = require("stopmsg.provider.wire")

-- provider, settings, where its requests begin.
local PLACES = {
  { "airship", { application = "a" }, "https://go.airship.com" },
  { "airship", { application = "a", region = "eu" }, "https://go.airship.eu" },
  { "brevo", nil, "https://api.brevo.com" },
  { "onesignal", { application = "a" }, "https://api.onesignal.com" },
  { "resend", nil, "https://api.resend.com" },
  { "sendgrid", nil, "https://api.sendgrid.com" },
  { "sendgrid", { region = "eu" }, "https://api.eu.sendgrid.com" },
  { "sinch", { plan = "p" }, "https://us.sms.api.sinch.com" },
  { "sinch", { plan = "p", region = "ca" }, "https://ca.sms.api.sinch.com" },
  { "slack", nil, "https://slack.com" },
  { "telnyx", nil, "https://api.telnyx.com" },
  { "twilio", { account = "AC" .. ("0"):rep(32) }, "https://api.twilio.com" },
}

-- Requests a second, and how many may go at once.
local RATES = {
  brevo = { 200 / 3600, 100 },
  resend = { 5 },
  slack = { 50 / 60 },
}

describe("requests of", function()
  for _, case in ipairs(PLACES) do
    it(("%s go to %s"):format(case[1], case[3]), function()
      local provider = providers.load(case[1])
      local values = assert(settings.check(provider, case[2]))
      assert.equal(case[3], (wire.base(provider, values)))
    end)
  end

  it("infobip go where each customer's host is", function()
    assert.is_nil(wire.base(providers.load("infobip"), {}))
  end)

  for name, rate in pairs(RATES) do
    it(name .. " keep the documented rate", function()
      assert.same({ rate = rate[1], burst = rate[2] }, providers.load(name).rate)
    end)
  end

  it("brevo keep within 300 an hour, whatever the hour", function()
    local rate = providers.load("brevo").rate
    assert.is_true(rate.burst + rate.rate * 3600 <= 300)
  end)
end)
