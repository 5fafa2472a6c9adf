local core = require("stopmsg.core")
local json = require("stopmsg.json")
local json_answers = require("spec.support.json_answers")
local judge = require("spec.support.usual")
local providers = require("stopmsg.provider")
local sample = require("spec.support.sample")
local usual = require("stopmsg.provider.usual")

-- Random bodies, a reading.
local TRIES = 400 / sample.OF

local ID = "0123456789abcdef0123456789abcdef"

local function operation_of(stop, fields)
  local definition = {
    name = "acme",
    about = "for specs",
    docs = "https://acme.example/docs",
    url = "https://acme.example",
    headers = { Authorization = "Bearer {token}" },
    id = { pattern = "^%w+$", max = 64, about = "letters and digits" },
    error = { code = "error.code", text = "error.text", form = "integer" },
    stop = stop,
  }
  for name, value in pairs(fields or {}) do
    definition[name] = value
  end
  definition.stop.request = definition.stop.request or "POST /stop/{id}"
  return providers.load(definition).operations.stop
end

-- What the core makes of a body, by the word; false where it is not usual.
local function word_of(operation, id, body)
  local looks, verdicts = usual.of(operation, "json")
  local number = looks[1] and core.meaning(looks[1], id, body) or 0
  return number > 0 and verdicts[number].outcome
end

describe("stopmsg.provider.usual", function()
  local function simple()
    return operation_of({ [200] = { id = "id", code = "data.code", means = {
      gone = "stopped", [7] = "too_late", [true] = "accepted", ["2xx"] = "accepted",
      what = "again", late = { "too_late", "sent_already" } } } })
  end

  it("takes what has the id and a listed code for usual", function()
    local operation = simple()
    for body, word in pairs({
      ['{"id":"a1","data":{"code":"gone"}}'] = "stopped",
      ['{"data":{"x":[{"code":9}],"code":7},"id":"a1"}'] = "too_late",
      [' {"id" : "a1" , "data" : {"code": true}} \r\n'] = "accepted",
      ['{"\\u0069d":"a\\u0031","data":{"code":"g\\u006fne"}}'] = "stopped",
      ['\239\187\191{"id":"a1","data":{"code":"late"}}'] = "too_late",
      ['{"id":"a1","data":{"code":"7"},"error":null,"errors":null}'] = "too_late",
    }) do
      assert.message(body).equal(word, word_of(operation, "a1", body))
    end
    assert.equal("stopped", word_of(operation, "11", '{"id":11,"data":{"code":"gone"}}'))
  end)

  it("and nothing else", function()
    local operation = simple()
    for _, body in ipairs({
      "", "{}", "[]", "null", "gone", '"gone"',
      '{"id":"a2","data":{"code":"gone"}}', -- another id
      '{"id":"A1","data":{"code":"gone"}}',
      '{"data":{"code":"gone"}}', '{"id":null,"data":{"code":"gone"}}',
      '{"id":{"id":"a1"},"data":{"code":"gone"}}', '{"id":["a1"],"data":{"code":"gone"}}',
      '{"id":"a1"}', '{"id":"a1","data":{"code":null}}', '{"id":"a1","data":{"code":"new"}}',
      '{"id":"a1","data":{"code":7.0}}', '{"id":"a1","data":{"code":07}}',
      '{"id":"a1","data":{"code":70e-1}}', '{"id":"a1","data":{"code":8}}',
      '{"id":"a1","data":{"code":204}}', '{"id":"a1","data":{"code":"what"}}',
      '{"id":"a1","data":[{"code":"gone"}]}', '{"id":"a1","data":{"data":{"code":"gone"}}}',
      '{"id":"a1","code":"gone"}', '{"id":"a1","data":"gone"}',
      '{"id":"a1","id":"a1","data":{"code":"gone"}}', -- names one twice
      '{"id":"a1","data":{"code":"gone","code":"gone"}}',
      '{"id":"a1","data":{"code":"gone"},"data":{}}',
      '{"id":"a1","data":{"code":"gone"},"error":{}}', -- an error stands beside it
      '{"id":"a1","data":{"code":"gone"},"error":{"code":3}}',
      '{"id":"a1","data":{"code":"gone"},"errors":["x"]}',
      '{"id":"a1","data":{"code":"gone"},"error":"x"}',
      '{"id":"a1","data":{"code":"gone"}', '{"id":"a1","data":{"code":"gone"}}}',
      '{"id":"a1","data":{"code":"gone"}}\0', '{"id":"a1","data":{"code":"gone\\ud800"}}',
    }) do
      assert.message(body).is_false(word_of(operation, "a1", body))
    end
  end)

  it("takes the first of several codes that stands there", function()
    local operation = operation_of({ [200] = { code = { "error", "ok" },
      means = { [true] = "stopped", nope = "not_found" } } }, { error = { code = "x.code",
      form = "integer" } })
    assert.equal("stopped", word_of(operation, "a1", '{"ok":true}'))
    assert.equal("stopped", word_of(operation, "a1", '{"ok":true,"error":null}'))
    assert.equal("not_found", word_of(operation, "a1", '{"ok":true,"error":"nope"}'))
    assert.equal("not_found", word_of(operation, "a1", '{"error":"nope","ok":false}'))
    assert.is_false(word_of(operation, "a1", '{"ok":true,"error":"other"}'))
    assert.is_false(word_of(operation, "a1", '{"ok":false}'))
  end)

  it("knows empty bodies and those that are always the same", function()
    local operation = operation_of({ [204] = "stopped" })
    assert.equal("stopped", word_of(operation, "a1", ""))
    assert.is_false(word_of(operation, "a1", " "))
    assert.is_false(word_of(operation, "a1", "{}"))
    operation = operation_of({ [200] = { exactly = "{}", means = "stopped" } })
    assert.equal("stopped", word_of(operation, "a1", "{}"))
    assert.is_false(word_of(operation, "a1", "{ }"))
    assert.is_false(word_of(operation, "a1", ""))
  end)

  it("leaves a code to the others whose item has the answer's own text", function()
    local operation = operation_of({ [200] = { id = "id", code = "code", text = "words", means = {
      gone = { "stopped", quiet = true }, late = "too_late",
      noted = { "too_late", note = "of ours" } } } })
    local body = '{"id":"a1","code":"%s","words":"of theirs"}'
    assert.equal("stopped", word_of(operation, "a1", body:format("gone")))
    assert.equal("too_late", word_of(operation, "a1", body:format("noted")))
    assert.is_false(word_of(operation, "a1", body:format("late")))
  end)

  it("leaves readings to the others that the core cannot follow", function()
    for _, reading in ipairs({
      { id = "id", code = "to[].code", means = { gone = "stopped" } },
      { id = "id", code = "code", has = "x", means = { gone = "stopped" } },
      { id = "id", code = "code", more_than = 0, means = { [true] = "stopped" } },
      { id = "id", code = "code", text = "words", texts = { ["gone now"] = "stopped" },
        means = { gone = "stopped" } },
      { { id = "id", code = "a", means = { gone = "stopped" } },
        { id = "id", code = "b", means = { gone = "stopped" } } },
    }) do
      assert.same({}, (usual.of(operation_of({ [200] = reading }), "json")))
    end
    assert.same({}, (usual.of(providers.load("revicom").operations.stop, "json")))
    assert.same({}, (usual.of(providers.load("clickatell").operations.stop, "xml")))
  end)

  it("is at a loss where a code stands in the place of an error", function()
    local operation = operation_of({ [200] = { id = "error", code = "code",
      means = { gone = "stopped" } } })
    assert.is_false(word_of(operation, "a1", '{"error":"a1","code":"gone"}'))
  end)
end)

describe("the core and the reading of all others", function()
  local cases = judge.cases()

  -- A body with everything that the core looks for, some of it changed.
  local function body_of(source, case)
    local look, document = case.look, {}
    if look.exactly then
      return source:pick({ look.exactly, "", " ", "{}", "[]", look.exactly .. " " })
    end
    local function put(steps, value)
      local at = document
      for i = 1, #steps - 1 do
        at[steps[i]] = type(at[steps[i]]) == "table" and at[steps[i]] or {}
        at = at[steps[i]]
      end
      at[steps[#steps]] = value
    end
    local function any()
      local code = look.codes and source:pick(look.codes)
      return source:pick({ code, code, ID, ID:upper(), 0, 200, "x", true, false, json.null, {}, "",
        { {} }, { code = 1 } })
    end
    if source:chance(90) and look.id then
      put(source:pick(look.id), source:chance(90) and ID or any())
    end
    if source:chance(95) and look.code then
      put(source:pick(look.code), source:chance(80) and source:pick(look.codes) or any())
    end
    for _ = 1, source:number(3) - 1 do
      put(source:pick({ source:pick(look.errors), { "text" }, { "x", "y" } }), any())
    end
    local body = json.encode(document)
    if source:chance(10) then
      body = body:sub(1, source:number(#body)) .. source:pick({ "", "}", "0", " ", "\0" })
    end
    return body
  end

  for _, case in ipairs(cases) do
    it("agree on answers of " .. case.name, function()
      local source, seen = json_answers.new(#case.name * 7919 + sample.SEED, {}), 0
      for _ = 1, TRIES do
        local body = body_of(source, case)
        local agreed, why = pcall(judge.check, case, ID, body)
        assert.message(body .. ": " .. tostring(why)).is_true(agreed)
        seen = seen + (why ~= 0 and 1 or 0)
      end
      assert.message("none of them is usual").is_true(seen > 0)
    end)
  end

  it("are asked about a good part of all definitions", function()
    assert.message(#cases).is_true(#cases >= 30)
  end)
end)
