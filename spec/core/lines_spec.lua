-- Lines that C reads and writes.

local native = require("stopmsg.command")

local HASH = ("#"):byte()

describe("stopmsg.command", function()
  describe(".next_line", function()
    it("gives a whole line of printable characters, and where the next begins", function()
      assert.same({ "abc", 5 }, { native.next_line("abc\ndef", 1, HASH) })
      assert.same({ "b", 6 }, { native.next_line("abb\r\n", 3, HASH) })
      assert.same({ "a#b", 5 }, { native.next_line("a#b\n", 1, HASH) })
    end)

    it("leaves all else to others", function()
      for _, bytes in ipairs({ "", "abc", "\n", "\r\n", "a b\n", " a\n", "a\tb\n", "#a\n",
        "\195\164\n", "a\0b\n", "a\127\n" }) do
        assert.same({}, { native.next_line(bytes, 1, HASH) })
      end
      assert.same({}, { native.next_line("abc\n", 9, HASH) })
    end)
  end)

  describe(".count_lines", function()
    it("counts lines of a shape, up to the first of another", function()
      assert.same({ 2, 12 }, { native.count_lines("0a-1\nFF-1\r\nGG-1\n", 1, "xx-1") })
      assert.same({ 1, 12 }, { native.count_lines("0a-1\nFF-1\r\nGG-1\n", 6, "xx-1") })
      assert.same({ 0, 1 }, { native.count_lines("0a-1", 1, "xx-1") })
      assert.same({ 0, 1 }, { native.count_lines("0a-10\n", 1, "xx-1") })
      assert.same({ 0, 1 }, { native.count_lines("0a-2\n", 1, "xx-1") })
    end)
  end)

  describe(".unify_lines", function()
    it("makes a line feed of a carriage return that has none behind it", function()
      for given, expected in pairs({ [""] = "", ["a\nb"] = "a\nb", ["a\r\nb\r\n"] = "a\r\nb\r\n",
        ["a\rb\r"] = "a\nb\n", ["\r\r\n\r"] = "\n\r\n\n" }) do
        assert.equal(expected, native.unify_lines(given))
      end
    end)
  end)

  describe(".json_span", function()
    it("finds where a value ends, in one piece or in several", function()
      for _, value in ipairs({ '"a"', '"a\\"b"', "{}", '{"a":"}"}', '[1,{"b":[]}]', '"\\\\"' }) do
        local text = value .. ",rest"
        for cut = 1, #value do
          local after, depth, state = native.json_span(text:sub(1, cut), 1, 0, 0)
          if cut < #value then
            assert.is_nil(after, text:sub(1, cut))
            assert.equal(#value + 1 - cut, (native.json_span(text:sub(cut + 1), 1, depth, state)))
          else
            assert.equal(#value + 1, after)
          end
        end
      end
    end)
  end)

  describe(".decoder", function()
    it("makes UTF-8 of other encodings, however the bytes come", function()
      for _, row in ipairs({
        { "UTF-16LE", 2, "i\0d\0=\4\r\0\n\0", "id\208\189\r\n" },
        { "UTF-16BE", 2, "\0i\216\61\222\0", "i\240\159\152\128" },
        { "CP1251", 1, "\200\196", "\208\152\208\148" },
        { "CP1252", 1, "\128\233", "\226\130\172\195\169" },
      }) do
        for size = 1, #row[3] do
          local decoder, parts = native.decoder(row[1], row[2]), {}
          for at = 1, #row[3], size do
            parts[#parts + 1] = decoder:decode(row[3]:sub(at, at + size - 1), false)
          end
          parts[#parts + 1] = decoder:decode("", true)
          assert.equal(row[4], table.concat(parts))
        end
      end
    end)

    it("puts a replacement for what is no character", function()
      local decoder = native.decoder("UTF-16LE", 2)
      assert.equal("a\239\191\189b\239\191\189",
        decoder:decode("a\0\0\220b\0", false) .. decoder:decode("c", true))
      decoder:close()
      decoder:close()
      assert.has_error(function()
        decoder:decode("", true)
      end)
      assert.is_nil((native.decoder("NO-SUCH-ENCODING", 1)))
    end)
  end)

  describe(".lines", function()
    it("gathers text around ids, with a number or without", function()
      local lines = native.lines()
      assert.equal(0, lines:size())
      assert.equal(8, lines:add("<", nil, nil, "id", "/>\n"))
      lines:add("<", 12345678901, "=", "x", ">")
      lines:write("!")
      assert.equal('<"id"/>\n<12345678901="x">!', lines:text())
      assert.equal(#lines:text(), lines:size())
      lines:clear()
      assert.equal("", lines:text())
      lines:close()
      lines:close()
    end)

    it("writes a time before the end of a line", function()
      local lines = native.lines()
      lines:add('{"n":', 7, ',"id":', "x", ',"outcome":"stopped"}\n', 1764407519123)
      assert.equal('{"n":7,"id":"x","outcome":"stopped","at":1764407519123}\n', lines:text())
      assert.has_error(function()
        lines:add("<", 7, "=", "x", ">", 1)
      end)
    end)

    it("gathers as much again after a lot", function()
      local lines = native.lines()
      local much = ("x"):rep(3000000)
      for _ = 1, 2 do
        lines:write(much)
        assert.equal(much, lines:text())
        lines:clear()
        assert.equal(0, lines:size())
      end
    end)

    it("refuses an id that quotes cannot hold as it is", function()
      local lines = native.lines()
      for _, id in ipairs({ 'a"b', "a\\b", "a\nb", "\195\164", "\127", 17, {} }) do
        assert.is_nil(lines:add("<", nil, nil, id, ">"))
      end
      assert.equal("", lines:text())
    end)
  end)
end)
