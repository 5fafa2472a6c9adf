-- Calls what is not ours: the user's source, hooks and scheduler. Everywhere else a run is
-- mid-step: there it is consistent, and survives an error. Events wait here until it is, since a
-- hook may use the client.

local compat = require("stopmsg.compat")
local text = require("stopmsg.text")
local waiting = require("stopmsg.wait")

local hooks = {}

-- Error for resuming a run that ran out of memory mid-step: the state of its ids is lost.
hooks.TORN = "attempt to resume a run that failed"

-- Warning of every report that has answers of a sandbox.
hooks.SANDBOX = "these results come from a sandbox: no message was stopped"

-- ask = hooks.question(is_interrupted, report, redact): the user's function, or nil, for a report
-- that gets its first error as a warning. An error is no reason to leave messages unstopped.
function hooks.question(is_interrupted, report, redact)
  local has_raised = false
  return is_interrupted and function()
    local called, given = compat.try_question(is_interrupted)
    if called then
      return given
    elseif not has_raised then
      has_raised = true
      report:warn(text.clean("is_interrupted raised an error: " .. compat.words_of(given), redact))
    end
    return false
  end
end

-- Maximum time in seconds that the loop may keep other coroutines from a shared thread.
hooks.SHARE_EVERY = 0.001

local Hooks = {}
Hooks.__index = Hooks

function hooks.new(session)
  local self = setmetatable({
    must_share = nil, -- returns whether other coroutines have waited long enough; nil if none do
    looked = 0, -- when the loop last looked at the network
    _session = session,
    _task = nil,
    _events = {}, -- for the user's hook, in order
    _is_torn = false, -- the run is mid-step, outside user code
    _has_raised = {}, -- hook name -> true once the hook raised
  }, Hooks)
  self._is_share_due = session.breathe and function()
    return session.clock() - self.looked >= hooks.SHARE_EVERY
  end
  return self
end

-- Resets for a new call; the previous one has told everything. shares: whether it may take long
-- enough to keep other coroutines waiting.
function Hooks:begin(task, shares)
  self._task, self.looked = task, 0
  self.must_share = shares and self._is_share_due or nil
  self._has_raised.on_item, self._has_raised.on_event = nil, nil
end

-- Raises if a step of the run was not finished: some ids may be in no list.
function Hooks:check_whole()
  if self._is_torn then
    error(hooks.TORN, 0)
  end
end

-- Begins a step of the run.
function Hooks:enter()
  self:check_whole()
  self._is_torn = true
end

function Hooks:leave()
  self._is_torn = false
end

-- Calls user code.
function Hooks:outside(f, ...)
  local is_inside = self._is_torn
  self._is_torn = false
  local given, more = f(...)
  self._is_torn = is_inside
  return given, more
end

-- Raises if the client was closed, as user code may do.
function Hooks:check_open()
  if self._session.is_closed then
    error(waiting.CLOSED, 0)
  end
end

-- Lets other coroutines run. Returns the time.
function Hooks:share()
  self:outside(self._session.breathe)
  self.looked = self._session.clock()
  return self.looked
end

-- Adds a warning to the report. is_own: it holds no text of others.
function Hooks:warn(message, is_own)
  self._task.summary:warn(is_own and message or text.clean(message, self._session.redact))
end

-- Calls a user's hook. Reports its first error as a warning, and never ends the run for it.
local function call(self, name, hook, ...)
  local called, message = self:outside(compat.try_hook, hook, ...)
  if not called and not self._has_raised[name] then
    self._has_raised[name] = true
    self:warn(("%s raised an error: %s"):format(name, compat.words_of(message)))
  end
  self:check_open()
end

-- Queues an event until the run is consistent.
function Hooks:note(event)
  if self._session.emit or self._session.alarm then
    self._events[#self._events + 1] = event
  end
end

-- Passes an event to the user's hook at once.
function Hooks:emit(event)
  event.provider = self._task.provider
  event.operation = self._task.operation.name
  call(self, "on_event", self._session.emit or self._session.alarm, event)
end

-- Passes on all queued events.
function Hooks:tell()
  while self._events[1] do
    self:emit(table.remove(self._events, 1))
  end
end

-- Returns whether anybody wants to be told of each item.
function Hooks:wants_items()
  return self._task.on_item or self._session.emit
end

function Hooks:tell_item(item, place)
  local task = self._task
  if task.on_item then
    call(self, "on_item", task.on_item, item, place)
  end
  if self._session.emit and not task.operation.is_page then
    self:emit({ type = "item", item = item })
  end
end

return hooks
