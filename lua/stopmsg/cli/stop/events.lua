-- Handles the library's events in a run of `stopmsg stop`: journal notes, the bar, and lines for
-- people.

local duration = require("stopmsg.cli.duration")
local options = require("stopmsg.options")
local output = require("stopmsg.cli.output")

local events = {}

-- In seconds: pauses above the first value are reported; one above the second ends the run.
local LONG_PAUSE, LONGEST_PAUSE = 2, 900

-- The end of an outage is reported if the outage lasted this many seconds.
local LONG_OUTAGE = 2

local function notice_pause(run, seconds)
  local now = run.host.now()
  if run.book then
    run.book:note("pause", { seconds = seconds })
  end
  -- Several responses may ask for the same pause.
  local is_news = now + seconds > (run.paused_till or 0) + 1
  run.paused_till = math.max(run.paused_till or 0, now + seconds)
  run.bar:wait_for("pause", run.paused_till)
  if seconds > LONGEST_PAUSE then
    run.pause = math.max(seconds, run.pause or 0)
  end
  if seconds > LONG_PAUSE and is_news and not run.args.quiet then
    run:tell(("the provider asked for a pause: sending nothing for %s"):format(
      duration.words(seconds)))
  end
end

-- Reports when the keeper of a shared rate stops responding, and when it responds again.
local function notice_rate(run, event)
  local is_back = event.reason == "answered"
  run.rate_fault = not is_back and (event.message or run.rate_fault) or nil
  run.bar:wait_for(event.phase == "begin" and "waiting for the shared rate" or nil)
  if event.phase == "begin" and not run.args.quiet then
    run:tell(("%s: waiting up to %s"):format(event.message,
      duration.words(run.args.patience or options.defaults.patience)))
  elseif is_back and event.elapsed >= LONG_OUTAGE and not run.args.quiet then
    run:tell(("the shared rate is back after %s"):format(duration.words(event.elapsed)))
  end
end

local function notice_outage(run, event)
  local fields = {}
  for name, value in pairs(event) do
    if name ~= "type" and name ~= "provider" and name ~= "operation" then
      fields[name] = type(value) ~= "table" and value or nil
    end
  end
  if run.book then
    run.book:note("outage", fields)
  end
  if event.of == "rate" then
    notice_rate(run, event)
  elseif event.phase == "begin" then
    run.bar:outage(output.failure(event))
  else
    run.bar:outage(nil)
    if event.reason == "answered" and event.elapsed >= LONG_OUTAGE and not run.args.quiet then
      run:tell(("the provider is answering again after %s"):format(duration.words(event.elapsed)))
    end
  end
end

-- Handles one event.
function events.notice(run, event)
  local kind = event.type
  if kind == "response" and run.args.verbose then
    run:tell(output.event(event))
  elseif kind == "retry" then
    run.bar:trouble(("%s, retrying"):format(event.reason or "no response"))
  elseif kind == "throttle" then
    notice_pause(run, event.delay)
  elseif kind == "outage" then
    notice_outage(run, event)
  end
end

-- Writes a line for the requests since the last such line.
function events.note_requests(run)
  local traffic = run.traffic
  if run.book and traffic.count > 0 then
    run.book:note("request", { count = traffic.count, ids = traffic.ids,
      slowest = traffic.slowest })
    traffic.count, traffic.ids, traffic.slowest = 0, 0, 0
  end
end

return events
