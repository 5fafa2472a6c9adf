-- Asks for confirmation at a terminal.

local input = require("stopmsg.cli.input")
local text = require("stopmsg.text")

local question = {}

-- file = question.answers(args, host): where the answer is read from; nil without a terminal.
function question.answers(args, host)
  if not host:is_terminal("stderr") then
    return nil
  elseif host:is_terminal("stdin") and not input.reads_stdin(args) then
    return host.stdin
  end
  return (host.open_terminal())
end

-- true | nil, message: asks whether to stop `what`.
function question.confirm(args, host, answers, what)
  host.stderr:write(("Stop %s at %s (%s)? [y/N] "):format(what, args.provider,
    text.printable(args.shown_url)))
  host.stderr:flush()
  local answer = (answers:read("*l") or ""):lower():match("^%s*(.-)%s*$")
  if answer ~= "y" and answer ~= "yes" then
    return nil, "not confirmed; nothing was sent"
  end
  return true
end

-- message = question.nobody(what): there is no terminal to ask.
function question.nobody(what)
  return ("%s: no terminal to ask for confirmation; pass --yes"):format(what)
end

return question
