-- Takes replies: what each means, and what the report says of them all.

local answer = require("stopmsg.meaning.answer")
local hooks = require("stopmsg.run.hooks")

local replies = {}

-- Warns where every response of a call was a stranger's. heard: has_form, a response had the
-- provider's format; has_strangers, one had another.
function replies.judge(heard, report)
  if heard.has_strangers and not heard.has_form then
    report:warn("no response was in the provider's form: check base_url and the proxy")
  end
end

local Replies = {}
Replies.__index = Replies

-- parts: requests, settled, again, patience, hooks of the same run; see run/loop.lua.
function replies.new(session, parts)
  return setmetatable({
    _session = session,
    _requests = parts.requests,
    _settled = parts.settled,
    _repeats = parts.again,
    _patience = parts.patience,
    _hooks = parts.hooks,
    _task = nil,
    _heard = nil, -- what the responses of the call were; see replies.judge
    _ids = {}, -- scratch: ids with the same usual response
    _places = {}, -- scratch: their places
  }, Replies)
end

-- Resets for a new call; the previous one is drained.
function Replies:begin(task)
  self._task, self._heard = task, task.heard or { has_form = false, has_strangers = false }
end

-- Interprets a complete response; see meaning/answer.lua.
local function read(self, batch, status, body, items)
  local task = self._task
  if type(items) == "number" then
    local verdicts = batch.asked and task.single_verdicts or task.verdicts
    return "settle", verdicts[items], nil, true, true
  end
  local reply = { status = status, body = body, format = task.format, items = items }
  local asked = batch.asked or task.operation
  local action, verdict, warnings, is_usable, is_in_form = answer.read(asked, reply, batch.ids)
  local pause = (action == "throttle" or action == "again") and answer.pause(asked, reply) or nil
  return action, verdict, warnings, is_usable, is_in_form, pause
end

-- Handles one finished request. items: the core's reading of a batch response, or the meaning
-- number of a usual one.
local function arrived(self, batch, status, body, stage, fault, detail, retry_after, connections,
    items)
  local task = self._task
  local now = self._session.clock()
  local action, verdict, warnings, is_usable
  self._requests:count_answered(1, batch.count, batch.started, now)
  batch.tries = batch.tries + 1
  task.summary.connections = task.summary.connections + connections
  if stage ~= "queued" and stage ~= "connected" then
    batch.attempts = batch.attempts + 1
    task.summary.requests = task.summary.requests + 1
  end
  if fault then
    action, verdict = answer.lost(stage, fault, detail)
    if fault == "timeout" and now >= task.deadline and verdict.outcome == "unknown" then
      verdict.reason = "deadline"
    end
  else
    local is_in_form, pause
    action, verdict, warnings, is_usable, is_in_form, pause = read(self, batch, status, body, items)
    retry_after = retry_after or pause
    self._heard[is_in_form and "has_form" or "has_strangers"] = true
  end
  for _, message in ipairs(warnings or {}) do
    self._hooks:warn(message)
  end
  if self._session.emit then
    self._hooks:note({
      type = "response",
      ids = batch.count,
      status = status > 0 and status or nil,
      stage = stage,
      fault = fault,
      elapsed = now - batch.started,
    })
  end
  self._repeats:decide(now, batch, action, verdict, is_usable, retry_after, fault, detail)
  if self._session.outage.is_troubled then
    self._patience:look(now)
  end
  self._hooks:tell()
end

-- Takes one response. Returns false if there was none.
local function take_one(self)
  local flight, status, body, stage, fault, detail, retry_after, connections, items, id, place,
    number, generation, started = self._requests.call:collect()
  if not flight then
    return false
  end
  local batch = self._requests:landed(flight, id, place, number, generation, started)
  arrived(self, batch, status, body, stage, fault, detail, retry_after, connections, items)
  return true
end

-- Takes many usual responses to offered ids at once, unless they bear on a token's trial, an outage
-- or events. Returns whether there were any, and whether a response of another kind may be left.
local function gather(self)
  local session, task, asked = self._session, self._task, self._requests
  local is_tried, is_troubled = self._repeats.trial.refused, session.outage.is_troubled
  if not asked.offers or session.emit or is_tried or is_troubled then
    return false, true
  end
  local ids, places, room, is_more = self._ids, self._places, self._settled:room(), true
  local total, generation, oldest = 0, nil, math.huge
  while is_more and total < room do
    local count, more, meaning, connections, number, began = asked.call:codes(ids, places,
      room - total)
    is_more = more
    if count == 0 then
      break
    end
    total, generation, oldest = total + count, number, math.min(oldest, began)
    task.summary.connections = task.summary.connections + connections
    self._settled:add_usual(ids, places, count, task.verdicts[meaning])
  end
  if total > 0 then
    local now = session.clock()
    asked:count_answered(total, total, oldest, now)
    self._heard.has_form = true
    task.summary.requests = task.summary.requests + total
    self._repeats:answered(now, generation)
  end
  return total > 0, is_more
end

-- Takes available responses while there is room. Returns whether there were any.
function Replies:collect()
  local has_any, must_share = false, self._hooks.must_share
  while self._settled:has_room() do
    local has_usual, is_more = gather(self)
    local has_more = is_more and self._settled:has_room() and take_one(self)
    has_any = has_any or has_more or has_usual
    if not has_more or (must_share and must_share()) then
      break
    end
  end
  return has_any
end

-- Warns of responses that nobody should trust. A call of several runs judges them all at its end.
function Replies:finish()
  if not self._task.heard then
    replies.judge(self._heard, self._task.summary)
  end
  if self._session.engine:has_met_sandbox() then
    -- Not redacted: the sandbox's token is a word of this text.
    self._hooks:warn(hooks.SANDBOX, true)
  end
end

return replies
