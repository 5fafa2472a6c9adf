local json = require("stopmsg.json")
local record = require("stopmsg.record")

describe("stopmsg.record", function()
  describe(".quote", function()
    it("writes what JSON reads back, for every byte", function()
      for byte = 0, 127 do
        local s = "a" .. string.char(byte) .. "b"
        assert.equal(s, json.decode("[" .. record.quote(s) .. "]")[1])
      end
    end)

    it("writes whole numbers without a dot", function()
      assert.equal("200", record.quote(200.0))
      assert.equal("4503599627370497", record.quote(4503599627370497))
      assert.equal("1.5", record.quote(1.5))
    end)

    it("leaves no control character, those beyond ASCII included", function()
      assert.equal('"\\u001b\\u007f\\u009b"', record.quote("\27\127\194\155"))
    end)
  end)

  describe(".utf8", function()
    local BAD = "\239\191\189"
    local rows = {
      { "leaves text", "aé€😀", "aé€😀" },
      { "replaces a lone byte", "a\255b\128c", "a" .. BAD .. "b" .. BAD .. "c" },
      { "replaces one that is cut off", "a\226\130", "a" .. BAD .. BAD },
      { "replaces an overlong one", "\192\128", BAD .. BAD },
      { "replaces a surrogate", "\237\160\128", BAD .. BAD .. BAD },
      { "replaces what is beyond Unicode", "\244\144\128\128", BAD:rep(4) },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        assert.equal(row[3], record.utf8(row[2]))
      end)
    end
  end)

  describe(".tails", function()
    it("writes the fields that are there, in one order", function()
      local tail = record.tails()
      assert.equal(',"outcome":"stopped","code":200}\n', tail({ outcome = "stopped", code = 200 }))
      assert.equal(',"outcome":"unknown","reason":"lost","code":"006","http":500,"message":"a\\"b",'
        .. '"attempts":2,"ambiguous":true,"verified":true,"state":"sent"}\n', tail({
        outcome = "unknown", reason = "lost", code = "006", http = 500, message = 'a"b',
        attempts = 2, ambiguous = true, verified = true, state = "sent",
      }))
    end)

    it("tells a code that is text from one that is a number, and both from none", function()
      local tail = record.tails()
      for _ = 1, 2 do
        assert.equal(',"outcome":"stopped","code":6}\n', tail({ outcome = "stopped", code = 6 }))
        assert.equal(',"outcome":"stopped","code":"6"}\n',
          tail({ outcome = "stopped", code = "6" }))
        assert.equal(',"outcome":"stopped"}\n', tail({ outcome = "stopped" }))
      end
    end)
  end)

  describe(".lines", function()
    it("gathers lines, also of ids that need escapes", function()
      local lines = record.lines()
      lines:add("a", ',"x":1}\n')
      lines:add('"', ',"x":1}\n', 7)
      lines:add("b", ',"x":1}\n', 8)
      lines:add(9, ',"x":1}\n')
      assert.equal('{"id":"a","x":1}\n{"n":7,"id":"\\"","x":1}\n{"n":8,"id":"b","x":1}\n'
        .. '{"id":9,"x":1}\n', lines:text())
    end)
  end)
end)
