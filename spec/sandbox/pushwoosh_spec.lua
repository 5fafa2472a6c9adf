local json = require("stopmsg.json")
local sandbox = require("stopmsg.sandbox")

local function code_of(ending)
  return "C3F8-C3863ED4-334A" .. ending
end

local function ask(served, path, body, token)
  return served:answer({
    method = "POST",
    path = path,
    headers = { authorization = token or "Token sandbox" },
    body = type(body) == "table" and json.encode(body) or body or "",
  })
end

local function cancel(served, code)
  return ask(served, "/messaging/v2/cancel", { message_code = code })
end

local function list(served, ...)
  return ask(served, "/api/v2/messages:list", {
    filters = { application = "AAAAA-BBBBB", messages_codes = { ... } },
  })
end

local function state(served, code)
  local item = json.decode(list(served, code).body).items[1]
  return item and item.status
end

describe("stopmsg.sandbox.pushwoosh", function()
  local served

  before_each(function()
    served = sandbox.new()
  end)

  it("knows one token", function()
    for _, token in ipairs({ "", "Basic sandbox", "Token x", "Token sandbox-type-2" }) do
      for _, path in ipairs({ "/messaging/v2/cancel", "/api/v2/messages:list" }) do
        local answer = ask(served, path, "{}", token)
        assert.equal(401, answer.status)
        assert.equal(16, json.decode(answer.body).code)
      end
    end
  end)

  it("cancels once", function()
    local code = code_of("D4F1")
    assert.equal("PENDING", state(served, code))
    local answer = cancel(served, code)
    assert.equal(200, answer.status)
    assert.equal("{}", answer.body)
    assert.equal(1, answer.ids)
    assert.equal("CANCELED", state(served, code))
    answer = cancel(served, code)
    assert.equal(400, answer.status)
    assert.equal(9, json.decode(answer.body).code)
  end)

  local fates = {
    { "0400", 400, 9, "DONE" },
    { "0003", 400, 3, nil },
    { "0403", 403, 7, nil },
    { "0404", 404, 5, nil },
    { "0429", 429, 8, "PENDING" },
    { "0500", 500, 13, "PENDING" },
  }
  for _, fate in ipairs(fates) do
    it(("a code that ends in %s gets %d with %d"):format(fate[1], fate[2], fate[3]), function()
      local answer = cancel(served, code_of(fate[1]))
      assert.equal(fate[2], answer.status)
      assert.equal(fate[3], json.decode(answer.body).code)
      assert.truthy(answer.body:find('"details":[]', 1, true))
      assert.equal(fate[4], state(served, code_of(fate[1])))
    end)
  end

  it("fails once or always", function()
    assert.equal("1", cancel(served, code_of("0429")).headers["Retry-After"])
    assert.equal(200, cancel(served, code_of("0429")).status)
    for _ = 1, 3 do
      assert.equal(503, cancel(served, code_of("0503")).status)
    end
    assert.equal(503, list(served, code_of("D4F1"), code_of("0503")).status)
  end)

  it("answers 400 with code 3 to a request without a code", function()
    for _, body in ipairs({ "", "{", "1", "{}", '{"message_code":""}', '{"message_code":1}' }) do
      local answer = ask(served, "/messaging/v2/cancel", body)
      assert.equal(400, answer.status, body)
      assert.equal(3, json.decode(answer.body).code)
    end
  end)

  it("lists several in pages", function()
    local request = {
      filters = { application = "A", messages_codes = { "a", "b", code_of("0404"), "c" } },
      per_page = 2,
      page = 2,
    }
    local answer = ask(served, "/api/v2/messages:list", request)
    assert.equal(4, answer.ids)
    local got = json.decode(answer.body)
    assert.equal(3, got.total)
    assert.equal(1, #got.items)
    assert.equal("c", got.items[1].code)
  end)

  it("lists nothing without the application or beyond the limits", function()
    local filters = { application = "A", messages_codes = { "a" } }
    for _, request in ipairs({
      {},
      { filters = { messages_codes = { "a" } } },
      { filters = filters, per_page = 1001 },
      { filters = filters, page = -1 },
      { filters = filters, page = 1.5 },
      { filters = { application = "A", messages_codes = "a" } },
      { filters = { application = "A", messages_codes = { 1 } } },
    }) do
      assert.equal(400, ask(served, "/api/v2/messages:list", request).status)
    end
    assert.equal(200, ask(served, "/api/v2/messages:list", { filters = filters, page = 0 }).status)
  end)

  it("has no other methods and paths", function()
    assert.equal(404, ask(served, "/messaging/v2/notify", "{}").status)
    assert.equal(501, served:answer({
      method = "GET", path = "/messaging/v2/cancel", headers = {}, body = "",
    }).status)
  end)
end)
