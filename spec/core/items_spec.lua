-- The reader of per-item answers: what the core says of each id, and what it takes for no answer.

local core = require("stopmsg.core")
local all_codes = require("spec.support.codes")
local engines = require("spec.support.engines")
local json_answers = require("spec.support.json_answers")
local judge = require("spec.support.json_judge")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local FIELDS = { list = "items", id = "messageUuid", code = "code", folds = true }

-- Answers and mutations that are judged.
local ROUNDS = tonumber(os.getenv("STOPMSG_ITEMS_ROUNDS")) or 20000 / sample.OF

local function read(text, ids, piece, fields)
  return core.read_items(fields or FIELDS, ids, text, piece)
end

local function codes_of(items, ids)
  return all_codes(items, #ids)
end

-- What an answer with these entries says of the ids.
local function codes(entries, ids)
  return codes_of(assert(read('{"items":[' .. entries .. "]}", ids)), ids)
end

-- For the message of a failure: the whole case.
local function show(text, ids, more)
  return ("%q of the ids %q: %s"):format(text, table.concat(ids, " "), more)
end

describe("stopmsg.core.read_items", function()
  it("says what another parser says, whatever the pieces an answer comes in", function()
    local source = json_answers.new(20240229, FIELDS)
    local seen = { read = 0, refused = 0, strict = 0 }
    local answer, text, ids

    local function check(condition, what)
      if not condition then
        error(show(text, ids, what), 0)
      end
    end

    local function check_pieces(items, rest)
      local said = items and codes_of(items, ids)
      for _, piece in ipairs({ 1, 2, 3, 7, source:number(#text + 1) }) do
        local again, again_rest = read(text, ids, piece)
        check((items == nil) == (again == nil), "taken or refused by the pieces of " .. piece)
        if items then
          check(judge.same(said, codes_of(again, ids)), "other codes in pieces of " .. piece)
          check(items:surplus() == again:surplus(), "another surplus in pieces of " .. piece)
          check(rest == again_rest, "another rest in pieces of " .. piece)
        end
      end
    end

    local function check_judged(items, rest)
      local judged = judge.read(FIELDS, ids, text)
      if not items then
        seen[judged and "strict" or "refused"] = seen[judged and "strict" or "refused"] + 1
        check(not judged or judge.strictness(FIELDS, text), "refused for no reason that is known")
        return
      end
      seen.read = seen.read + 1
      check(judged, "taken where the judge refuses")
      check(judge.same(judged.rest, judge.decode(rest)), "another rest: " .. rest)
      if judged.has_numbers and select(2, judge.strictness(FIELDS, text)) then
        return
      end
      check(judge.same(judged.codes, codes_of(items, ids)), "other codes")
      check(judged.surplus == items:surplus(), "another surplus")
      check(judge.same(judged.counts, items:counts()), "other counts")
    end

    for round = 1, ROUNDS do
      if round % 4 == 1 then
        answer, ids = source:answer()
        text = answer
      else
        text = source:mutate(answer)
      end
      local items, rest = read(text, ids)
      check_pieces(items, rest)
      check_judged(items, rest)
    end
    -- Else the generator is too wild, or too tame.
    assert.is_true(seen.read > ROUNDS * 0.3, "few were read: " .. seen.read)
    assert.is_true(seen.refused > ROUNDS * 0.2, "few were refused: " .. seen.refused)
    assert.is_true(seen.strict > ROUNDS * 0.01, "few were strict: " .. seen.strict)
  end)

  describe("an entry", function()
    for code, said in pairs({
      ["200"] = 200, ["-1"] = -1, ["0"] = 0, ["-0"] = 0, ["200.0"] = 200, ["2E+2"] = 200,
      ["2.5"] = 2.5, ["999999999999999"] = 999999999999999, ["9007199254740993"] = 2 ^ 53,
      ['"006"'] = "006", ['""'] = "", ['"\\ud83d\\uDE00"'] = "\240\159\152\128",
      ['"\\u0000\\b\\f\\n\\r\\t\\"\\\\\\/"'] = "\0\b\f\n\r\t\"\\/",
      ['"\\u007f\\u00e4\\u20AC"'] = "\127\195\164\226\130\172",
    }) do
      it("has the code " .. code, function()
        assert.same({ said }, codes('{"messageUuid":"a","code":' .. code .. "}", { "a" }))
      end)
    end

    for title, code in pairs({
      ["null"] = "null", ["false"] = "false", ["an object"] = '{"code":200}', ["a list"] = "[200]",
      ["what no double can hold"] = "-1e400",
      ["a text of 257 bytes"] = '"' .. ("x"):rep(257) .. '"',
      ["a number of 257 digits"] = ("1"):rep(257),
    }) do
      it("has no code where that is " .. title, function()
        local text = '{"items":[{"messageUuid":"a","code":200},{"messageUuid":"b","code":%s}]}'
        assert.same({ 200 }, codes_of(assert(read(text:format(code), { "a", "b" })), { "a", "b" }))
      end)
    end

    it("has an integer for a whole code, where Lua has integers", function()
      local list = codes('{"messageUuid":"a","code":2e2}', { "a" })
      assert.equal("200", tostring(list[1]))
    end)

    it("has a code of up to 256 bytes", function()
      local code = ("x"):rep(256)
      assert.same({ code }, codes('{"messageUuid":"a","code":"' .. code .. '"}', { "a" }))
      assert.same({ 1e255 }, codes('{"messageUuid":"a","code":1' .. ("0"):rep(255) .. "}", { "a" }))
    end)

    it("is missing, doubled, or contradicts another", function()
      local a = '{"messageUuid":"a","code":%s}'
      assert.same({ false, 1 }, codes('{"messageUuid":"b","code":1}', { "a", "b" }))
      assert.same({ 1 }, codes(a:format(1) .. "," .. a:format("1.0"), { "a" }))
      assert.same({ "1" }, codes(a:format('"1"') .. "," .. a:format('"\\u0031"'), { "a" }))
      assert.same({ true }, codes(a:format(1) .. "," .. a:format('"1"'), { "a" }))
      assert.same({ true }, codes(a:format(1) .. "," .. a:format("null"), { "a" }))
      assert.same({ true },
        codes(a:format(1) .. "," .. a:format(2) .. "," .. a:format(1), { "a" }))
    end)

    it("keeps its own code between others that look alike", function()
      local long = ("x"):rep(300)
      assert.same({ "A", "A", "B", "A" }, codes('{"messageUuid":"a","code":"A"},'
        .. '{"messageUuid":"b","code":"A"},{"messageUuid":"c","code":"B","x":"' .. long .. '"},'
        .. '{"messageUuid":"d","code":"A"}', { "a", "b", "c", "d" }))
    end)

    it("is surplus where nobody asked about its id, or it has none", function()
      for _, entry in ipairs({ '{"messageUuid":"x","code":1}', '{"code":1}', "{}", "[]", "5",
        "null", '"a"', '["messageUuid","a"]', '{"messageUuid":null}', '{"messageUuid":["a"]}',
        '{"x":{"messageUuid":"a"}}', '{"messageuuid":"a"}', '{"messageUuid":1.0}' }) do
        local items = assert(read('{"items":[' .. entry .. "," .. entry .. "]}", { "a", "1" }))
        assert.equal(2, items:surplus())
        assert.same({ false, false }, codes_of(items, { "a", "1" }))
      end
    end)

    it("names ids in other cases, if that makes no difference, and as digits", function()
      local entries = '{"messageUuid":"AB","code":1},{"messageUuid":10000000125,"code":2}'
      local ids = { "aB", "10000000125" }
      assert.same({ 1, 2 }, codes(entries, ids))
      local exact = { list = "items", id = "messageUuid", code = "code" }
      local items = assert(read('{"items":[' .. entries .. "]}", ids, 5, exact))
      assert.same({ false, 2 }, codes_of(items, ids))
    end)

    it("cannot speak for another id by what stands in its own", function()
      local id = 'a","code":200},{"messageUuid":"b'
      local entries = '{"messageUuid":"x","code":1},{"messageUuid":"y","code":1},{"messageUuid":"'
      for code = 1, 3 do
        assert.same({ false, 200 }, codes(entries .. id .. '","code":' .. code .. "}", { id, "a" }))
      end
    end)

    it("names an id by what its bytes mean, also between others that look alike", function()
      local text = '{"items":[{"messageUuid":"x","code":1},{"messageUuid":"y","code":1},'
        .. '{"messageUuid":"%s","code":1}]}'
      for _, length in ipairs({ 0, 4, 7, 20 }) do
        local more = ("i"):rep(length)
        local function codes_in(written, id)
          local ids = { "x", "y", id }
          local items = read(text:format(written), ids)
          return items and codes_of(items, ids)
        end
        local written, meant = more .. "\\n" .. more, more .. "\n" .. more
        assert.same({ 1, 1, false }, codes_in(written, written))
        assert.same({ 1, 1, 1 }, codes_in(written, meant))
        assert.is_nil(codes_in(meant, meant))
      end
    end)
  end)

  describe("an answer", function()
    it("keeps all but its entries", function()
      local text = ' {"a":[1, 2],"\\u0069tems" : [ {"messageUuid":"a"} , 7 ] ,"z":{"items":[3]}}\n'
      for piece = 1, #text do
        local items, rest = read(text, { "a" }, piece)
        assert.equal(1, items:surplus())
        assert.equal(' {"a":[1, 2],"\\u0069tems" : [] ,"z":{"items":[3]}}\n', rest)
      end
    end)

    it("may be empty, and asked about nothing", function()
      local items, rest = read('{"items":[]}', {})
      assert.same({}, codes_of(items, {}))
      assert.same({}, items:counts())
      assert.equal(0, items:surplus())
      assert.equal('{"items":[]}', rest)
    end)

    it("is none without the list, or cut at any place", function()
      assert.is_nil((read('{"error":{"code":1,"items":[]}}', { "a" })))
      local text = '{"x":-1.5e3,"items":[{"messageUuid":"\\u0061","code":200}],"y":[null,true]}'
      assert(read(text, { "a" }))
      for last = 0, #text - 1 do
        assert.is_nil((read(text:sub(1, last), { "a" })))
        assert.is_nil((read(text:sub(1, last) .. "\127", { "a" })))
      end
    end)

    local deep = ('{"items":[],"x":%s%s}'):format(("["):rep(64), ("]"):rep(64))
    for strictness, text in pairs({
      ["a control byte in a string"] = '{"items":[],"x":"\t"}',
      ["a field named twice"] = '{"items":[],"item\\u0073":[]}',
      ["too deep"] = deep,
      ["a list that is no array"] = '{"items":{}}',
      ["a document that is no object"] = '[{"items":[]}]',
      ["a number that is none"] = '{"items":[],"x":1.}',
      ["bytes after the document"] = '{"items":[]}\0x',
    }) do
      it("is none with " .. strictness .. ", which the judge lets pass", function()
        assert.equal(strictness, (judge.strictness(FIELDS, text)))
        assert.not_nil(judge.decode(text))
        for piece = 1, #text do
          assert.is_nil((read(text, {}, piece)))
        end
      end)
    end

    it("is none where an entry names its id or its code twice, even with the same value", function()
      for _, entry in ipairs({ '{"code":1,"messageUuid":"a","code":1}',
        '{"messageUuid":"a","messageUuid":"a"}', '{"messageUuid":{},"messageUuid":"a"}' }) do
        assert.is_nil((read('{"items":[' .. entry .. "]}", { "a" })))
        assert.is_nil((read('{"items":[{"messageUuid":"b"},' .. entry .. "]}", { "a" })))
      end
    end)

    it("nests 64 levels, and no more", function()
      local function nested(n)
        return '{"items":[{"messageUuid":"a","x":' .. ("["):rep(n) .. ("]"):rep(n) .. "}]}"
      end
      assert.truthy((read(nested(61), { "a" })))
      assert.is_nil((read(nested(62), { "a" })))
      assert.truthy((read(('{"x":%s%s,"items":[]}'):format(("["):rep(63), ("]"):rep(63)), {})))
    end)

    it("has pairs of surrogates, and no halves", function()
      for _, half in ipairs({ "\\ud800", "\\udc00", "\\udc00\\udc00", "\\ud800\\ud800", "\\ud800x",
        "\\ud800\\n", "\\udc00\\ud800", "\\ud800\\u0041", "\\u12g4", "\\u123", "\\x", "\\'" }) do
        assert.is_nil((read('{"items":[],"x":"' .. half .. '"}', {})), half)
      end
    end)

    it("has literals and numbers as JSON spells them", function()
      local wrong = { "True", "tru", "truee", "nul", "fals", "NaN", "Infinity", "-Infinity", "+1",
        "01", "-01", "-", "1.", ".5", "1.e2", "1e", "1e+", "0x10", "1_0", "--1", "1e1.5", "" }
      local alike = '{"code":2.5,"messageUuid":"a"},{"code":2.5,"messageUuid":"a"},'
      for _, value in ipairs(wrong) do
        assert.is_nil((read('{"items":[' .. alike .. '{"code":' .. value
          .. ',"messageUuid":"a"}]}', { "a" })), value)
        assert.is_nil((read('{"items":[],"x":' .. value .. "}", {})), value)
        assert.is_nil((read('{"items":[{"code":' .. value .. "}]}", {})), value)
      end
    end)

    it("has nothing but white space around it", function()
      assert.truthy((read(' \t\r\n{"items":[]} \t\r\n', {})))
      for _, text in ipairs({ '{"items":[]},', '{"items":[]}{}',
        '{"items":[]}]', '\f{"items":[]}', '{"items":[]}\v', '{"items":[,]}', '{"items":[1,]}',
        '{"items":[],}', '{,"items":[]}', '{"items":[}', '{"items":[]]', "{'items':[]}",
        '{"items"=[]}', '{items:[]}', '{"items":[1 2]}', '{"items":[{]}]}', "" }) do
        assert.is_nil((read(text, {})), text)
      end
    end)
  end)

  describe("many", function()
    -- n ids, and an answer in which their codes are code_of(i).
    local function many(n, code_of)
      local ids, entries = {}, {}
      for i = 1, n do
        ids[i] = ("%08x-0000-4000-8000-%012x"):format(i * 7919 % 2 ^ 32, i)
        entries[i] = ('{"messageUuid":"%s","code":%s}'):format(ids[i], code_of(i))
      end
      return ids, entries
    end

    local function check(ids, entries, code_of)
      local text = '{"items":[' .. table.concat(entries, ",") .. "]}"
      local items, rest = read(text, ids, 16384)
      assert.equal('{"items":[]}', rest)
      assert.equal(0, items:surplus())
      local list = codes_of(items, ids)
      for i = 1, #ids do
        if list[i] ~= code_of(i) then
          assert.equal(code_of(i), list[i])
        end
      end
      return items
    end

    it("ids keep their codes, in order and in any other", function()
      local function code_of(i)
        return i % 7 == 0 and 403 or 200
      end
      local ids, entries = many(10000, code_of)
      local items = check(ids, entries, code_of)
      assert.same({ [200] = 8572, [403] = 1428 }, items:counts())
      local source = json_answers.new(7, FIELDS)
      for i = #entries, 2, -1 do
        local other = source:number(i)
        entries[i], entries[other] = entries[other], entries[i]
      end
      assert.same({ [200] = 8572, [403] = 1428 }, check(ids, entries, code_of):counts())
    end)

    it("different codes are counted one by one", function()
      local function code_of(i)
        return i
      end
      local ids, entries = many(10000, code_of)
      local counts, n = check(ids, entries, code_of):counts(), 0
      for _, count in pairs(counts) do
        n = n + count
      end
      assert.equal(10000, n)
      assert.equal(1, counts[10000])
    end)

    it("that say the same one after the other are told at once", function()
      local codes_told = { 200, 200, 403, 200, 200, 200, '"a"', '"a"', '"b"', '"200"' }
      local ids, entries = many(#codes_told, function(i)
        return codes_told[i]
      end)
      local items = assert(read('{"items":[' .. table.concat(entries, ",") .. "]}", ids))
      local function run(first, most)
        local code, count = items:run(first, most)
        return { code, count }
      end
      assert.same({ 200, 2 }, run(1, 10))
      assert.same({ 200, 1 }, run(1, 1))
      assert.same({ 200, 1 }, run(2, 9))
      assert.same({ 403, 1 }, run(3, 8))
      assert.same({ 200, 3 }, run(4, 7))
      assert.same({ "a", 2 }, run(7, 4))
      assert.same({ "b", 1 }, run(9, 2))
      assert.same({ "200", 1 }, run(10, 1))
    end)

    it("say nothing any more once they are closed", function()
      local items = assert(read('{"items":[{"messageUuid":"a","code":200}]}', { "a" }))
      items:close()
      items:close()
      assert.has_error(function()
        items:run(1, 1)
      end)
      assert.same({}, items:counts())
    end)
  end)

  describe("what is large", function()
    -- The bytes by which reading `text` grew the process at its peak.
    local function growth(text)
      local function peak()
        return tonumber(io.open("/proc/self/status"):read("*a"):match("VmHWM:%s*(%d+)")) * 1024
      end
      local reset = assert(io.open("/proc/self/clear_refs", "w"))
      reset:write("5")
      reset:close()
      local before = peak()
      assert.is_nil((read(text, { "a" }, 16384)))
      return peak() - before
    end

    local SIZE = 8 * 1024 * 1024
    for title, given in pairs({
      ["an endless string"] = { '{"items":["', "x" },
      ["an endless id"] = { '{"items":[{"messageUuid":"', "x" },
      ["an endless name"] = { '{"items":[{"', "\\u0041" },
      ["an endless code"] = { '{"items":[{"code":"', "\\n" },
      ["an endless number"] = { '{"items":[{"code":', "1" },
      ["endless nests"] = { '{"items":[{"x":', "[" },
      ["endless nests of objects"] = { '{"items":[', '{"x":' },
      ["endless entries"] = { '{"items":[', '{"messageUuid":"b","code":"x"},' },
      ["endless white space"] = { '{"items":[', " " },
    }) do
      it(title .. " takes no memory", function()
        local text = given[1] .. given[2]:rep(math.floor(SIZE / #given[2]))
        assert.is_true(growth(text) < SIZE / 4)
      end)
    end

    it("is an id of 4096 bytes, which can be asked about", function()
      local id = ("i"):rep(4096)
      for _, piece in ipairs({ 1, 1000, 10000 }) do
        local items = assert(read('{"items":[{"messageUuid":"' .. id .. '","code":1},'
          .. '{"messageUuid":"' .. id .. 'i","code":2}]}', { id }, piece))
        assert.same({ 1 }, codes_of(items, { id }))
        assert.equal(1, items:surplus())
      end
      assert.has_error(function()
        read('{"items":[]}', { id .. "i" })
      end, "an id or the answer is too large")
    end)

    it("is a name of 4096 bytes", function()
      local name = ("n"):rep(4096)
      local fields = { list = name, id = "id", code = "code" }
      for _, piece in ipairs({ 1, 1000, 10000 }) do
        assert.truthy((read('{"' .. name .. '":[]}', {}, piece, fields)))
        assert.is_nil((read('{"n' .. name .. '":[]}', {}, piece, fields)))
        assert.is_nil((read('{"' .. name .. 'n":[]}', {}, piece, fields)))
      end
    end)

    it("is not taken for the part of it that would fit", function()
      local long = ("x"):rep(5000)
      local spellings = {
        function(text)
          return ('"%s\\u00%02x%s"'):format(text:sub(1, -2), text:byte(-1), long)
        end,
        function(text)
          return '"' .. long .. "\\n" .. text .. '"'
        end,
      }
      local id, code = '"messageUuid":"a"', '"code":1'
      for _, spell in ipairs(spellings) do
        for _, piece in ipairs({ 1, 4000, 20000 }) do
          for entry, said in pairs({
            [id .. ',"code":' .. spell("b")] = {},
            [id .. "," .. spell("code") .. ":1"] = {},
            ['"messageUuid":' .. spell("a") .. "," .. code] = { false },
            [spell("messageUuid") .. ':"a",' .. code] = { false },
          }) do
            local items = assert(read('{"items":[{' .. entry .. "}]}", { "a" }, piece))
            assert.same(said, codes_of(items, { "a" }))
          end
          assert.is_nil((read("{" .. spell("items") .. ":[]}", {}, piece)))
        end
      end
    end)

    it("is more text in codes than is kept", function()
      local entry = '{"messageUuid":"a","code":"\\u0078' .. ("x"):rep(255) .. '"},'
      assert.has_error(function()
        read('{"items":[' .. entry:rep(65537), { "a" })
      end, "an id or the answer is too large")
    end)
  end)

  describe("wrong use", function()
    local items

    before_each(function()
      items = assert(read('{"items":[{"messageUuid":"a","code":200}]}', { "a", "b" }))
    end)

    for title, call in pairs({
      ["no fields"] = { nil, {}, "" },
      ["no ids"] = { FIELDS, nil, "" },
      ["no text"] = { FIELDS, {}, nil },
      ["a piece of no bytes"] = { FIELDS, {}, "", 0 },
      ["a piece that is no number"] = { FIELDS, {}, "", "x" },
      ["a number for an id"] = { FIELDS, { 1 }, "" },
      ["a field without a name"] = { { list = "l", id = "", code = "c" }, {}, "" },
      ["a field that is left out"] = { { list = "l", id = "i" }, {}, "" },
      ["a field that is no string"] = { { list = "l", id = "i", code = 5 }, {}, "" },
      ["a field of 4097 bytes"] = { { list = ("l"):rep(4097), id = "i", code = "c" }, {}, "" },
    }) do
      it("of read_items raises: " .. title, function()
        assert.has_error(function()
          core.read_items(call[1], call[2], call[3], call[4])
        end)
      end)
    end

    for title, call in pairs({
      ["a place before the first"] = { 0, 1 },
      ["a place after the last"] = { 3, 1 },
      ["more than there are"] = { 2, 2 },
      ["more than a number can be"] = { 2, 2 ^ 62 },
      ["none"] = { 1, 0 },
      ["no numbers"] = { "x", "y" },
    }) do
      it("of run raises: " .. title, function()
        assert.has_error(function()
          items:run(call[1], call[2])
        end)
      end)
    end

    it("raises for what is no answer", function()
      for _, method in ipairs({ "run", "counts", "surplus", "close" }) do
        assert.has_error(function()
          items[method]({}, 1, 1, {})
        end)
        assert.has_error(function()
          items[method](io.stdout, 1, 1, {})
        end)
      end
    end)
  end)

  describe("items", function()
    it("are collected, and so is what a raise leaves behind", function()
      for _ = 1, 200 do
        assert(read('{"items":[{"messageUuid":"a","code":"x"}]}', { "a" }))
        assert.is_false((pcall(read, "", { "a", "b", 3 })))
      end
      collectgarbage()
      collectgarbage()
    end)

    it("outlive the engine that read them", function()
      local body = '{"n":1,"items":[{"messageUuid":"b","code":"x"},{"messageUuid":"a","code":200}]}'
      local echo = server.echo(body)
      local engine = assert(engines.new({ slots = 1, max_response = 1000, connect_timeout = 120 }))
      local operation = engine:prepare({
        method = "POST",
        base = echo.first_line,
        url = { "/" },
        headers = { { "Authorization: Basic ", { "token" } } },
        items = FIELDS,
      })
      engine:authorize(operation, (core.secret("canary")))
      local all = {}
      for round = 1, 2 do
        assert(engine:submit(operation, { "a", "b" }, 1, 2, 120))
        local answer
        repeat
          assert(engine:step())
          answer = { engine:collect() }
          engine:wait(0.01)
        until answer[1]
        assert.equal('{"n":1,"items":[]}', answer[3])
        all[round] = answer[9]
      end
      engine:close()
      echo:stop()
      collectgarbage()
      for _, items in ipairs(all) do
        assert.same({ 200, "x" }, codes_of(items, { "a", "b" }))
      end
    end)
  end)
end)
