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

  describe(".take_lines", function()
    it("gives the same lines, many at a time", function()
      local into = { "kept" }
      assert.same({ 2, 9 }, { native.take_lines("abc\r\nd#\n#e\nf", 1, HASH, into, 1, 9) })
      assert.same({ "kept", "abc", "d#" }, into)
      assert.same({ 1, 6 }, { native.take_lines("abc\r\nd\n", 1, HASH, into, 0, 1) })
      assert.same({ "abc", "abc", "d#" }, into)
      assert.same({ 0, 1 }, { native.take_lines("abc", 1, HASH, into, 0, 9) })
    end)

    it("ends at the first line that is not plain, wherever its odd byte stands", function()
      for _, byte in ipairs({ 0, 9, 31, 32, 127, 128, 195, 255 }) do
        for at = 1, 20 do
          local line = ("a"):rep(at - 1) .. string.char(byte) .. ("b"):rep(20 - at)
          assert.same({ 1, 3 }, { native.take_lines("x\n" .. line .. "\n", 1, HASH, {}, 0, 9) })
        end
      end
      for _, byte in ipairs({ 33, 34, 92, 126 }) do
        assert.equal(1, (native.take_lines(string.char(byte):rep(20) .. "\n", 1, HASH, {}, 0, 9)))
      end
    end)
  end)

  describe(".take_fields and .take_members", function()
    local function same(lines, one, many, a, b, c)
      local bytes = table.concat(lines, "\n") .. "\n"
      local expected, at = {}, 1
      while #expected < 5 do
        local value, after = native[one](bytes, at, a, b, c)
        if not value then
          break
        end
        expected[#expected + 1], at = value, after
      end
      local found = { "held" }
      local count, after
      if b then
        count, after = native[many](bytes, 1, a, b, c, found, 1, 5)
      else
        count, after = native[many](bytes, 1, a, found, 1, 5)
      end
      assert.equal("held", table.remove(found, 1))
      assert.same(expected, found)
      assert.equal(#expected, count)
      assert.equal(at, after)
    end

    it("give what is read one by one, up to the first line that is odd or the most", function()
      local COMMA = (","):byte()
      for _, odd in ipairs({ "a,b,c", 'a,"b"', "a", "a, ", "", "\239\187\191a,b", "a,b\r" }) do
        for at = 1, 7 do
          local lines = {}
          for i = 1, 7 do
            lines[i] = i == at and odd or ("x%d , y%d\r"):format(i, i)
          end
          same(lines, "next_field", "take_fields", COMMA, 2, 2)
          same(lines, "next_field", "take_fields", COMMA, 1, 2)
        end
      end
      for _, odd in ipairs({ "{}", '{"id":1}', '{"id":""}', '{"id":"a","id":"b"}', '{"id":"a"}x',
        '{"x":[],"id":"a"}', '{"id":"\\n"}', "" }) do
        for at = 1, 7 do
          local lines = {}
          for i = 1, 7 do
            lines[i] = i == at and odd or ('{"n":-%d.5,"id":"x%d"} \r'):format(i, i)
          end
          same(lines, "next_member", "take_members", "id")
        end
      end
    end)
  end)

  describe(".count_ids", function()
    it("counts those of a shape, up to the first that is of another", function()
      local SHAPE = "xxxx-xxxxx-1x"
      for at = 1, #SHAPE do
        local char = SHAPE:sub(at, at)
        for byte = 1, 255 do
          local id = ("09af-AFbcd-1e"):sub(1, at - 1) .. string.char(byte)
            .. ("09af-AFbcd-1e"):sub(at + 1)
          local fits = string.char(byte):find(char == "x" and "^%x$" or "^[" .. char .. "]$")
          assert(native.count_ids({ "0", id, "aaaa-aaaaa-1a" }, 2, 3, SHAPE) == (fits and 2 or 0),
            id)
          assert(native.count_lines(id .. "\n", 1, SHAPE) == (fits and 1 or 0), id)
        end
      end
      assert.equal(1, native.count_ids({ "aaaa-aaaaa-1a", 17 }, 1, 2, SHAPE))
      assert.equal(0, native.count_ids({ "aaaa-aaaaa-1aa", {} }, 1, 2, SHAPE))
      assert.equal(0, native.count_ids({}, 1, 1, SHAPE))
      assert.equal(0, native.count_ids({}, 1, 0, SHAPE))
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

    it("writes numbers as they are, whole ones up to the largest", function()
      local lines = native.lines()
      for _, number in ipairs({ 0, 9, 10, 2 ^ 53 - 1, 2 ^ 53, 2 ^ 63 }) do
        lines:add("", number, "=", "x", "\n")
        assert.equal(("%.0f"):format(number) .. '="x"\n', lines:text())
        lines:clear()
      end
    end)

    it("adds many ids to a journal and to results, in the same order", function()
      local journal, results = native.lines(), native.lines()
      local ids, places = { "a", "b", "c", "d" }, { 11, 12, 13, 14 }
      assert.equal(2, native.put(ids, places, 2, 3, journal, "<", "=", ";}\n", 5, results, "(",
        ")"))
      assert.equal('<12=b;,"at":5}\n<13=c;,"at":5}\n', journal:text())
      assert.equal("(b)(c)", results:text())
      assert.equal(1, native.put(ids, places, 1, 1, nil, nil, nil, nil, nil, results, "(", ")"))
      assert.equal("(b)(c)(a)", results:text())
      assert.equal(1, native.put(ids, places, 4, 4, journal, "<", "=", "}\n", 5))
      assert.matches('\n<14=d,"at":5}\n$', journal:text())
      assert.equal(0, native.put(ids, places, 4, 3, journal, "<", "=", "}\n", 5))
    end)

    it("numbers the lines of many ids as they are, in their order or not", function()
      local journal, ids, places, expected = native.lines(), {}, {}, {}
      for i, place in ipairs({ 8, 9, 10, 11, 98, 99, 100, 101, 101, 100, 0, 1, -2, -1, 0, 0.75,
        999999, 1000000, 2 ^ 53 - 1, 2 ^ 53, 2 ^ 53 + 1, 7, 8 }) do
        ids[i], places[i] = "x", place
        expected[i] = ('<%.0f=x!,"at":5}\n'):format(place)
      end
      assert.equal(#ids, native.put(ids, places, 1, #ids, journal, "<", "=", "!}\n", 5))
      assert.equal(table.concat(expected), journal:text())
    end)

    it("sends what it gathered to a file, and keeps it", function()
      local lines, file = native.lines(), io.tmpfile()
      assert.is_true(lines:send(file))
      lines:write(("x"):rep(100000))
      assert.is_true(lines:send(file))
      assert.equal(100000, lines:size())
      file:seek("set", 0)
      assert.equal(lines:text(), file:read("*a"))
      file:close()
      assert.has_error(function() lines:send(file) end)
      assert.has_error(function() lines:send({}) end)
      local full = io.open("/dev/full", "w")
      full:setvbuf("no")
      assert.same({ nil, "No space left on device" }, { lines:send(full) })
      full:close()
    end)

    it("ends before the first id that needs more care, wherever its odd byte stands", function()
      local results = native.lines()
      local function count(id, no)
        return native.put({ "a", id, "b" }, {}, 1, 3, nil, nil, nil, nil, nil, results, "", "", no)
      end
      for _, byte in ipairs({ 0, 10, 31, 34, 92, 127, 128, 195, 255 }) do
        for at = 1, 20 do
          assert.equal(1, count(("a"):rep(at - 1) .. string.char(byte) .. ("b"):rep(20 - at)))
        end
      end
      for _, byte in ipairs({ 32, 33, 35, 91, 93, 126 }) do
        assert.equal(3, count(string.char(byte):rep(20)))
      end
      assert.equal(3, count("x,y"))
      assert.equal(1, count("x,y", (","):byte()))
      assert.equal(1, count(17))
      assert.equal(1, count({}))
      assert.equal(0, native.put({}, {}, 1, 1, nil, nil, nil, nil, nil, results, "", ""))
    end)

    it("adds nothing where what it is given is wrong", function()
      local journal = native.lines()
      for _, wrong in ipairs({
        { { "a" }, {}, 1, 1, journal, "<", "=", "}\n", 5 },
        { { "a" }, { 1 }, 1, 1, journal, "<", "=", "}", 5 },
        { { "a" }, { 1 }, 1, 1, journal, "<", "=", "}\n", 2 ^ 200 },
        { { "a" }, { 1 }, 1, 1, {}, "<", "=", "}\n", 5 },
        { { "a" }, { "1" }, 1, 1, journal, "<", "=", "}\n", 5 },
        { { "a" }, { 1 }, 1, 1, journal, ("<"):rep(60), "====", "}\n", 5 },
        { "a", { 1 }, 1, 1 },
      }) do
        assert.is_false((pcall(native.put, wrong[1], wrong[2], wrong[3], wrong[4], wrong[5],
          wrong[6], wrong[7], wrong[8], wrong[9])))
      end
      assert.equal("", journal:text())
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
