-- The one place that knows lua-cjson.

local cjson = require("cjson")
local compat = require("stopmsg.compat")
local json = require("stopmsg.json")

describe("stopmsg.json", function()
  describe("decode", function()
    it("gives tables, strings and numbers", function()
      assert.same({ a = { 1, "x", true } }, json.decode('{"a":[1,"x",true]}'))
    end)

    it("gives a null of its own, which is no nil", function()
      local value = json.decode('{"a":null}')
      assert.equal(json.null, value.a)
      assert.not_nil(json.null)
    end)

    it("keeps the places of a list with nulls", function()
      local list = json.decode("[null,2,null]")
      assert.equal(3, #list)
      assert.equal(2, list[2])
    end)

    it("skips a byte order mark, and only one", function()
      assert.same({ 1 }, json.decode("\239\187\191[1]"))
      assert.is_nil((json.decode("\239\187\191\239\187\191[1]")))
      assert.is_nil((json.decode("\239\187[1]")))
      assert.is_nil((json.decode("\255\254[\0001\000]\000")))
    end)

    it("takes no NUL for the end", function()
      for _, text in ipairs({ "{}\0", '{}\0{"a":1}', "\0{}", "{}\0x", '"\0"' }) do
        assert.is_nil((json.decode(text)))
      end
      assert.equal("\0", json.decode('"\\u0000"'))
    end)

    it("tells an empty object from an empty list where that is asked", function()
      local function is_empty(text)
        return next(json.decode(text, true).a) == nil
      end
      for _, text in ipairs({ '{"a":[]}', '{"a": [ ]}', '{"{}":"\\"{}","a":[]}',
        '{"b":{},"a":[]}' }) do
        assert.message(text).is_true(is_empty(text))
      end
      for _, text in ipairs({ '{"a":{}}', '{"a":{ \n}}', '{"b":"\\\\","a":{}}',
        '{"b":"x\\"","a":{},"c":"{}"}' }) do
        assert.message(text).is_false(is_empty(text))
      end
      assert.equal("{}", json.decode('["{}",{}]', true)[1])
      assert.same({}, json.decode('{"a":{}}').a)
      for _, text in ipairs({ "", '"', '{"', "{}{}", '{"a":{}', '"{}\\', "{} x" }) do
        assert.message(text).is_nil((json.decode(text, true)))
      end
    end)

    it("reads escapes as UTF-8", function()
      assert.equal("\195\164\n", json.decode('"\\u00e4\\n"'))
    end)

    for title, given in pairs({
      ["an empty text"] = "",
      ["white space"] = " \r\n",
      ["HTML"] = "<!DOCTYPE html><html></html>",
      ["half a document"] = '{"items":[{"a":1},',
      ["two documents"] = "{}{}",
      ["a trailing comma"] = "[1,]",
      ["NaN"] = "[NaN]",
      ["Infinity"] = "[Infinity]",
      ["hex digits"] = "[0x10]",
      ["a bare word"] = "OK",
      ["nests that would fill the stack"] = ("["):rep(100000),
      ["nests that are closed again"] = ("["):rep(5000) .. ("]"):rep(5000),
      ["a byte of zero"] = "\0",
    }) do
      it("gives nil and why for " .. title, function()
        local value, message = json.decode(given)
        assert.is_nil(value)
        assert.matches("^not JSON: .", message)
      end)
    end

    it("gives nil and why for what is no text", function()
      assert.is_nil((json.decode(nil)))
      assert.is_nil((json.decode({})))
    end)
  end)

  describe("encode", function()
    it("writes what decode reads", function()
      local value = { id = "a\n\"\\\195\164", list = { 1, 2 }, flag = false }
      assert.same(value, json.decode(json.encode(value)))
    end)

    it("writes an empty table as an object", function()
      assert.equal("{}", json.encode({}))
    end)

    it("raises on what JSON cannot hold", function()
      assert.has_error(function()
        json.encode({ print })
      end)
      assert.has_error(function()
        json.encode({ 0 / 0 })
      end)
    end)
  end)

  describe("integer", function()
    it("makes integral numbers print without a fraction", function()
      assert.equal("200", tostring(json.integer(json.decode("200"))))
      assert.equal("-4031", tostring(json.integer(json.decode("-4031"))))
    end)

    it("leaves fractions", function()
      assert.equal(1.5, json.integer(1.5))
    end)

    it("leaves numbers that no integer holds", function()
      assert.equal(1e300, json.integer(1e300))
      assert.equal(math.huge, json.integer(math.huge))
    end)

    it("leaves what is no number", function()
      assert.equal("200", json.integer("200"))
      assert.is_nil(json.integer(nil))
      assert.equal(json.null, json.integer(json.null))
    end)

    if compat.math_type then
      it("gives integers where the Lua has them", function()
        assert.equal("integer", compat.math_type(json.integer(json.decode("200"))))
      end)
    end
  end)

  it("neither changes nor heeds other users' settings of lua-cjson", function()
    assert.equal(math.huge, cjson.decode("[Infinity]")[1])
    finally(function()
      cjson.decode_max_depth(1000)
    end)
    cjson.decode_max_depth(1)
    assert.same({ { {} } }, json.decode("[[[]]]"))
  end)
end)
