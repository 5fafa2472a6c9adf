-- Runs verify with scripted lookups and a clock that moves only when it is told to. The states are
-- read by the real definitions.

local answer = require("stopmsg.meaning.answer")
local fake = require("spec.support.fake_engine")
local options = require("stopmsg.options")
local providers = require("stopmsg.provider")
local reports = require("stopmsg.report")
local verify = require("stopmsg.run.verify")

local lookups = {}

function lookups.copy_of(item)
  local copy = {}
  for field, value in pairs(item) do
    copy[field] = value
  end
  return copy
end

function lookups.report_of(items)
  local report = reports.new()
  for i, item in ipairs(items) do
    report[i] = lookups.copy_of(item)
    report:count(report[i])
  end
  return report
end

-- What a status lookup at a provider makes of its word: an item as `client:status` gives it.
-- Without a word, one that the answer left out.
lookups.readers = {
  revicom = function(id, word)
    return '{"items":[{"messageUuid":"' .. id .. '","status":"' .. word .. '"}]}'
  end,
  idigital = function(id, word)
    return '{"items":[{"dispatchId":"' .. id .. '","status":"' .. word .. '"}]}'
  end,
  pushwoosh = function(id, word)
    return '{"items":[{"code":"' .. id .. '","status":"' .. word .. '"}]}'
  end,
  klaviyo = function(id, word)
    return '{"data":{"id":"' .. id .. '","attributes":{"status":"' .. word .. '"}}}'
  end,
  onesignal = function(id, successful)
    return '{"id":"' .. id .. '","canceled":true,"successful":' .. successful .. "}"
  end,
  matrix = function(id, content)
    local room, event = id:match("^(.-)/(.*)$")
    return '{"room_id":"' .. room .. '","event_id":"' .. event .. '",' .. content .. "}"
  end,
  discord = function(id, content)
    local channel, message = id:match("^(.-)/(.*)$")
    return '{"channel_id":"' .. channel .. '","id":"' .. message .. '",' .. content .. "}"
  end,
  slack = function(id, content)
    local channel, message = id:match("^(.-)/(.*)$")
    return '{"ok":true,"scheduled_messages":[{"channel_id":"' .. channel .. '","id":"' .. message
      .. '",' .. content .. "}]}"
  end,
  sendgrid = function(id, word)
    return '[{"batch_id":"' .. id .. '","status":"' .. word .. '"}]'
  end,
  sinch = function(id, word)
    return '{"id":"' .. id .. '","canceled":' .. word .. "}"
  end,
  clickatell = function(id, word)
    return '{"data":{"apiMessageId":"' .. id .. '","messageStatus":"' .. word
      .. '","description":"words"}}'
  end,
}

function lookups.found(provider, id, word)
  if not word then
    return { id = id, outcome = "unknown", reason = "missing_in_answer" }
  end
  local operations = providers.load(provider).operations
  local operation = provider == "idigital" and operations.status_dispatch or operations.status
  local _, verdict = answer.read(operation, {
    status = 200,
    body = lookups.readers[provider](id, word),
    format = "json",
  }, { id })
  local item = lookups.copy_of(verdict[1] or verdict)
  item.id = id
  assert(item.reason ~= "bad_response", "the spec's answer is not understood")
  return item
end

-- Runs verify over the items. `look(id, time, round)` gives the item that a lookup finds.
-- script: timeout, interval, took (seconds that a lookup takes), each (function that may change the
-- report of a lookup).
-- Gives the report and what happened: looks ({ at, ids, seconds }), waits, clock.
function lookups.verified(items, look, script)
  script = script or {}
  local clock = fake.clock(1000)
  local report = lookups.report_of(items)
  local looks, waits = {}, {}
  verify.run(report, {
    timeout = script.timeout or options.verify_defaults.timeout,
    interval = script.interval or options.verify_defaults.interval,
    clock = clock,
    wait = function(seconds)
      assert(seconds >= 0, "a wait of negative length")
      waits[#waits + 1] = seconds
      assert(#waits < 1000, "verify spins")
      clock:advance(seconds)
    end,
    lookup = function(ids, seconds)
      local round = #looks + 1
      looks[round] = { at = clock() - 1000, ids = ids, seconds = seconds }
      clock:advance(script.took or 0)
      local result = {}
      for i, id in ipairs(ids) do
        result[i] = look(id, clock() - 1000, round)
      end
      local list = lookups.report_of(result)
      list.requests = math.ceil(#ids / 100)
      if script.each then
        script.each(list, round)
      end
      return list
    end,
  })
  return report, { looks = looks, waits = waits, elapsed = clock() - 1000 }
end

-- One provider's word for every id, for ever.
function lookups.always(provider, word)
  return function(id)
    return lookups.found(provider, id, word)
  end
end

return lookups
