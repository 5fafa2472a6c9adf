-- Signatures as data. What each provider's requests are signed with is held against its own
-- documentation or client.

local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local json = require("stopmsg.json")
local providers = require("stopmsg.provider")
local recorded = require("stopmsg.sandbox.recorded")
local server = require("spec.support.server")
local settings = require("stopmsg.provider.settings")
local signing = require("stopmsg.provider.signing")
local stopmsg = require("stopmsg")
local wire = require("stopmsg.provider.wire")

local NONCE = "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"

local function sources(now)
  return {
    now = function()
      return now
    end,
    uuid = function()
      return NONCE
    end,
    pack = function(text)
      return core.base64(core.deflate(text))
    end,
  }
end

-- time, nonce, random number and signature of a request.
local function made(operation, token, values, now, method, target)
  local secret = core.secret(token)
  local texts = signing.make(operation, secret, values, sources(now), function()
    return method, target, ""
  end)
  secret:close()
  return texts
end

local SIGNED = {}
for _, name in ipairs(providers.names()) do
  local provider = providers.load(name)
  local is_signed = provider.token and provider.token.signing
  for _, operation in pairs(provider.operations) do
    is_signed = is_signed or operation.signing
  end
  if is_signed then
    SIGNED[#SIGNED + 1] = name
  end
end

describe("a signature", function()
  -- https://help.aliyun.com/document_detail/315526.html
  it("of Alibaba Cloud is the one that its documentation has", function()
    local operation = providers.load("alibaba").operations.stop
    local target = "/?AccessKeyId=testid&Action=DescribeRegions&Format=XML"
      .. "&SignatureMethod=HMAC-SHA1&SignatureNonce=" .. NONCE .. "&SignatureVersion=1.0"
      .. "&Timestamp=2016-02-23T12%3A46%3A24Z&Version=2014-05-26&Signature="
    local texts = made(operation, "testsecret", {}, 1456231584, "GET", target)
    assert.same({ "2016-02-23T12:46:24Z", NONCE, "1055441336", "OLeaidS1JvxuMvnyHOwuJ+uX5qY=" },
      texts)
  end)

  -- https://api.ncloud-docs.com/docs/en/common-ncpapi, with Node's crypto.
  it("of Naver Cloud is made as its documentation says", function()
    local operation = providers.load("sens").operations.stop
    local texts = made(operation, "secretKey1", { access_key = "accessKey1" }, 1796000000,
      "DELETE", "/sms/v2/services/ncp:sms:kr:500000000001:sens/reservations/RSSA-1")
    assert.equal("1796000000000", texts[1])
    assert.equal("mB6bAb4FWeNp2cP8OxVxpEueV5bJADd8VPfPD0BmQiI=", texts[4])
  end)

  -- By tls-sig-api-v2 1.0.2, at the same time.
  it("of Tencent Chat is a ticket that its own client makes", function()
    local operation = providers.load("timpush").operations.stop
    local key = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
    local ticket = made(operation, key, { app = "1400000000", admin = "administrator" },
      1796000000)[4]
    assert.is_nil(ticket:find("[^%w*_-]"))
    local found = {}
    assert.is_true(recorded.unpack_ticket(operation.signing.ticket, ticket, found))
    assert.same({ admin = "administrator", app = "1400000000", time = "1796000000",
      signature = "Ww7JcIEhFqF0wmhWnlakW7nw7h4DBqqmiA6Up7P9ikA=" }, found)
  end)

  -- The Java client: sha256 of AppKey, time and MasterSecret.
  it("of Getui's tokens is a digest", function()
    local texts = made(providers.load("getui").token, "masterSecret1", { key = "appKey1" },
      1796000000)
    assert.equal("1796000000000", texts[1])
    assert.equal("230a0c76622511a38af1fafc9a50131e5d9826858bc59cb344999f0aa720b3d3", texts[4])
  end)
end)

describe("signed requests", function()
  local sandbox

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  for _, name in ipairs(SIGNED) do
    it(("of %s hold the secret nowhere but in the signature"):format(name), function()
      local provider, all = providers.load(name), recorded.find(name)
      local values = settings.check(provider, all.settings)
      local operations = { provider.token, provider.operations.stop, provider.operations.status,
        provider.operations.stop_dispatch }
      for _, operation in pairs(operations) do
        if operation.signing then
          assert.is_nil(json.encode(wire.of(provider, operation, values)):find('"token"', 1, true))
          local secret = core.secret("canary-7f3a9c51e2d84b60")
          local texts = signing.make(operation, secret, values, sources(1796000000), function()
            return "POST", "/a?b=c", "body"
          end)
          for _, text in ipairs(texts) do
            assert.is_nil(text:find("canary", 1, true))
          end
          secret:close()
        end
      end
    end)

    it(("of %s are each signed anew, with the client's clock"):format(name), function()
      local all, calls = recorded.find(name), 0
      local client = stopmsg.new({ provider = name, token = "sandbox", settings = all.settings,
        base_url = sandbox.url .. "/" .. name })
      client:stop(all.id:format(1))
      local session = client._session
      local own = session.sources
      session.sources = {
        now = function()
          calls = calls + 1
          return 1796000000 + calls
        end,
        uuid = own.uuid,
        pack = own.pack,
      }
      local ids = { all.id:format(11), all.id:format(429) }
      local report = client:stop(ids)
      client:close()
      assert.is_true(report.counts.stopped + report.counts.accepted == 2)
      assert.equal(1, report.retries)
      assert.equal(providers.load(name).token and 0 or 3, calls)
    end)

    it(("of %s by another secret are refused"):format(name), function()
      local all = recorded.find(name)
      local called, report = compat.try(stopmsg.stop, { provider = name, token = "another",
        settings = all.settings, base_url = sandbox.url .. "/" .. name }, all.id:format(1))
      assert.is_true(called)
      assert.equal("denied", report[1].outcome)
      assert.equal("credentials", report[1].reason)
    end)
  end
end)
