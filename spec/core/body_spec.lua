-- What the engine gives of an answer: its body as it was before a server coded it, nothing where
-- nothing tells that it is complete, and when to come back.

local coded = require("spec.support.coded")
local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local faults = require("spec.support.faults")

local LIMIT = 100000

local FIELDS = { list = "items", id = "id", code = "code" }

describe("an answer that the core gives out", function()
  local server

  setup(function()
    server = faults.start()
  end)

  teardown(function()
    server:stop()
  end)

  -- Sends these bytes, and closes unless is_kept. Gives body, fault, retry_after, items, stage.
  local function answered(bytes, fields, is_kept)
    server:set({ requests = { { ["do"] = { { "read", "all" }, { "write", faults.bytes(bytes) },
      not is_kept and { "close" } or nil } } } })
    local engine = assert(engines.new({ slots = 1, max_response = LIMIT, connect_timeout = 120,
      proxy = "", user_agent = "spec" }))
    local operation = engine:prepare({
      method = "POST",
      base = server.url,
      url = { open = "/stop" },
      headers = { "Expect:", "Content-Type:" },
      items = fields,
    })
    assert(engine:submit(operation, { "a" }, 1, 1, 120))
    local values
    repeat
      assert(engine:step())
      values = { engine:collect() }
      engine:wait(0.01)
    until values[1]
    engine:close()
    return values[3], values[5], values[7], values[9], values[4]
  end

  local function http(status, body, lines)
    -- Lua 5.1 would cut a "%s" at a NUL.
    return "HTTP/1.1 " .. status .. "\r\n" .. (lines or "") .. "\r\n" .. body
  end

  local function length(body)
    return ("Content-Length: %d\r\n"):format(#body)
  end

  describe("without a body", function()
    for title, bytes in pairs({
      ["with a length of 0"] = http("200 OK", "", "Content-Length: 0\r\n"),
      ["with two lengths of 0"] = http("200 OK", "", "Content-Length: 0\r\nContent-Length: 0\r\n"),
      ["with status 204"] = http("204 No Content", ""),
      ["with a last chunk"] = http("200 OK", "0\r\n\r\n", "Transfer-Encoding: chunked\r\n"),
      ["with a last chunk and a trailer"] = http("200 OK", "0\r\nContent-Length: 7\r\n\r\n",
        "transfer-encoding:  Chunked \r\n"),
      ["after an interim answer"] = http("103 Early Hints", "", "Link: </x>\r\n")
        .. http("200 OK", "", "content-length:0\r\n"),
      ["coded as nothing"] = http("200 OK", "", "Content-Length: 0\r\nContent-Encoding: gzip\r\n"),
    }) do
      it("is known to be empty " .. title, function()
        local body, fault = answered(bytes)
        assert.is_nil(fault)
        assert.equal("", body)
      end)
    end

    for title, bytes in pairs({
      ["that just ends"] = http("200 OK", ""),
      ["of HTTP/1.0 that just ends"] = "HTTP/1.0 200 OK\r\n\r\n",
      ["whose length belonged to an interim answer"] = http("103 Early Hints", "",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n") .. http("200 OK", ""),
      ["whose last coding is not chunks"] = http("200 OK", "",
        "Transfer-Encoding: chunked, identity\r\n"),
      ["that is coded within its chunks"] = http("200 OK", "0\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n"),
      ["that is coded by another line"] = http("200 OK", "0\r\n\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
      ["that calls itself identity"] = http("200 OK", "", "Transfer-Encoding: identity\r\n"),
    }) do
      it("is not known to be empty " .. title, function()
        -- Of codings that nobody asked for libcurl 8.5 hands over the chunks as they are.
        local body, fault = answered(bytes)
        assert.is_true(body ~= "" or fault ~= nil)
      end)
    end

    it("is not known to be empty where two lengths differ", function()
      local body, fault = answered(http("200 OK", "", "Content-Length: 5\r\nContent-Length: 0\r\n"))
      assert.is_true(body == nil or fault ~= nil)
    end)

    it("is not complete where its chunks do not end", function()
      local _, fault = answered(http("200 OK", "", "Transfer-Encoding: chunked\r\n"))
      assert.equal("lost", fault)
    end)
  end)

  it("is given to its end where it has one, whatever tells it", function()
    for _, lines in ipairs({ "", length("{}") }) do
      assert.equal("{}", (answered(http("200 OK", "{}", lines))))
    end
    assert.equal(" \r\n", (answered(http("200 OK", " \r\n", "Content-Length: 3\r\n"))))
  end)

  describe("in a coding that nobody asked for", function()
    local TEXT = '{"items":[{"id":"a","code":200}],"errors":false}'

    for name, coding in pairs({ gzip = "gzip", ["x-gzip"] = "gzip", deflate = "zlib",
      Deflate = "raw" }) do
      local bytes = coded.make(coding, TEXT)
      local lines = "Content-Encoding: " .. name .. "\r\n"

      it(("is given decoded: %s as %s"):format(name, coding), function()
        for _, status in ipairs({ "200 OK", "403 Forbidden", "500 Oops" }) do
          assert.equal(TEXT, (answered(http(status, bytes, lines .. length(bytes)))))
          assert.equal(TEXT, (answered(http(status, bytes, lines))))
        end
        assert.equal(TEXT, (answered(http("200 OK", ("%x\r\n"):format(#bytes) .. bytes
          .. "\r\n0\r\n\r\n", lines .. "Transfer-Encoding: chunked\r\n"))))
      end)

      it(("is read as a batch's: %s as %s"):format(name, coding), function()
        local body, fault, _, items = answered(http("200 OK", bytes, lines .. length(bytes)),
          FIELDS)
        assert.is_nil(fault)
        assert.equal(200, (items:run(1, 1)))
        assert.equal('{"items":[],"errors":false}', body)
      end)

      it(("is no answer where its end is missing: %s as %s"):format(name, coding), function()
        for last = 1, #bytes - 1 do
          local cut = bytes:sub(1, last)
          local fields = last % 2 == 0 and FIELDS or nil
          local body, fault, _, items, stage = answered(http("200 OK", cut, lines .. length(cut)),
            fields)
          assert.is_nil(body)
          assert.is_nil(fault)
          assert.is_nil(items)
          assert.equal("complete", stage)
        end
      end)
    end

    it("is given decoded where there are several, the last one first", function()
      local bytes = coded.make("zlib", coded.make("gzip", TEXT))
      for _, lines in ipairs({ "Content-Encoding: gzip, deflate\r\n",
        "Content-Encoding: identity,gzip ,\tdeflate\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: deflate\r\n" }) do
        assert.equal(TEXT, (answered(http("200 OK", bytes, lines .. length(bytes)))))
      end
      assert.is_nil((answered(http("200 OK", bytes, "Content-Encoding: deflate, gzip\r\n"
        .. length(bytes)))))
    end)

    it("is given as it is where that is no coding at all", function()
      for _, lines in ipairs({ "Content-Encoding: identity\r\n", "Content-Encoding:\r\n",
        "X-Content-Encoding: gzip\r\n" }) do
        assert.equal("{}", (answered(http("200 OK", "{}", lines .. length("{}")))))
      end
    end)

    it("is no answer in a coding that is not known, or in no coding at all", function()
      for _, name in ipairs({ "br", "zstd", "compress", "gzipped", "gzip, br", "br, gzip",
        "gzip;q=1", "gzip deflate", "gzip", "deflate" }) do
        local body, fault, retry_after, _, stage = answered(http("429 Slow down", "{}",
          "Content-Encoding: " .. name .. "\r\nRetry-After: 7\r\n" .. length("{}")))
        assert.message(name).is_nil(body)
        assert.message(name).is_nil(fault)
        assert.message(name).equal("complete", stage)
        assert.message(name).equal(7, retry_after)
      end
    end)

    it("is too large where what it holds is", function()
      local bytes = coded.make("gzip", (" "):rep(LIMIT + 1))
      local body, fault = answered(http("200 OK", bytes, "Content-Encoding: gzip\r\n"
        .. length(bytes)))
      assert.equal("too_large", fault)
      assert.equal("", body)
      bytes = coded.make("gzip", (" "):rep(LIMIT))
      assert.equal(LIMIT, #answered(http("200 OK", bytes, "Content-Encoding: gzip\r\n"
        .. length(bytes))))
      -- So it is before it is decoded, and one in another.
      bytes = coded.make("raw", (" "):rep(2 * LIMIT), 0)
      assert.equal("too_large", select(2, answered(http("200 OK", bytes,
        "Content-Encoding: deflate\r\n" .. length(bytes)))))
      bytes = coded.make("gzip", coded.make("gzip", (" "):rep(LIMIT + 1)))
      assert.equal("too_large", select(2, answered(http("200 OK", bytes,
        "Content-Encoding: gzip, gzip\r\n" .. length(bytes)))))
    end)
  end)

  describe("with a byte order mark", function()
    local TEXT = '\239\187\191{"items":[{"id":"a","code":200}]}'

    it("is read as a batch's, however it comes in pieces", function()
      for piece = 1, 5 do
        local items, rest = core.read_items(FIELDS, { "a" }, TEXT, piece)
        assert.equal(200, (items:run(1, 1)))
        assert.equal('\239\187\191{"items":[]}', rest)
      end
      local _, _, _, items = answered(http("200 OK", TEXT, length(TEXT)), FIELDS)
      assert.is_truthy(items)
    end)

    it("is none with half of one, two of them, or one in another place", function()
      for _, text in ipairs({ "\239" .. TEXT, "\239\187" .. TEXT, "\239\187\191" .. TEXT,
        TEXT:sub(1, 2) .. TEXT:sub(4), TEXT:sub(2), " " .. TEXT, TEXT .. "\239\187\191",
        TEXT:sub(1, 3), "\239\187\191" }) do
        for piece = 1, 4 do
          assert.is_nil((core.read_items(FIELDS, { "a" }, text, piece)))
        end
      end
    end)
  end)

  describe("with Retry-After", function()
    local function said(value)
      local _, _, seconds = answered(http("503 Busy", "", "Content-Length: 0\r\nRetry-After: "
        .. value .. "\r\n"))
      return seconds
    end

    local function dates(time)
      local long = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" }
      local short = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
        "Dec" }
      local t = os.date("!*t", time)
      local day, month = long[t.wday], short[t.month]
      return {
        ("%s, %02d %s %04d %02d:%02d:%02d GMT"):format(day:sub(1, 3), t.day, month, t.year, t.hour,
          t.min, t.sec),
        ("%s, %02d-%s-%02d %02d:%02d:%02d GMT"):format(day, t.day, month, t.year % 100, t.hour,
          t.min, t.sec),
        ("%s %s %2d %02d:%02d:%02d %04d"):format(day:sub(1, 3), month, t.day, t.hour, t.min, t.sec,
          t.year),
      }
    end

    it("tells seconds in digits", function()
      assert.equal(7, said("7"))
      assert.equal(120, said(" \t120 \t"))
      assert.equal(86400, said("0086400"))
      assert.equal(1e9, said(("9"):rep(100)))
    end)

    it("tells a date in each of the three forms", function()
      -- Months and years of all kinds; some seconds may pass on the way.
      for _, ahead in ipairs({ 30, 86400 * 3, 86400 * 31, 86400 * 400, 86400 * 365 * 20 }) do
        for _, date in ipairs(dates(os.time() + ahead)) do
          local seconds = said(date)
          assert.message(date).is_truthy(seconds)
          assert.message(date).is_true(seconds <= ahead and seconds > ahead - 120)
        end
      end
    end)

    it("tells nothing in any other way", function()
      local future = dates(os.time() + 86400)
      local values = { "2026-11-29T10:00:00Z", "2099-11-29T10:00:00Z", "1.9", "-1", "+1", "1e3",
        "5 x", "5s", "soon", "0x10", "1,5", "5, 10", "10 20", "", "\"5\"", "5;", "Infinity",
        future[1] .. "x", future[1]:sub(1, -2), (future[1]:gsub(" GMT", " UTC")),
        (future[1]:gsub("GMT", "+0000")), (future[1]:gsub("^%a+", "Xyz")),
        (future[1]:gsub(", ", " ")), (future[1]:gsub(":%d%d ", ":61 ")),
        (future[1]:gsub(" %d%d:", " 24:")), (future[1]:gsub(", %d%d", ", 32")),
        (future[1]:gsub(", %d%d", ", 00")), (future[1]:gsub(" %a%a%a ", " Foo ")),
        future[1]:lower(), (future[2]:gsub("^%a+", "Fri")) }
      for _, value in ipairs(values) do
        assert.message(value).is_nil(said(value))
      end
      for _, days in ipairs({ "30 Feb", "31 Apr", "31 Nov", "29 Feb" }) do
        assert.message(days).is_nil(said(("Mon, %s 2099 10:00:00 GMT"):format(days)))
      end
      assert.is_truthy(said("Mon, 29 Feb 2096 10:00:00 GMT"))
      assert.is_truthy(said("Mon, 28 Feb 2099 23:59:60 GMT"))
    end)

    it("tells nothing of what is over", function()
      for _, value in ipairs({ "0", "000", "Wed, 21 Oct 2015 07:28:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT", "Mon Jan  1 00:00:00 0001",
        "Sunday, 06-Nov-94 08:49:37 GMT" }) do
        assert.message(value).is_nil(said(value))
      end
    end)

    it("is the answer's own, and no interim one's nor a trailer's", function()
      local _, _, seconds = answered(http("103 Early Hints", "", "Retry-After: 9\r\n")
        .. http("503 Busy", "0\r\nRetry-After: 8\r\n\r\n", "Transfer-Encoding: chunked\r\n"))
      assert.is_nil(seconds)
    end)
  end)
end)
