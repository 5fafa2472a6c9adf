local faults = require("spec.support.faults")
local patience = require("spec.support.patience")
local sample = require("spec.support.sample")
local stopmsg = require("stopmsg")

-- Every byte where the time allows it, else every seventh.
local is_full = os.getenv("STOPMSG_LUA_FULL") or _VERSION == "Lua 5.4"
local STRIDE = is_full and 1 or 7

-- The bytes after which a cut of 1 to `last` bytes is tried, and which of them are where one part
-- of a message ends and the next begins: with a stride, or where a sample is tried, those are, too.
local function points(first, last, stride, head)
  local list, is_edge = {}, {}
  for n = first, last do
    is_edge[n] = n > last - 5 or math.abs(n - head) < 3
    if n % stride == 0 or is_edge[n] then
      list[#list + 1] = n
    end
  end
  return list, is_edge
end

local function say(...)
  io.stdout:write("  " .. string.format(...) .. "\n")
end

describe("a connection that is cut", function()
  local server

  setup(function()
    server = faults.start()
  end)

  teardown(function()
    server:stop()
  end)

  local function new_client(provider, options)
    options = options or {}
    return stopmsg.new({
      provider = provider.name,
      token = "a-token",
      base_url = options.url or server.url,
      max_attempts = options.max_attempts or 1,
      -- A repeat is waited for: on a busy machine the first half second may be over before it.
      patience = options.max_attempts and patience.SECONDS or 0,
      timeout = patience.SECONDS,
      connect_timeout = patience.SECONDS, -- a handshake takes the processor, too
    })
  end

  -- A provider's client, some ids, and good answers about them.
  local function stage_of(provider, options)
    local ids, others = {}, {}
    for i = 1, provider.batch do
      ids[i], others[i] = provider.id(i), provider.id(1000 + i)
    end
    local stage = {
      provider = provider,
      options = options,
      client = new_client(provider, options),
      ids = ids,
      others = others,
      good_for_others = faults.answer(faults.http(provider.stopped(others)), "stopped"),
      good = faults.answer(faults.http(provider.stopped(ids)), "stopped"),
    }
    -- How many bytes a request has.
    server:set({ requests = { stage.good } })
    local client = new_client(provider)
    client[provider.call](client, ids)
    client:close()
    stage.size = faults.only(server:take(), "request")[1].bytes
    return stage
  end

  local function stop(stage, ids)
    return stage.client[stage.provider.call](stage.client, ids)
  end

  -- One cut: what is wrong with what the client says of it, and the report.
  -- cut: { script or nil, accept or nil, is_reused, label }
  local function try(stage, cut)
    -- One that has seen a cut would wait before it asks once more.
    stage.client:close()
    stage.client = new_client(stage.provider, stage.options)
    if cut.is_reused then
      server:set({
        requests = { stage.good_for_others, cut.script },
        -- Should anybody repeat on its own, that would succeed.
        ["then"] = stage.good,
        ids = stage.ids,
      })
      -- A connection that was reset while idle may cost one attempt.
      if not stop(stage, stage.others).ok then
        stage.stale = (stage.stale or 0) + 1
        assert.is_true(stop(stage, stage.others).ok)
      end
    else
      server:set({
        accept = cut.accept and { cut.accept } or nil,
        requests = cut.script and { cut.script } or nil,
        ["then"] = stage.good,
        ids = stage.ids,
      })
    end
    local report = stop(stage, stage.ids)
    local log = server:take()
    if cut.is_reused then
      for i, record in ipairs(log) do
        if record.event == "request" then
          table.remove(log, i)
          break
        end
      end
      local first = faults.only(log, "request")[1]
      assert.is_true(first and first.request > 1, cut.label .. ": not on the old connection")
    end
    return faults.judge(report, log, stage.ids), report
  end

  -- All cuts of a stage on a fresh or reused connection, one by one: `each(cut)`. How an answer is
  -- framed makes no difference to an old connection, so most framings are only sampled there.
  local function each_cut(stage, is_reused, stride, framings, each)
    local kind = is_reused and "reused" or "fresh"
    for _, how in ipairs({ "close", "reset" }) do
      local list, is_edge = points(0, stage.size, stride, 0)
      for _, n in ipairs(list) do
        local cut = {
          is_edge = is_edge[n],
          is_reused = is_reused,
          label = ("%s, %s connection, %s after %d bytes of the request"):format(
            stage.provider.name, kind, how, n),
        }
        if n == 0 and not is_reused then
          cut.accept = { ["do"] = { { how } } }
        else
          cut.script = { ["do"] = { { "read", n }, { how } } }
        end
        each(cut)
      end
      for _, framing in ipairs(framings) do
        local status, body = stage.provider.stopped(stage.ids)
        local answer = faults.http(status, body, framing)
        -- What is over once its last chunk of no bytes is there (RFC 9112, section 8).
        local whole = framing == "chunked" and #answer - 2 or #answer
        local head = select(2, answer:find("\r\n\r\n", 1, true))
        local step = (is_reused and framing ~= "length") and 7 * stride or stride
        list, is_edge = points(1, #answer, step, head)
        for _, n in ipairs(list) do
          each({
            is_edge = is_edge[n],
            is_reused = is_reused,
            label = ("%s, %s connection, %s after %d of %d bytes of the answer (%s)"):format(
              stage.provider.name, kind, how, n, #answer, framing),
            script = {
              ["do"] = { { "read", "all" }, { "write", faults.bytes(answer:sub(1, n)) }, { how } },
              says = n >= whole and "stopped" or nil,
            },
          })
        end
      end
    end
  end

  for _, is_reused in ipairs({ false, true }) do
    local kind = is_reused and "reused" or "fresh"

    it("on a " .. kind .. " connection never makes an outcome stronger than the server's log",
      function()
        local cuts, outcomes, wrong, takes = 0, {}, {}, sample.start()
        for _, provider in ipairs(faults.providers) do
          local stage = stage_of(provider)
          each_cut(stage, is_reused, STRIDE, { "length", "chunked", "close" }, function(cut)
            if not takes() and not cut.is_edge then
              return
            end
            local faulty, report = try(stage, cut)
            cuts = cuts + 1
            outcomes[report[1].outcome] = (outcomes[report[1].outcome] or 0) + 1
            for _, sentence in ipairs(faulty) do
              wrong[#wrong + 1] = cut.label .. ": " .. sentence
            end
          end)
          stage.client:close()
        end
        local told = {}
        for _, word in ipairs({ "stopped", "unknown", "failed" }) do
          told[#told + 1] = ("%d %s"):format(outcomes[word] or 0, word)
        end
        say("cut at every%s byte, %s connection: %s (%s), outcomes stronger than the log: %d",
          STRIDE > 1 and " 7th" or "", kind, sample.told(cuts, "cuts"), table.concat(told, ", "),
          #wrong)
        assert.same({}, wrong)
      end)
  end

  -- A sample of cut points: { script or accept, label }.
  local function sample_of(stage)
    local cuts = {}
    for _, is_reused in ipairs({ false, true }) do
      local count = 0
      -- Without a length nobody sees that an answer was cut: what is left of it decides.
      each_cut(stage, is_reused, 89, { "length", "chunked" }, function(cut)
        count = count + 1
        if count % 5 == 0 then
          cuts[#cuts + 1] = cut
        end
      end)
    end
    return cuts
  end

  it("is repeated, and the repeat's success is the outcome", function()
    local count = 0
    for _, provider in ipairs(faults.providers) do
      local stage = stage_of(provider, { max_attempts = 3 })
      for _, cut in ipairs(sample_of(stage)) do
        local wrong, report = try(stage, cut)
        assert.same({}, wrong, cut.label)
        assert.is_true(report.ok, cut.label .. ": " .. tostring(report))
        count = count + 1
      end
      stage.client:close()
    end
    say("cut, then repeated with success: %d cuts", count)
  end)

  it("leaves it open who stopped a message when the repeat says that it cannot be stopped",
    function()
      local count = 0
      for _, provider in ipairs(faults.providers) do
        local stage = stage_of(provider, { max_attempts = 3 })
        local status, body, word = provider.late(stage.ids)
        stage.good = faults.answer(faults.http(status, body), word)
        for _, cut in ipairs(sample_of(stage)) do
          local wrong, report = try(stage, cut)
          assert.same({}, wrong, cut.label)
          for _, item in ipairs(report) do
            -- A cut after the whole answer is no cut.
            if not (cut.script and cut.script.says) and report.requests > 1 then
              assert.equal("unknown", item.outcome, cut.label)
              assert.is_true(item.ambiguous, cut.label)
            end
          end
          count = count + 1
        end
        stage.client:close()
      end
      say("cut, then repeated too late: %d cuts", count)
    end)

  it("in the middle of a batch of 10,000 ids proves nothing", function()
    local provider = faults.providers[1]
    local ids = {}
    for i = 1, 10000 do
      ids[i] = provider.id(i)
    end
    for _, how in ipairs({ "close", "reset" }) do
      for _, n in ipairs({ 1, 100, 1000, 65536, 200000, 380000 }) do
        local client = new_client(provider)
        server:set({ requests = { { ["do"] = { { "read", n }, { how } } } }, ids = { ids[1] } })
        local report = client:stop(ids)
        client:close()
        assert.equal(10000, report.counts.unknown)
        assert.equal(10000, report.total)
        assert.is_false(faults.only(server:take(), "request")[1].whole)
      end
    end
  end)
end)
