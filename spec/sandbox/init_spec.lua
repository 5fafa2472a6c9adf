local json = require("stopmsg.json")
local sandbox = require("stopmsg.sandbox")

describe("stopmsg.sandbox", function()
  it("answers 404 to paths of nobody", function()
    local answer = sandbox.new():answer({ method = "GET", path = "/", headers = {}, body = "" })
    assert.equal(404, answer.status)
    assert.equal(0, answer.ids)
  end)

  it("tells the tokens and the fates in lines that fit a terminal", function()
    local about = sandbox.about()
    for _, word in ipairs({ "sandbox-type-2", "0429", "0503", "4031", "0999", "0404" }) do
      assert.truthy(about:find(word, 1, true), word)
    end
    for line in about:gmatch("[^\n]+") do
      assert.is_true(#line <= 100)
    end
  end)

  it("shows a stop only after it has settled", function()
    local now = 100
    local served = sandbox.new({ settle = 5, now = function() return now end })

    local function states()
      local function ask(method, path, headers, body)
        local bare, query = path:match("^([^?]*)%??(.*)$")
        return json.decode(served:answer({
          method = method, path = bare, query = query, headers = headers, body = body or "",
        }).body)
      end
      local basic = { authorization = "Basic sandbox" }
      return {
        ask("GET", "/api/v1/message/2a28d557-22a1-4be6-8908-1481723043dd", basic).status,
        ask("GET", "/api/v1/dispatch?dispatch_id=1", basic).items[1].status,
        ask("POST", "/api/v2/messages:list", { authorization = "Token sandbox" },
          '{"filters":{"application":"A","messages_codes":["c"]}}').items[1].status,
        ask("GET", "/rest/message/a", { authorization = "Bearer sandbox", ["x-version"] = "1" })
          .data.messageStatus,
      }
    end

    local function stop(method, path, headers, body)
      local answer = served:answer({ method = method, path = path, headers = headers,
        body = body or "" })
      assert.equal(200, answer.status)
      return answer.body
    end

    assert.same({ "sending", "sending", "PENDING", "011" }, states())
    local basic = { authorization = "Basic sandbox" }
    stop("POST", "/api/v1/message/stop", basic,
      '{"uuids":["2a28d557-22a1-4be6-8908-1481723043dd"]}')
    stop("POST", "/api/v1/dispatch/1/stop", basic)
    stop("POST", "/messaging/v2/cancel", { authorization = "Token sandbox" },
      '{"message_code":"c"}')
    local answer = stop("DELETE", "/rest/message/a",
      { authorization = "Bearer sandbox", ["x-version"] = "1" })
    assert.truthy(answer:find('"006"', 1, true))
    now = 104
    assert.same({ "sending", "sending", "PENDING", "011" }, states())
    now = 105
    assert.same({ "unsent", "stopped", "CANCELED", "006" }, states())
  end)
end)
