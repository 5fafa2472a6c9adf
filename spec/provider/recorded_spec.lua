-- Providers whose methods in the sandbox are made from their definitions and recorded answers: each
-- answer is taken for what the provider's page says of it, read alone and over a socket.

local answers = require("spec.support.answers")
local clients = require("spec.support.clients")
local patience = require("spec.support.patience")
local providers = require("stopmsg.provider")
local recorded = require("stopmsg.sandbox.recorded")
local sample = require("spec.support.sample")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

-- Fates of ten ids and more over a socket: the ending, and the answer's name.
local function endings_of(all)
  local endings = { { "0007", "scheduled" }, { "0409", "sent" }, { "0404", "missing" } }
  for ending, fate in pairs(all.fates or {}) do
    endings[#endings + 1] = { ending, fate }
  end
  for number = 31, 40 - #endings do
    endings[#endings + 1] = { ("%04d"):format(number), "scheduled" }
  end
  return endings
end

local NAMES = {}
for _, name in ipairs(providers.names()) do
  NAMES[#NAMES + 1] = recorded.find(name) and name or nil
end

-- The example id with this ending.
local function id_of(all, ending)
  local id = all.id:format(1)
  return id:sub(1, -#ending - 1) .. ending
end

describe("the recorded answers of", function()
  local sandbox -- keeps the messages of each provider apart

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  for _, name in ipairs(NAMES) do
    describe(name, function()
      local it = sample.its(it, name)
      local all = recorded.find(name)
      local provider = providers.load(name)

      for _, call in ipairs({ "stop", "stop_dispatch", "status", "status_dispatch" }) do
        local operation = provider.operations[call]
        for fate, answer in pairs(operation and all[call] or {}) do
          if type(answer) == "table" and answer.says then
            it(("say of a %s that finds an id %s: %s"):format(call, fate, answer.says), function()
              local one = fate ~= "many" and operation.single or operation
              local id = id_of(all, "0007")
              local body = answers.filled(answer.body or "", one, id, all.settings)
              local read = answers.reader(one, { id }, one.format)
              local _, verdict, _, is_usable = read(answer.status, body)
              verdict = verdict[1] or verdict
              assert.equal(answer.says, verdict.outcome)
              assert.equal(not answer.is_strange, is_usable)
            end)
          end
        end
      end

      local kind = provider.operations.stop and "stop" or "stop_dispatch"
      local stop = all[kind]

      -- One id a request where that is another request than the one for many.
      local function new(token, batch_size, waits)
        return clients.new({ provider = name, settings = all.settings, token = token or "sandbox",
          base_url = sandbox.url .. "/" .. name, rate = 1e6, burst = 1e6, patience = waits or 0,
          batch_size = batch_size or provider.operations[kind].single and 1 or nil })
      end

      it("stop over a socket what can be stopped, and nothing twice", function()
        local client = new()
        local ids, wanted = {}, {}
        local endings = endings_of(all)
        for i, case in ipairs(endings) do
          ids[i], wanted[i] = id_of(all, case[1]), stop[case[2]].says
        end
        assert.is_true(#ids >= 10)
        for round = 1, 2 do
          local report = client[kind](client, ids)
          for i, item in ipairs(report) do
            local is_again = round == 2 and endings[i][2] == "scheduled"
            local says = is_again and stop.stopped.says or wanted[i]
            assert.message(ids[i] .. " " .. round).equal(says, item.outcome)
          end
        end
        client:close()
      end)

      it("ends a run over a socket where the token is refused", function()
        local client = new("wrong")
        local report = client[kind](client, id_of(all, "0008"))
        client:close()
        assert.equal("denied", report[1].outcome)
        assert.equal("credentials", report[1].reason)
      end)

      it("try again over a socket after trouble", function()
        local client = new(nil, nil, patience.SECONDS)
        local report = client[kind](client, { id_of(all, "0500") })
        client:close()
        assert.equal(stop.scheduled.says, report[1].outcome)
        assert.equal(1, report.retries)
      end)

      if stop.many then
        it("stop many over a socket in one request", function()
          local client = new(nil, 2)
          local report = client[kind](client, { id_of(all, "0021"), id_of(all, "0022") })
          client:close()
          assert.equal(2, report.counts[stop.many.says])
          assert.equal(1, report.requests)
        end)
      end

      if provider.operations.check then
        it("take the token in a check", function()
          local good, bad = new(), new("wrong")
          assert.is_true((good:check()))
          local _, _, err = bad:check()
          assert.equal("denied", err.outcome)
          good:close()
          bad:close()
        end)
      end

      if provider.operations.status and not all.status.entry then
        it("look up over a socket what became of an id", function()
          local client = new()
          local ids = { id_of(all, "0011"), id_of(all, "0012"), id_of(all, "0409") }
          client:stop(ids[1])
          local report = client:status(ids)
          client:close()
          assert.equal(all.status.stopped.says, report[1].outcome)
          assert.equal(all.status.scheduled.says, report[2].outcome)
          assert.equal(all.status.sent.says, report[3].outcome)
        end)
      end
    end)
  end
end)

describe("the recorded answers of slack", function()
  it("list what is still scheduled, and prove nothing by absence", function()
    local sandbox = server.start()
    local client = stopmsg.new({ provider = "slack", token = "sandbox", base_url = sandbox.url,
      rate = 1e6, burst = 1e6,
      patience = 0 })
    local ids = { "C024BE91L/Q0000000002", "C024BE91L/Q0000000003", "C024BE91L/Q9999999999" }
    assert.equal("stopped", client:stop(ids[1])[1].outcome)
    local report = client:status(ids)
    client:close()
    sandbox:stop()
    assert.same({ "not_stoppable", "open", "not_stoppable" }, { report[1].outcome,
      report[2].outcome, report[3].outcome })
    assert.equal("gone_or_sent", report[1].reason)
    assert.is_nil(report[1].verified)
  end)
end)
