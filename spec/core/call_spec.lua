-- The requests of one call of a client: offered many at a time, answered as numbers where their
-- answers are usual, and nobody else's.

local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local patience = require("spec.support.patience")
local server = require("spec.support.server")

-- Seconds of an attempt that is not meant to run out of them.
local AMPLE = patience.SECONDS

-- What the server says of everything is about this id.
local ID = "m1"
local BODY = '{"id":"m1","code":"done"}'
local USUAL = { { status = 200, first = 1, id = { { "id" } }, code = { { "code" } },
  codes = { "late", "done" } } }

describe("stopmsg.core.call", function()
  local echo, base

  setup(function()
    echo = server.echo(BODY)
    base = echo.first_line
  end)

  teardown(function()
    echo:stop()
  end)

  local function new_engine(slots)
    return assert(core.engine({ slots = slots, max_response = 100000, connect_timeout = AMPLE,
      proxy = "" }))
  end

  local function prepare(engine, path)
    return engine:prepare({ method = "POST", base = base, headers = { "Expect:" },
      url = { path or "/", { "id", "percent" } }, usual = USUAL })
  end

  -- Steps until so many answers to the call are there.
  local function await(engine, call, count)
    patience.until_(function()
      assert(engine:step())
      if call:ready() < count then
        call:wait(0.01)
      end
      return call:ready() >= count
    end, "answers")
  end

  -- What call:codes() gives, as tables.
  local function codes(call, most)
    local ids, places = {}, {}
    local given = { call:codes(ids, places, most) }
    local oldest = table.remove(given, 6)
    if given[1] > 0 then
      assert.is_true(oldest <= core.now() and oldest > core.now() - AMPLE)
    end
    return given, ids, places
  end

  describe(":offer", function()
    it("begins as many requests as there are slots", function()
      local engine = new_engine(2)
      local operation, call = prepare(engine, "/hang/"), engine:call()
      local ids, places = { "a", "b", "c" }, { 1, 2, 3 }
      assert.equal(2, call:offer(operation, ids, places, 1, 3, AMPLE, 0, 1))
      assert.equal(2, engine:in_flight())
      engine:close()
    end)

    it("begins none out of an empty range", function()
      local engine = new_engine(2)
      local operation, call = prepare(engine), engine:call()
      assert.equal(0, call:offer(operation, {}, {}, 1, 0, AMPLE, 0, 1))
      assert.equal(0, engine:in_flight())
      engine:close()
    end)

    it("stops at an id that is too large for a request, and goes on behind it", function()
      local engine = new_engine(4)
      local operation, call = prepare(engine), engine:call()
      local ids = { "a", ("x"):rep(300000), "c" }
      assert.equal(1, call:offer(operation, ids, { 1, 2, 3 }, 1, 3, AMPLE, 0, 1))
      assert.equal(1, call:offer(operation, ids, { 1, 2, 3 }, 3, 3, AMPLE, 1, 1))
      await(engine, call, 2)
      engine:close()
    end)

    it("raises on an id that is no string, and begins nothing for it", function()
      local engine = new_engine(4)
      local operation, call = prepare(engine), engine:call()
      assert.has_error(function()
        call:offer(operation, { "a", 5 }, { 1, 2 }, 1, 2, AMPLE, 0, 1)
      end, "id 2 is a number, not a string")
      assert.equal(1, engine:in_flight())
      engine:close()
    end)

    it("sends nothing without a token", function()
      local engine = new_engine(1)
      local operation = engine:prepare({ method = "POST", base = base, url = { "/" },
        headers = { { "Authorization: Basic ", { "token" } } } })
      assert.has_error(function()
        engine:call():offer(operation, { "a" }, { 1 }, 1, 1, AMPLE, 0, 1)
      end, "operation 1 has no token yet")
      engine:close()
    end)
  end)

  describe(":codes", function()
    it("takes usual answers, and where they belong", function()
      local engine = new_engine(3)
      local operation, call = prepare(engine), engine:call()
      assert.equal(2, (call:offer(operation, { ID, ID }, { 7, 2 ^ 40 }, 1, 2, AMPLE, 0, 3)))
      await(engine, call, 2)
      local given, ids, places = codes(call, 10)
      assert.same({ 2, false, 2, 2, 3 }, given)
      assert.same({ ID, ID }, ids)
      assert.equal(7 + 2 ^ 40, places[1] + places[2])
      assert.is_nil(call:collect())
      engine:close()
    end)

    it("takes no more than it is asked for", function()
      local engine = new_engine(3)
      local operation, call = prepare(engine), engine:call()
      call:offer(operation, { ID, ID, ID }, { 1, 2, 3 }, 1, 3, AMPLE, 0, 1)
      await(engine, call, 3)
      assert.same({ 0, true, 0, 0, 0 }, (codes(call, 0)))
      local given = codes(call, 2)
      assert.same({ 2, true }, { given[1], given[2] })
      assert.equal(1, call:ready())
      engine:close()
    end)

    it("stops at an answer that is not usual, which then comes with its id and its history",
      function()
        local engine = new_engine(1)
        local operation, call = prepare(engine), engine:call()
        for place, id in ipairs({ ID, "other", ID }) do
          local before = core.now()
          assert.equal(1, (call:offer(operation, { id }, { place }, 1, 1, AMPLE, place - 1, 4)))
          await(engine, call, place)
          assert.is_true(before <= core.now())
        end
        assert.same({ 1, true, 2, 1, 4 }, (codes(call, 10)))
        assert.same({ 0, true, 0, 0, 0 }, (codes(call, 10)))
        local answer = { call:collect() }
        assert.equal(200, answer[2])
        assert.equal(BODY, answer[3])
        assert.equal("complete", answer[4])
        assert.is_nil(answer[9])
        assert.same({ "other", 2, 2, 4 }, { answer[10], answer[11], answer[12], answer[13] })
        assert.is_true(answer[14] <= core.now() and answer[14] > core.now() - AMPLE)
        assert.same({ 1, false, 2, 0, 4 }, (codes(call, 10)))
        engine:close()
      end)

    it("takes no usual answer to a request that was submitted", function()
      local engine = new_engine(1)
      local operation, call = prepare(engine), engine:call()
      local number = assert(call:submit(operation, { ID }, 1, 1, AMPLE))
      await(engine, call, 1)
      assert.same({ 0, true, 0, 0, 0 }, (codes(call, 10)))
      local answer = { call:collect() }
      assert.equal(number, answer[1])
      assert.is_nil(answer[3])
      assert.equal(2, answer[9])
      assert.is_nil(answer[10])
      engine:close()
    end)
  end)

  describe(":serve", function()
    -- What is in flight, and the answers to it as codes() tells them.
    local function begun(id, slots)
      local engine = new_engine(slots or 2)
      local operation, call = prepare(engine), engine:call()
      assert.equal(1, (call:offer(operation, { id }, { 1 }, 1, 1, AMPLE, 0, 1)))
      return engine, call, operation
    end

    it("sends an id for each usual answer, with its place and its number", function()
      local engine, call, operation = begun(ID)
      local ids, places, sent, taken = {}, {}, 1, 0
      for i = 1, 20 do
        ids[i], places[i] = ID, 10 * i
      end
      patience.until_(function()
        if call:ready() == 0 then
          local count = call:serve(operation, ids, places, sent, 20, AMPLE, sent, 7, AMPLE, nil,
            math.huge)
          assert.is_true(count <= call:ready())
          sent = sent + count
        end
        assert.is_true(engine:in_flight() <= 1)
        local given, _, at = codes(call, 1)
        taken = taken + given[1]
        if taken > 1 then
          assert.same({ 10 * (taken - 1), 7 }, { at[1], given[5] })
        end
        return sent == 21 and engine:in_flight() == 0 and call:ready() == 0
      end, "all answers")
      assert.equal(21, taken)
      engine:close()
    end)

    -- Waits with one more id at hand until something has come. Returns what was begun.
    local function serve(call, operation, id, sends, deadline)
      local count = 0
      patience.until_(function()
        count = count + call:serve(operation, { id }, { 2 }, 1, 1, AMPLE, sends, 1, 0.01, nil,
          deadline or math.huge)
        return call:ready() > 0
      end, "an answer")
      return count
    end

    it("sends nothing after an answer that is not usual", function()
      local engine, call, operation = begun("other")
      assert.equal(0, serve(call, operation, ID, 1))
      assert.equal(0, engine:in_flight())
      engine:close()
    end)

    it("sends nothing for what comes to another call", function()
      local engine, _, operation = begun(ID)
      local call = engine:call()
      patience.until_(function()
        assert.equal(0, (call:serve(operation, { ID }, { 2 }, 1, 1, AMPLE, 1, 1, 0.01, nil,
          math.huge)))
        return engine:in_flight() == 0
      end, "the other's answer")
      engine:close()
    end)

    it("sends nothing beyond a deadline, and lets no request outlast it", function()
      local engine, call, operation = begun(ID)
      assert.equal(0, serve(call, operation, ID, 1, core.now()))
      codes(call, 1)
      local hanging, sends = prepare(engine, "/hang/"), 0
      patience.grow(0.3, function(seconds)
        sends = sends + 1
        assert.equal(1, (call:offer(operation, { ID }, { 1 }, 1, 1, AMPLE, sends, 1)))
        local count = serve(call, hanging, ID, sends, core.now() + seconds)
        assert.equal(1, (codes(call, 1)[1]))
        return count == 1
      end)
      await(engine, call, 1)
      assert.equal("timeout", (select(5, call:collect())))
      engine:close()
    end)

    it("waits for nothing where an answer is there", function()
      local engine, call, operation = begun(ID)
      await(engine, call, 1)
      assert.equal(0, serve(call, operation, ID, 1))
      assert.equal(0, engine:in_flight())
      engine:close()
    end)

    it("ends at an id that is too large", function()
      local engine, call, operation = begun(ID)
      assert.equal(0, serve(call, operation, ("x"):rep(300000), 1))
      engine:close()
    end)
  end)

  it("stops at an answer that means something else", function()
    local engine = new_engine(1)
    local look = { { status = 200, first = 1, id = { { "id" } }, code = { { "code" } },
      codes = { "done" } } }
    local call = engine:call()
    for place, first in ipairs({ 5, 5, 7 }) do
      look[1].first = first
      local operation = engine:prepare({ method = "POST", base = base, headers = { "Expect:" },
        url = { "/", { "id", "percent" } }, usual = look })
      assert.equal(1, (call:offer(operation, { ID }, { place }, 1, 1, AMPLE, 0, 1)))
      await(engine, call, place)
    end
    assert.same({ 2, true, 5, 1, 1 }, (codes(call, 10)))
    assert.same({ 1, false, 7, 0, 1 }, (codes(call, 10)))
    engine:close()
  end)

  describe("make_alike", function()
    it("makes items, and puts them where they belong", function()
      local result, items, places = {}, { "x" }, { 0 }
      core.make_alike({ "a", "b", "c" }, { 7, 9, 4 }, 2, 3, "stopped", 200, nil, result, items,
        places, 1)
      local b = { id = "b", outcome = "stopped", code = 200 }
      local c = { id = "c", outcome = "stopped", code = 200 }
      assert.same({ [9] = b, [4] = c }, result)
      assert.same({ "x", b, c }, items)
      assert.same({ 0, 9, 4 }, places)
      assert.equal(result[9], items[2])
    end)

    it("makes proven ones, for one of the two lists", function()
      local result, items, places = {}, {}, {}
      core.make_alike({ "a" }, { 2 }, 1, 1, "not_found", "gone", true, result, nil, nil, 0)
      core.make_alike({ "b" }, { 3 }, 1, 1, "not_found", "gone", true, nil, items, places, 0)
      assert.same({ [2] = { id = "a", outcome = "not_found", code = "gone", verified = true } },
        result)
      assert.same({ { id = "b", outcome = "not_found", code = "gone", verified = true } }, items)
      assert.same({ 3 }, places)
    end)

    it("puts them into a list that is kept in pages", function()
      local put = {}
      core.make_alike({ "a" }, { 2 }, 1, 1, "stopped", 200, nil, setmetatable({}, {
        __newindex = function(_, place, item)
          put[place] = item.id
        end,
      }), nil, nil, 0)
      assert.same({ [2] = "a" }, put)
    end)

    it("makes none of an empty range", function()
      local result = {}
      core.make_alike({}, {}, 1, 0, "stopped", 200, nil, result, nil, nil, 0)
      assert.same({}, result)
    end)
  end)

  it("gets its own answers, and leaves others theirs", function()
    local engine = new_engine(4)
    local operation = prepare(engine)
    local one, other = engine:call(), engine:call()
    one:offer(operation, { ID }, { 1 }, 1, 1, AMPLE, 0, 1)
    local number = other:submit(operation, { "b" }, 1, 1, AMPLE)
    await(engine, one, 1)
    await(engine, other, 1)
    assert.equal(0, engine:in_flight()) -- what is done holds no slot
    assert.equal(1, one:in_flight())
    assert.equal(number, (other:collect()))
    assert.is_nil(other:collect())
    assert.equal(1, (one:codes({}, {}, 1)))
    assert.equal(0, one:in_flight())
    engine:close()
  end)

  it("is told of when something came for it", function()
    local engine = new_engine(4)
    local operation = prepare(engine)
    local one, other = engine:call(), engine:call()
    assert.not_equal(one:number(), other:number())
    assert.is_nil(engine:news())
    one:offer(operation, { ID, ID }, { 1, 2 }, 1, 2, AMPLE, 0, 1)
    await(engine, one, 2)
    assert.equal(one:number(), engine:news())
    assert.is_nil(engine:news())
    engine:close()
  end)

  it("may end before its answers are there, which nobody gets then", function()
    local engine = new_engine(1)
    local operation = prepare(engine)
    do
      local gone = engine:call()
      gone:offer(operation, { ID }, { 1 }, 1, 1, AMPLE, 0, 1)
    end
    collectgarbage()
    collectgarbage()
    assert.equal(1, engine:in_flight())
    local call = engine:call()
    patience.until_(function()
      assert(engine:step())
      call:wait(0.01)
      return engine:in_flight() == 0
    end, "a free slot")
    assert.is_nil(engine:news())
    assert.equal(1, (call:offer(operation, { ID }, { 1 }, 1, 1, AMPLE, 0, 1)))
    await(engine, call, 1)
    engine:close()
  end)

  it("may end with answers that nobody took", function()
    local engine = new_engine(2)
    local operation = prepare(engine)
    do
      local gone = engine:call()
      gone:offer(operation, { ID, "b" }, { 1, 2 }, 1, 2, AMPLE, 0, 1)
      await(engine, gone, 2)
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(engine:news())
    engine:close()
  end)

  it("lets go of what is in flight, and tells what that was", function()
    local engine = new_engine(4)
    local operation, call = prepare(engine, "/hang/"), engine:call()
    local number = call:submit(operation, { "a" }, 1, 1, AMPLE)
    call:offer(operation, { "b" }, { 9 }, 1, 1, AMPLE, 1, 5)
    local left = {}
    local forsaken = { call:forsake() }
    while forsaken[1] do
      left[#left + 1] = forsaken
      forsaken = { call:forsake() }
    end
    assert.equal(2, #left)
    assert.same({ "b", 9, 2, 5 }, { left[1][2], left[1][3], left[1][4], left[1][5] })
    assert.same({ number }, left[2])
    assert.equal(2, engine:in_flight()) -- until the provider answers, or their time is up
    engine:close()
  end)

  it("ends with its engine", function()
    local engine = new_engine(1)
    local operation, call = prepare(engine), engine:call()
    call:offer(operation, { ID }, { 1 }, 1, 1, AMPLE, 0, 1)
    engine:close()
    for _, method in ipairs({ "submit", "offer", "serve", "collect", "codes", "forsake", "ready",
      "wait", "in_flight" }) do
      assert.has_error(function()
        call[method](call)
      end, "attempt to use a closed engine")
    end
    assert.has_error(function()
      engine:call()
    end, "attempt to use a closed engine")
  end)

  it("outlives an engine that was collected", function()
    local call
    do
      local engine = new_engine(1)
      call = engine:call()
      call:offer(prepare(engine, "/hang/"), { "a" }, { 1 }, 1, 1, AMPLE, 0, 1)
    end
    collectgarbage()
    collectgarbage()
    assert.has_error(function()
      call:ready()
    end, "attempt to use a closed engine")
  end)

  it("stands beside an engine as one object, for other specs", function()
    local engine = engines.new({ slots = 1, max_response = 1000, connect_timeout = AMPLE,
      proxy = "" })
    assert(engine:submit(prepare(engine), { ID }, 1, 1, AMPLE))
    patience.until_(function()
      local _, has_done = engine:step()
      return has_done
    end, "an answer")
    assert.equal(200, select(2, engine:collect()))
    engine:close()
  end)
end)
