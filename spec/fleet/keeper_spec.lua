-- What one process does for a shared rate, over a clock and a Redis that do what they are told.

local keeper = require("stopmsg.fleet.keeper")

describe("stopmsg.fleet.keeper", function()
  local now, asked, can_send, trouble, made

  -- A caller that keeps what it was asked; answer() gives the oldest its reply.
  before_each(function()
    now, asked, can_send, trouble = 1000, {}, true, nil
    local caller = {
      connection = "a connection",
      run = function(_, arguments, on_reply)
        if can_send then
          asked[#asked + 1] = { arguments = arguments, on_reply = on_reply }
        end
        return can_send
      end,
      trouble = function()
        return trouble
      end,
      due = function()
        return 0.3
      end,
    }
    made = keeper.new({ rate = 50, name = "Redis at here", caller = caller,
      clock = function() return now end, password = "canary" })
  end)

  local function answer(...)
    table.remove(asked, 1).on_reply(...)
  end

  -- first, interval and pause in seconds
  local function slot(first, pause)
    answer({ first * 1e6, 20000, (pause or 0) * 1e6 }, nil, false)
  end

  it("asks for one slot at first, and says when to look again", function()
    local seconds, why, who = made:ask()
    assert.equal(0.3, seconds)
    assert.is_nil(why)
    assert.equal(made, who)
    assert.equal("a connection", made.connection)
    assert.same({ "50", "1", "0.000" }, asked[1].arguments)
    made:ask()
    assert.equal(1, #asked)
  end)

  it("lets a request go when the slot's turn has come", function()
    made:ask()
    slot(0.5)
    assert.near(0.5, (made:ask()), 1e-9)
    now = now + 0.5
    assert.equal(0, (made:ask()))
    assert.equal(0.3, (made:ask()))
    assert.equal(2, made.requests)
  end)

  it("takes an answer that comes before the question is over", function()
    local caller = { run = function(_, _, on_reply)
      on_reply({ 0, 20000, 0 }, nil, false)
      return true
    end, trouble = function() end, due = function() return 1 end }
    made = keeper.new({ rate = 50, name = "Redis", caller = caller,
      clock = function() return now end })
    for _ = 1, 10 do
      assert.equal(0, (made:ask()))
      now = now + 0.02
    end
  end)

  it("says why no slots come", function()
    can_send, trouble = false, "it is away"
    local seconds, why = made:ask()
    assert.equal(0.3, seconds)
    assert.equal("it is away", why)
    assert.equal(0, made.requests)
    can_send, trouble = true, nil
    assert.is_nil(select(2, made:ask()))
    assert.equal(1, #asked)
  end)

  it("asks again after an error, less and less often", function()
    local pauses = {}
    for i = 1, 7 do
      made:ask()
      answer(nil, "OOM canary", false)
      local seconds, why = made:ask()
      assert.matches("^Redis at here has no memory left", why)
      pauses[i] = seconds
      now = now + seconds - 1e-6
      made:ask()
      assert.equal(0, #asked)
      now = now + 2e-6
    end
    for i, expected in ipairs({ 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1 }) do
      assert.near(expected, pauses[i], 1e-5)
    end
    made:ask()
    slot(0)
    assert.equal(0, (made:ask()))
    assert.is_nil((made:trouble()))
  end)

  for name, case in pairs({
    ["that stays"] = { nil, "NOPERM canary", false, "refused a command", true },
    ["that passes"] = { nil, "LOADING", false, "is loading its data", false },
    ["of a lost connection"] = { nil, "the canary went", true, "the %[password%] went", false },
    ["that is a strange answer"] = { "OK", nil, false, "as no Redis does", true },
    ["that is no answer"] = { false, nil, false, "as no Redis does", true },
  }) do
    it("knows an error " .. name .. ", and hides the password", function()
      made:ask()
      answer(case[1], case[2], case[3])
      local why, is_final = made:trouble()
      assert.matches(case[4], why)
      assert.equal(case[5], is_final)
      assert.is_nil(why:find("canary"))
    end)
  end

  it("passes a pause on, and obeys it", function()
    made:ask()
    slot(0.1)
    made:pause(30)
    assert.same({ "50", "0", "30.000" }, asked[1].arguments)
    slot(0, 30)
    assert.near(30, (made:ask()), 1e-9)
    assert.near(now + 30, made:paused_until(), 1e-9)
    now = now + 30
    made:ask()
    assert.equal("1", asked[1].arguments[2])
    assert.equal("0.000", asked[1].arguments[3])
  end)

  it("passes a pause on as soon as it can", function()
    can_send = false
    made:pause(30)
    now, can_send = now + 30, true
    made:ask()
    assert.same({ "50", "1", "0.000" }, asked[1].arguments)
    answer(nil, "gone", true)
    can_send = false
    made:pause(40)
    can_send = true
    made:pause(1)
    assert.same({ "50", "0", "40.000" }, asked[1].arguments)
  end)

  it("hears of a pause of another process", function()
    made:ask()
    slot(12, 12)
    assert.is_true(made:ask() >= 11.5) -- and in time to ask once more
    assert.near(now + 12, made:paused_until(), 1e-9)
  end)
end)
