-- How far a run is, on stderr: a bar where that is a terminal, else a line every few seconds.

local duration = require("stopmsg.cli.duration")
local outcome = require("stopmsg.meaning.outcome")

local progress = {}

-- Seconds between two drawings of the bar, between two lines, and over which the rate is measured.
local BAR_EVERY, LINE_EVERY, RATE_OVER = 0.1, 5, 5

-- Where lines are kept, as in a log: seconds after which an outage is told.
local OUTAGE_AFTER = 1

local LEAST_BAR, MOST_BAR = 10, 40

local CLEAR = "\r\27[K"

local Progress = {}
Progress.__index = Progress

-- 1234567 as "1,234,567"
local function grouped(n)
  local s = ("%.0f"):format(n)
  local first = (#s - 1) % 3 + 1
  local head, tail = s:sub(1, first), s:sub(first + 1)
  return head .. tail:gsub("%d%d%d", ",%0")
end

progress.grouped = grouped

progress.duration = duration.clock

-- "12 stopped, 1 too_late, 0 unknown": what there is, and `unknown` always.
function progress.outcomes(counts, must)
  local parts = {}
  for _, word in ipairs(outcome.names) do
    if counts[word] > 0 or word == must then
      parts[#parts + 1] = grouped(counts[word]) .. " " .. word
    end
  end
  return table.concat(parts, ", ")
end

-- made = progress.new{ host, mode ("auto", "bar", "plain", "none"), total, done (before this run),
-- words (a function, in place of how much of the total is done, where nobody knows that) }
function progress.new(options)
  local host, mode = options.host, options.mode
  if mode == "auto" then
    mode = host:is_smart("stderr") and "bar" or "plain"
  end
  local no_color = host.getenv("NO_COLOR")
  local self = setmetatable({
    _host = host,
    _mode = mode,
    _total = options.total,
    _words = options.words,
    _is_colored = host:is_smart("stderr") and (no_color == nil or no_color == ""),
    _samples = {}, -- { time, done }, the oldest first
    _due = 0,
    _is_drawn = false,
  }, Progress)
  self:_sample(host.now(), options.done or 0)
  self._due = host.now() + (mode == "plain" and LINE_EVERY or 0)
  return self
end

function Progress:_sample(now, done)
  local samples = self._samples
  samples[#samples + 1] = { time = now, done = done }
  while samples[2] and now - samples[2].time >= RATE_OVER do
    table.remove(samples, 1)
  end
end

-- rate, seconds left: nil where that is not known yet
function Progress:_pace(now, done)
  local first = self._samples[1]
  local elapsed = now - first.time
  if elapsed < 0.2 or done <= first.done then
    return nil
  end
  local rate = (done - first.done) / elapsed
  return rate, done < self._total and (self._total - done) / rate or nil
end

-- What the run waits for, in words: "" for nothing.
function Progress:_waiting(now)
  if self._waits == "pause" then
    return now < self._till and "paused, " .. duration.words(self._till - now) or ""
  end
  return self._waits or (now < (self._trouble_till or 0) and self._trouble) or ""
end

function Progress:_line(now, done, counts)
  if self._words then
    return self:_found_line(now)
  end
  if self._outage then
    return ("%s of %s ids; %s"):format(grouped(done), grouped(self._total), self:_outage_line(now))
  end
  local rate, left = self:_pace(now, done)
  local waiting = self:_waiting(now)
  return ("%s of %s ids%s%s; %s%s"):format(grouped(done), grouped(self._total),
    rate and (", %s/s"):format(grouped(rate)) or "",
    left and (", %s left"):format(duration.clock(left)) or "",
    progress.outcomes(counts, "unknown"), waiting ~= "" and "; " .. waiting or "")
end

-- "look 3: 12,400 found, 11,980 stopped; paused, 3 s"
function Progress:_found_line(now)
  if self._outage then
    return self:_outage_line(now)
  end
  local waiting = self:_waiting(now)
  return self._words() .. (waiting ~= "" and "; " .. waiting or "")
end

-- "waiting for the provider: connection refused, 12 s; Ctrl-C to stop"
function Progress:_outage_line(now)
  return ("waiting for the provider: %s, %s; Ctrl-C to stop"):format(self._outage.why,
    duration.words(math.floor(now - self._outage.since)))
end

-- What fits beside the bar: of these, what is worth least is left out first.
local LEFT_OUT = { "rate", "count", "unknown" }

function Progress:_bar(now, done, counts)
  local columns = self._host.columns("stderr")
  columns = columns and columns > 0 and columns or 80
  if self._words then
    return self:_found_line(now):sub(1, columns - 1)
  end
  local share = self._total > 0 and done / self._total or 1
  local rate, left = self:_pace(now, done)
  local waiting = self:_waiting(now)
  local head = ("%3d%% "):format(math.floor(share * 100))
  if self._outage then
    return (head .. self:_outage_line(now)):sub(1, columns - 1)
  end
  local parts = {
    count = ("%s/%s  "):format(grouped(done), grouped(self._total)),
    rate = rate and ("%s/s  "):format(grouped(rate)) or "",
    unknown = (" (%s unknown)"):format(grouped(counts.unknown)),
  }
  local said
  for i = 0, #LEFT_OUT do
    parts[LEFT_OUT[i] or ""] = ""
    said = ("%s%s%s%s stopped, %s not stopped%s%s"):format(parts.count, parts.rate,
      left and ("%s left  "):format(duration.clock(left)) or "", grouped(counts.stopped),
      grouped(done - counts.stopped), parts.unknown, waiting ~= "" and "  " .. waiting or "")
    if #head + #said < columns then
      break
    end
  end
  local width = math.min(MOST_BAR, columns - 1 - #head - #said - 3)
  if width >= LEAST_BAR then
    local full = math.floor(share * width)
    head = head .. "[" .. ("#"):rep(full) .. ("."):rep(width - full) .. "] "
  end
  local line = (head .. said):sub(1, columns - 1)
  if self._is_colored then
    line = line:gsub("([%d,]+ unknown)", counts.unknown > 0 and "\27[33m%1\27[0m" or "%1")
    line = line:gsub("([%d,]+ stopped)", "\27[32m%1\27[0m", 1)
  end
  return line
end

-- Seconds for which trouble is told.
local TROUBLE_SHOWN = 5

-- Says what just went wrong, for a while.
function Progress:trouble(what)
  self._trouble, self._trouble_till = what, self._host.now() + TROUBLE_SHOWN
end

-- Says what the run waits for: a word for people, or "pause" and when it ends; nil for nothing.
function Progress:wait_for(what, till)
  self._waits, self._till = what, till
end

-- Says that the provider answers nobody, and why, in place of how fast the run is; nil: it does.
function Progress:outage(why)
  local now = self._host.now()
  self._outage = why and { why = why, since = now } or nil
  self._due = now + (self._mode == "plain" and OUTAGE_AFTER or 0)
end

-- Draws what is due. Called as often as there is time for it.
function Progress:tick(now, done, counts)
  if self._mode == "none" or now < self._due then
    return
  end
  self:_sample(now, done)
  if self._mode == "bar" then
    self._due = now + BAR_EVERY
    self._host.stderr:write(CLEAR, self:_bar(now, done, counts))
    self._host.stderr:flush()
    self._is_drawn = true
  else
    self._due = now + LINE_EVERY
    self._host:say(self:_line(now, done, counts))
  end
end

-- Takes the bar off the terminal, before something else is written to it.
function Progress:clear()
  if self._is_drawn then
    self._is_drawn = false
    self._host.stderr:write(CLEAR)
    self._host.stderr:flush()
  end
end

-- What a signal that ends all has to leave on the terminal.
function Progress:farewell()
  return self._mode == "bar" and CLEAR or ""
end

return progress
