local json = require("stopmsg.json")
local sandbox = require("stopmsg.sandbox")

local STOP = "/api/v1/message/stop"

-- A uuid with that ending; n makes it another one.
local function uuid(ending, n)
  return ("2a28d557-22a1-4be6-8908-%08x%s"):format(n or 1, ending)
end

local function ask(served, method, path, body, token)
  local bare, query = path:match("^([^?]*)%??(.*)$")
  return served:answer({
    method = method,
    path = bare,
    query = query,
    headers = { authorization = token or "Basic sandbox" },
    body = body or "",
  })
end

local function stop(served, ...)
  return ask(served, "POST", STOP, json.encode({ uuids = { ... } }))
end

local function status(served, id)
  local answer = ask(served, "GET", "/api/v1/message?message_uuid=" .. id)
  return json.decode(answer.body).items[1]
end

local function error_code(answer)
  return json.decode(answer.body).error.code
end

describe("stopmsg.sandbox.direct", function()
  local served

  before_each(function()
    served = sandbox.new({ now = function() return 1700000000 end })
  end)

  describe("token", function()
    local cases = {
      { "", 401, 4010 },
      { "Bearer sandbox", 401, 4010 },
      { "Basic other", 401, 4012 },
      { "Basic sandbox2", 401, 4012 },
      { "Basic sandbox-type-2", 403, 4030 },
    }
    for _, case in ipairs(cases) do
      it(("'%s' gets %d/%d"):format(case[1], case[2], case[3]), function()
        for _, path in ipairs({ STOP, "/api/v1/dispatch/1/stop" }) do
          local answer = ask(served, "POST", path, "{}", case[1])
          assert.equal(case[2], answer.status)
          assert.equal(case[3], error_code(answer))
        end
      end)
    end

    it("of any type tells the balance", function()
      for _, token in ipairs({ "Basic sandbox", "Basic sandbox-type-2" }) do
        local answer = ask(served, "GET", "/api/v1/balance", nil, token)
        assert.equal(200, answer.status)
        assert.equal('{"USD":1200.00}', answer.body)
      end
      assert.equal(401, ask(served, "GET", "/api/v1/balance", nil, "Basic x").status)
    end)
  end)

  describe("message/stop", function()
    local fates = {
      { "aaaa", 200, "unsent" },
      { "0200", 200, "unsent" },
      { "0201", 201, "unsent" },
      { "0202", 202, "sent" },
      { "0403", 403, "sent" },
      { "0404", 404, nil },
      { "0418", 418, "sending" },
    }
    for _, fate in ipairs(fates) do
      it(("an id that ends in %s gets %d and then is %s"):format(fate[1], fate[2],
        tostring(fate[3])), function()
        local id = uuid(fate[1])
        local answer = stop(served, id)
        assert.equal(200, answer.status)
        assert.equal("application/json", answer.headers["Content-Type"])
        local errors = fate[2] == 403 or fate[2] == 404
        assert.same({ errors = errors, items = { { messageUuid = id, code = fate[2] } } },
          json.decode(answer.body))
        local item = status(served, id)
        assert.equal(fate[3], item and item.status)
      end)
    end

    it("answers in the order asked and leaves out 0000", function()
      local answer = stop(served, uuid("0000"), uuid("0404"), uuid("0000", 2), uuid("bbbb"),
        uuid("0000", 3))
      assert.equal(5, answer.ids)
      assert.same({
        errors = true,
        items = {
          { messageUuid = uuid("0404"), code = 404 },
          { messageUuid = uuid("bbbb"), code = 200 },
        },
      }, json.decode(answer.body))
      assert.equal("unsent", status(served, uuid("0000")).status)
    end)

    it("answers no items where all are left out", function()
      assert.equal('{"errors":false,"items":[]}', stop(served, uuid("0000")).body)
    end)

    it("answers 200 again to a second stop", function()
      stop(served, uuid("aaaa"))
      assert.equal(200, json.decode(stop(served, uuid("aaaa")).body).items[1].code)
    end)

    it("knows an id in either case and writes it in lower case", function()
      local answer = stop(served, (uuid("aaaa"):upper()))
      assert.equal(uuid("aaaa"), json.decode(answer.body).items[1].messageUuid)
      assert.equal("unsent", status(served, uuid("aaaa")).status)
    end)

    it("refuses what is no list of uuids with 400", function()
      local bodies = {
        "", "{", "[]", "1", "{}", '{"uuids":[]}', '{"uuids":"x"}', '{"uuids":{"a":1}}',
        '{"uuids":[null]}', '{"uuids":[1]}', '{"uuids":["x"]}',
        '{"uuids":["' .. uuid("aaaa") .. '","2a28d557x22a1-4be6-8908-1481723043dd"]}',
        '{"uuids":["2a28d557-22a1-4be6-8908-1481723043dg"]}',
        '{"uuids":["2a28d55722a1-4be6-8908-1-481723043dd"]}',
      }
      for _, body in ipairs(bodies) do
        local answer = ask(served, "POST", STOP, body)
        assert.equal(400, answer.status, body)
        assert.equal(400, math.floor(error_code(answer) / 10))
      end
      assert.equal("sending", status(served, uuid("aaaa")).status)
    end)

    it("refuses every batch that holds an id that ends in 0400", function()
      assert.equal(400, stop(served, uuid("aaaa"), uuid("0400")).status)
      assert.equal("sending", status(served, uuid("aaaa")).status)
      assert.equal(400, stop(served, uuid("0400")).status)
      assert.equal(200, stop(served, uuid("aaaa")).status)
    end)

    it("takes 10,000 uuids and no more", function()
      local ids = {}
      for i = 1, 10000 do
        ids[i] = uuid("aaaa", i)
      end
      local answer = ask(served, "POST", STOP, json.encode({ uuids = ids }))
      assert.equal(200, answer.status)
      local items = json.decode(answer.body).items
      assert.equal(10000, #items)
      assert.equal(ids[10000], items[10000].messageUuid)
      ids[10001] = uuid("aaaa", 10001)
      answer = ask(served, "POST", STOP, json.encode({ uuids = ids }))
      assert.equal(413, answer.status)
      assert.equal(10001, answer.ids)
    end)
  end)

  describe("trouble", function()
    it("429 and 500 come once for each id, 503 always", function()
      for _, case in ipairs({ { "0429", 429, 200 }, { "0500", 500, 200 }, { "0503", 503, 503 } }) do
        for n = 1, 2 do
          local first = stop(served, uuid("aaaa"), uuid(case[1], n))
          assert.equal(case[2], first.status)
          assert.equal(case[2] == 429 and "1" or nil, first.headers["Retry-After"])
          assert.equal(case[2] * 10, error_code(first))
          assert.equal(case[3], stop(served, uuid("aaaa"), uuid(case[1], n)).status)
        end
      end
    end)

    it("of several kinds comes one kind a request", function()
      local statuses = {}
      for i = 1, 4 do
        statuses[i] = stop(served, uuid("0429"), uuid("0500"), uuid("0429", 2)).status
      end
      assert.same({ 429, 500, 429, 200 }, statuses)
    end)

    it("is not used up by a request that is refused anyway", function()
      assert.equal(400, stop(served, uuid("0429"), "x").status)
      assert.equal(429, stop(served, uuid("0429")).status)
    end)

    it("stops nothing", function()
      stop(served, uuid("aaaa"), uuid("0500"))
      assert.equal("sending", status(served, uuid("aaaa")).status)
    end)
  end)

  describe("message status", function()
    it("lists the known ones of those asked for", function()
      stop(served, uuid("aaaa"))
      local answer = ask(served, "GET", "/api/v1/message?per_page=100&message_uuid="
        .. uuid("aaaa") .. "&message_uuid=" .. uuid("0404") .. "&message_uuid=" .. uuid("0403"))
      assert.equal(3, answer.ids)
      local list = json.decode(answer.body)
      assert.equal(2, list.total)
      assert.same({
        { messageUuid = uuid("aaaa"), status = "unsent", statusTime = "2023-11-14T22:13:20Z",
          errorCode = json.null },
        { messageUuid = uuid("0403"), status = "sent", statusTime = "2023-11-14T22:13:20Z",
          errorCode = json.null },
      }, list.items)
    end)

    it("comes in pages", function()
      local query = "/api/v1/message?message_uuid=" .. uuid("aaaa") .. "&message_uuid="
        .. uuid("bbbb") .. "&message_uuid=" .. uuid("cccc") .. "&per_page=2&page="
      for page, ids in ipairs({ { uuid("aaaa"), uuid("bbbb") }, { uuid("cccc") }, {} }) do
        local list = json.decode(ask(served, "GET", query .. page).body)
        assert.equal(3, list.total)
        local got = {}
        for i, item in ipairs(list.items) do
          got[i] = item.messageUuid
        end
        assert.same(ids, got)
      end
    end)

    it("refuses pages beyond 10,000 items, odd pages and odd uuids", function()
      for _, query in ipairs({ "per_page=10001", "per_page=100&page=101", "page=0", "page=x",
        "per_page=1.5", "message_uuid=x" }) do
        assert.equal(400, ask(served, "GET", "/api/v1/message?" .. query).status, query)
      end
      assert.equal(200, ask(served, "GET", "/api/v1/message?per_page=10000").status)
    end)

    it("of one message", function()
      local answer = ask(served, "GET", "/api/v1/message/" .. uuid("aaaa"))
      assert.equal("sending", json.decode(answer.body).status)
      assert.equal(404, ask(served, "GET", "/api/v1/message/" .. uuid("0404")).status)
      assert.equal(400, ask(served, "GET", "/api/v1/message/x").status)
      assert.equal(503, ask(served, "GET", "/api/v1/message/" .. uuid("0503")).status)
    end)
  end)

  describe("dispatch", function()
    local function stop_dispatch(id)
      return ask(served, "POST", "/api/v1/dispatch/" .. id .. "/stop")
    end

    local function state(id)
      local answer = ask(served, "GET", "/api/v1/dispatch?dispatch_id=" .. id)
      local item = json.decode(answer.body).items[1]
      return item and item.status
    end

    it("is stopped once, with an empty answer", function()
      assert.equal("sending", state("10000000125"))
      local answer = stop_dispatch("10000000125")
      assert.equal(200, answer.status)
      assert.equal("", answer.body)
      assert.equal("stopped", state("10000000125"))
      answer = stop_dispatch("10000000125")
      assert.equal(403, answer.status)
      assert.equal(4031, error_code(answer))
    end)

    local fates = {
      { "14031", 403, 4031, "done" },
      { "14032", 403, 4031, "initiated" },
      { "14040", 404, 4040, nil },
      { "14030", 403, 4030, "sending" },
      { "10429", 429, 4290, "sending" },
      { "10500", 500, 5000, "sending" },
      { "x", 400, 4000 },
    }
    for _, fate in ipairs(fates) do
      it(("%s gets %d/%d"):format(fate[1], fate[2], fate[3]), function()
        local answer = stop_dispatch(fate[1])
        assert.equal(fate[2], answer.status)
        assert.equal(fate[3], error_code(answer))
        if fate[1] ~= "x" then
          assert.equal(fate[4], state(fate[1]))
        end
      end)
    end

    it("is named in the refusal", function()
      assert.equal("Dispatch 14040 not found", json.decode(stop_dispatch("14040").body).error.msg)
    end)

    it("ids beyond 32 bits keep their digits in the list", function()
      local answer = ask(served, "GET", "/api/v1/dispatch?dispatch_id=10000000125&dispatch_id=7")
      assert.equal(2, json.decode(answer.body).total)
      assert.truthy(answer.body:find('"dispatchId":10000000125,', 1, true))
    end)
  end)

  it("refuses other methods and paths", function()
    assert.equal(405, ask(served, "DELETE", STOP).status)
    assert.equal(404, ask(served, "POST", "/api/v1/other").status)
  end)
end)
