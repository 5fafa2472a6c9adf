-- Writes items as text, NDJSON, JSON or CSV. A stream: nothing is held but what goes out together.

local outcome = require("stopmsg.outcome")
local record = require("stopmsg.record")
local text = require("stopmsg.text")

local output = {}

output.formats = { "text", "ndjson", "json", "csv" }

-- Parts of lines that go out together.
local MANY = 2048

-- Items whose widths decide how wide the columns of a text table are.
local SAMPLE = 1000

local CSV = {
  "id", "outcome", "reason", "code", "http", "message", "attempts", "ambiguous", "verified",
  "state",
}

local Sink = {}
Sink.__index = Sink

function Sink:_add(...)
  local parts, count = self._parts, self._count
  for i = 1, select("#", ...) do
    parts[count + i] = (select(i, ...))
  end
  self._count = count + select("#", ...)
end

-- Sends off what is held. `failure` says why nothing more can be written.
function Sink:flush()
  if self._count == 0 or self.failure then
    return
  end
  local before = self._before_write
  if before then
    before()
  end
  local _, message = self._file:write(table.concat(self._parts, "", 1, self._count))
  if not message then
    _, message = self._file:flush()
  end
  self.failure = message
  self._count = 0
end

-- NDJSON

local function ndjson(self)
  local tail, quote = record.writer(), record.quote
  local parts = self._parts
  function self.item(_, item)
    local count = self._count
    parts[count + 1] = '{"id":'
    parts[count + 2] = quote(item.id)
    parts[count + 3] = tail(item)
    count = count + 3
    self._count = count
    if count >= MANY then
      self:flush()
    end
  end
end

-- JSON: one document, its items written as they come.

local function json_document(self)
  local line_tail = record.writer()
  local tail = record.cached(function(item)
    return (line_tail(item):gsub("\n$", ""))
  end)
  local quote = record.quote
  local between = '{"items":[\n'
  function self.item(_, item)
    self:_add(between, '{"id":', quote(item.id), tail(item))
    between = ",\n"
    if self._count >= MANY then
      self:flush()
    end
  end
  function self._end(_, summary)
    if between ~= ",\n" then
      self:_add('{"items":[')
    end
    local counts, warnings = {}, {}
    for i, name in ipairs(outcome.names) do
      counts[i] = ('"%s":%d'):format(name, summary.counts[name])
    end
    for i, message in ipairs(summary.warnings) do
      warnings[i] = record.quote(message)
    end
    self:_add(("],\n\"counts\":{%s},\n"):format(table.concat(counts, ",")))
    self:_add(('"total":%d,"ok":%s,"requests":%d,"retries":%d,"connections":%d,"elapsed":%.3f,')
      :format(summary.total, tostring(summary.ok), summary.requests, summary.retries,
      summary.connections, summary.elapsed))
    self:_add(('"interrupted":%s,"warnings":[%s]}\n'):format(
      tostring(summary.is_interrupted == true), table.concat(warnings, ",")))
  end
end

-- CSV

local function cell(value)
  if value == nil then
    return ""
  elseif type(value) == "number" then
    return record.quote(value)
  end
  value = tostring(value)
  if value:find('[",\r\n]') then
    return '"' .. value:gsub('"', '""') .. '"'
  end
  return value
end

local function csv(self)
  local clean = self._is_terminal and text.printable or function(value)
    return value
  end
  local tail = record.cached(function(item)
    local cells = {}
    for i = 2, #CSV do
      cells[i] = clean(cell(item[CSV[i]]))
    end
    cells[1] = ""
    return table.concat(cells, ",") .. "\n"
  end)
  self:_add(table.concat(CSV, ","), "\n")
  local parts = self._parts
  function self.item(_, item)
    local count = self._count
    parts[count + 1] = clean(cell(item.id))
    parts[count + 2] = tail(item)
    count = count + 2
    self._count = count
    if count >= MANY then
      self:flush()
    end
  end
end

-- Text: a table for people, as wide as its first items are, and the totals.

-- What an item says besides its outcome and code.
local function note(item)
  local words = {}
  for _, name in ipairs({ "ambiguous", "verified" }) do
    words[#words + 1] = item[name] and name or nil
  end
  if item.attempts and item.attempts > 1 then
    words[#words + 1] = ("%d attempts"):format(item.attempts)
  end
  words[#words + 1] = item.state and "state " .. tostring(item.state)
  words[#words + 1] = item.reason
  words[#words + 1] = item.message
  return table.concat(words, ", ")
end

local HEADER = { "ID", "OUTCOME", "CODE", "NOTE" }

local function table_of_text(self)
  local rows, widths = { HEADER }, nil

  local function write_row(row)
    local cells = {}
    for i = 1, 4 do
      local width = i < 4 and widths[i] or 0
      cells[i] = row[i] .. (" "):rep(width - #row[i])
    end
    self:_add((table.concat(cells, "  "):gsub(" +$", "")), "\n")
  end

  local function write_sample()
    if not rows or not rows[2] then
      return
    end
    widths = { 0, 0, 0 }
    for _, row in ipairs(rows) do
      for i = 1, 3 do
        widths[i] = math.max(widths[i], #row[i])
      end
    end
    for _, row in ipairs(rows) do
      write_row(row)
    end
    rows = nil
  end

  function self.item(_, item)
    local row = {
      text.printable(tostring(item.id)),
      item.outcome,
      text.printable(item.code == nil and "" or cell(item.code)),
      text.printable(note(item)),
    }
    if not rows then
      write_row(row)
    else
      rows[#rows + 1] = row
      if #rows > SAMPLE then
        write_sample()
      end
    end
    if self._count >= MANY then
      self:flush()
    end
  end

  function self._end(_, summary)
    local has_rows = not rows or rows[2] ~= nil
    write_sample()
    self:_add(has_rows and "\n" or "", text.printable(tostring(summary)), "\n")
  end
end

local WRITERS = { text = table_of_text, ndjson = ndjson, json = json_document, csv = csv }

-- sink = output.new(args, host, file, bar): sink:item(item), sink:flush(), sink:finish(summary) and
-- `failure`, a message once something could not be written.
-- `bar` is taken off the terminal before bytes go to it.
function output.new(args, host, file, bar)
  local is_terminal = not args.output and host:is_terminal("stdout")
  local self = setmetatable({
    _file = file,
    _parts = {},
    _count = 0,
    _is_terminal = is_terminal,
    _before_write = is_terminal and function()
      bar:clear()
    end or nil,
  }, Sink)
  WRITERS[args.format](self)
  return self
end

-- Writes what comes after the items: totals, where the format has any.
function Sink:finish(summary)
  if self._end then
    self._end(self, summary)
  end
  self:flush()
end

function output.configure(parser)
  parser:option("--format", "text, ndjson, json or csv (text)."):argname("FORMAT")
    :choices(output.formats):default("text"):show_default(false)
  parser:option("-o --output", "Write the results to this file."):argname("FILE")
  parser:option("--progress", "auto, bar, plain or none (auto)."):argname("HOW")
    :choices({ "auto", "bar", "plain", "none" }):default("auto"):show_default(false)
  parser:flag("-q --quiet", "Only results and faults.")
end

-- file = output.open(args, host): where bytes go | nil, message
function output.open(args, host)
  if not args.output then
    return host.stdout
  end
  for _, name in ipairs({ "input", "journal", "token_file" }) do
    if args[name] == args.output then
      return nil, ("-o %s is the file of --%s, too"):format(args.output, (name:gsub("_", "-")))
    end
  end
  local file, message = io.open(args.output, "w")
  if not file then
    return nil, message
  end
  file:setvbuf("no") -- what goes out together is gathered here
  return file
end

return output
