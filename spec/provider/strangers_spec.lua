-- What proxies, gateways and other APIs answer, to every operation of the providers with recorded
-- answers: nothing of it settles a message, but for what a provider's own answer looks like.
-- spec/strangers_spec.lua goes through all statuses for the four others.

local answers = require("spec.support.answers")
local providers = require("stopmsg.provider")
local recorded = require("stopmsg.sandbox.recorded")
local sample = require("spec.support.sample")
local strange = require("spec.support.strange")

local STATUSES = { 200, 201, 202, 204, 302, 400, 403, 404, 405, 409, 410, 422 }

-- Bodies that are in this provider's own form, as its pages have it.
local OWN = {
  discord = { '{"code":20404,"message":"x","status":404}' },
  airship = { '{"error_code":4040}' },
  infobip = { '{"errorCode":"E404","description":"x"}' }, -- stops are in spec/definitions_spec.lua
  novu = { "true", "false",
    '{"statusCode":404,"timestamp":"t","path":"/v1/x","message":"Cannot DELETE /v1/x"}' },
  onesignal = { '{"success":true}', '{"errors":["x"]}' },
  sendgrid = { '{"errors":[{"code":4031,"message":"x"}]}' },
  slack = { '{"ok":true}', '{"ok":false,"error":"invalid_auth"}' },
  twilio = { '{"code":20404,"message":"x","status":404}' },
}

-- The word that an answer settles a message with; nil where it settles nothing. A refused batch is
-- halved, so that each id gets its own answer.
local function settled(action, verdict)
  local word = verdict[1] and verdict[1].outcome or verdict.outcome
  if action == "credentials" then
    return action
  end
  return word ~= "failed" and word ~= "unknown" and word or nil
end

describe("an answer of a stranger", function()
  local takes = sample.start()

  for _, name in ipairs(providers.names()) do
    local all = recorded.find(name)
    if all then
      it("settles nothing at " .. name, function()
        local found, count, is_own = {}, 0, {}
        for _, body in ipairs(OWN[name] or {}) do
          is_own[body] = true
        end
        for call, operation in pairs(providers.load(name).operations) do
          for _, one in ipairs(operation.is_list and {} or { operation, operation.single }) do
            local read = answers.reader(one, { all.id:format(1) }, one.format)
            for _, status in ipairs(STATUSES) do
              for _, body in ipairs(strange) do
                local word = takes() and settled(read(status, body))
                if word and not is_own[body] then
                  found[#found + 1] = ("%s %s %d %s: %s"):format(name, call, status,
                    body:sub(1, 120), word)
                end
                count = count + 1
              end
            end
          end
        end
        assert.same({}, found)
        assert.is_true(count > 2000)
      end)
    end
  end
end)
