-- Runs of the command that are interrupted while requests are in flight, which a server holds back.

local command = require("spec.support.command")
local faults = require("spec.support.faults")
local files = require("spec.support.files")
local json = require("stopmsg.json")

local interrupts = {}

-- Ids that each run is given, and requests that may be in flight.
interrupts.COUNT, interrupts.CONCURRENCY = 40, 3

local provider = faults.providers[2]
local ANSWER = faults.http(provider.stopped())

local Interrupts = {}
Interrupts.__index = Interrupts

-- self = interrupts.start(): { hold(), answer(), run(), journal(), stop(), server, folder, ids }
function interrupts.start()
  local self = setmetatable({
    runner = command.start(),
    server = faults.start(),
    folder = files.folder(),
    ids = {},
  }, Interrupts)
  for n = 1, interrupts.COUNT do
    self.ids[n] = provider.id(n)
  end
  files.write(self.folder .. "/ids", table.concat(self.ids, "\n") .. "\n")
  return self
end

function Interrupts:stop()
  self.server:stop()
  self.runner:stop()
  files.remove(self.folder)
end

-- From now on requests are held back. Gives two files: the first gets a line from each, with the
-- second they are answered.
function Interrupts:hold()
  local arrived, go = os.tmpname(), os.tmpname()
  os.remove(go)
  self.server:set({
    ["then"] = {
      ["do"] = { { "read", "all" }, { "tell", arrived }, { "hold", go },
        { "write", faults.bytes(ANSWER) } },
      says = "stopped",
    },
    ids = self.ids,
  })
  self._files = { arrived, go }
  return arrived, go
end

-- From now on they are answered at once.
function Interrupts:answer()
  self.server:set({ ["then"] = faults.answer(ANSWER, "stopped"), ids = self.ids })
end

-- The steps of an interruption by Ctrl-C or a signal (by its name), once all requests have arrived
-- that may be in flight. When the program has taken it comes `more`: "again", or a file to make.
function interrupts.steps(arrived, by, more)
  local function interrupt(step)
    if by == "Ctrl-C" then
      step.type = "\3"
    else
      step.signal = by
    end
    return step
  end
  local steps = { interrupt({ wait = "told", ["in"] = arrived, times = interrupts.CONCURRENCY }) }
  -- The terminal shows what it made a signal of.
  local taken = by == "Ctrl-C" and "\\^C" or ""
  if more == "again" then
    steps[2] = interrupt({ wait = taken })
  elseif more then
    steps[2] = { wait = taken, write = more }
  end
  return steps
end

-- Runs the command to its end: what terminal.py answers.
function Interrupts:run(arguments, options)
  local all = {
    "stop", "-p", provider.name, "--dispatch", "--yes", "--base-url", self.server.url, "-i",
    self.folder .. "/ids", "--format", "ndjson", "--concurrency", tostring(interrupts.CONCURRENCY),
  }
  for _, argument in ipairs(arguments) do
    all[#all + 1] = argument
  end
  options = options or {}
  options.env = { STOPMSG_TOKEN = "sandbox" }
  local result = self.runner:run(all, options)
  for _, path in ipairs(self._files or {}) do
    os.remove(path)
  end
  self._files = nil
  return result
end

-- Of a journal: the last item of every id, and the set of those whose last record is an intent.
function Interrupts:journal(path)
  local last, open = {}, {}
  for line in io.lines(path) do
    local record = assert(json.decode(line))
    if record.outcome then
      last[record.id] = record
      open[record.id] = nil
    elseif record.intent then
      for n = record.intent[1], record.intent[2] do
        open[self.ids[n]] = true
      end
    end
  end
  return last, open
end

-- Outcome -> how many have it.
function interrupts.counts(items)
  local counts = {}
  for _, item in pairs(items) do
    counts[item.outcome] = (counts[item.outcome] or 0) + 1
  end
  return counts
end

return interrupts
