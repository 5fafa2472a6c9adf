-- Bodies in a coding that nobody asked for: read to their end, or not at all.

local coded = require("spec.support.coded")
local core = require("stopmsg.core")

local LIMIT = 2 ^ 20

local NAMES = { gzip = "gzip", zlib = "deflate", raw = "deflate" }

-- Texts that make blocks of each kind: stored, of fixed and of dynamic codes, with far repeats.
local function texts()
  local lines = {}
  for i = 1, 400 do
    lines[i] = ('{"messageUuid":"%08x-0000-4000-8000-%012x","code":%d}'):format(i * 7919 % 65536,
      i * 104729, i % 3 == 0 and 200 or 404)
  end
  local bytes = {}
  for i = 0, 255 do
    bytes[i + 1] = string.char(i)
  end
  return {
    "", "{}", "a", ("a"):rep(1000), table.concat(bytes), table.concat(lines, ","),
    (" "):rep(40000) .. "{}" .. (" "):rep(40000),
  }
end

describe("stopmsg.core.inflate", function()
  for coding, name in pairs(NAMES) do
    describe("of " .. coding, function()
      it("gives what was coded, however it was packed", function()
        coded.prepare(coding, texts(), { 0, 1, 9 })
        for _, text in ipairs(texts()) do
          for _, level in ipairs({ 0, 1, 9 }) do
            assert.equal(text, (core.inflate(name, coded.make(coding, text, level), LIMIT)))
          end
        end
      end)

      it("gives nothing where any bytes at its end are missing", function()
        local count = 0
        local plain = { "", "{}", ('{"code":5},'):rep(30) }
        coded.prepare(coding, plain, { 0, 9 })
        for _, text in ipairs(plain) do
          for _, level in ipairs({ 0, 9 }) do
            local whole = coded.make(coding, text, level)
            for last = 0, #whole - 1 do
              local got, message = core.inflate(name, whole:sub(1, last), LIMIT)
              assert.is_nil(got)
              assert.equal("broken", message)
              count = count + 1
            end
          end
        end
        assert.is_true(count > 200)
      end)

      it("gives nothing where something follows", function()
        local whole = coded.make(coding, "{}")
        for _, more in ipairs({ "\0", "x", "{}", whole:sub(1, 5) }) do
          assert.is_nil((core.inflate(name, whole .. more, LIMIT)))
        end
      end)

      it("gives no more than the limit", function()
        local whole = coded.make(coding, ("a"):rep(1000))
        assert.equal(1000, #core.inflate(name, whole, 1000))
        local got, message = core.inflate(name, whole, 999)
        assert.is_nil(got)
        assert.equal("too large", message)
        local stored = coded.make(coding, ("a"):rep(1000), 0)
        assert.equal("too large", select(2, core.inflate(name, stored, 999)))
      end)

      it("reads what zlib reads, and refuses the rest, whatever is done to the bytes", function()
        local list, plain = {}, texts()
        coded.prepare(coding, plain, { 0, 1, 9 })
        math.randomseed(7)
        for round = 1, 300 do
          local text = plain[round % 5 + 2]
          local whole = coded.make(coding, text, ({ 0, 1, 9 })[round % 3 + 1])
          local at = math.random(#whole)
          local last = round % 4 == 0 and math.random(at, #whole) or #whole
          list[round] = whole:sub(1, at - 1) .. string.char(math.random(0, 255))
            .. whole:sub(at + 1, last)
        end
        for _ = 1, 300 do
          local bytes = {}
          for i = 1, math.random(60) do
            bytes[i] = string.char(math.random(0, 255))
          end
          list[#list + 1] = table.concat(bytes)
        end
        local said = coded.read(name, list)
        local count = 0
        for i, bytes in ipairs(list) do
          local got, message = core.inflate(name, bytes, LIMIT)
          assert.equal(said[i], got or false)
          assert.is_true(got ~= nil or message == "broken")
          count = count + (got and 1 or 0)
        end
        assert.is_true(count > 0)
      end)
    end)
  end

  it("finds a wrong checksum and a wrong length", function()
    local gzip, zlib = coded.make("gzip", "hello"), coded.make("zlib", "hello")
    for back = 1, 8 do
      local at = #gzip - back + 1
      local changed = gzip:sub(1, at - 1) .. string.char((gzip:byte(at) + 1) % 256)
        .. gzip:sub(at + 1)
      assert.is_nil((core.inflate("gzip", changed, LIMIT)))
    end
    for back = 1, 4 do
      local at = #zlib - back + 1
      local changed = zlib:sub(1, at - 1) .. string.char((zlib:byte(at) + 1) % 256)
        .. zlib:sub(at + 1)
      assert.is_nil((core.inflate("deflate", changed, LIMIT)))
    end
  end)

  it("reads several members as one text", function()
    local text = coded.make("gzip", "one, ") .. coded.make("gzip", "") .. coded.make("gzip", "two")
    assert.equal("one, two", (core.inflate("gzip", text, LIMIT)))
  end)

  it("skips what else a header of gzip may have", function()
    local body = coded.make("gzip", "hello"):sub(11)
    local function with(flags, more)
      return core.inflate("gzip", "\31\139\8" .. string.char(flags) .. "\0\0\0\0\0\3" .. more
        .. body, LIMIT)
    end
    assert.equal("hello", with(0, ""))
    assert.equal("hello", with(1, ""))
    assert.equal("hello", with(8, "name.txt\0"))
    assert.equal("hello", with(16, "a comment\0"))
    assert.equal("hello", with(4, "\3\0abc"))
    assert.equal("hello", with(28, "\0\0name\0comment\0"))
    assert.is_nil((with(32, "")))
    assert.is_nil((with(2, "\0\0")))
    assert.is_nil((with(4, "\255\255abc")))
  end)

  it("takes no other format for it", function()
    for _, text in ipairs({ "", "{}", "<html>", "\31\139", "\31\139\7", "PK\3\4", "\40\181\47\253",
      ("\0"):rep(20), ("\255"):rep(20) }) do
      for _, name in ipairs({ "gzip", "deflate" }) do
        assert.is_nil((core.inflate(name, text, LIMIT)))
      end
    end
  end)

  it("raises wrong use", function()
    assert.has_error(function() core.inflate("br", "x", 5) end)
    assert.has_error(function() core.inflate("gzip", nil, 5) end)
    assert.has_error(function() core.inflate("gzip", "x") end)
    assert.has_error(function() core.inflate("gzip", "x", -1) end)
    assert.has_error(function() core.inflate("gzip", "x", 2 ^ 40) end)
  end)
end)
