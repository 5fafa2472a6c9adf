-- stopmsg status

local clients = require("stopmsg.client")
local connection = require("stopmsg.cli.connection")
local exit = require("stopmsg.cli.exit")
local input = require("stopmsg.cli.input")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")
local record = require("stopmsg.record")
local reports = require("stopmsg.report")

local command = {
  name = "status",
  holds_signals = true, -- once it has sent something
  summary = "look messages up and report the state of each",
  examples = [[
Examples:
  stopmsg status -p revicom 2a28d557-22a1-4be6-8908-1481723043dd
  stopmsg status -p pushwoosh --application 12345-67890 -i codes.txt --format csv
  stopmsg status -p idigital --dispatch 4711
]],
}

-- Ids per lookup, after which results are written.
local CHUNK = 2000

function command.configure(parser)
  input.configure(parser)
  connection.configure(parser)
  parser:flag("--dispatch", "Treat the ids as dispatches (mailings).")
  connection.configure_pace(parser)
  output.configure(parser)
  parser:epilog(exit.about_lookup)
end

-- name, operation | nil, message
local function find_operation(args, provider)
  local stop = provider.operations.stop
  local is_dispatch = args.dispatch or not stop or stop.undocumented
  local operation = provider.operations[is_dispatch and "status_dispatch" or "status"]
  if not operation then
    return nil, ("%s has no status of %s"):format(provider.name,
      is_dispatch and "dispatches" or "messages")
  end
  return is_dispatch and "dispatch" or "message", operation
end

local Run = {}
Run.__index = Run

function Run:tick()
  self.bar:tick(self.host.now(), self.summary.total, self.summary.counts)
  self.signal = self.signal or self.host.signals.signal()
  return self.signal ~= nil or self.sink.failure ~= nil
end

-- Why the lookups end, or nil.
function Run:ended(found)
  if self.signal or self.sink.failure then
    return "interrupted"
  elseif self.host.now() >= self.deadline then
    return "deadline"
  end
  for _, item in ipairs(found or {}) do
    if exit.is_end(item) then
      self.is_refused = true
      return "credentials"
    elseif item.outcome == "skipped" then
      return item.reason -- an outage or a long pause would hold up the rest as well
    end
  end
end

function Run:give(item)
  input.explain(item)
  self.summary:count(item)
  self.sink:item(item, self.tail(item))
end

function Run:look_up(ids)
  local found = self.client:status(ids, {
    kind = self.kind,
    deadline = self.deadline < math.huge and math.max(0.001, self.deadline - self.host.now())
      or math.huge,
    is_interrupted = function()
      return self:tick()
    end,
  })
  for _, item in ipairs(found) do
    self:give(item)
  end
  for _, name in ipairs({ "requests", "retries", "connections", "elapsed" }) do
    self.summary[name] = self.summary[name] + found[name]
  end
  for _, message in ipairs(found.warnings) do
    self.warnings[message] = true
  end
  return found
end

function Run:go(given)
  local reason, ids = nil, {}
  for id in given:reader() do
    if reason then
      self:give({ id = id, outcome = "skipped", reason = reason, attempts = 0 })
    else
      ids[#ids + 1] = id
      if #ids == CHUNK then
        reason = self:ended(self:look_up(ids))
        self.sink:flush()
        ids = {}
      end
    end
  end
  if #ids > 0 then
    self:ended(self:look_up(ids))
  end
  for message in pairs(self.warnings) do
    table.insert(self.summary.warnings, message)
  end
  table.sort(self.summary.warnings)
end

function command.run(args, host)
  local provider, message = connection.provider(args, host)
  if not provider then
    return exit.refuse(host, message)
  end
  local kind, operation = find_operation(args, provider)
  if not kind then
    return exit.refuse(host, operation)
  end
  local client, run
  local function notice(event)
    output.notice(host, run.bar, event, args.verbose)
  end
  client, message = connection.open(args, host, provider, args.verbose and notice or nil)
  if not client then
    return exit.refuse(host, message)
  end
  local found
  found, message = clients.operation(client, "status", kind)
  if not found then
    return exit.refuse(host, connection.translate(message))
  end
  local given
  given, message = input.of(args, host, operation.id)
  if not given then
    return exit.refuse(host, message)
  end
  local file
  file, message = output.open(args, host)
  if not file then
    return exit.refuse(host, message)
  end

  connection.tell_address(args, host)
  local bar = progress.new({
    host = host,
    mode = args.quiet and "none" or args.progress,
    total = given.total,
  })
  run = setmetatable({
    host = host,
    client = client,
    kind = kind,
    deadline = host.now() + (args.deadline or math.huge),
    summary = reports.new(),
    warnings = {},
    tail = record.tails(),
    bar = bar,
    sink = output.new(args, host, bar, file),
  }, Run)
  clients.listen(client, nil, notice)
  host.signals.farewell(("%s%s: quit at once\n"):format(bar:farewell(), host.command))
  host.signals.hold(true)
  run:go(given)
  client:close()
  run.summary.is_interrupted = run.signal ~= nil
  run.sink:finish(run.summary)
  bar:clear()
  if host.stdout.is_cut then
    return exit.cut
  end
  if not args.quiet then
    for _, warning in ipairs(run.summary.warnings) do
      host:say("warning: " .. warning)
    end
    if args.format ~= "text" or args.output then
      host:say(tostring(run.summary))
    end
  end
  if run.is_refused then
    host:say(connection.refused(args))
  end
  local fault = run.sink.failure and "the results cannot be written: " .. run.sink.failure
    or given.is_short and given.name .. " changed while being read"
  if fault then
    host:say(fault)
    return exit.fault
  end
  return exit.of_lookup(run.summary.counts, {
    credentials = run.is_refused,
    signal = run.signal,
  })
end

return command
