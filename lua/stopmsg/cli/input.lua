-- Which ids a command is given: read twice, once to check all of them before anything is sent, and
-- once to hand them out. Memory does not grow with their number.

local connection = require("stopmsg.cli.connection")
local core = require("stopmsg.core")
local ids = require("stopmsg.ids")
local lines = require("stopmsg.cli.lines")
local text = require("stopmsg.text")

local input = {}

-- Bad lines that are named one by one.
local MAX_NAMED = 20

-- An id that cannot be sent, in the run: anything but a string or a number is refused there.
local Problem = {}
Problem.__index = Problem

-- Puts what is known of a bad line into the item that the run made of it.
function input.explain(item)
  if getmetatable(item.id) == Problem then
    item.message = item.id.message
    item.id = item.id.shown
  end
end

-- next = reader(on_block) over a list of arguments
local function list_reader(list)
  return function(on_block)
    local i = 0
    return function()
      i = i + 1
      if list[i] then
        on_block(list[i] .. "\n")
        return list[i], i
      end
    end
  end
end

-- The same over a file, from `start` on.
local function file_reader(file, start, field)
  return function(on_block)
    file:seek("set", start)
    if field then
      return lines.fields(file, on_block, field)
    end
    return lines.plain(file, on_block)
  end
end

-- file, start = rewindable(file) | nil, message: itself, or a copy that no directory lists
local function rewindable(file)
  local start = file:seek("cur", 0)
  if start then
    return file, start
  end
  local copy, message = io.tmpfile()
  while copy do
    local block, why = file:read(64 * 1024)
    if not block then
      if why then
        return nil, why
      end
      return copy, 0
    end
    local wrote
    wrote, why = copy:write(block)
    if not wrote then
      return nil, "cannot be copied to a temporary file: " .. why
    end
  end
  return nil, "no temporary file: " .. tostring(message)
end

local Input = {}
Input.__index = Input

-- Reads all of it. given | nil, message
local function check(self, form)
  local digest = core.digest()
  local function add(block)
    digest:add(block)
  end
  local next_id = self._reader(add)
  local total, bad_count, bad = 0, 0, {}
  while true do
    local value, line = next_id(form.mask)
    if value == nil then
      break
    end
    if type(value) == "number" then
      total = total + value
    else
      total = total + 1
      local sent, why = false, value.message
      if type(value) == "string" then
        sent, why = ids.check(form, value)
      end
      if not sent then
        bad_count = bad_count + 1
        if bad_count <= MAX_NAMED then
          bad[bad_count] = { line = line, message = why, shown = value.shown or value }
        end
      end
    end
  end
  digest:add(self._field or "")
  self.total, self.bad_count, self.bad = total, bad_count, bad
  self.fingerprint = digest:hex()
  return self
end

local function source_of(options)
  local list = options.ids or {}
  local path = options.file
  if #list == 1 and list[1] == "-" then
    list, path = {}, path or "-"
  end
  if #list > 0 and path then
    return nil, "ids as arguments and a file: give one or the other"
  elseif #list > 0 and options.field then
    return nil, "--field is for a file: give it with -i"
  elseif #list > 0 then
    return { name = "argument", what = "argument", reader = list_reader(list) }
  end
  if not path and options.is_terminal then
    return nil, "no ids: give ids, -i FILE, or - to read them from standard input"
  end
  local is_stdin = not path or path == "-"
  local name = is_stdin and "standard input" or path
  local file = options.stdin
  if not is_stdin then
    local message
    file, message = io.open(path, "rb")
    if not file then
      return nil, message
    end
  end
  local start
  file, start = rewindable(file)
  if not file then
    return nil, ("%s: %s"):format(name, start)
  end
  return { name = name, what = "line", reader = file_reader(file, start, options.field) }
end

function input.configure(parser)
  parser:argument("ids", "Ids; - reads them from standard input."):args("*"):argname("ID")
  parser:option("-i --input", "File of ids, one a line; blank lines and # comments are skipped.")
    :argname("FILE")
  parser:option("--field", "The file is CSV or NDJSON with the ids in this column or field.")
    :argname("NAME")
  parser:option("--max", "Refuse to start with more ids than this."):argname("N")
    :convert(connection.number("max"))
end

-- given = input.read(options) | nil, message. Every id is checked; nothing is handed out yet.
--
-- options: ids (arguments), file (a path, "-" for stdin), field (of CSV or NDJSON), stdin,
-- is_terminal (whether stdin is one), form (of the provider's ids).
-- given: name (for messages), total, bad_count, bad (the first ones), fingerprint.
function input.read(options)
  local source, message = source_of(options)
  if not source then
    return nil, message
  end
  local self = setmetatable({
    name = source.name,
    _what = source.what,
    _reader = source.reader,
    _field = options.field,
  }, Input)
  local read, failure = pcall(check, self, options.form)
  if not read then
    if type(failure) ~= "table" then
      error(failure, 0)
    end
    return nil, ("%s: %s"):format(source.name, failure.unreadable)
  end
  return self
end

-- given = input.of(args, host, form): the ids of a command, checked | nil, message. Bad ones are
-- told; without a good one there is nothing to do.
function input.of(args, host, form)
  local given, message = input.read({
    ids = args.ids,
    file = args.input,
    field = args.field,
    stdin = host.stdin,
    is_terminal = host:is_terminal("stdin"),
    form = form,
  })
  if not given then
    return nil, message
  end
  for _, complaint in ipairs(given:complaints()) do
    host:say(complaint)
  end
  if given.total == 0 then
    return nil, given.name .. ": no ids"
  elseif given.bad_count == given.total then
    return nil, ("%s: no valid id; nothing was sent"):format(given.name)
  elseif args.max and given.total > args.max then
    return nil, ("%d ids are more than --max %d allows; nothing was sent"):format(given.total,
      args.max)
  end
  return given
end

-- The bad lines, for people: at most MAX_NAMED of them and a count.
function Input:complaints()
  local list = {}
  for i, bad in ipairs(self.bad) do
    list[i] = ("%s%s %d: %s: %s"):format(self._what == "line" and self.name .. ", " or "",
      self._what, bad.line, text.quote(bad.shown), bad.message)
  end
  if self.bad_count > #list then
    list[#list + 1] = ("… and %d more"):format(self.bad_count - #list)
  end
  return list
end

local function nothing() end

-- next = given:reader(): next() gives each id, a problem in place of what is none, nil at the end.
-- Should the file have changed so that it ends early, `is_short` says so.
function Input:reader()
  local next_id, left = self._reader(nothing), self.total
  return function()
    -- No more than were checked, should somebody have added to the file.
    if left == 0 then
      return nil
    end
    left = left - 1
    local value = next_id()
    if value == nil then
      self.is_short = true
    elseif type(value) == "table" then
      return setmetatable(value, Problem)
    end
    return value
  end
end

return input
