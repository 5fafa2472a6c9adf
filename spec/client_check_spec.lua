-- check, wrong use, and what a lookup sends, over real sockets: against the sandbox in a process of
-- its own, and against a server that gives requests back as they are.

local patience = require("spec.support.patience")
local server = require("spec.support.server")
local statuses = require("spec.support.statuses")
local stopmsg = require("stopmsg")

local uuid, code, hex, new = statuses.uuid, statuses.code, statuses.hex, statuses.new
local requests_of, raised, TOKEN = statuses.requests_of, statuses.raised, statuses.TOKEN
local APPLICATION, lines = statuses.APPLICATION, statuses.lines

-- Seconds until a stop shows in the status calls of the slow sandbox.
local SETTLE = 0.06
local QUICK = { timeout = patience.SECONDS, interval = 0.03 }

describe("stopmsg.client", function()
  local quick, slow, echo

  setup(function()
    quick = server.start()
    slow = server.start({ settle = SETTLE })
    echo = server.echo()
    echo.url = echo.first_line
  end)

  teardown(function()
    for _, one in ipairs({ quick, slow, echo }) do
      one:stop()
    end
  end)

  describe(":check", function()
    it("is true at revicom, for a key of any type, and stops nothing", function()
      for _, token in ipairs({ TOKEN, "sandbox-type-2" }) do
        local log = requests_of(quick, function()
          local values = { new(quick, "revicom", { token = token }):check() }
          assert.same({ true }, values)
        end)
        assert.equal(1, #log)
        assert.equal("GET", log[1].method)
        assert.equal("/api/v1/balance", log[1].path:match("^[^?]*"))
      end
    end)

    for _, provider in ipairs({ "idigital", "pushwoosh", "clickatell" }) do
      it("is unsupported at " .. provider .. ", and sends nothing", function()
        local log = requests_of(quick, function()
          local ok, message, err = new(quick, provider):check()
          assert.is_nil(ok)
          assert.equal("unsupported", message)
          assert.equal("unsupported", err.reason)
          assert.equal("unsupported", tostring(err))
        end)
        assert.same({}, log)
      end)
    end

    it("asks the sibling's balance at idigital where that is allowed", function()
      assert.is_true(new(quick, "idigital", { undocumented = true }):check())
    end)

    it("tells of a refused token", function()
      local ok, message, err = new(quick, "revicom", { token = "wrong" }):check()
      assert.is_nil(ok)
      assert.equal("Bad credentials", message)
      assert.equal("denied", err.outcome)
      assert.equal("credentials", err.reason)
      assert.equal(4012, err.code)
      assert.equal(401, err.http)
      assert.equal(message, tostring(err))
    end)

    it("asks a token function once more when the first token is refused", function()
      local asked = 0
      assert.is_true(new(quick, "revicom", { token = function()
        asked = asked + 1
        return asked == 1 and "stale" or TOKEN
      end }):check())
      assert.equal(2, asked)
    end)

    it("tells of a port where nobody listens", function()
      local ok, message, err = new({ url = "http://127.0.0.1:1" }, "revicom",
        { max_attempts = 1 }):check()
      assert.is_nil(ok)
      assert.is_string(message)
      assert.equal("failed", err.outcome)
      assert.equal("connect", err.reason)
    end)

    it("is not true for a page of somebody else's", function()
      local fixed = server.echo("<html>Login</html>")
      local ok, message, err = new({ url = fixed.first_line }, "revicom"):check()
      fixed:stop()
      assert.is_nil(ok)
      assert.is_string(message)
      assert.equal("bad_response", err.reason)
    end)
  end)

  describe("wrong use", function()
    local IDS = "expected an id or a list of ids, got "

    for what, case in pairs({
      ["status of nothing"] = { function(c) c:status() end,
        "bad argument #1 to 'status' (" .. IDS .. "nil)" },
      ["status of an empty list"] = { function(c) c:status({}) end,
        "bad argument #1 to 'status' (the list is empty; expected at least one id)" },
      ["an unknown option of status"] = { function(c) c:status(uuid(1), { knid = "message" }) end,
        "bad argument #2 to 'status' (unknown option 'knid'; did you mean 'kind'?)" },
      ["a kind that there is not"] = { function(c) c:status(uuid(1), { kind = "mail" }) end,
        "bad argument #2 to 'status' (option 'kind': expected \"message\" or \"dispatch\", got a "
          .. "string)" },
      ["verify that is a number"] = { function(c) c:stop(uuid(1), { verify = 5 }) end,
        "bad argument #2 to 'stop' (option 'verify': expected true, false or { timeout = …, "
          .. "interval = … }, got a number)" },
      ["verify without time"] = { function(c) c:stop(uuid(1), { verify = { timeout = 0 } }) end,
        "bad argument #2 to 'stop' (option 'verify': option 'timeout': expected seconds, a number "
          .. "from 0.001 to a year, got 0)" },
      ["an unknown option of verify"] = {
        function(c) c:stop(uuid(1), { verify = { timout = 1 } }) end,
        "bad argument #2 to 'stop' (option 'verify': unknown option 'timout'; did you mean "
          .. "'timeout'?)" },
      ["verify of a stream"] = { function(c) c:each({ uuid(1) }, { verify = true }) end,
        "bad argument #2 to 'each' (option 'verify': each() does not keep the items to look up)" },
      ["verify of no report"] = { function(c) c:verify({}) end,
        "bad argument #1 to 'verify' (expected a report, got table)" },
      ["verify of nothing"] = { function(c) c:verify() end,
        "bad argument #1 to 'verify' (expected a report, got nil)" },
      ["verify with an unknown option"] = { function(c) c:verify({}, { intervall = 1 }) end,
        "bad argument #2 to 'verify' (unknown option 'intervall'; did you mean 'interval'?)" },
      ["verify with a time that is none"] = { function(c) c:verify({}, { timeout = "1" }) end,
        "bad argument #2 to 'verify' (option 'timeout': expected seconds, a number from 0.001 "
          .. "to a year, got a string)" },
    }) do
      it(what .. " raises where it was called, and sends nothing", function()
        local client = new(quick, "revicom")
        local log = requests_of(quick, function()
          assert.equal(case[2], raised(function()
            case[1](client)
          end))
        end)
        assert.same({}, log)
      end)
    end

    it("pushwoosh without application raises before anything is sent", function()
      local client = new(quick, "pushwoosh", { application = false })
      local log = requests_of(quick, function()
        for _, call in ipairs({
          function() client:status(code(1)) end,
          function() client:stop(code(1), { verify = true }) end,
        }) do
          assert.matches("pushwoosh: status needs the setting 'application': the app",
            raised(call))
        end
      end)
      assert.same({}, log)
      local report = client:stop(code(61))
      log = requests_of(quick, function()
        assert.matches("pushwoosh: status needs the setting 'application'", raised(function()
          client:verify(report)
        end))
      end)
      assert.same({}, log)
    end)

    it("a provider without lookups raises with what it has, before anything is sent", function()
      local definition = stopmsg.definition("clickatell")
      definition.status = nil
      local client = new(quick, definition)
      local log = requests_of(quick, function()
        assert.equal("clickatell has no status; it has: stop", raised(function()
          client:stop(hex(1), { verify = true })
        end))
      end)
      assert.same({}, log)
    end)

    it("a closed client raises", function()
      local client = new(quick, "revicom")
      local report = client:stop(uuid(95))
      client:close()
      for _, call in ipairs({
        function() client:status(uuid(1)) end,
        function() client:verify(report) end,
        function() client:check() end,
        function() client:stop(uuid(1), { verify = true }) end,
      }) do
        assert.equal("attempt to use a closed client", raised(call))
      end
    end)
  end)

  describe("on the wire", function()
    -- What a lookup of a provider sends, byte for byte: the definition's own request, with nothing
    -- but the reading of the answer changed. Gives the first line, the headers and the body.
    local function sent(definition, name, ids, more)
      local raw
      local operation = definition[name]
      operation[200], operation.refused, definition.refused = nil, nil, nil
      operation.decode = function(reply)
        raw = reply.body
        return { outcome = "open" }
      end
      local client = new(echo, definition, more)
      if name == "check" then
        client:check()
      else
        client:status(ids)
      end
      client:close()
      local first, head, body = raw:match("^(.-)\r\n(.-)\r\n\r\n(.*)$")
      local headers = {}
      for line in (head .. "\r\n"):gmatch("(.-)\r\n") do
        local field, value = line:match("^(.-): (.*)$")
        headers[field:lower()] = value
      end
      return first, headers, body
    end

    it("revicom: uuids repeated in the address, nothing in a body", function()
      local first, headers, body = sent(stopmsg.definition("revicom"), "status",
        { uuid(1), uuid(2), uuid(1) })
      assert.equal(("GET /api/v1/message?per_page=100&message_uuid=%s&message_uuid=%s HTTP/1.1")
        :format(uuid(1), uuid(2)), first)
      assert.equal("Basic sandbox", headers.authorization)
      assert.is_nil(headers["content-type"])
      assert.is_nil(headers["content-length"])
      assert.equal("", body)
    end)

    it("revicom: the address of a full lookup is one that servers take", function()
      local ids = {}
      for i = 1, 100 do
        ids[i] = uuid(i)
      end
      local first = sent(stopmsg.definition("revicom"), "status", ids)
      local _, count = first:gsub("message_uuid=", "")
      assert.equal(100, count)
      assert.is_true(#first < 8000)
    end)

    it("idigital: dispatch numbers repeated in the address", function()
      local first, headers, body = sent(stopmsg.definition("idigital"), "status_dispatch",
        { 1234, "10000000125" })
      assert.equal("GET /api/v1/dispatch?per_page=100&dispatch_id=1234&dispatch_id=10000000125 "
        .. "HTTP/1.1", first)
      assert.equal("Basic sandbox", headers.authorization)
      assert.is_nil(headers["content-type"])
      assert.equal("", body)
    end)

    it("pushwoosh: codes and application in filters", function()
      local first, headers, body = sent(stopmsg.definition("pushwoosh"), "status",
        { code(1), code(2) })
      assert.equal("POST /api/v2/messages:list HTTP/1.1", first)
      assert.equal("Token sandbox", headers.authorization)
      assert.equal("application/json", headers["content-type"])
      assert.equal(('{"filters":{"application":"%s","messages_codes":["%s","%s"]},"per_page":100}')
        :format(APPLICATION, code(1), code(2)), body)
      assert.equal(tostring(#body), headers["content-length"])
    end)

    it("pushwoosh: an application is text in JSON, whatever is in it", function()
      local odd = 'a"b\\c{id}'
      local _, _, body = sent(stopmsg.definition("pushwoosh"), "status", { code(1) },
        { application = odd })
      local document = require("stopmsg.json").decode(body)
      assert.equal(odd, document.filters.application)
      assert.same({ code(1) }, document.filters.messages_codes)
    end)

    for format, mime in pairs({ json = "application/json", xml = "application/xml" }) do
      it("clickatell in " .. format .. ": the id in the path", function()
        local first, headers, body = sent(stopmsg.definition("clickatell"), "status", { hex(1) },
          { format = format })
        assert.equal("GET /rest/message/" .. hex(1) .. " HTTP/1.1", first)
        assert.equal("Bearer sandbox", headers.authorization)
        assert.equal("1", headers["x-version"])
        assert.equal(mime, headers.accept)
        assert.is_nil(headers["content-type"])
        assert.equal("", body)
      end)
    end

    it("revicom: a check is a question for the balance", function()
      local first, headers, body = sent(stopmsg.definition("revicom"), "check")
      assert.equal("GET /api/v1/balance HTTP/1.1", first)
      assert.equal("Basic sandbox", headers.authorization)
      assert.equal("", body)
    end)

    it("pushwoosh: scheme and wrapping are the definition's, to be changed", function()
      local definition = stopmsg.definition("pushwoosh")
      local status = definition.status
      status.headers = { Authorization = "Api {token}" }
      status.json = { request = status.json }
      local first, headers, body = sent(definition, "status", { code(1), code(2) })
      assert.equal("POST /api/v2/messages:list HTTP/1.1", first)
      assert.equal("Api sandbox", headers.authorization)
      assert.equal(('{"request":{"filters":{"application":"%s","messages_codes":["%s","%s"]},'
        .. '"per_page":100}}'):format(APPLICATION, code(1), code(2)), body)

      -- The built-in definition is as it was.
      local _, other_headers, other = sent(stopmsg.definition("pushwoosh"), "status", { code(1) })
      assert.equal("Token sandbox", other_headers.authorization)
      assert.is_nil(other:find("request", 1, true))
    end)

    it("revicom: how uuids are repeated is the definition's, to be changed", function()
      local definition = stopmsg.definition("revicom")
      definition.status.request = "GET /api/v1/message?message_uuid[]={ids}"
      local first = sent(definition, "status", { uuid(1), uuid(2) })
      assert.equal(("GET /api/v1/message?message_uuid[]=%s&message_uuid[]=%s HTTP/1.1"):format(
        uuid(1), uuid(2)), first)
    end)
  end)

  describe("stopmsg.definition", function()
    it("gives a copy that works as the built-in one does", function()
      local definition = stopmsg.definition("pushwoosh")
      definition.name = "ours"
      local report = new(slow, definition, { application = APPLICATION }):stop(code(71),
        { verify = QUICK })
      assert.same({ "stopped CANCELED true" }, lines(report))
    end)

    it("gives a fresh one each time, and never the built-in one", function()
      for _, name in ipairs(stopmsg.providers()) do
        local first, second = stopmsg.definition(name), stopmsg.definition(name)
        assert.same(first, second)
        first.name = "changed"
        first.url = "https://changed"
        for _, operation in ipairs({ "stop", "stop_dispatch", "status" }) do
          if first[operation] then
            first[operation].request = "GET /changed/{id}"
            first[operation][403] = "failed"
          end
        end
        assert.equal(name, second.name)
        assert.same(second, stopmsg.definition(name))
        assert.not_equal("https://changed", require("stopmsg.provider").load(name).url)
      end
    end)

    it("raises for a provider that there is not, with the nearest", function()
      for name, nearest in pairs({ revikom = "'revicom'", [7] = "", [false] = "" }) do
        local message = raised(function()
          stopmsg.definition(name)
        end)
        assert.matches("unknown provider '?" .. tostring(name) .. "'?; did you mean", message)
        assert.matches(nearest, message, 1, true)
        assert.matches("`stopmsg providers` lists all", message, 1, true)
      end
    end)
  end)
end)
