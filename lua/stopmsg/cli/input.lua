-- Which ids a command is given: read twice, once to check all of them before anything is sent, and
-- once to hand them out. Memory does not grow with their number.

local connection = require("stopmsg.cli.connection")
local native = require("stopmsg.command")
local disguise = require("stopmsg.cli.disguise")
local ids = require("stopmsg.ids")
local formats = require("stopmsg.cli.input.format")
local scratch = require("stopmsg.cli.scratch")
local text = require("stopmsg.text")

local input = {}

-- Ids that are looked at together.
local PIECE = 256

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

-- columns, message = columns_of(field, form): of an id with parts, where --field says where each of
-- them stands: "channel=COLUMN,message=COLUMN". Nil for any other field, the message where it is
-- wrong.
local function columns_of(field, form)
  if not field or not form.parts or not field:find("=", 1, true) then
    return nil
  end
  local given = {}
  for piece in (field .. ","):gmatch("([^,]*),") do
    local name, column = piece:match("^%s*([%w_]+)=(.+)$")
    if not name or not form.place_of[name] then
      return nil, ("--field %s: expected a part of the id, as in %s=COLUMN"):format(
        text.quote(piece), form.parts[1].name)
    end
    given[name] = column
  end
  local columns = {}
  for i, part in ipairs(form.parts) do
    columns[i] = given[part.name]
    if not columns[i] then
      return nil, ("--field: no column given for '%s', a part of the id"):format(part.name)
    end
  end
  function columns.is_id(value)
    return ids.check(form.parts[1], value) ~= nil
  end
  function columns.join(values)
    local id = {}
    for i, part in ipairs(form.parts) do
      id[part.name] = values[i]
    end
    return ids.check(form, id)
  end
  return columns
end

-- Parts of an input: { name, what, open(on_block) -> next, layout }.

local function list_part(list)
  return {
    name = "argument",
    what = "argument",
    open = function(on_block)
      local i = 0
      return function()
        i = i + 1
        if list[i] then
          on_block(list[i] .. "\n")
          return list[i], i
        end
      end
    end,
  }
end

-- part | nil, message
local function file_part(path, options)
  local is_stdin = path == "-"
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
  file, start = scratch.rewindable(file, options.getenv)
  if not file then
    return nil, ("%s: %s"):format(name, start)
  end
  local form = options.form
  return {
    name = name,
    what = "line",
    open = function(on_block)
      file:seek("set", start)
      return formats.open(file, on_block, options.columns or options.field, function(value)
        return disguise.is_id(form, value)
      end)
    end,
  }
end

-- parts | nil, message
local function parts_of(options)
  local list, paths = options.ids or {}, options.files or {}
  if #list == 1 and list[1] == "-" then
    list = {}
    paths = #paths > 0 and paths or { "-" }
  end
  for _, id in ipairs(list) do
    if id == "-" then
      return nil, "give ids as arguments or on standard input, not both"
    end
  end
  if #list > 0 and #paths > 0 then
    return nil, "give ids as arguments or in a file, not both"
  elseif #list > 0 and options.field then
    return nil, "--field needs a file: give one with -i"
  elseif #list > 0 then
    return { list_part(list) }
  end
  if #paths == 0 and options.is_terminal then
    return nil, "no ids: give ids, -i FILE, or - to read them from standard input"
  end
  local parts, has_stdin = {}, false
  for i, path in ipairs(#paths > 0 and paths or { "-" }) do
    if path == "-" and has_stdin then
      return nil, "standard input can be read only once"
    end
    has_stdin = has_stdin or path == "-"
    local part, message = file_part(path, options)
    if not part then
      return nil, message
    end
    parts[i] = part
  end
  return parts
end

-- next, place = chain(parts, on_block): value, line, part, is_listed of one after the other, by the
-- arguments of their readers (see input/format.lua). place.part is the
-- one that is read. Between two of them on_block sees a zero, so that "a" and "b" are not what "ab"
-- is.
local function chain(parts, on_block)
  local at, next_id, place = 0, nil, {}
  return function(shape, list, held, most)
    while true do
      if next_id then
        local value, line, is_listed = next_id(shape, list, held, most)
        if value ~= nil then
          return value, line, place.part, is_listed
        end
      end
      at = at + 1
      local part = parts[at]
      if not part then
        return nil
      elseif at > 1 then
        on_block("\0")
      end
      place.part = part
      next_id, part.layout = part.open(on_block)
    end
  end, place
end

local Input = {}
Input.__index = Input

-- Whether `value` can be sent as it is, or as what it is a spelling of: the id to send, whether it
-- is of an unusual shape | nil, why not.
local function judge(form, value)
  local sent, why = ids.check(form, value)
  if sent and not (form.usual and not value:find(form.usual)) then
    return value
  end
  local id = disguise.undress(form, value)
  if id then
    return id
  elseif sent then
    return value, true
  end
  return nil, disguise.explain(value, form.about) or why
end

-- Reads all of it. Raises { unreadable } for what cannot be read, which is self._place.part.
local function check(self, form)
  local digest, blocks = native.digest(), self._blocks
  local next_id
  next_id, self._place = chain(self._parts, function(block)
    digest:add(block)
    blocks[#blocks + 1] = { size = #block, digest = digest:hex() }
  end)
  local total, bad_count, bad, list = 0, 0, {}, {}
  local function look(value, line, part)
    local id, why = nil, value.message
    if type(value) == "string" then
      id, why = judge(form, value)
    end
    if not id then
      bad_count = bad_count + 1
      if bad_count <= MAX_NAMED then
        bad[bad_count] = { line = line, message = why, shown = value.shown or value, part = part }
      end
    elseif id ~= value then
      self._has_disguises = true
    elseif why then
      self.odd = self.odd + 1
      self.odd_example = self.odd_example or id
    end
  end
  while true do
    local value, line, part, is_listed = next_id(form.mask, list, 0, PIECE)
    if value == nil then
      break
    elseif type(value) ~= "number" then
      look(value, line, part)
      value = 1
    elseif is_listed then
      local at = 1
      while at <= value do
        at = at + (form.mask and native.count_ids(list, at, value, form.mask) or 0)
        if at <= value then
          look(list[at], line + at - 1, part)
          at = at + 1
        end
      end
    end
    total = total + value
  end
  digest:add(self._field or "")
  self.total, self.bad_count, self.bad = total, bad_count, bad
  self.fingerprint = digest:hex()
  return self
end

function input.configure(parser)
  parser:argument("ids", "Ids; - reads them from standard input."):args("*"):argname("ID")
  parser:option("-i --input", "Read ids from this file (repeatable).")
    :argname("FILE"):count("*"):target("inputs")
  parser:option("--field", "Column (name or number) or JSON field (a.b) that holds the ids; "
    .. "for ids with parts, one for each: channel=COLUMN,message=COLUMN.")
    :argname("NAME")
  parser:option("--max", "Refuse to start with more ids than this."):argname("N")
    :convert(connection.count("max"))
end

-- given = input.read(options) | nil, message. Every id is checked; nothing is handed out yet.
--
-- options: ids (arguments), files (paths, "-" for stdin), field (of CSV or JSON), stdin,
-- is_terminal (whether stdin is one), form (of the provider's ids), getenv.
-- given: name (for messages), total, bad_count, bad (the first ones), odd (how many are of an
-- unusual shape), odd_example, fingerprint.
function input.read(options)
  options.getenv = options.getenv or os.getenv
  local parts, message
  options.columns, message = columns_of(options.field, options.form)
  if not message then
    parts, message = parts_of(options)
  end
  if not parts then
    return nil, message
  end
  local names = {}
  for i, part in ipairs(parts) do
    names[i] = part.name
  end
  local self = setmetatable({
    name = table.concat(names, ", "),
    odd = 0,
    odd_example = nil,
    _parts = parts,
    _form = options.form,
    _field = options.field,
    _has_disguises = false,
    _blocks = {}, -- the blocks that were checked: their sizes, and the digest up to each
  }, Input)
  local read, failure = pcall(check, self, options.form)
  if not read then
    if type(failure) ~= "table" then
      error(failure, 0)
    end
    return nil, ("%s: %s"):format(self._place.part.name, failure.unreadable)
  end
  return self
end

-- given = input.of(args, host, form): the ids of a command, checked | nil, message. Bad ones are
-- told; without a good one there is nothing to do.
function input.of(args, host, form)
  local given, message = input.read({
    ids = args.ids,
    files = args.inputs,
    field = args.field,
    stdin = host.stdin,
    is_terminal = host:is_terminal("stdin"),
    form = form,
    getenv = host.getenv,
  })
  if not given then
    return nil, message
  end
  for _, note in ipairs(given:notes()) do
    host:say(note)
  end
  for _, complaint in ipairs(given:complaints()) do
    host:say(complaint)
  end
  if given.total == 0 then
    return nil, given.name .. ": no ids"
  elseif given.bad_count == given.total then
    return nil, ("%s: no valid id; nothing was sent"):format(given.name)
  elseif args.max and given.total > args.max then
    return nil, ("%d ids exceed --max %d; nothing was sent"):format(given.total,
      args.max)
  end
  return given
end

-- Whether an id could be read from standard input, so that no answer can be.
function input.reads_stdin(args)
  local paths = args.inputs or {}
  for _, path in ipairs(paths) do
    if path == "-" then
      return true
    end
  end
  return args.ids[1] == "-" or (#args.ids == 0 and #paths == 0)
end

-- What people should know of how the files were read: a list of lines.
function Input:notes()
  local list = {}
  for _, part in ipairs(self._parts) do
    local layout = part.layout
    local is_numbered = layout and (layout.is_numbered or self._field:find("^%d+$"))
    if is_numbered and layout.header then
      list[#list + 1] = ("%s: treating the first row as a header, because %s is not %s"):format(
        part.name, text.quote(layout.header[layout.column]), self._form.about)
    end
  end
  return list
end

-- Ids of an unusual shape, in words; nil where there are none.
function Input:oddities()
  return self.odd > 0 and ("%d of %d ids %s an unusual format, such as %s; expected %s"):format(
    self.odd, self.total, self.odd == 1 and "has" or "have", text.quote(self.odd_example),
    self._form.about) or nil
end

-- The bad lines, for people: at most MAX_NAMED of them and a count.
function Input:complaints()
  local list = {}
  for i, bad in ipairs(self.bad) do
    local what = bad.part.what
    list[i] = ("%s%s %d: %s: %s"):format(what == "line" and bad.part.name .. ", " or "", what,
      bad.line, text.quote(bad.shown), bad.message)
  end
  if self.bad_count > #list then
    list[#list + 1] = ("… and %d more"):format(self.bad_count - #list)
  end
  return list
end

-- next = again(self): as chain() gives it, up to the first block that is not what was checked. From
-- there on next() returns nil, and `is_short` is set. What was added after the last block does not
-- count.
local function again(self)
  local digest, blocks, at = native.digest(), self._blocks, 0
  local has_changed = false
  local next_id = chain(self._parts, function(block)
    at = at + 1
    local known, is_last = blocks[at], at >= #blocks - 1 -- the last one is the end
    if not known then
      return
    end
    digest:add(is_last and block:sub(1, known.size) or block)
    has_changed = has_changed or #block < known.size or digest:hex() ~= known.digest
    return not has_changed
  end)
  return function(...)
    local is_read, value = pcall(next_id, ...)
    if not is_read and (type(value) ~= "table" or not value.unreadable) then
      error(value, 0)
    elseif not is_read or has_changed or value == nil then
      has_changed, self.is_short = true, true
      return nil
    end
    return value
  end
end

-- next = given:reader(): next() gives each id, a problem in place of what is none, nil at the end.
-- Should a file have changed, it ends there, and `is_short` says so.
function Input:reader()
  local next_id, left, form = again(self), self.total, self._form
  return function()
    -- No more than were checked, should somebody have added to the file.
    if left == 0 then
      return nil
    end
    left = left - 1
    local value = next_id()
    if type(value) == "table" then
      return setmetatable(value, Problem)
    elseif self._has_disguises then
      return judge(form, value) or value
    end
    return value
  end
end

-- fill = given:filler(): fill(list, most) puts the next ids into list[1], list[2] and so on, `most`
-- of them at most, and gives how many these are; 0 at the end. Else as reader().
function Input:filler()
  local next_id, left, form = again(self), self.total, self._form
  local function take(list, at, value)
    if type(value) == "table" then
      list[at] = setmetatable(value, Problem)
    else
      list[at] = self._has_disguises and judge(form, value) or value
    end
  end
  return function(list, most)
    local count = 0
    most = math.min(most, left)
    while count < most do
      local value = next_id(nil, list, count, most - count)
      if value == nil then
        left = count
        break
      elseif type(value) ~= "number" then
        count = count + 1
        take(list, count, value)
      else
        for i = count + 1, self._has_disguises and count + value or 0 do
          take(list, i, list[i])
        end
        count = count + value
      end
    end
    left = left - count
    return count
  end
end

return input
