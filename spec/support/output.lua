-- A busted output handler: a dot for a file that passes, every failure in full, and a last line
-- `lua5.4: 12 passed, 0 failed, 1 skipped` that also goes to the file named by SPEC_SUMMARY.
-- SPEC_PART is another name than the interpreter's.

-- The interpreter is the first thing on the command line.
local function interpreter()
  local i = 0
  while arg[i - 1] do
    i = i - 1
  end
  return (arg[i]:match("[^/]*$"))
end

local function place(trace)
  return trace and trace.short_src and trace.short_src .. ":" .. trace.currentline
end

local function text(message)
  if type(message) == "string" then
    return message
  end
  return message == nil and "no message" or require("pl.pretty").write(message)
end

local function describe(failure)
  local lines = {
    (place(failure.element.trace) or "spec") .. ": " .. failure.name,
    text(failure.message),
  }
  if failure.isError and failure.trace and failure.trace.traceback then
    lines[#lines + 1] = failure.trace.traceback:match("^%s*(.-)%s*$")
  end
  if failure.randomseed then
    lines[#lines + 1] = "seed " .. failure.randomseed
  end
  return table.concat(lines, "\n")
end

return function()
  local busted = require("busted")
  local handler = require("busted.outputHandlers.base")()
  local shown = { failures = 0, errors = 0 }
  local column = 0

  local function write(s)
    io.stdout:write(s)
    io.stdout:flush()
  end

  local function break_line()
    if column > 0 then
      write("\n")
      column = 0
    end
  end

  -- Shows what came in since the last call; true if that was nothing.
  local function show()
    local clean = true
    for _, kind in ipairs({ "failures", "errors" }) do
      for i = shown[kind] + 1, #handler[kind] do
        break_line()
        write("\n" .. (kind == "errors" and "ERROR " or "FAILED "))
        write(describe(handler[kind][i]) .. "\n\n")
        clean = false
      end
      shown[kind] = #handler[kind]
    end
    return clean
  end

  local function file_end()
    if show() then
      write(".")
      column = column + 1
      if column == 72 then
        break_line()
      end
    end
    return nil, true
  end

  local function suite_end()
    show()
    break_line()
    local line = ("%s: %d passed, %d failed"):format(
      os.getenv("SPEC_PART") or interpreter(),
      handler.successesCount,
      handler.failuresCount + handler.errorsCount
    )
    if handler.pendingsCount > 0 then
      line = ("%s, %d skipped"):format(line, handler.pendingsCount)
    end
    write(line .. "\n")

    local summary = os.getenv("SPEC_SUMMARY")
    if summary then
      local file = assert(io.open(summary, "a"))
      file:write(line, "\n")
      file:close()
    end
    return nil, true
  end

  busted.subscribe({ "file", "end" }, file_end)
  busted.subscribe({ "suite", "end" }, suite_end)
  return handler
end
