-- The forms of ids: what is sent, what is refused, and which spellings are one id.

local compat = require("stopmsg.compat")
local ids = require("stopmsg.ids")

local UUID = "2a28d557-22a1-4be6-8908-1481723043dd"
local HEX = "a55b8f8d56f33440e993aa614c68bf8b"

local ACCEPTED = {
  uuid = { UUID, UUID:upper(), "063464ec-a34f-4558-90c5-984395000001",
    "00000000-0000-0000-0000-000000000000" },
  digits = { "0", "1234", "10000000125", "9223372036854775807", "007" },
  hex32 = { HEX, HEX:upper() },
  text = { "1A2B-3C4D5E6F-7A8B9C0D", "a", "...", "..a", "a/b?c#d%e\"\\", ("x"):rep(256) },
}

local REFUSED = {
  uuid = { "", UUID .. "0", UUID:sub(1, -2), " " .. UUID, UUID .. " ", UUID .. "\n", "{" .. UUID,
    UUID:gsub("%-", ""), (UUID:gsub("a", "g")), (UUID:gsub("%-", "_")), "\0" .. UUID:sub(2), HEX,
    UUID:sub(1, 9) .. "-" .. UUID:sub(9, 35) },
  digits = { "", "-1", "+1", "1.0", "1e3", "0x10", " 1", "1 ", "1\n", "1\0", "a",
    "12345678901234567890" },
  hex32 = { "", HEX .. "0", HEX:sub(1, -2), (HEX:gsub("a", "g")), UUID, HEX:sub(1, 31) .. "\0",
    HEX:sub(1, 31) .. " " },
  text = { "", ".", "..", "a b", "a\tb", "a\0b", "\127", "a\r\nX: y", "\195\164", ("x"):rep(257) },
}

-- An id as the title of a test.
local function shown(id)
  return "'" .. id:sub(1, 40):gsub("[^\32-\126]", "?") .. "'"
end

describe("stopmsg.ids", function()
  describe("check", function()
    for name, list in pairs(ACCEPTED) do
      for _, id in ipairs(list) do
        it(("sends the %s %s as it is"):format(name, shown(id)), function()
          assert.equal(id, (ids.check(ids.forms[name], id)))
        end)
      end
    end

    for name, list in pairs(REFUSED) do
      for _, id in ipairs(list) do
        it(("refuses %s as %s"):format(shown(id), name), function()
          local sent, message = ids.check(ids.forms[name], id)
          assert.is_nil(sent)
          assert.matches(ids.forms[name].about, message, 1, true)
          assert.is_nil(message:find("%c"))
        end)
      end
    end

    for _, name in ipairs({ "uuid", "hex32" }) do
      it("gives spellings of a " .. name .. " one key", function()
        local form, id = ids.forms[name], ACCEPTED[name][1]
        local sent, key = ids.check(form, id:upper())
        assert.equal(id:upper(), sent)
        assert.equal(id, key)
        assert.equal(key, select(2, ids.check(form, id)))
      end)
    end

    it("tells spellings of a text apart", function()
      assert.equal("aB", select(2, ids.check(ids.forms.text, "aB")))
    end)

    for _, number in ipairs({ 0, 7, 1234, 10000000125, 9007199254740991 }) do
      it(("sends the number %.0f in digits"):format(number), function()
        local sent, key = ids.check(ids.forms.digits, number)
        assert.equal(("%.0f"):format(number), sent)
        assert.equal(sent, key)
      end)
    end

    it("sends an integral float without a fraction", function()
      assert.equal("1234", (ids.check(ids.forms.digits, 1234.0)))
      assert.equal("100000000000000", (ids.check(ids.forms.digits, 1e14)))
    end)

    for title, number in pairs({
      ["a fraction"] = 1.5,
      ["a negative number"] = -1,
      ["infinity"] = math.huge,
      ["minus infinity"] = -math.huge,
      ["what is no number"] = 0 / 0,
      ["a float beyond 2^53"] = 2 ^ 53 + 2,
      ["a float of 2^53, which may have been another number"] = 2 ^ 53,
    }) do
      it("refuses " .. title .. " as digits", function()
        local sent, message = ids.check(ids.forms.digits, number)
        assert.is_nil(sent)
        assert.is_string(message)
      end)
    end

    if compat.math_type then
      it("sends 64-bit integers in full", function()
        local number = compat.tointeger("9007199254740993") or math.floor(2 ^ 53) + 1
        assert.equal("9007199254740993", (ids.check(ids.forms.digits, number)))
      end)
    end

    it("refuses a number where a UUID is expected", function()
      assert.is_nil((ids.check(ids.forms.uuid, 1234)))
    end)

    for _, id in ipairs({ true, false, {}, print, coroutine.create(function() end) }) do
      it("refuses a " .. type(id), function()
        local sent, message = ids.check(ids.forms.text, id)
        assert.is_nil(sent)
        assert.matches(type(id), message)
      end)
    end

    it("refuses nil", function()
      local sent, message = ids.check(ids.forms.text, nil)
      assert.is_nil(sent)
      assert.matches("nil", message)
    end)

    it("says how long an overlong id is, and does not repeat it", function()
      local _, message = ids.check(ids.forms.uuid, ("a"):rep(100000))
      assert.matches("100000 bytes", message)
      assert.is_true(#message < 200)
    end)

    it("names the control character in an id", function()
      local _, message = ids.check(ids.forms.text, "a\rb")
      assert.matches("byte 13", message)
    end)

    it("refuses a dot folder whatever a form of one's own allows", function()
      local form = { pattern = ".", max = 10, about = "anything" }
      assert.is_nil((ids.check(form, "..")))
      assert.is_nil((ids.check(form, ".")))
      assert.equal("a", (ids.check(form, "a")))
    end)
  end)

  describe("form", function()
    it("knows the built-in forms by name", function()
      for name, form in pairs(ids.forms) do
        assert.equal(form, (ids.form(name)))
      end
    end)

    it("takes a form of one's own", function()
      local form = { pattern = "^x+$", max = 3, about = "up to three x" }
      assert.equal(form, (ids.form(form)))
    end)

    for title, given in pairs({
      ["an unknown name"] = "guid",
      ["no table"] = 5,
      ["no pattern"] = { max = 3, about = "x" },
      ["a broken pattern"] = { pattern = "[", max = 3, about = "x" },
      ["no max"] = { pattern = "x", about = "x" },
      ["max of 0"] = { pattern = "x", max = 0, about = "x" },
      ["max beyond all bounds"] = { pattern = "x", max = 1e6, about = "x" },
      ["no about"] = { pattern = "x", max = 3 },
    }) do
      it("refuses " .. title, function()
        local form, message = ids.form(given)
        assert.is_nil(form)
        assert.is_string(message)
      end)
    end

    it("refuses nil", function()
      assert.is_nil((ids.form(nil)))
    end)
  end)

  describe("of ids that JSON has without quotes", function()
    local form = { pattern = "^%w+$", max = 20, about = "a number", number = true }

    it("takes only what is one way to write a number", function()
      for _, id in ipairs({ "0", "7", "10", "9007199254740993" }) do
        assert.equal(id, (ids.check(form, id)))
      end
      assert.equal("12", (ids.check(form, 12)))
      local negative = { pattern = "^%-?%w+$", max = 20, about = "a number", number = true }
      assert.equal("-1001", (ids.check(negative, "-1001")))
      for _, id in ipairs({ "-0", "-01", "-1a" }) do
        assert.is_nil((ids.check(negative, id)))
      end
      for _, id in ipairs({ "007", "00", "1e5", "1a", "-1", "1.0" }) do
        local sent, message = ids.check(form, id)
        assert.is_nil(sent)
        assert.is_truthy(message:find("a number", 1, true))
      end
    end)
  end)
end)
