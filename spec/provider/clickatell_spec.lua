-- What Clickatell's answers mean, in JSON and in XML: the answer's own status decides.

local answers = require("spec.support.answers")
local ids = require("stopmsg.ids")
local json = require("stopmsg.json")
local requests = require("spec.support.requests")

local ID = "a55b8f8d56f33440e993aa614c68bf8b"
local OTHER = "ffffffffffffffffffffffffffffffff"

local operation = answers.operation("clickatell")

-- Nested tables as the two formats write them.
local function to_xml(value)
  if type(value) ~= "table" then
    return tostring(value)
  end
  local parts = {}
  for key, inner in pairs(value) do
    local name = type(key) == "number" and "item" or key
    parts[#parts + 1] = ("<%s>%s</%s>"):format(name, to_xml(inner), name)
  end
  return table.concat(parts)
end

local WRITE = {
  json = json.encode,
  xml = function(document)
    return '<?xml version="1.0"?>\n' .. to_xml({ response = document })
  end,
}

local STATUS = {
  ["001"] = "not_found",
  ["002"] = "accepted",
  ["003"] = "too_late",
  ["004"] = "too_late",
  ["005"] = "not_stoppable",
  ["006"] = "stopped",
  ["007"] = "not_stoppable",
  ["008"] = "accepted",
  ["009"] = "not_stoppable",
  ["010"] = "not_stoppable",
  ["011"] = "accepted",
  ["012"] = "not_stoppable",
  ["013"] = "stopped",
  ["014"] = "not_stoppable",
}

describe("stopmsg.provider.clickatell", function()
  for _, format in ipairs({ "json", "xml" }) do
    it("asks over https, one id a request, without a body, for " .. format, function()
      assert.same({
        line = "DELETE https://api.clickatell.com/rest/message/" .. ID,
        headers = { "Accept: application/" .. format, "Authorization: Bearer [token]",
          "X-Version: 1" },
      }, requests.of("clickatell", "stop", { ID }, { format = format }))
      assert.equal(1, operation.limit)
    end)
  end

  describe("ids", function()
    it("are sent whatever they look like: no page states a rule", function()
      for _, id in ipairs({ ID, ID:upper(), "a55b8f8d-56f3-3440-e993-aa614c68bf8b", "1", "msg_1",
        ID .. "0", ID:sub(1, 31) .. "g", ("x"):rep(128) }) do
        local sent, key = ids.check(operation.id, id)
        assert.equal(id, sent)
        assert.equal(id:find(operation.id.usual) and id:lower() or id, key)
      end
      for _, id in ipairs({ "", "a b", "a\0", "a\n", ("x"):rep(129), ".", "\195\164" }) do
        assert.is_nil((ids.check(operation.id, id)))
      end
    end)

    it("are usual as 32 hex digits alone", function()
      assert.is_truthy(ID:find(operation.id.usual))
      assert.is_truthy(ID:upper():find(operation.id.usual))
      for _, id in ipairs({ "1", ID .. "0", ID:sub(2), ID:sub(2) .. "g" }) do
        assert.is_nil(id:find(operation.id.usual))
      end
    end)

    it("of another shape are echoed as they are", function()
      local read = answers.reader(operation, { "msg_Aa" }, "json")
      for echo, word in pairs({ msg_Aa = "stopped", msg_aa = "unknown", MSG_AA = "unknown" }) do
        local _, verdict = read(200, ('{"data":{"messageStatus":"006","apiMessageId":"%s"}}')
          :format(echo))
        assert.equal(word, verdict.outcome)
      end
    end)
  end)

  for format, write in pairs(WRITE) do
    describe("in " .. format, function()
      local read = answers.reader(operation, { ID }, format)

      -- The usual answer.
      local function answer(status, echo, text)
        return write({ data = { messageStatus = status, apiMessageId = echo or ID,
          description = text or "some text" } })
      end

      local function refusal(code)
        return write({ error = { code = code, description = "some text",
          documentation = "http://www.clickatell.com/help/apidocs/error/" .. code .. ".htm" } })
      end

      for code, word in pairs(STATUS) do
        it(("calls status %s %s"):format(code, word), function()
          local action, verdict = read(200, answer(code))
          assert.equal("settle", action)
          answers.same({ outcome = word, code = code, verified = word == "stopped" or nil,
            message = code ~= "006" and "some text" or nil }, verdict)
        end)
      end

      for _, code in ipairs({ "000", "015", "099", "6", "06", "0006", "13", "200", "stopped",
        " 006", "006 " }) do
        it(("does not know status '%s'"):format(code), function()
          local action, verdict = read(200, answer(code))
          assert.equal("settle", action)
          answers.same({ outcome = "unknown", reason = "unknown_code", code = code,
            message = "some text" }, verdict)
        end)
      end

      it("takes an echo in another case", function()
        local _, verdict = read(200, answer("006", ID:upper()))
        answers.same({ outcome = "stopped", code = "006", verified = true }, verdict)
        _, verdict = read(200, answer("006", ID), { ID:upper() })
        answers.same({ outcome = "stopped", code = "006", verified = true }, verdict)
      end)

      for _, code in ipairs({ "001", "003", "006", "013", "099" }) do
        it("trusts no status " .. code .. " of another id", function()
          local action, verdict = read(200, answer(code, OTHER))
          assert.equal("settle", action)
          answers.same({ outcome = "unknown", reason = "bad_response", code = code,
            message = true }, verdict)
        end)
      end

      it("trusts no answer that echoes no id", function()
        for _, data in ipairs({ { messageStatus = "006" },
          { messageStatus = "006", apiMessageId = "" } }) do
          local _, verdict = read(200, write({ data = data }))
          assert.equal("unknown", verdict.outcome)
          assert.equal("bad_response", verdict.reason)
          assert.is_nil(verdict.verified)
        end
      end)

      it("needs no description", function()
        local _, verdict = read(200, write({ data = { messageStatus = "003", apiMessageId = ID } }))
        answers.same({ outcome = "too_late", code = "003" }, verdict)
      end)

      it("takes further fields", function()
        local _, verdict = read(200, write({ data = { messageStatus = "006", apiMessageId = ID,
          charge = 0, more = { deep = "x" } } }))
        assert.equal("stopped", verdict.outcome)
      end)

      for title, text in pairs({
        ["HTML"] = answers.HTML,
        ["nothing"] = "",
        ["white space"] = " \r\n",
        ["half an answer"] = answer("006"):sub(1, -6),
        ["an answer and more"] = answer("006") .. "x",
        ["a bare word"] = "OK",
        ["nests without end"] = (format == "xml" and "<response>" or "["):rep(100000),
        ["no data"] = write({ status = { messageStatus = "006", apiMessageId = ID } }),
        ["data that is a text"] = write({ data = "006" }),
        ["no status"] = write({ data = { apiMessageId = ID } }),
        ["a status that is a table"] = write({ data = { messageStatus = { a = "006" },
          apiMessageId = ID } }),
        ["the other format"] = WRITE[format == "xml" and "json" or "xml"]({ data = {
          messageStatus = "006", apiMessageId = ID } }),
      }) do
        it("takes HTTP 200 for no proof with " .. title, function()
          local action, verdict = read(200, text)
          assert.equal("settle", action)
          assert.equal("unknown", verdict.outcome)
          assert.equal("bad_response", verdict.reason)
          assert.is_nil(verdict.verified)
        end)
      end

      for _, code in ipairs({ "001", "007", "103", "901" }) do
        it(("proves nothing with error %s under HTTP 200"):format(code), function()
          local action, verdict = read(200, refusal(code))
          assert.equal("settle", action)
          answers.same({ outcome = "unknown", reason = "bad_response", code = code,
            message = "some text" }, verdict)
        end)
      end

      answers.tests(it, read, answers.ONE)

      for _, case in ipairs({
        { 401, "001", "credentials", "denied", "credentials" },
        { 401, "007", "credentials", "denied", "credentials" },
        { 401, "108", "credentials", "denied", "credentials" },
        { 401, "103", "credentials", "denied", "credentials" },
        { 400, "001", "settle", "failed", "http_400" },
        { 403, "007", "settle", "denied", "forbidden" },
        { 400, "103", "settle", "not_found" },
        { 404, "103", "settle", "not_found" },
        { 404, "161", "settle", "not_found" },
        { 400, "101", "settle", "failed", "http_400" },
        { 400, "109", "settle", "failed", "http_400" },
        { 400, "120", "settle", "failed", "http_400" },
        { 400, "165", "settle", "failed", "http_400" },
        { 402, "301", "settle", "failed", "http_402" },
        { 405, "160", "settle", "failed", "http_405" },
        { 410, "128", "settle", "failed", "http_410" },
        { 403, "999", "settle", "denied", "forbidden" },
        { 400, "901", "again", "unknown", "http_400" },
        { 500, "901", "again", "unknown", "http_500" },
        { 503, "901", "again", "unknown", "http_503" },
        { 501, "901", "again", "unknown", "http_501" },
        { 429, "901", "throttle", "failed", "rate_limited" },
        { 429, "130", "throttle", "failed", "rate_limited" },
      }) do
        it(("takes HTTP %d with error %s for %s"):format(case[1], case[2], case[4]), function()
          local action, verdict = read(case[1], refusal(case[2]))
          assert.equal(case[3], action)
          answers.same({ outcome = case[4], reason = case[5], code = case[2], http = case[1],
            message = "some text" }, verdict)
        end)
      end

      for _, code in ipairs({ "1", "01", "0103", "10 3", "abc", "103x", "" }) do
        it(("takes an error with code '%s' for a stranger's"):format(code), function()
          for _, status in ipairs({ 400, 403, 404, 410 }) do
            local action, verdict, _, is_usable = read(status, refusal(code))
            assert.equal("settle", action)
            answers.same({ outcome = "failed", reason = "http_" .. status, code = status,
              http = status, message = answers.STRANGER }, verdict)
            assert.is_false(is_usable)
          end
        end)
      end

      it("can be used where it is the provider's, whatever it says", function()
        for _, case in ipairs({
          { 200, answer("006"), true }, { 200, answer("099"), true },
          { 400, refusal("103"), true }, { 401, refusal("001"), true },
          { 403, refusal("007"), true }, { 501, refusal("160"), true },
          { 200, answer("006", OTHER), false }, { 200, "", false }, { 202, answer("006"), false },
          { 407, refusal("001"), false }, { 429, refusal("130"), false },
          { 503, refusal("901"), false }, { 511, refusal("160"), false },
          { 400, refusal("901"), false },
        }) do
          local _, _, _, is_usable = read(case[1], case[2])
          assert.message(case[1] .. case[2]).equal(case[3], is_usable)
        end
      end)

      it("trusts no success with an error beside it", function()
        for _, extra in ipairs({
          { error = { code = "001", description = "no" } },
          { error = { description = "no" } },
          { error = "no" },
          { errors = { "no" } },
          { errors = "no" },
        }) do
          extra.data = { messageStatus = "006", apiMessageId = ID, description = "x" }
          local _, verdict, _, is_usable = read(200, write(extra))
          assert.equal("unknown", verdict.outcome)
          assert.equal("bad_response", verdict.reason)
          assert.is_nil(verdict.verified)
          assert.is_false(is_usable)
        end
        local _, verdict = read(200, write({ data = { messageStatus = "006", apiMessageId = ID,
          message = { error = { code = "105", description = "no" } } } }))
        assert.equal("unknown", verdict.outcome)
      end)

      it("skips a byte order mark", function()
        local _, verdict = read(200, "\239\187\191" .. answer("006"))
        assert.equal("stopped", verdict.outcome)
        _, verdict = read(404, "\239\187\191" .. refusal("161"))
        assert.equal("not_found", verdict.outcome)
      end)

      it("tells an error 001 from a message status 001", function()
        local action, verdict = read(400, refusal("001"))
        assert.equal("settle", action)
        assert.equal("failed", verdict.outcome)
        action, verdict = read(200, answer("001"))
        assert.equal("settle", action)
        assert.equal("not_found", verdict.outcome)
      end)

      it("reads no status of an answer that is an error", function()
        for _, status in ipairs({ 202, 204, 400, 404, 500 }) do
          local _, verdict = read(status, answer("006"))
          assert.message(tostring(status)).not_equal("stopped", verdict.outcome)
        end
      end)
    end)
  end

  local read = answers.reader(operation, { ID }, "json")

  it("reads an error inside the list of messages", function()
    local _, verdict = read(400, '{"data":{"message":[{"accepted":false,"apiMessageId":"",'
      .. '"error":{"code":"105","description":"Invalid destination"}}]}}')
    assert.same({ outcome = "failed", reason = "http_400", code = "105", http = 400,
      message = "Invalid destination" }, verdict)
  end)

  it("takes a code that is a number for a stranger's", function()
    for _, number in ipairs({ "103", "404", "161" }) do
      local _, verdict = read(404, ('{"error":{"code":%s,"description":"no"}}'):format(number))
      assert.equal("failed", verdict.outcome)
    end
  end)

  it("trusts a success beside an error that is null, or a list of none", function()
    for _, extra in ipairs({ '"error":null', '"errors":[]', '"errors":null', '"error":[]',
      '"errors":false', '"errors":0' }) do
      local _, verdict = read(200, ('{"data":{"messageStatus":"006","apiMessageId":"%s"},%s}')
        :format(ID, extra))
      assert.message(extra).equal("stopped", verdict.outcome)
    end
    for _, extra in ipairs({ '"error":{}', '"error":{ }', '"error":false', '"error":0',
      '"error":""', '"errors":{"a":1}', '"errors":[[]]' }) do
      local _, verdict = read(200, ('{"data":{"messageStatus":"006","apiMessageId":"%s"},%s}')
        :format(ID, extra))
      assert.message(extra).equal("unknown", verdict.outcome)
    end
  end)

  it("does not trust a status that is a number", function()
    for _, number in ipairs({ "6", "006", "13" }) do
      local _, verdict = read(200, ('{"data":{"messageStatus":%s,"apiMessageId":"%s"}}'):format(
        number, ID))
      assert.equal("unknown", verdict.outcome)
      assert.equal("bad_response", verdict.reason)
    end
  end)

  it("survives data and errors of any type", function()
    for _, value in ipairs({ "null", "5", '"x"', "[]", "[1]", "true", '{"message":"x"}',
      '{"message":[]}', '{"message":[null]}', '{"message":[{"error":"x"}]}', '{"message":{}}' }) do
      for _, name in ipairs({ "data", "error" }) do
        for _, status in ipairs({ 200, 400 }) do
          local _, verdict = read(status, ('{"%s":%s}'):format(name, value))
          assert.equal(status == 200 and "unknown" or "failed", verdict.outcome)
        end
      end
    end
  end)

  it("reads no entities of an XML answer's own", function()
    local _, verdict = read(200, '<!DOCTYPE response [<!ENTITY s "006">]><response><data>'
      .. "<messageStatus>&s;</messageStatus><apiMessageId>" .. ID
      .. "</apiMessageId></data></response>", nil, "xml")
    assert.equal("unknown", verdict.outcome)
  end)
end)
