-- Lines that C reads and writes.

local core = require("stopmsg.core")

local HASH = ("#"):byte()

describe("stopmsg.core", function()
  describe(".next_line", function()
    it("gives a whole line of printable characters, and where the next begins", function()
      assert.same({ "abc", 5 }, { core.next_line("abc\ndef", 1, HASH) })
      assert.same({ "b", 6 }, { core.next_line("abb\r\n", 3, HASH) })
      assert.same({ "a#b", 5 }, { core.next_line("a#b\n", 1, HASH) })
    end)

    it("leaves all else to others", function()
      for _, bytes in ipairs({ "", "abc", "\n", "\r\n", "a b\n", " a\n", "a\tb\n", "#a\n",
        "\195\164\n", "a\0b\n", "a\127\n" }) do
        assert.same({}, { core.next_line(bytes, 1, HASH) })
      end
      assert.same({}, { core.next_line("abc\n", 9, HASH) })
    end)
  end)

  describe(".count_lines", function()
    it("counts lines of a shape, up to the first of another", function()
      assert.same({ 2, 12 }, { core.count_lines("0a-1\nFF-1\r\nGG-1\n", 1, "xx-1") })
      assert.same({ 1, 12 }, { core.count_lines("0a-1\nFF-1\r\nGG-1\n", 6, "xx-1") })
      assert.same({ 0, 1 }, { core.count_lines("0a-1", 1, "xx-1") })
      assert.same({ 0, 1 }, { core.count_lines("0a-10\n", 1, "xx-1") })
      assert.same({ 0, 1 }, { core.count_lines("0a-2\n", 1, "xx-1") })
    end)
  end)

  describe(".lines", function()
    it("gathers text around ids, with a number or without", function()
      local lines = core.lines()
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

    it("gathers as much again after a lot", function()
      local lines = core.lines()
      local much = ("x"):rep(3000000)
      for _ = 1, 2 do
        lines:write(much)
        assert.equal(much, lines:text())
        lines:clear()
        assert.equal(0, lines:size())
      end
    end)

    it("refuses an id that quotes cannot hold as it is", function()
      local lines = core.lines()
      for _, id in ipairs({ 'a"b', "a\\b", "a\nb", "\195\164", "\127", 17, {} }) do
        assert.is_nil(lines:add("<", nil, nil, id, ">"))
      end
      assert.equal("", lines:text())
    end)
  end)
end)
