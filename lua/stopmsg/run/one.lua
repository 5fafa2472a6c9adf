-- A call of one id in its usual course: the request goes out at once, and its answer is a usual
-- one. A run would do the same at three times the work; hundreds of handlers of one nginx worker
-- make such calls. Whatever is not usual is left to a run, which takes over the request.

local hooks = require("stopmsg.run.hooks")
local ids = require("stopmsg.ids")
local settleds = require("stopmsg.run.items")
local waiting = require("stopmsg.wait")

local one = {}

-- The place of the id in its list.
local PLACES = { 1 }

-- Scratch, for what the core hands over.
local given_ids, given_places = {}, {}

-- Returns whether nothing about the operation, the client and the provider asks for a run.
local function may_ask(session, frame, now)
  return frame.has_usual and not frame.pacer and not session.emit and not session.traffic
    and session.pacer.is_free and session.pacer.paused_till <= now
    and not session.outage.is_troubled and (not session.fetch or session.fetch:is_ready(now))
end

-- Returns whether the id is sent as it is, without a warning.
local function is_usual(form, id)
  return ids.check(form, id) == id and (not form.usual or id:find(form.usual) ~= nil)
end

-- Waits until the request has ended.
local function await(session, call, timeout)
  local is_new = true
  if session.sent then
    session.sent()
  else
    waiting.step(session)
  end
  repeat
    session.wait(call, timeout, is_new)
    is_new = false
    waiting.step(session)
    if session.is_closed then
      error(waiting.CLOSED, 0)
    end
  until call:ready() > 0
end

-- Takes the answer if it is usual. Returns its verdict and how many connections were opened.
local function take_answer(session, frame, call)
  if session.outage.is_troubled then
    return nil
  end
  local count, _, meaning, connections = call:codes(given_ids, given_places, 1)
  return count == 1 and frame.verdicts[meaning], connections
end

-- is_settled, asked = one.settle(session, frame, list, summary, started, deadline): settles the
-- only id of `list`, a plain table, in the report `summary`. If that fails, asked is the request
-- that was made, for run.new(), or nil. frame: the fields of a task that hold for all calls of an
-- operation; see run/loop.lua.
function one.settle(session, frame, list, summary, started, deadline)
  local id, now = list[1], session.clock()
  if now >= deadline or not may_ask(session, frame, now)
    or not is_usual(frame.operation.id, id) then
    return false
  end
  local idle = session.idle_calls
  local call = table.remove(idle) or session.engine:call()
  local timeout = math.min(frame.timeout, deadline - now)
  if call:offer(frame.number, list, PLACES, 1, 1, timeout, 0, session.generation) == 0 then
    idle[#idle + 1] = call
    return false
  end
  await(session, call, timeout)
  local verdict, connections = take_answer(session, frame, call)
  if not verdict then
    return false, { call = call, id = id, started = started }
  end
  now = session.clock()
  session.outage:answered(now)
  summary[1] = settleds.item(verdict, id, session.redact)
  summary:count(summary[1])
  summary.requests, summary.connections, summary.elapsed = 1, connections, now - started
  if session.engine:has_met_sandbox() then
    summary:warn(hooks.SANDBOX)
  end
  idle[#idle + 1] = call
  return true
end

return one
