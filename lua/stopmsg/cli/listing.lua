-- Reads a list of stoppable messages for a command: progress, trouble, interruption.

local connection = require("stopmsg.cli.connection")
local exit = require("stopmsg.cli.exit")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")

local listing = {}

local Listing = {}
Listing.__index = Listing

-- made = listing.new(host, args). Made before the client whose events it handles.
function listing.new(host, args)
  local self
  self = setmetatable({
    host = host,
    args = args,
    report = nil,
    signal = nil,
  }, Listing)
  self.bar = progress.new({
    host = host,
    mode = args.quiet and "none" or args.progress,
    total = 0,
    words = function()
      local report = self.report
      return report and ("%s found, on %s pages"):format(progress.grouped(report.total),
        progress.grouped(report.pages)) or "reading the list"
    end,
  })
  return self
end

-- Handles an event of the library.
function Listing:notice(event)
  output.notice(self.host, self.bar, event, self.args.verbose)
end

-- Returns whether to end; called often.
function Listing:tick(is_over)
  self.bar:tick(self.host.now(), 0, {})
  self.signal = self.signal or self.host.signals.signal()
  return self.signal ~= nil or is_over or false
end

-- report = listing:read(client, given, each): calls each(item) for every id found; true ends the
-- list. given: checked filter values.
function Listing:read(client, given, each)
  local is_over = false
  local items, report = client:find(given, {
    kind = self.args.dispatch and "dispatch" or nil,
    is_interrupted = function()
      return self:tick(is_over)
    end,
  })
  self.report = report
  for item in items do
    is_over = each(item) or false
    if self:tick(is_over) then
      break
    end
  end
  self.bar:clear()
  return report
end

-- Prints the list's warnings, and why it is incomplete.
function Listing:tell(report)
  local host = self.host
  if not self.args.quiet then
    for _, message in ipairs(report.warnings) do
      host:say("warning: " .. message)
    end
  end
  local err = report.err
  if self.signal then
    host:say("interrupted; the list was not read to its end")
  elseif err and err.reason == "credentials" then
    host:say(connection.refused(self.args))
  elseif not report.is_complete then
    host:say("the list is incomplete: " .. listing.why(err))
  end
end

-- Says why a list is incomplete.
function listing.why(err)
  if not err then
    return "it was not read to its end"
  end
  return err.message and ("%s (%s)"):format(err.message, err.reason) or err.reason
end

-- The exit code of a look.
function Listing:code(report)
  if report.err and report.err.reason == "credentials" then
    return exit.credentials
  elseif self.signal then
    return exit.signal + self.signal
  elseif not report.is_complete then
    return exit.unsure
  end
  return report.total == 0 and exit.refused or exit.ok
end

return listing
