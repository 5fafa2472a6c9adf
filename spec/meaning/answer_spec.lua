-- What an answer means: the rules that hold for every provider. What the providers' own codes mean
-- is in spec/providers.

local answer = require("stopmsg.meaning.answer")
local answers = require("spec.support.answers")
local json = require("stopmsg.json")

local FORM = { pattern = "^%w+$", max = 16, fold = true, about = "letters and digits" }

local function fault(reply)
  local document = json.decode(reply.body)
  local err = type(document) == "table" and document.err
  if type(err) == "table" then
    return err.code, err.text
  end
end

-- The operation of a definition that has `fields` beside what it needs.
local function operation(fields)
  local stop = { method = "POST", path = "/{id}", id = FORM }
  for name, value in pairs(fields) do
    stop[name] = value
  end
  return answers.operation({
    name = "acme",
    base_url = "https://acme.example",
    auth = {},
    fault = fault,
    operations = { stop = stop },
  })
end

local ITEMS = { list = "items", id = "id", code = "code" }

local single = operation({ success = "stopped" })
local batch = operation({
  limit = 100,
  between = ",",
  items = ITEMS,
  codes = { [200] = "stopped" },
})

describe("stopmsg.meaning.answer", function()
  it("raises the lack of memory, which is no fault of the answer's", function()
    local function without_memory()
      error("not enough memory", 0)
    end
    for _, fields in ipairs({ { success = "stopped" }, { decode = without_memory } }) do
      local lacking = operation(fields)
      lacking.fault = without_memory
      assert.has_error(function()
        answer.read(lacking, { status = fields.decode and 200 or 400, body = "{}" }, { "a" })
      end, "not enough memory")
    end
  end)

  describe("read, for one-by-one calls", function()
    answers.tests(it, answers.reader(single, { "a" }), answers.ONE)
  end)

  describe("read, for batches", function()
    answers.tests(it, answers.reader(batch, { "a", "b" }), answers.BATCH)
  end)

  describe("read", function()
    it("keeps the provider's code and text beside the status", function()
      local read = answers.reader(single, { "a" })
      for _, status in ipairs({ 400, 401, 403, 404, 409, 429, 500, 503, 520 }) do
        local _, verdict = read(status, '{"err":{"code":4711,"text":"no"}}')
        assert.equal(4711, verdict.code)
        assert.equal("4711", tostring(verdict.code))
        assert.equal(status, verdict.http)
        assert.equal("no", verdict.message)
      end
    end)

    it("takes the status for what is no code", function()
      local read = answers.reader(single, { "a" })
      for _, code in ipairs({ "null", "true", "{}", "[1]", '""', '"a\\nb"',
        '"' .. ("x"):rep(65) .. '"' }) do
        local _, verdict = read(409, '{"err":{"code":' .. code .. "}}")
        assert.message(code).equal(409, verdict.code)
      end
    end)

    it("keeps a code that is a string as it is, zeros and all", function()
      local _, verdict = answers.reader(single, { "a" })(409, '{"err":{"code":"007"}}')
      assert.equal("007", verdict.code)
    end)

    describe("with refusals", function()
      local refusals = {
        ["400/1"] = "invalid",
        ["*/2"] = "not_found",
        ["*/3"] = "again",
        ["*/4"] = "credentials",
        ["400/2"] = "too_late",
        ["409"] = "not_stoppable",
      }
      local read = answers.reader(operation({ success = "stopped", refusals = refusals }), { "a" })

      for _, case in ipairs({
        { "status and code", 400, 1, "settle", "invalid" },
        { "status and code rather than code alone", 400, 2, "settle", "too_late" },
        { "code alone", 404, 2, "settle", "not_found" },
        { "status alone", 409, 99, "settle", "not_stoppable" },
        { "code rather than status alone", 409, 2, "settle", "not_found" },
        { "code that asks for a repeat", 400, 3, "again", "unknown", "http_400" },
        { "code that refuses the token", 400, 4, "credentials", "denied", "credentials" },
        { "nothing, where nothing fits", 400, 99, "settle", "failed", "http_400" },
        { "nothing about a 429, which is always to wait", 429, 2, "throttle", "failed",
          "rate_limited" },
        { "nothing that would make a 500 final", 500, 2, "again", "unknown", "http_500" },
      }) do
        it("goes by " .. case[1], function()
          local action, verdict = read(case[2], ('{"err":{"code":%d}}'):format(case[3]))
          assert.equal(case[4], action)
          answers.same({ outcome = case[5], reason = case[6], code = case[3], http = case[2] },
            verdict)
        end)
      end

      it("goes by codes that are strings, too", function()
        assert.equal("settle", (read(400, '{"err":{"code":"1"}}')))
        local _, verdict = read(400, '{"err":{"code":"01"}}')
        assert.equal("failed", verdict.outcome)
      end)

      it("lets a refusal settle a batch that would be halved", function()
        local limited = operation({ limit = 100, between = ",", items = ITEMS, codes = {},
          refusals = refusals })
        local action, verdict = answers.reader(limited, { "a", "b" })(400,
          '{"err":{"code":1}}')
        assert.equal("settle", action)
        assert.equal("invalid", verdict.outcome)
      end)
    end)

    it("needs no `fault` in the definition", function()
      local read = answers.reader(answers.operation({
        name = "acme",
        base_url = "https://acme.example",
        auth = {},
        operations = { stop = { method = "GET", path = "/{id}", id = FORM, success = "stopped" } },
      }), { "a" })
      local _, verdict = read(409, '{"err":{"code":1}}')
      answers.same({ outcome = "failed", reason = "http_409", code = 409, http = 409,
        message = answers.STRANGER }, verdict)
    end)

    it("gets no refusal of a message without a form of errors", function()
      for _, limit in ipairs({ 1, 100 }) do
        local read = answers.reader(answers.operation({
          name = "acme",
          base_url = "https://acme.example",
          auth = {},
          operations = { stop = { method = "GET", path = "/{id}", id = FORM, success = "stopped",
            limit = limit, between = ",",
            refusals = { ["403"] = "denied", ["404"] = "not_found", ["409"] = "too_late",
              ["*/5"] = "not_stoppable", ["410"] = "credentials" } } },
        }), { "a" })
        for _, status in ipairs({ 400, 403, 404, 409, 410, 422 }) do
          for _, body in ipairs({ "", "{}", '{"code":5}', '{"error":{"code":5}}' }) do
            local action, verdict, _, is_usable = read(status, body)
            assert.equal("settle", action)
            answers.same({ outcome = "failed", reason = "http_" .. status, code = status,
              http = status, message = answers.STRANGER }, verdict)
            assert.is_false(is_usable)
          end
        end
      end
    end)

    describe("with a form of errors", function()
      local function reader(form, refusals)
        return answers.reader(answers.operation({
          name = "acme",
          base_url = "https://acme.example",
          auth = {},
          error = form,
          operations = { stop = { method = "GET", path = "/{id}", id = FORM, success = "stopped",
            refusals = refusals or { ["*/20404"] = "not_found", ["*/gone"] = "not_found" } } },
        }), { "a" })
      end

      it("takes an integer, with the status of HTTP beside it", function()
        local read = reader({ code = "code", text = "message", form = "integer",
          status = "status" })
        local _, verdict, _, is_usable = read(404, '{"code":20404,"message":"x","status":404}')
        answers.same({ outcome = "not_found", code = 20404, http = 404, message = "x" }, verdict)
        assert.is_true(is_usable)
        for _, body in ipairs({ '{"code":20404,"message":"x","status":400}',
          '{"code":20404,"message":"x"}', '{"code":20404,"status":null}',
          '{"code":"20404","status":404}', '{"code":20404.5,"status":404}',
          '{"code":20404,"status":{}}' }) do
          local _, refused, _, is_own = read(404, body)
          assert.message(body).equal("failed", refused.outcome)
          assert.message(body).is_false(is_own)
        end
        _, verdict = read(404, '{"code":20404,"status":"404"}')
        assert.equal("not_found", verdict.outcome)
      end)

      it("takes a word at the first path that has one", function()
        local read = reader({ code = { "errors[1].code", "name" }, form = "string" })
        for _, body in ipairs({ '{"errors":[{"code":"gone"}]}', '{"errors":[],"name":"gone"}',
          '{"errors":null,"name":"gone"}' }) do
          local _, verdict = read(422, body)
          answers.same({ outcome = "not_found", code = "gone", http = 422 }, verdict)
        end
        local _, verdict = read(422, '{"errors":[{"code":404}],"name":"gone"}')
        assert.equal("failed", verdict.outcome)
      end)

      it("takes what fits a pattern", function()
        local read = reader({ code = "e", form = "^%u%d+$" }, { ["*/E1"] = "too_late" })
        local _, verdict = read(409, '{"e":"E1"}')
        assert.equal("too_late", verdict.outcome)
        _, verdict = read(404, '{"e":"E2"}')
        assert.equal("not_found", verdict.outcome)
        for _, body in ipairs({ '{"e":"e1"}', '{"e":1}', '{"e":"E1x"}' }) do
          local _, refused = read(409, body)
          assert.message(body).equal("failed", refused.outcome)
        end
      end)

      it("takes no integer that is smaller than the provider's", function()
        local read = reader({ code = "code", form = "integer", least = 1000 })
        local _, verdict = read(404, '{"code":20404}')
        assert.equal("not_found", verdict.outcome)
        for _, body in ipairs({ '{"code":404}', '{"code":0}', '{"code":999}' }) do
          local _, refused, _, is_own = read(404, body)
          assert.message(body).equal("failed", refused.outcome)
          assert.message(body).is_false(is_own)
        end
        assert.has_error(function()
          reader({ code = "code", form = "string", least = 1000 })
        end)
      end)

      it("takes nothing that lacks what the provider's errors have", function()
        local read = reader({ text = "message", form = "text", has = { "path", "at.time" } })
        local _, verdict, _, is_usable = read(404, '{"message":"x","path":"/a","at":{"time":0}}')
        answers.same({ outcome = "not_found", code = 404, http = 404, message = "x" }, verdict)
        assert.is_true(is_usable)
        for _, body in ipairs({ '{"message":"x"}', '{"message":"x","path":"/a"}',
          '{"message":"x","path":null,"at":{"time":0}}', '{"message":"x","path":"/a","at":{}}',
          '{"path":"/a","at":{"time":0}}' }) do
          local _, refused, _, is_own = read(404, body)
          assert.message(body).equal("failed", refused.outcome)
          assert.message(body).is_false(is_own)
        end
      end)

      it("finds an error beside a success, wherever it may stand", function()
        local function stopped(form, body)
          local read = answers.reader(answers.operation({
            name = "acme",
            base_url = "https://acme.example",
            auth = {},
            error = form,
            operations = { stop = { method = "GET", path = "/{id}", id = FORM,
              decode = function() return { outcome = "stopped" } end } },
          }), { "a" })
          local _, verdict = read(200, body)
          return verdict.outcome == "stopped"
        end
        for _, case in ipairs({
          { "code", '{"ok":1}', '{"code":0}' },
          { "code", '{"ok":{"code":1}}', '{"code":"x","ok":1}' },
          { "err.code", '{"err":null}', '{"err":{"text":"x"}}' },
          { "err.code", '{"err":[]}', '{"err":false}' },
          { "err.code", '{"error":false}', '{"error":"x"}' },
          { "err.code", '{"errors":0}', '{"errors":["x"]}' },
          { "err.code", '{"errors":{}}', '{"\\u0065rr":{"code":1}}' },
          { "[1].code", "[]", '[{"code":5}]' },
          { "[1]", "[null]", '["x"]' },
          { "a[2].b.code", '{"a":[{"b":1}]}', '{"a":[0,{"b":{}}]}' },
          { { "x.code", "y" }, '{"z":1}', '{"y":""}' },
        }) do
          local form = { code = case[1], form = "integer" }
          assert.message(case[2]).is_true(stopped(form, case[2]))
          assert.message(case[3]).is_false(stopped(form, case[3]))
        end
      end)

      it("can be read by a function in its place", function()
        local definition = {
          name = "acme",
          base_url = "https://acme.example",
          auth = {},
          error = { code = "code", form = "integer" },
          fault = fault,
          operations = { stop = { method = "GET", path = "/{id}", id = FORM,
            success = "stopped" } },
        }
        local read = answers.reader(answers.operation(definition), { "a" })
        local _, verdict = read(404, '{"err":{"code":1}}')
        assert.equal("not_found", verdict.outcome)
        _, verdict = read(404, '{"code":1}')
        assert.equal("failed", verdict.outcome)
      end)
    end)

    it("takes one of several whole bodies, and an empty one only where its end is known", function()
      local read = answers.reader(answers.operation({
        name = "acme",
        url = "https://acme.example",
        headers = { ["X-Key"] = "{token}" },
        id = { pattern = "^%w+$", about = "letters and digits" },
        stop = { request = "DELETE /{id}", [200] = { exactly = { "", "{}" }, means = "stopped" } },
      }), { "a" })
      for _, body in ipairs({ "", " \r\n", "{}", "{ }", "\239\187\191{}" }) do
        local _, verdict = read(200, body)
        assert.message(body).equal("stopped", verdict.outcome)
      end
      for _, body in ipairs({ false, "[]", "null", '""', '{"a":1}', "\239\187\191",
        answers.HTML }) do
        local _, verdict = read(200, body)
        assert.message(tostring(body)).equal("unknown", verdict.outcome)
      end
    end)

    describe("with statuses that come bare", function()
      local read = answers.reader(operation({ success = "stopped", bare = { 404, 409 },
        refusals = { ["409"] = "too_late" } }), { "a" })

      it("takes them without a body", function()
        for _, body in ipairs({ "", " \r\n" }) do
          local action, verdict, _, is_usable = read(404, body)
          assert.equal("settle", action)
          answers.same({ outcome = "not_found", code = 404, http = 404 }, verdict)
          assert.is_true(is_usable)
          _, verdict = read(409, body)
          answers.same({ outcome = "too_late", code = 409, http = 409 }, verdict)
        end
      end)

      it("takes no page for one, and nothing that may have been cut off", function()
        for _, body in ipairs({ answers.HTML, "{}", "Not Found", false }) do
          for _, status in ipairs({ 404, 409 }) do
            local _, verdict, _, is_usable = read(status, body)
            assert.equal("failed", verdict.outcome)
            assert.is_false(is_usable)
          end
        end
      end)

      it("takes no others", function()
        local _, verdict = read(403, "")
        assert.equal("failed", verdict.outcome)
      end)
    end)

    describe("of a lookup", function()
      local lookup = answers.operation({
        name = "acme",
        base_url = "https://acme.example",
        auth = {},
        fault = fault,
        operations = { status = { method = "GET", path = "/{id}", id = FORM,
          decode = function() end, refusals = { ["410/7"] = "not_found" } } },
      }, "status")

      it("proves little by absence", function()
        local read = answers.reader(lookup, { "a" })
        for status, code in pairs({ [404] = 1, [410] = 7 }) do
          local action, verdict = read(status, ('{"err":{"code":%d}}'):format(code))
          assert.equal("settle", action)
          answers.same({ outcome = "not_stoppable", reason = "gone_or_sent", code = code,
            http = status }, verdict)
        end
        local _, verdict = read(404, "")
        assert.equal("failed", verdict.outcome)
      end)
    end)

    it("is never the provider's where a proxy speaks for itself", function()
      local read = answers.reader(operation({ success = "stopped",
        refusals = { ["407"] = "too_late", ["511/1"] = "denied" } }), { "a" })
      for status, word in pairs({ [407] = "failed", [511] = "unknown" }) do
        local _, verdict, _, is_usable = read(status, '{"err":{"code":1,"text":"no"}}')
        assert.equal(word, verdict.outcome)
        assert.equal(status, verdict.code)
        assert.is_false(is_usable)
      end
    end)

    describe("with `decode`", function()
      local function decoded(verdict)
        local _, read = answers.reader(operation({
          decode = function()
            return verdict
          end,
        }), { "a" })(200, '{"err":{"code":5,"text":"no"}}')
        return read
      end

      it("settles as it says", function()
        answers.same({ outcome = "stopped", code = "006", verified = true },
          decoded({ outcome = "stopped", code = "006", verified = true }))
      end)

      it("takes the status for a code where there is none", function()
        answers.same({ outcome = "stopped", code = 200 }, decoded({ outcome = "stopped" }))
      end)

      it("gives a reason for an unknown code", function()
        answers.same({ outcome = "unknown", code = "099", reason = "unknown_code" },
          decoded({ outcome = "unknown", code = "099" }))
      end)

      it("keeps its reason", function()
        answers.same({ outcome = "unknown", code = "099", reason = "bad_response" },
          decoded({ outcome = "unknown", code = "099", reason = "bad_response" }))
      end)

      it("gets the answer as a table, too", function()
        local got
        local read = answers.reader(operation({ decode = function(reply)
          got = reply.document
          return { outcome = "stopped" }
        end }), { "a" })
        read(200, '\239\187\191{"a":{},"b":[1,{"c":"{}"}]}')
        assert.same({ a = {}, b = { 1, { c = "{}" } } }, got)
        read(200, "[]")
        assert.same({}, got)
        for _, body in ipairs({ "", "5", "null", "{", answers.HTML }) do
          read(200, body)
          assert.is_nil(got)
        end
      end)

      it("trusts no answer that it cannot read, and keeps the error in it", function()
        answers.same({ outcome = "unknown", reason = "bad_response", code = 5, message = "no" },
          decoded(nil))
      end)
    end)

    it("has one verdict an id, in the order asked, for answers with items", function()
      local ids = {}
      local parts = {}
      for i = 1, 100 do
        ids[i] = "id" .. i
        parts[101 - i] = ('{"id":"ID%d","code":%d}'):format(i, i % 2 == 0 and 200 or 199)
      end
      local action, list = answers.reader(batch, ids)(200,
        '{"items":[' .. table.concat(parts, ",") .. "]}")
      assert.equal("settle", action)
      assert.equal(100, #list)
      for i, verdict in ipairs(list) do
        assert.equal(ids[i], verdict.id)
        assert.equal(i % 2 == 0 and "stopped" or "unknown", verdict.outcome)
      end
    end)

    it("tells ids apart by case where the form does", function()
      local strict = operation({ limit = 100, between = ",", items = ITEMS, id = "text",
        codes = { [200] = "stopped", [404] = "not_found" } })
      local _, list = answers.reader(strict, { "a", "A" })(200,
        '{"items":[{"id":"A","code":404},{"id":"a","code":200}]}')
      assert.same({ { id = "a", outcome = "stopped", code = 200 },
        { id = "A", outcome = "not_found", code = 404 } }, list)
    end)
  end)

  describe("lost", function()
    -- Faults as the engine names them.
    local FAULTS = { "timeout", "resolve", "connect", "tls", "memory", "protocol", "too_large",
      "lost" }

    for _, name in ipairs(FAULTS) do
      it(("repeats what was never sent, after %s, and calls it failed"):format(name), function()
        for _, stage in ipairs({ "queued", "connected" }) do
          local action, verdict = answer.lost(stage, name, "why")
          local is_tls = name == "tls" or stage == "connected"
          assert.equal("again", action)
          assert.matches("^why", verdict.message)
          answers.same({ outcome = "failed", reason = is_tls and "tls" or "connect",
            message = true }, verdict)
        end
      end)
    end

    for name, row in pairs({
      timeout = { "again", "timeout" },
      lost = { "again", "lost" },
      protocol = { "again", "bad_response" },
      tls = { "again", "lost" },
      connect = { "again", "lost" },
      too_large = { "settle", "too_large" },
      memory = { "settle", "lost" },
    }) do
      it(("calls it unknown when an answer is lost by %s, and %s"):format(name,
        row[1] == "again" and "repeats" or "repeats nothing"), function()
        for _, stage in ipairs({ "sent", "status" }) do
          local action, verdict = answer.lost(stage, name, "why")
          assert.equal(row[1], action)
          assert.same({ outcome = "unknown", reason = row[2], message = "why" }, verdict)
        end
      end)
    end
  end)
end)
