local json = require("stopmsg.json")
local path = require("stopmsg.meaning.path")

local DOCUMENT = json.decode('{"error":{"code":4031,"msg":null},'
  .. '"errors":[{"code":"a"},{"code":"b"}],'
  .. '"ok":false,"deep":{"list":[[1,2],[3,4]]},"1":"text","odd name":5,"empty":[]}')

local function at(written, document)
  return path.value(document or DOCUMENT, assert(path.parse(written)))
end

describe("stopmsg.meaning.path", function()
  for written, expected in pairs({
    ["error.code"] = 4031,
    ["errors[1].code"] = "a",
    ["errors[2].code"] = "b",
    ["ok"] = false,
    ["deep.list[2][1]"] = 3,
    ["odd name"] = 5,
    ["1"] = "text",
  }) do
    it("finds what stands at " .. written, function()
      assert.equal(expected, at(written))
    end)
  end

  it("finds an element of an answer that is a list", function()
    assert.equal(7, at("[2].code", json.decode('[{"code":1},{"code":7}]')))
  end)

  it("gives lists and objects as they are", function()
    assert.same({}, at("empty"))
    assert.equal("b", at("errors")[2].code)
  end)

  for _, written in ipairs({ "nothing", "error.nothing", "error.msg", "error.msg.deeper",
    "error.code.deeper", "errors[3].code", "errors.code", "error[1]", "ok.deeper", "[1]" }) do
    it("finds nothing at " .. written, function()
      assert.is_nil(at(written))
    end)
  end

  it("finds nothing in what is no table", function()
    for _, document in ipairs({ "text", 5, true, json.null, { nil } }) do
      assert.is_nil(at("error.code", document))
    end
    assert.is_nil(path.value(nil, path.parse("error")))
  end)

  for _, written in ipairs({ "", "..", "a.", ".a", "a..b", "a[", "a[0]", "a[x]", "a[-1]",
    "a]", "a[1]b", "[1].", "a.[1]", "a\nb" }) do
    it(("refuses '%s'"):format((written:gsub("%c", "?"))), function()
      local steps, message = path.parse(written)
      assert.is_nil(steps)
      assert.is_string(message)
    end)
  end

  it("refuses what is no string", function()
    assert.is_nil(path.parse(5))
    assert.is_nil(path.parse(nil))
    assert.is_nil(path.list({}))
    assert.is_nil(path.list({ "a", "b." }))
    assert.is_nil(path.list(nil))
  end)

  it("tries several paths in their order", function()
    local paths = path.list({ "error.msg", "errors[2].code", "error.code" })
    assert.equal("b", path.first(DOCUMENT, paths))
    assert.equal(4031, path.first(DOCUMENT, path.list("error.code")))
    assert.equal(false, path.first(DOCUMENT, path.list({ "ok", "error.code" })))
    assert.is_nil(path.first(DOCUMENT, path.list({ "a", "b" })))
  end)

  it("gives every element of a list, and the document itself", function()
    local document = { to = { { status = "a" }, { status = "b" } }, list = {}, five = { 5 } }
    assert.same({ "a", "b" }, path.values(document, path.list("to[].status")))
    assert.same({ 5 }, path.values(document, path.list("five[1]")))
    assert.same({}, path.values(document, path.list("list[].status")))
    assert.same({ "a", "b" }, path.values(document, path.list({ "list[].x", "to[].status" })))
    assert.same({ true }, path.values(true, path.list(".")))
    assert.same({ false }, path.values({ ok = false }, path.list({ "error", "ok" })))
    assert.equal(document, path.value(document, path.parse(".")))
  end)

  it("tells that an element of a list has no value", function()
    for _, other in ipairs({ '{"other":1}', '{"status":null}', "{}", "null", "5", "[]" }) do
      for _, list in ipairs({ '{"status":"a"},' .. other, other .. ',{"status":"a"}' }) do
        local document = json.decode('{"to":[' .. list .. "]}")
        assert.message(list).same({ "a", has_gap = true },
          path.values(document, path.list({ "list[].x", "to[].status" })))
      end
    end
    local document = json.decode('{"to":[{"x":[{"s":"a"}]},{"x":[]}],"of":[{"s":"b"}]}')
    assert.same({ "a", has_gap = true }, path.values(document, path.list("to[].x[].s")))
    assert.same({ "b" }, path.values(document, path.list({ "to[].y", "of[].s" })))
  end)

  describe("into XML", function()
    local xml = require("stopmsg.xml")

    local function of_xml(written, text)
      return path.values(xml.decode(text), { assert(path.parse(written)) })
    end

    local TWO = "<r><m><id>1</id><s>a</s></m><m><id>2</id><s>b</s></m></r>"

    it("finds the first element of a name, and each of them", function()
      assert.same({}, of_xml("r.m.id", TWO)) -- which of them?
      assert.same({ { "x", "y" } }, of_xml("r.m", "<r><m>x</m><m>y</m></r>"))
      assert.same({ "1", "2" }, of_xml("r.m[].id", TWO))
      assert.same({ "b" }, of_xml("r.m[2].s", TWO))
      assert.same({}, of_xml("r.m[3].s", TWO))
      assert.same({ "1" }, of_xml("r.m[].id", "<r><m><id>1</id></m></r>"))
      assert.same({ "x", "y" }, of_xml("r.m[]", "<r><m>x</m><m>y</m></r>"))
      assert.same({}, of_xml("r.m[].id", "<r><n/></r>"))
    end)

    it("gives a list of one where there is one", function()
      local steps = assert(path.parse("r.m"))
      assert.equal(2, #path.list_at(xml.decode(TWO), steps))
      assert.same({ { id = "1" } }, path.list_at(xml.decode("<r><m><id>1</id></m></r>"), steps))
      assert.is_nil(path.list_at(xml.decode("<r><n/></r>"), steps))
    end)

    it("is not led astray by names that mean something to Lua", function()
      local two = "<r><__index><y>1</y></__index><__index><y>2</y></__index></r>"
      assert.same({}, of_xml("r.x.y", two))
      assert.same({ "1" }, of_xml("r.lists", "<r><lists>1</lists></r>"))
    end)

    it("makes no list of an object of JSON", function()
      assert.same({}, path.values(json.decode('{"m":{"id":1}}'),
        { assert(path.parse("m[].id")) }))
    end)
  end)
end)
