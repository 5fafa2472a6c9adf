-- Calls of several runs, which warn of strangers where no response of the whole call had the
-- provider's form.

local patience = require("spec.support.patience")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local WARNING = "no response was in the provider's form: check base_url and the proxy"
local UUID = "2a28d557-22a1-4be6-8908-1481723043dd"

-- Which kinds of request the provider itself answers; the others get a login page.
local CODE = [[local answers, uuid = %s, "]] .. UUID .. [["
  return function(request)
    local is_stop = request.method == "POST"
    local kind = is_stop and "stop" or request.target:find(uuid, 1, true) and "status" or "find"
    if not answers[kind] then
      return 200, "<html>Log in</html>"
    elseif is_stop then
      return 200, '{"errors":false,"items":[{"messageUuid":"' .. uuid .. '","code":200}]}'
    end
    return 200, '{"total":1,"items":[{"messageUuid":"' .. uuid .. '","status":"'
      .. (kind == "find" and "sending" or "unsent") .. '"}]}'
  end]]

-- The warnings of strangers in the report of `call`, at a provider that answers as `code` says.
local function warnings(code, name, call, ...)
  local provider = server.scripted(code)
  local client = stopmsg.new({ provider = name, token = "key", base_url = provider.url,
    patience = 0, max_attempts = 1 })
  local ended, report = pcall(call, client, ...)
  client:close()
  provider:stop()
  assert(ended, report)
  local count = 0
  for _, warning in ipairs(report.warnings) do
    count = count + (warning == WARNING and 1 or 0)
  end
  return count
end

local calls = {}

function calls.find(client)
  local next_item, report = client:find()
  repeat
    local item = next_item()
  until not item
  return report
end

function calls.stop_where(client)
  local next_item, report = client:stop_where(nil, { all = true, interval = 0.01 })
  repeat
    local item = next_item()
  until not item
  return report
end

function calls.stop_and_verify(client, verify)
  return client:stop(UUID, { verify = verify })
end

function calls.stop_then_verify(client, verify)
  return client:verify(client:stop(UUID), verify)
end

describe("a warning of strangers", function()
  for _, case in ipairs({
    { "find", "{}", 1 },
    { "find", "{ find = true }", 0 },
    { "stop_where", "{}", 1 },
    { "stop_where", "{ find = true }", 0 },
    { "stop_where", "{ find = true, stop = true }", 0 },
    { "stop_and_verify", "{}", 1 },
    { "stop_and_verify", "{ stop = true }", 0 },
    { "stop_and_verify", "{ status = true }", 0 },
    -- Each call speaks of its own responses.
    { "stop_then_verify", "{}", 1 },
    { "stop_then_verify", "{ stop = true }", 1 },
    { "stop_then_verify", "{ stop = true, status = true }", 0 },
  }) do
    local call, answers, count = case[1], case[2], case[3]

    it(("is %s %s where the provider answers to %s"):format(
      count == 0 and "not in the report of" or "once in the report of", call, answers), function()
      -- On a busy machine no lookup fits into a short time.
      patience.grow(0.05, function(seconds)
        return count == warnings(CODE:format(answers), "revicom", calls[call],
          { timeout = seconds, interval = 0.01 })
      end)
    end)
  end

  it("is not in the report of one id whose stop was answered as usual", function()
    patience.grow(0.05, function(seconds)
      local requests
      assert.equal(0, warnings([[return function(request)
        return 200, request.method == "POST" and "" or "<html>Log in</html>"
      end]], "idigital", function(client)
        local report = client:stop_dispatch("7", { verify = { timeout = seconds,
          interval = seconds } })
        assert.equal("stopped", report[1].outcome)
        requests = report.requests
        return report
      end))
      return requests == 2
    end)
  end)
end)
