-- The command, called in this process.

local main = require("stopmsg.cli.main")

local cli = {}

-- A file to write to that keeps what was written.
local function sink()
  local file = { text = "" }
  function file:write(...)
    self.text = self.text .. table.concat({ ... })
    return self
  end
  function file.flush() end
  return file
end

cli.sink = sink

-- A temporary file with this content; the caller removes it.
function cli.file(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(content or "")
  file:close()
  return path
end

function cli.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- code, out, err = cli.run(argv, options): options may hold stdin (text), env (a table), columns
-- (stream name -> width), signals, answer (what is typed on the terminal) and stdout.
function cli.run(argv, options)
  options = options or {}
  local out, err = options.stdout or sink(), sink()
  local path = cli.file(options.stdin)
  local stdin = assert(io.open(path, "rb"))
  os.remove(path)
  local code = main(argv, {
    stdin = stdin,
    stdout = out,
    stderr = err,
    getenv = function(name)
      return (options.env or {})[name]
    end,
    columns = function(name)
      return options.columns and options.columns[name]
    end,
    signals = options.signals,
    open_terminal = function()
      if options.answer then
        local typed = cli.file(options.answer)
        local file = io.open(typed, "rb")
        os.remove(typed)
        return file
      end
    end,
  })
  stdin:close()
  return code, out.text, err.text
end

return cli
