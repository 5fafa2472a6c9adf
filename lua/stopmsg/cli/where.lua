-- `--where NAME=VALUE` for all commands that read a list.

local clients = require("stopmsg.client")
local connection = require("stopmsg.cli.connection")
local progress = require("stopmsg.cli.progress")
local text = require("stopmsg.text")

local where = {}

function where.configure(parser)
  parser:option("--where", "Only what this filter of the provider selects (repeatable).")
    :argname("NAME=VALUE"):count("*")
end

-- given = where.read(args) | nil, message: name -> list of values.
function where.read(args)
  local given = {}
  for _, pair in ipairs(args.where or {}) do
    local name, value = pair:match("^([^=]+)=(.*)$")
    if not name then
      return nil, ("--where expects NAME=VALUE, got %s; `stopmsg providers %s` lists the names")
        :format(text.quote(pair), args.provider or "NAME")
    end
    given[name] = given[name] or {}
    table.insert(given[name], value)
  end
  return given
end

-- filter, kind = where.filter(client, args, given, is_stop): a checked filter | nil, message. What
-- stop finds is of the kind that it stops.
function where.filter(client, args, given, is_stop)
  local wanted = args.dispatch and "dispatch" or is_stop and "message" or nil
  local filter, kind = clients.filter(client, wanted, given, is_stop, args.all)
  if filter then
    return filter, kind
  end
  local message = connection.translate(kind):gsub("all = true", "--all")
  return nil, (message:gsub("^no filter: give at least one,", "no filter: give a --where,"))
end

-- given = where.given(pairs): turns resolved pairs { name, text } back into values.
function where.given(pairs_of)
  local given = {}
  for _, pair in ipairs(pairs_of) do
    given[pair[1]] = given[pair[1]] or {}
    table.insert(given[pair[1]], pair[2])
  end
  return given
end

-- "12,400 messages", "1 batch"
function where.count(count, unit)
  local plural = unit:find("ch$") and "es" or "s"
  return ("%s %s%s"):format(progress.grouped(count), unit, count == 1 and "" or plural)
end

-- The filter in words: "dispatch=17 since=2026-11-29T09:00:00Z"
function where.words(filter)
  local words = tostring(filter)
  return words ~= "" and text.printable(words) or "everything that is listed"
end

return where
