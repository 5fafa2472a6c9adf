-- Writes items as text, NDJSON, JSON or CSV. A stream: nothing is held but what goes out together.

local native = require("stopmsg.command")
local journal = require("stopmsg.journal")
local outcome = require("stopmsg.meaning.outcome")
local progress = require("stopmsg.cli.progress")
local record = require("stopmsg.record")
local reports = require("stopmsg.report")
local text = require("stopmsg.text")

local output = {}

output.formats = { "text", "ndjson", "json", "csv" }

-- Bytes that go out together.
local MANY = 64 * 1024

-- Items whose widths decide how wide the columns of a text table are, and rows of one that shows
-- only what was not stopped.
local SAMPLE, MOST_ROWS = 1000, 20

local CSV = {
  "id", "outcome", "reason", "code", "http", "message", "attempts", "ambiguous", "verified",
  "state",
}

local Sink = {}
Sink.__index = Sink

local cell, said

function output.csv_header()
  return table.concat(CSV, ",")
end

local COMMA = (","):byte()

local STRANGE = { message = true, state = true }

-- row = output.csv_row(item, clean, first): the cells of an item, from the first of CSV on.
function output.csv_row(item, clean, first)
  local cells = {}
  for i = first or 1, #CSV do
    local name = CSV[i]
    local text_of_it = cell(STRANGE[name] and said(item[name]) or item[name])
    cells[#cells + 1] = clean and clean(text_of_it) or text_of_it
  end
  return table.concat(cells, ",")
end

function Sink:_add(text_of_it)
  if self.gathered:write(text_of_it) >= MANY then
    self:flush()
  end
end

-- Lines of `count` ids like this item were added to `gathered`.
function Sink:added()
  if self.gathered:size() >= MANY then
    self:flush()
  end
end

-- Empties the file of the results, once.
local function empty(self)
  if self._replaces and not self.failure then
    local file, message = io.open(self._replaces, "w")
    self._replaces = nil
    if file then
      self._file:close()
      file:setvbuf("no") -- what goes out together is gathered here
      self._file = file
    end
    self:fail(message)
  end
end

-- Sends off what is gathered. `failure` says why nothing more can be written; on_failure is called
-- with it, once.
function Sink:flush()
  local gathered = self.gathered
  if gathered:size() > 0 then
    empty(self)
  end
  if gathered:size() == 0 or self.failure then
    return gathered:clear()
  end
  if self._before_write then
    self._before_write()
  end
  local _, message = gathered:send(self._file)
  gathered:clear()
  self:fail(message)
end

-- Notes that the results cannot be written, where `message` says so.
function Sink:fail(message)
  if message and not self.failure then
    self.failure = message
    if self.on_failure then
      self.on_failure(message)
    end
  end
end

-- NDJSON

local function ndjson(self)
  local gathered = self.gathered
  function self.frame(_, kind)
    kind.frame = kind.frame or { open = '{"id":"', close = '"' .. kind.tail }
    return kind.frame
  end
  function self.item(_, item, tail)
    if gathered:add(item.id, tail) >= MANY then
      self:flush()
    end
  end
end

-- list = output.by_frequency(reasons): reason -> count as a list of { reason, count }, the
-- commonest first.
function output.by_frequency(reasons)
  local list = {}
  for reason, count in pairs(reasons) do
    list[#list + 1] = { reason = reason, count = count }
  end
  table.sort(list, function(a, b)
    return a.count > b.count or (a.count == b.count and a.reason < b.reason)
  end)
  return list
end

-- text = output.json_reasons(reasons): reason -> count as a JSON object
function output.json_reasons(reasons)
  local pairs_of_it = {}
  for i, one in ipairs(output.by_frequency(reasons)) do
    pairs_of_it[i] = ("%s:%d"):format(record.quote(one.reason), one.count)
  end
  return "{" .. table.concat(pairs_of_it, ",") .. "}"
end

-- JSON: one document, its items written as they come. On a terminal the last one is held back: the
-- end of its line comes with the next, and a bar would erase the line.

local function json_document(self)
  local between, held = '{"items":[\n', ""
  function self.frame(_, kind)
    if between == ",\n" and not self._is_terminal then
      kind.frame = kind.frame or { open = ',\n{"id":"', close = '"' .. kind.tail:sub(1, -2) }
    end
    return kind.frame
  end
  function self.item(_, item, tail)
    local line = '{"id":' .. record.quote(item.id) .. tail:sub(1, -2)
    self:_add(held .. between .. (self._is_terminal and "" or line))
    between, held = ",\n", self._is_terminal and line or ""
  end
  function self._end(_, summary)
    self:_add(between == ",\n" and held or '{"items":[')
    local counts, warnings = {}, {}
    for i, name in ipairs(outcome.names) do
      counts[i] = ('"%s":%d'):format(name, summary.counts[name])
    end
    for i, message in ipairs(summary.warnings) do
      warnings[i] = record.quote(message)
    end
    self:_add(("],\n\"counts\":{%s},\n\"reasons\":%s,\n"):format(table.concat(counts, ","),
      output.json_reasons(summary.reasons)))
    self:_add(('"total":%d,"ok":%s,"requests":%d,"retries":%d,"connections":%d,"elapsed":%.3f,')
      :format(summary.total, tostring(summary.ok), summary.requests, summary.retries,
      summary.connections, summary.elapsed))
    if summary.is_complete ~= nil then
      self:_add(('"complete":%s,'):format(tostring(summary.is_complete)))
    end
    self:_add(('"interrupted":%s,"warnings":[%s]}\n'):format(
      tostring(summary.is_interrupted == true), table.concat(warnings, ",")))
  end
end

-- CSV

function cell(value)
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

-- What a provider says, so that a spreadsheet does not take it for a formula.
function said(value)
  if type(value) == "string" and value:find("^%s*[=+%-@\t\r]") then
    return "'" .. value
  end
  return value
end

local function csv(self)
  local clean = self._is_terminal and text.printable or function(value)
    return value
  end
  local tail = record.cached(function(item)
    return "," .. output.csv_row(item, clean, 2) .. "\n"
  end)
  local has_header = self._adds
  local function begin()
    if not has_header then
      has_header = true
      self:_add(output.csv_header() .. "\n")
    end
  end
  self._end = begin -- without a row there is a header, too
  function self.frame(_, kind)
    begin()
    kind.frame = kind.frame or { open = "", close = tail(kind.item), without = COMMA }
    return kind.frame
  end
  function self.item(_, item)
    begin()
    self:_add(clean(cell(item.id)) .. tail(item))
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
  words[#words + 1] = item.left and ("%.0f were sent"):format(item.left)
  words[#words + 1] = item.reason
  words[#words + 1] = item.message
  return table.concat(words, ", ")
end

local HEADER = { "ID", "OUTCOME", "CODE", "NOTE" }

local function table_of_text(self)
  local rows, widths = { HEADER }, nil
  local row_count, hidden = 0, 0

  local function write_row(row)
    local cells = {}
    for i = 1, 4 do
      local width = i < 4 and widths[i] or 0
      cells[i] = row[i] .. (" "):rep(width - #row[i])
    end
    self:_add(table.concat(cells, "  "):gsub(" +$", "") .. "\n")
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

  -- Nothing is shown of what was stopped, and of what is too much.
  function self.frame(_, kind)
    local is_hidden = self._only_missed
      and (kind.item.outcome == "stopped" or row_count == MOST_ROWS)
    if is_hidden then
      return false
    end
  end

  function self.added(_, count, item)
    hidden = hidden + (item.outcome == "stopped" and 0 or count)
  end

  function self.item(_, item)
    if self._only_missed and item.outcome == "stopped" then
      return
    elseif self._only_missed and row_count == MOST_ROWS then
      hidden = hidden + 1
      return
    end
    row_count = row_count + 1
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
  end

  function self._end(_, summary, reasons)
    write_sample()
    if hidden > 0 then
      self:_add(("… and %s more not stopped; --format ndjson -o FILE writes all of them\n")
        :format(progress.grouped(hidden)))
    end
    self:_add((row_count > 0 and "\n" or "") .. text.printable(reports.totals(summary)) .. "\n")
    if reasons then
      self:_add("reasons: " .. text.printable(reasons) .. "\n")
    end
  end
end

-- Ids alone, one a line.

local function ids(self)
  function self.item(_, item)
    local id = tostring(item.id)
    self:_add((self._is_terminal and text.printable(id) or id) .. "\n")
  end
end

local WRITERS = { ids = ids, text = table_of_text, ndjson = ndjson, json = json_document,
  csv = csv }

-- sink = output.new(args, host, bar, file, adds, only_missed): sink:item(item, tail), with the tail
-- by record.tails(), sink:flush(), sink:finish(summary), which closes args.output, and `failure`, a
-- message once something could not be written. `bar` is taken off the terminal before bytes go to
-- it. With only_missed a table for people has only what was not stopped.
function output.new(args, host, bar, file, adds, only_missed)
  local is_terminal = not args.output and host:is_terminal("stdout")
  local self = setmetatable({
    _file = file,
    _replaces = not adds and args.output or nil, -- until there is something to write
    _adds = adds,
    _path = args.output,
    _only_missed = only_missed,
    gathered = record.lines(),
    _is_terminal = is_terminal,
    _before_write = is_terminal and function()
      bar:clear()
    end or nil,
  }, Sink)
  WRITERS[args.format](self)
  return self
end

-- Writes what comes after the items: totals, where the format has any, and `reasons` in words. A
-- list of which nothing could be read leaves the file as it was.
function Sink:finish(summary, reasons)
  if not self._replaces or summary.total > 0 or summary.is_complete ~= false then
    if self._end then
      self._end(self, summary, reasons)
    end
    empty(self)
    self:flush()
  end
  if self._path and self._file:close() == nil then
    self:fail("cannot be closed")
  end
end

-- Reasons of failed requests, for people.
local FAILURES = {
  connect = "no connection",
  tls = "no TLS connection",
  timeout = "timed out",
  lost = "responses are lost",
  bad_response = "responses are not the provider's",
  rate_limited = "HTTP 429",
}

-- words = output.failure(event): why an outage began.
function output.failure(event)
  local reason = tostring(event.reason)
  if not event.message then
    return FAILURES[reason] or reason:gsub("^http_", "HTTP ")
  end
  local words = event.message:gsub("^Failed to connect to .- after %d+ ms: ", "")
  return (text.cut(words, 80):gsub("^%u%l", string.lower))
end

-- line = output.event(event): what --verbose says of an answer.
function output.event(event)
  return ("%d id%s: %s%s, %.3f s"):format(event.ids, event.ids == 1 and "" or "s",
    event.status and "HTTP " .. event.status or "no response",
    event.fault and " (" .. event.fault .. ")" or "", event.elapsed or 0)
end

-- Shows an event of the library on the bar, or as a line. Of a command that stops nothing.
function output.notice(host, bar, event, is_verbose)
  local kind = event.type
  if kind == "response" and is_verbose then
    bar:clear()
    host:say(output.event(event))
  elseif kind == "retry" then
    bar:trouble(("%s, retrying"):format(event.reason or "no response"))
  elseif kind == "throttle" then
    bar:wait_for("pause", host.now() + event.delay)
  elseif kind == "outage" then
    bar:outage(event.phase == "begin" and output.failure(event) or nil)
  end
end

function output.configure(parser)
  parser:option("--format", "Format of the results: text, ndjson, json or csv (text).")
    :argname("FORMAT"):choices(output.formats):default("text"):show_default(false)
  parser:option("-o --output", "Write the results to this file."):argname("FILE")
  parser:option("--progress", "Progress display: auto, bar, plain or none (auto)."):argname("HOW")
    :choices({ "auto", "bar", "plain", "none" }):default("auto"):show_default(false)
  parser:flag("-q --quiet", "Print only results and errors.")
  parser:flag("-v --verbose", "Print a line for each response.")
end

-- Formats that are a line an item, so that a second run can add to those of the first.
local IS_LINES = { ndjson = true, csv = true }

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

-- true where the file holds whole lines of an earlier run, to which this one adds
local function can_continue(args)
  local log = IS_LINES[args.format] and exists(args.output) and native.log(args.output)
  if not log then
    return false
  end
  local size = journal.whole_size(log)
  local is_whole = size and log:cut(size)
  log:close()
  return is_whole and size > 0
end

-- Options whose file is not to be written over.
local FILES = { journal = "--journal", token_file = "--token-file", ca_file = "--ca-file",
  cert_file = "--cert-file", key_file = "--key-file", definition_file = "--provider" }

-- The option, or the stream, that uses the file of the results already; nil for none.
local function user_of(args)
  local function is_output(path)
    return path ~= nil and native.same_file(path, args.output)
  end
  for name, option in pairs(FILES) do
    if is_output(args[name]) then
      return option
    end
  end
  for _, path in ipairs(args.inputs or {}) do
    if is_output(path) then
      return "--input"
    end
  end
  return native.file_kind(args.output) == "regular" and is_output("/dev/stdin")
    and "standard input" or nil
end

-- file, adds = output.open(args, host, is_resumed): where bytes go, and whether there are some of
-- an earlier run already, which stay | nil, message
function output.open(args, host, is_resumed)
  if not args.output then
    return host.stdout
  end
  local option = user_of(args)
  if option then
    return nil, ("-o %s: %s already uses this file"):format(args.output, option)
  end
  local adds = is_resumed and can_continue(args)
  local file, message = io.open(args.output, "a")
  if not file then
    return nil, message
  end
  file:setvbuf("no") -- what goes out together is gathered here
  return file, adds
end

return output
