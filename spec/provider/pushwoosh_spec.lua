-- What Pushwoosh's answers mean: one code for a whole push, `{}` for success, a gRPC envelope for
-- errors.

local answers = require("spec.support.answers")
local ids = require("stopmsg.ids")
local providers = require("stopmsg.provider")
local requests = require("spec.support.requests")

local ID = "1A2B-3C4D5E6F-7A8B9C0D"

local operation = answers.operation("pushwoosh")
local read = answers.reader(operation, { ID })

local function envelope(code, text)
  return ('{"code":%s,"message":"%s","details":[]}'):format(code, text)
end

describe("stopmsg.provider.pushwoosh", function()
  it("asks over https with the server token, one code a request", function()
    assert.same({
      line = "POST https://api.pushwoosh.com/messaging/v2/cancel",
      headers = { "Authorization: Token [token]", "Content-Type: application/json" },
      body = '{"message_code":"' .. ID .. '"}',
    }, requests.of("pushwoosh", "stop", { ID }))
    assert.equal(1, operation.limit)
  end)

  it("looks up many codes of an application", function()
    assert.same({
      line = "POST https://api.pushwoosh.com/api/v2/messages:list",
      headers = { "Authorization: Token [token]", "Content-Type: application/json" },
      body = '{"filters":{"application":"A-\\"1","messages_codes":["' .. ID .. '","x"]},'
        .. '"per_page":100}',
    }, requests.of("pushwoosh", "status", { ID, "x" }, { application = 'A-"1' }))
  end)

  it("stops messages only", function()
    local all = providers.load("pushwoosh").operations
    assert.not_nil(all.stop)
    assert.is_nil(all.stop_dispatch)
  end)

  describe("message codes", function()
    for _, id in ipairs({ ID, ID:lower(), "C3F8-C3863ED4-334AD4F1" }) do
      it("knows the shape of " .. id, function()
        assert.equal(id, (ids.check(operation.id, id)))
        assert.not_nil(id:find(operation.id.usual))
      end)
    end

    for _, id in ipairs({ "XXXX-XXXXXXXX-XXXXXXXX", "1a2b-3c4d5e6-7a8b9c", "x", ("x"):rep(128) }) do
      it("sends " .. id:sub(1, 24) .. ", whose shape deserves a warning", function()
        assert.equal(id, (ids.check(operation.id, id)))
        assert.is_nil(id:find(operation.id.usual))
      end)
    end

    for title, id in pairs({
      ["an empty one"] = "",
      ["a control character"] = "1A2B-3C4D5E6F-7A8B9C0\0",
      ["a space"] = "1A2B 3C4D5E6F",
      ["an absurd length"] = ("x"):rep(129),
    }) do
      it("refuses " .. title, function()
        assert.is_nil((ids.check(operation.id, id)))
      end)
    end
  end)

  describe("HTTP 200", function()
    for _, text in ipairs({ "{}", " {}\n", "{ }", "{\r\n}", "\239\187\191{}" }) do
      it(("with '%s' means stopped"):format(text:gsub("%s", " ")), function()
        local action, verdict = read(200, text)
        assert.equal("settle", action)
        assert.same({ outcome = "stopped", code = 200 }, verdict)
      end)
    end

    for title, text in pairs({
      ["HTML"] = answers.HTML,
      ["nothing, as an answer without a length that was cut off"] = "",
      ["an error of another shape"] = '{"error":"no"}',
      ["a list of errors"] = '{"errors":["x"]}',
      ["a list of none"] = '{"errors":[]}',
      ["the envelope of the older API"] = '{"status_code":210,"status_message":"Bad token"}',
      ["a success of the older API"] = '{"status_code":200,"status_message":"OK"}',
      ["a result"] = '{"result":{}}',
      ["an empty list"] = "[]",
      ["two objects"] = "{}{}",
      ["an object in a list"] = "[{}]",
      ["half an object"] = "{",
      ["a message"] = '{"message":"no"}',
      ["half an answer"] = '{"result":',
      ["a bare word"] = "OK",
      ["a text"] = '"OK"',
      ["a number"] = "0",
      ["null"] = "null",
      ["a flag"] = "true",
      ["lists without end"] = ("["):rep(100000),
    }) do
      it("proves nothing with " .. title, function()
        local action, verdict = read(200, text)
        assert.equal("settle", action)
        assert.equal("unknown", verdict.outcome)
        assert.equal("bad_response", verdict.reason)
      end)
    end

    for code, text in pairs({ [3] = "bad", [5] = "message not found", [13] = "oops" }) do
      it(("proves nothing with an error envelope of code %d"):format(code), function()
        local action, verdict = read(200, envelope(code, text))
        assert.equal("settle", action)
        assert.same({ outcome = "unknown", reason = "bad_response", code = code, message = text },
          verdict)
      end)
    end

    it("proves nothing with an envelope whose code is no number", function()
      for _, code in ipairs({ '"5"', "true", "null", "{}" }) do
        local _, verdict = read(200, envelope(code, "x"))
        assert.message(code).equal("unknown", verdict.outcome)
      end
    end)
  end)

  describe("HTTP errors", function()
    answers.tests(it, read, answers.ONE)

    for _, case in ipairs({
      { 400, 3, "settle", "invalid" },
      { 400, 9, "settle", "not_stoppable" },
      { 400, 11, "settle", "not_stoppable" },
      { 403, 7, "settle", "denied" },
      { 404, 5, "settle", "not_found" },
      { 401, 16, "credentials", "denied", "credentials" },
      { 408, 1, "again", "unknown", "http_408" },
      { 409, 10, "settle", "failed", "http_409" },
      { 429, 8, "throttle", "failed", "rate_limited" },
      { 499, 1, "settle", "failed", "http_499" },
      { 500, 13, "again", "unknown", "http_500" },
      { 501, 12, "settle", "unknown", "http_501" },
      { 503, 14, "again", "unknown", "http_503" },
      { 504, 4, "again", "unknown", "http_504" },
    }) do
      it(("takes HTTP %d with code %d for %s"):format(case[1], case[2], case[4]), function()
        local action, verdict = read(case[1], envelope(case[2], "some text"))
        assert.equal(case[3], action)
        assert.same({ outcome = case[4], reason = case[5], code = case[2], http = case[1],
          message = "some text" }, verdict)
        assert.equal(tostring(case[2]), tostring(verdict.code))
      end)
    end

    it("takes a code that gRPC does not send under the status for a stranger's", function()
      for _, case in ipairs({ { 400, 5 }, { 400, 400 }, { 403, 3 }, { 403, 403 }, { 404, 3 },
        { 404, 404 }, { 404, 0 }, { 404, 17 }, { 404, -5 }, { 404, 5.5 }, { 404, '"5"' },
        { 404, "null" }, { 404, "[]" }, { 404, "{}" }, { 404, "true" }, { 409, 9 } }) do
        local action, verdict, _, is_usable = read(case[1],
          ('{"code":%s,"message":"x","details":[]}'):format(case[2]))
        assert.equal("settle", action)
        assert.same({ outcome = "failed", reason = "http_" .. case[1], code = case[1],
          http = case[1], message = answers.STRANGER }, verdict)
        assert.is_false(is_usable)
      end
    end)

    it("ends no run over one account's message", function()
      assert.equal("settle", (read(403, envelope(7, "foreign"))))
    end)
  end)
end)
