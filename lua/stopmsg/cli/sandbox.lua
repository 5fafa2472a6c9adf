-- stopmsg sandbox

local command = {
  name = "sandbox",
  help_width = 110,
  summary = "serve the methods of all providers on loopback, for trying things out",
}

local function port(text)
  local number = tonumber(text)
  if not text:find("^%d+$") or number > 65535 then
    return nil, ("--port: '%s' is no port (0 to 65535)"):format(text)
  end
  return number
end

local function seconds(name)
  return function(text)
    local number = text:find("^[%d.]+$") and tonumber(text)
    if not number then
      return nil, ("--%s: '%s' is no number of seconds"):format(name, text)
    end
    return number
  end
end

function command.configure(parser)
  parser:option("--port", "Port on 127.0.0.1; 0 lets the kernel choose.")
    :argname("N"):convert(port):default("0")
  parser:option("--delay", "Hold each answer back that long.")
    :argname("SECONDS"):convert(seconds("delay")):default("0")
  parser:option("--settle", "A stop shows in status calls only after that long.")
    :argname("SECONDS"):convert(seconds("settle")):default("0")
  parser:option("--log", "Add a line of JSON for each request to this file."):argname("FILE")
  parser:flag("--log-bodies", "Have in these lines the body of each request, too.")
  parser:flag("--until-eof", "End when standard input does.")
  parser:epilog(require("stopmsg.sandbox").about())
end

function command.run(args, io)
  local ok, message, missing = require("stopmsg.sandbox.server").run({
    port = args.port,
    delay = args.delay,
    settle = args.settle,
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
