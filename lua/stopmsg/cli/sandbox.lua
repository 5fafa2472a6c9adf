-- stopmsg sandbox

local command = {
  name = "sandbox",
  summary = "serve the APIs of all providers on 127.0.0.1, for trying things out",
}

local function port(text)
  local number = tonumber(text)
  if not text:find("^%d+$") or number > 65535 then
    return nil, ("--port: '%s' is not a port (0 to 65535)"):format(text)
  end
  return number
end

local function seconds(name)
  return function(text)
    local number = text:find("^[%d.]+$") and tonumber(text)
    if not number then
      return nil, ("--%s: '%s' is not a number of seconds"):format(name, text)
    end
    return number
  end
end

local function whole(name)
  return function(text)
    local number = text:find("^%d+$") and tonumber(text)
    if not number then
      return nil, ("--%s: '%s' is not a number of messages"):format(name, text)
    end
    return number
  end
end

function command.configure(parser)
  parser:option("--port", "Port on 127.0.0.1; 0 for a free port (0).")
    :argname("N"):convert(port):default("0"):show_default(false)
  parser:option("--delay", "Delay each response.")
    :argname("SECONDS"):convert(seconds("delay")):default("0")
  parser:option("--settle", "Delay until a stop shows in lookups.")
    :argname("SECONDS"):convert(seconds("settle")):default("0")
  parser:option("--campaign", "Hold so many messages per provider, which lists show (3).")
    :argname("N"):convert(whole("campaign"))
  parser:option("--leave", "Messages of the campaign that leave in a second, while one stops them.")
    :argname("N"):convert(whole("leave"))
  parser:option("--create", "Messages that the campaign gets in a second.")
    :argname("N"):convert(whole("create"))
  parser:option("--create-for", "How long it gets them (without end).")
    :argname("SECONDS"):convert(seconds("create-for"))
  parser:option("--log", "Append a line of JSON per request to this file."):argname("FILE")
  parser:flag("--log-bodies", "Include request bodies in the log.")
  parser:flag("--until-eof", "Exit at the end of standard input.")
end

function command.notes()
  return require("stopmsg.sandbox").about()
end

function command.run(args, io)
  local ok, message, missing = require("stopmsg.sandbox.server").run({
    port = args.port,
    delay = args.delay,
    settle = args.settle,
    campaign = (args.campaign or args.leave or args.create) and {
      size = args.campaign or 0,
      leave_per_second = args.leave,
      created_per_second = args.create,
      create_seconds = args.create_for,
    } or nil,
    log = args.log,
    log_bodies = args.log_bodies,
    until_eof = args.until_eof,
    out = io.stdout,
  })
  if not ok then
    io:say(message)
    return missing and 1 or 2
  end
  return 0
end

return command
