-- The vendors' own clients as judges, for `make oracle`: they are installed, and asked anew for
-- what spec/oracle/facts/ keeps of them.

local json = require("stopmsg.json")
local made = require("spec.support.clients")
local oracle = require("spec.support.oracle")
local server = require("spec.support.server")

local facts = oracle.facts()

local function clients()
  local names = {}
  for name, fact in pairs(facts) do
    if fact.client then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

describe("vendors' clients", function()
  for _, name in ipairs(clients()) do
    local fact = facts[name]
    local question = fact.question

    it(("still ask as was kept of them: %s"):format(fact.client), function()
      local answers
      local requests = oracle.record(fact.answer, function(base)
        answers = oracle.ask({ {
          client = name,
          base = base,
          token = question.token,
          settings = question.settings,
          id = question.id,
        } })
      end)
      assert.equal(fact.answer.outcome, answers[1].read, json.encode(answers[1]))
      assert.equal(1, #requests)
      assert.same({}, oracle.differences(fact.request, requests[1]))
    end)
  end
end)

-- How stopmsg says the same.
local OURS = { gone_or_sent = "not_stoppable", forbidden = "unknown" }

-- What it says else: Novu has `false` for an event that is not there, and 404 for a wrong address.
local OTHERWISE = { novu = { not_found = "failed" } }

describe("the sandbox", function()
  local sandbox

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  local function question(name, ending, token)
    local recorded = require("stopmsg.sandbox.answers." .. name)
    return {
      client = name,
      base = sandbox.url,
      token = token or "sandbox",
      settings = recorded.settings,
      id = recorded.id:format(1):sub(1, -#ending - 1) .. ending,
    }
  end

  -- A client that makes its own tokens cannot be taken for the sandbox's user.
  local readers = {}
  for _, name in ipairs(clients()) do
    readers[#readers + 1] = facts[name].reads and name or nil
  end

  for _, name in ipairs(readers) do
    it(("is read by %s as what it means"):format(facts[name].client), function()
      local questions, wanted, given = {}, {}, {}
      for ending, word in pairs(facts[name].reads) do
        questions[#questions + 1] = question(name, ending)
        wanted[questions[#questions].id] = word
      end
      questions[#questions + 1] = question(name, "0008", "wrong")
      wanted[questions[#questions].id] = "denied"
      for i, answer in ipairs(oracle.ask(questions)) do
        given[questions[i].id] = answer.read
      end
      assert.same(wanted, given)
    end)

    it(("is read by stopmsg as by %s"):format(facts[name].client), function()
      for ending, word in pairs(facts[name].reads) do
        local asked = question(name, (ending:gsub("0007", "0017")))
        local client = made.new({
          provider = name,
          token = asked.token,
          settings = asked.settings,
          base_url = sandbox.url,
        })
        local item = client:stop(asked.id)[1]
        client:close()
        local own = OTHERWISE[name] and OTHERWISE[name][word] or OURS[word] or word
        assert.message(asked.id).equal(own, item.outcome)
      end
    end)
  end
end)

describe("the vendor's OpenAPI file", function()
  for _, name in ipairs({ "resend", "twilio" }) do
    local fact = facts[name]

    it("accepts what was kept of " .. name, function()
      assert.same({}, oracle.judge(name, fact.request, fact.answer))
    end)

    it(("accepts what stopmsg sends to %s, and what the sandbox answers"):format(name), function()
      local question = {}
      for field, value in pairs(fact.question) do
        question[field] = value
      end
      question.token = "sandbox"
      local _, request = oracle.stop(name, { question = question, answer = fact.answer })
      local answer = oracle.sandbox(request)
      assert.equal(fact.answer.status, answer.status)
      assert.same({}, oracle.judge(name, request, answer))
      local lookup = { method = "GET", path = request.path:gsub("/cancel$", ""),
        headers = { authorization = request.headers.authorization } }
      answer = oracle.sandbox(lookup)
      assert.equal(200, answer.status)
      assert.same({}, oracle.judge(name, lookup, answer))
    end)

    it("refuses another request than " .. name .. "'s, or another answer", function()
      local request = { method = fact.request.method, path = fact.request.path .. "/x" }
      assert.not_same({}, oracle.judge(name, request, nil))
      assert.not_same({}, oracle.judge(name, fact.request, {
        status = 200,
        body = name == "twilio" and { status = "stopped" } or { last_event = "stopped" },
      }))
    end)
  end
end)
