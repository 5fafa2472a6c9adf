-- Text that strangers wrote, made fit for a report, a log and a terminal.

local text = require("stopmsg.text")

describe("stopmsg.text", function()
  describe("cut", function()
    for _, case in ipairs({
      { "abc", 3, "abc", "leaves what is short enough" },
      { "abcd", 3, "abc", "cuts to the number of bytes" },
      { "", 0, "", "takes the empty string" },
      { "a\195\164", 2, "a", "drops a character of two bytes rather than split it" },
      { "a\195\164b", 3, "a\195\164", "keeps a character that fits" },
      { "\226\130\172\226\130\172", 5, "\226\130\172", "drops one of three bytes" },
      { "\240\159\152\128x", 3, "", "drops one of four bytes" },
      { "\128\128\128\128", 2, "", "survives what is no UTF-8" },
    }) do
      it(case[4], function()
        assert.equal(case[3], text.cut(case[1], case[2]))
      end)
    end
  end)

  describe("clean", function()
    for _, case in ipairs({
      { "message not found", "message not found", "leaves plain text" },
      { "a\r\nb\tc\0d\127e", "abcde", "removes control characters" },
      { "\27[31mred\27[0m", "[31mred[0m", "takes the escape out of terminal sequences" },
      { "a\194\155b\194\133", "ab", "removes the control characters that UTF-8 has besides" },
      { "a\194\194\194\155\155\155b", "ab", "lets those make no new ones that it takes out" },
      { "sent\226\128\174deppots", "sentdeppots", "removes what turns letters round" },
      { "st\226\128\139op\226\129\160p\239\187\191ed\194\173", "stopped",
        "removes what is not seen" },
      { "a\243\160\129\129b", "ab", "removes what is not seen of four bytes" },
      { "a\226\226\128\174\128\174b", "a\226b", "lets those make no new ones, either" },
      { "a\226\0\128\174b", "ab", "sees them around a control character" },
      { "a\226\194\155\128\174b", "a\226\174b", "sees them around one of UTF-8" },
      { "\194\160\195\164\208\150", "\194\160\195\164\208\150", "leaves letters of all scripts" },
      { ("x"):rep(201), ("x"):rep(200), "keeps at most 200 bytes" },
      { ("\195\164"):rep(150), ("\195\164"):rep(100), "splits no character at its end" },
      { ("x"):rep(199) .. "\195\164", ("x"):rep(199), "rather ends a byte earlier" },
      { "\n" .. ("x"):rep(200), ("x"):rep(200), "counts what is left, not what was given" },
    }) do
      it(case[3], function()
        assert.equal(case[2], text.clean(case[1]))
      end)
    end

    for title, value in pairs({
      ["an empty text"] = "", ["control characters alone"] = "\r\n\0", ["a number"] = 5,
      ["a table"] = {}, ["a flag"] = true,
    }) do
      it("gives nothing for " .. title, function()
        assert.is_nil(text.clean(value))
      end)
    end

    it("gives nothing for nil", function()
      assert.is_nil(text.clean(nil))
    end)

    local function redact(s)
      return (s:gsub("SECRET", "***"))
    end

    it("hides the token", function()
      assert.equal("bad token ***!", text.clean("bad token SECRET!", redact))
    end)

    it("leaves no beginning of a token at the end", function()
      assert.is_nil(text.clean(("x"):rep(197) .. "SECRET", redact):find("S", 1, true))
    end)

    it("finds a token that control characters and invisible ones were put into", function()
      assert.equal("***", text.clean("SEC\0RE\nT", redact))
      assert.equal("***", text.clean("SEC\226\128\139RE\239\187\191T", redact))
    end)

    it("goes through the beginning alone of an answer of many megabytes", function()
      local answer = ("x\n"):rep(8 * 1024 * 1024)
      collectgarbage()
      collectgarbage("stop")
      local before = collectgarbage("count")
      text.clean(answer)
      local made = collectgarbage("count") - before
      collectgarbage("restart")
      assert.is_true(made < 1024, made .. " KiB were made of it")
    end)
  end)

  describe("quote", function()
    for _, case in ipairs({
      { "timeout", "'timeout'", "puts quotes around a name" },
      { "a\nb", "'ab'", "removes control characters" },
      { ("x"):rep(60), "'" .. ("x"):rep(60) .. "'", "leaves what is short enough" },
      { ("x"):rep(61), "'" .. ("x"):rep(60) .. "...'", "shows that it cut" },
      { 5, "5", "shows what is no string as it is" },
    }) do
      it(case[3], function()
        assert.equal(case[2], text.quote(case[1]))
      end)
    end
  end)
end)
