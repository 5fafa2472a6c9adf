-- What Revicom's answers mean: one code an item, and errors of the whole request.

local answers = require("spec.support.answers")
local providers = require("stopmsg.provider")
local requests = require("spec.support.requests")

local A = "2a28d557-22a1-4be6-8908-1481723043dd"
local B = "811c27e3-3bc4-406a-9fcd-44435a8208da"
local C = "063464ec-a34f-4558-90c5-984395000001"
local OTHER = "00000000-0000-0000-0000-00000000000f"

local operation = answers.operation("revicom")
local read = answers.reader(operation, { A, B, C })
local read_one = answers.reader(operation, { A })

-- An answer with these items; a code is JSON text or a number.
local function body(items, errors)
  local list = {}
  for i, item in ipairs(items) do
    list[i] = item == "null" and item or ('{"messageUuid":"%s","code":%s}'):format(item[1], item[2])
  end
  local flag = errors ~= nil and ('"errors":%s,'):format(tostring(errors)) or ""
  return "{" .. flag .. '"items":[' .. table.concat(list, ",") .. "]}"
end

local function settled(text, ids)
  local action, list, warnings = read(200, text, ids)
  assert.equal("settle", action)
  return list, warnings
end

describe("stopmsg.provider.revicom", function()
  it("documents the stop of messages, and knows its sibling's stop of dispatches", function()
    local all = providers.load("revicom").operations
    assert.is_false(all.stop.undocumented)
    assert.is_true(all.stop_dispatch.undocumented)
    assert.equal(10000, all.stop.limit)
    assert.equal(1, all.stop_dispatch.limit)
  end)

  it("asks over https at the brand's host, with the key as it was issued", function()
    assert.same({
      line = "POST https://direct.revicom.ltd/api/v1/message/stop",
      headers = { "Authorization: Basic [token]", "Content-Type: application/json" },
      body = ('{"uuids":["%s","%s"]}'):format(A, B),
    }, requests.of("revicom", "stop", { A, B }))
  end)

  it("looks up many uuids, each with its name", function()
    assert.same({
      line = ("GET https://direct.revicom.ltd/api/v1/message?per_page=100&message_uuid=%s"
        .. "&message_uuid=%s"):format(A, B),
      headers = { "Authorization: Basic [token]" },
    }, requests.of("revicom", "status", { A, B }))
  end)

  describe("item codes", function()
    for code, word in pairs({
      [200] = "stopped", [201] = "accepted", [202] = "accepted", [203] = "accepted",
      [206] = "accepted", [299] = "accepted", [403] = "too_late", [404] = "not_found",
    }) do
      it(("calls %d %s"):format(code, word), function()
        local _, list = read_one(200, body({ { A, code } }))
        assert.same({ { id = A, outcome = word, code = code } }, list)
        assert.equal(tostring(code), tostring(list[1].code))
      end)
    end

    for _, code in ipairs({ 0, -1, 2, 20, 100, 199, 300, 400, 401, 409, 429, 500, 2000, 4030 }) do
      it(("does not know %d"):format(code), function()
        local _, list = read_one(200, body({ { A, code } }))
        assert.same({ { id = A, outcome = "unknown", reason = "unknown_code", code = code } }, list)
      end)
    end

    for _, case in ipairs({
      { '"2xx"', "2xx" },
      { '"ok"', "ok" },
      { '"0200"', "0200" },
      { '"200 "', "200 " },
      { '"+200"', "+200" },
      { '"2e2"', "2e2" },
      { '"200.0"', "200.0" },
      { '"stopped"', "stopped" },
      { "99999999999999999999", 99999999999999999999 },
      { "1e300", 1e300 },
      { "1e400" },
      { "-1e400" },
      { "200.5", 200.5 },
      { "null" },
      { "true" },
      { "false" },
      { "{}" },
      { "[200]" },
      { '""' },
      { '"2\\n00"' },
      { '"' .. ("2"):rep(1000) .. '"' },
    }) do
      it("trusts no code written as " .. case[1]:sub(1, 24), function()
        local _, list = read_one(200, body({ { A, case[1] } }))
        assert.same({ { id = A, outcome = "unknown", reason = "unknown_code", code = case[2] } },
          list)
      end)
    end

    it("compares codes as text, and keeps them as they are", function()
      for code, word in pairs({ ["200"] = "stopped", ["201"] = "accepted", ["299"] = "accepted",
        ["403"] = "too_late", ["404"] = "not_found" }) do
        local _, list = read_one(200, body({ { A, '"' .. code .. '"' } }))
        assert.same({ { id = A, outcome = word, code = code } }, list)
      end
    end)

    it("reads a number as JSON means it, however it is written", function()
      for _, written in ipairs({ "200.0", "2e2", "2.00E+2" }) do
        local _, list = read_one(200, body({ { A, written } }))
        assert.same({ { id = A, outcome = "stopped", code = 200 } }, list)
        assert.equal("200", tostring(list[1].code))
      end
    end)
  end)

  describe("items", function()
    local STOPPED = { id = A, outcome = "stopped", code = 200 }
    local LATE = { id = B, outcome = "too_late", code = 403 }
    local MISSING = { id = C, outcome = "unknown", reason = "missing_in_answer" }
    local FOUND_NOT = { id = C, outcome = "not_found", code = 404 }

    for title, case in pairs({
      ["in the order asked"] = { { { A, 200 }, { B, 403 }, { C, 404 } } },
      ["in another order"] = { { { C, 404 }, { A, 200 }, { B, 403 } } },
      ["in upper case"] = { { { A:upper(), 200 }, { B:upper(), 403 }, { C:upper(), 404 } } },
      ["in upper case and another order"] = { { { C:upper(), 404 }, { B, 403 },
        { A:upper(), 200 } } },
      ["that are told twice alike"] = { { { A, 200 }, { B, 403 }, { A, 200 }, { C, 404 },
        { C:upper(), 404 } } },
    }) do
      it("takes those " .. title, function()
        local list, warnings = settled(body(case[1]))
        assert.same({ STOPPED, LATE, FOUND_NOT }, list)
        assert.same({}, warnings)
      end)
    end

    it("takes those asked in upper case and told in lower", function()
      local list = settled(body({ { B, 403 }, { A, 200 } }), { A:upper(), B:upper() })
      assert.same({ { id = A:upper(), outcome = "stopped", code = 200 },
        { id = B:upper(), outcome = "too_late", code = 403 } }, list)
    end)

    for title, items in pairs({
      ["at the end"] = { { A, 200 }, { B, 403 } },
      ["in front of others"] = { { B, 403 }, { A, 200 } },
    }) do
      it("reports the one that is missing " .. title, function()
        assert.same({ STOPPED, LATE, MISSING }, (settled(body(items))))
      end)
    end

    it("reports all that are missing in an empty list", function()
      local list = settled(body({}))
      for i, id in ipairs({ A, B, C }) do
        assert.same({ id = id, outcome = "unknown", reason = "missing_in_answer" }, list[i])
      end
    end)

    for title, items in pairs({
      ["of an id that nobody asked about"] = { { OTHER, 200 }, { A, 200 }, { B, 403 } },
      ["that is null"] = { "null", { A, 200 }, { B, 403 } },
      ["without an id"] = { { "", 200 }, { A, 200 }, { B, 403 } },
    }) do
      it("warns of one " .. title .. ", and takes the others", function()
        local list, warnings = settled(body(items))
        assert.same({ STOPPED, LATE, MISSING }, list)
        assert.equal(1, #warnings)
        assert.matches("1 item", warnings[1])
      end)
    end

    it("counts what nobody asked about", function()
      local _, warnings = settled('{"items":[7,"x",[],{},true,{"messageUuid":5,"code":200}]}')
      assert.equal(1, #warnings)
      assert.matches("6 item", warnings[1])
    end)

    it("never gives a code to another id", function()
      local list = settled(body({ { OTHER, 200 }, { OTHER, 200 }, { OTHER, 200 } }))
      for i = 1, 3 do
        assert.equal("unknown", list[i].outcome)
      end
    end)

    for title, pair in pairs({
      ["stopped and too late"] = { 200, 403 },
      ["too late and stopped"] = { 403, 200 },
      ["stopped and accepted"] = { 200, 202 },
      ["stopped and nothing"] = { 200, "null" },
      ["nothing and stopped"] = { "null", 200 },
      ["a number and a string"] = { 200, '"200"' },
    }) do
      it("trusts no id that is told both " .. title, function()
        local list = settled(body({ { A, pair[1] }, { A:upper(), pair[2] }, { B, 403 } }))
        assert.equal("unknown", list[1].outcome)
        assert.equal("bad_response", list[1].reason)
        assert.same(LATE, list[2])
      end)
    end

    it("does not trust it again after a third item", function()
      local list = settled(body({ { A, 200 }, { A, 403 }, { A, 200 } }))
      assert.equal("unknown", list[1].outcome)
      assert.equal("bad_response", list[1].reason)
    end)
  end)

  describe("the errors flag", function()
    for _, case in ipairs({
      { "true", { { A, 200 }, { B, 403 } }, 0 },
      { "true", { { A, 200 }, { B, 404 } }, 0 },
      { "false", { { A, 200 }, { B, 202 } }, 0 },
      { "false", { { A, 200 }, { B, 403 } }, 1 },
      { "false", { { A, 200 }, { B, 404 } }, 1 },
      { "true", { { A, 200 }, { B, 201 } }, 1 },
    }) do
      it(("%s beside %d and %d gives %d warning(s)"):format(case[1], case[2][1][2], case[2][2][2],
        case[3]), function()
        local _, warnings = settled(body(case[2], case[1]), { A, B })
        assert.equal(case[3], #warnings)
      end)
    end

    it("is never the result", function()
      for _, flag in ipairs({ "true", "false", "null", "[]", "0" }) do
        local list = settled(body({ { A, 200 }, { B, 404 } }, flag), { A, B })
        assert.equal("stopped", list[1].outcome)
        assert.equal("not_found", list[2].outcome)
      end
    end)
  end)

  describe("HTTP 200 with something else", function()
    for title, text in pairs({
      ["HTML"] = answers.HTML,
      ["nothing"] = "",
      ["white space"] = " \r\n",
      ["half an answer"] = body({ { A, 200 }, { B, 200 } }):sub(1, -20),
      ["an answer and more"] = body({ { A, 200 } }) .. "x",
      ["a bare word"] = "OK",
      ["a list"] = "[]",
      ["a list of items"] = '[{"messageUuid":"' .. A .. '","code":200}]',
      ["a number"] = "200",
      ["a text"] = '"stopped"',
      ["null"] = "null",
      ["true"] = "true",
      ["an empty object"] = "{}",
      ["items beside an error"] = '{"error":{"code":4030,"msg":"no"},"items":[{"messageUuid":"'
        .. A .. '","code":200}]}',
      ["items before an error"] = '{"items":[{"messageUuid":"' .. A
        .. '","code":200}],"error":{"msg":"no"}}',
      ["items beside an error that is a text"] = '{"error":"no","items":[]}',
      ["items beside an error without fields"] = '{"error":{},"items":[]}',
      ["items beside a list of errors"] = '{"errors":["no"],"items":[{"messageUuid":"' .. A
        .. '","code":200}]}',
      ["items that are null"] = '{"items":null}',
      ["items that are a text"] = '{"items":"' .. A .. '"}',
      ["items that are a number"] = '{"items":200}',
      ["another key"] = '{"messages":[{"messageUuid":"' .. A .. '","code":200}]}',
      ["lists without end"] = ("["):rep(100000),
      ["items nested too deep"] = '{"items":' .. ("["):rep(5000) .. ("]"):rep(5000) .. "}",
    }) do
      it("proves nothing: " .. title, function()
        local action, verdict = read(200, text)
        assert.equal("settle", action)
        assert.is_nil(verdict[1])
        assert.equal("unknown", verdict.outcome)
        assert.equal("bad_response", verdict.reason)
        assert.is_string(verdict.message)
      end)
    end

    it("calls no id stopped where items are no list", function()
      local _, verdict = read(200, '{"items":{"messageUuid":"' .. A .. '","code":200}}')
      for _, one in ipairs(verdict[1] and verdict or { verdict }) do
        assert.equal("unknown", one.outcome)
      end
    end)

    it("keeps code and text of an error envelope", function()
      local action, verdict = read(200, '{"error":{"code":4012,"msg":"Bad credentials"}}')
      assert.equal("settle", action)
      assert.same({ outcome = "unknown", reason = "bad_response", code = 4012,
        message = "Bad credentials" }, verdict)
    end)
  end)

  describe("HTTP errors", function()
    answers.tests(it, read, answers.BATCH)

    for _, case in ipairs({
      { 401, 4012, "Bad credentials", "credentials", "denied", "credentials" },
      { 401, 4010, "Not Authenticated", "credentials", "denied", "credentials" },
      { 401, 4019, "Something", "credentials", "denied", "credentials" },
      { 403, 4030, "Access Denied", "credentials", "denied", "credentials" },
      { 403, 4031, "Inappropriate dispatch status", "settle", "denied", "forbidden" },
      { 404, 4040, "Not found", "settle", "unknown", "http_404" },
      { 400, 4000, "Bad uuid", "halve", "invalid", "http_400" },
      { 422, 4220, "Bad uuid", "halve", "invalid", "http_422" },
      { 413, 4130, "Too many", "halve", "failed", "http_413" },
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

    it("halves no batch for a stranger", function()
      for _, status in ipairs({ 400, 422 }) do
        for _, text in ipairs({ '{"error":{"code":4220,"msg":"Bad"}}', '{"error":{"code":400}}',
          '{"code":400,"message":"Bad"}', answers.HTML, "" }) do
          if not text:find(status .. "0", 1, true) then
            local action, verdict, _, is_usable = read(status, text)
            assert.message(text).equal("settle", action)
            assert.equal("failed", verdict.outcome)
            assert.is_false(is_usable)
          end
        end
      end
    end)

    it("does not take an item's 403 for the request's", function()
      local action = read_one(200, body({ { A, 403 } }))
      assert.equal("settle", action)
    end)

    it("reads no items of an answer that is an error", function()
      for _, status in ipairs({ 202, 207, 400, 403, 500 }) do
        local _, verdict = read_one(status, body({ { A, 200 } }))
        assert.is_nil(verdict[1])
        assert.not_equal("stopped", verdict.outcome)
      end
    end)
  end)
end)
