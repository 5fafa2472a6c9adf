-- What i-Digital's answers mean: one dispatch a request, and HTTP 200 without a body.

local answers = require("spec.support.answers")
local providers = require("stopmsg.provider")
local requests = require("spec.support.requests")

local ID = "10000000125"

local operation = answers.operation("idigital", "stop_dispatch")
local read = answers.reader(operation, { ID })

describe("stopmsg.provider.idigital", function()
  it("documents the stop of dispatches, and knows its sibling's stop of messages", function()
    local all = providers.load("idigital").operations
    assert.is_false(all.stop_dispatch.undocumented)
    assert.is_true(all.stop.undocumented)
    assert.equal(1, all.stop_dispatch.limit)
    assert.equal(10000, all.stop.limit)
  end)

  it("asks over https at the brand's host, without a body", function()
    assert.same({
      line = "POST https://direct.i-dgtl.ru/api/v1/dispatch/" .. ID .. "/stop",
      headers = { "Authorization: Basic [token]" },
    }, requests.of("idigital", "stop_dispatch", { ID }))
  end)

  it("reads the messages' answers as its sibling does", function()
    local action, list = answers.reader(answers.operation("idigital"),
      { "2a28d557-22a1-4be6-8908-1481723043dd" })(200,
      '{"items":[{"messageUuid":"2A28D557-22A1-4BE6-8908-1481723043DD","code":202}]}')
    assert.equal("settle", action)
    assert.equal("accepted", list[1].outcome)
  end)

  for _, text in ipairs({ "", " ", "\r\n\t " }) do
    it(("takes HTTP 200 with '%s' for stopped"):format(text:gsub("%c", ".")), function()
      local action, verdict, _, is_usable = read(200, text)
      assert.equal("settle", action)
      assert.same({ outcome = "stopped", code = 200 }, verdict)
      assert.is_true(is_usable)
    end)
  end

  for _, text in ipairs({ "{}", "OK", "Service temporarily unavailable", '{"errors":["x"]}',
    '{"code":4031,"message":"x"}', '{"error":{"code":4031,"msg":"x"}}', "[]", "null", "0",
    "\239\187\191", "\0", answers.HTML }) do
    it(("takes HTTP 200 with '%s' for no proof"):format(text:sub(1, 20)), function()
      local action, verdict, _, is_usable = read(200, text)
      assert.equal("settle", action)
      assert.equal("unknown", verdict.outcome)
      assert.equal("bad_response", verdict.reason)
      assert.is_string(verdict.message)
      assert.is_false(is_usable)
    end)
  end

  it("takes HTTP 200 for no proof where nothing tells that the answer was empty", function()
    local _, verdict = read(200, false)
    assert.equal("unknown", verdict.outcome)
    assert.equal("bad_response", verdict.reason)
  end)

  it("documents no other success", function()
    for _, status in ipairs({ 201, 202, 203, 204, 205, 206 }) do
      local _, verdict = read(status, "")
      assert.equal("unknown", verdict.outcome)
      assert.equal("bad_response", verdict.reason)
    end
  end)

  answers.tests(it, read, answers.ONE)

  for _, case in ipairs({
    { 403, 4031, "Inappropriate dispatch status", "settle", "not_stoppable" },
    { 404, 4040, "Dispatch 10000000125 not found", "settle", "not_found" },
    { 404, 4041, "Another", "settle", "not_found" },
    { 403, 4030, "Access Denied", "credentials", "denied", "credentials" },
    { 403, 4039, "Another", "settle", "denied", "forbidden" },
    { 401, 4010, "Not Authenticated", "credentials", "denied", "credentials" },
    { 401, 4012, "Bad credentials", "credentials", "denied", "credentials" },
    { 422, 4220, "Bad id", "settle", "failed", "http_422" },
    { 429, 4290, "Slow down", "throttle", "failed", "rate_limited" },
    { 500, 5000, "Oops", "again", "unknown", "http_500" },
  }) do
    it(("takes HTTP %d with code %d for %s"):format(case[1], case[2], case[5]), function()
      local action, verdict = read(case[1], ('{"error":{"code":%d,"msg":"%s"}}'):format(case[2],
        case[3]))
      assert.equal(case[4], action)
      assert.same({ outcome = case[5], reason = case[6], code = case[2], http = case[1],
        message = case[3] }, verdict)
      assert.equal(tostring(case[2]), tostring(verdict.code))
    end)
  end

  it("takes a refusal whose code has another form for a stranger's", function()
    for _, code in ipairs({ "4031", "403", "40", "0", "-4031", "4031.5", '"4031"', '"4040"', "null",
      "true", "{}", "[4040]", "1e400" }) do
      for _, status in ipairs({ 400, 404, 409 }) do
        local action, verdict, _, is_usable = read(status,
          '{"error":{"code":' .. code .. ',"msg":"x"}}')
        assert.equal("settle", action)
        assert.same({ outcome = "failed", reason = "http_" .. status, code = status,
          http = status, message = answers.STRANGER }, verdict)
        assert.is_false(is_usable)
      end
    end
  end)

  it("takes a 403 whose cause cannot be read for a stranger's", function()
    for _, text in ipairs({ "", answers.HTML, '{"error":{"code":40', '{"error":{"msg":"x"}}',
      '{"code":4031}', '[{"error":{"code":4031}}]' }) do
      local action, verdict = read(403, text)
      assert.equal("settle", action)
      assert.same({ outcome = "failed", reason = "http_403", code = 403, http = 403,
        message = answers.STRANGER }, verdict)
    end
  end)

  it("goes by the number alone, never by the text", function()
    local _, verdict = read(403, '{"error":{"code":4031,"msg":"Access Denied"}}')
    assert.equal("not_stoppable", verdict.outcome)
  end)
end)
