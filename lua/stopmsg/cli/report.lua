-- stopmsg report

local duration = require("stopmsg.cli.duration")
local exit = require("stopmsg.cli.exit")
local history = require("stopmsg.cli.history")
local json = require("stopmsg.json")
local native = require("stopmsg.command")
local outcome = require("stopmsg.meaning.outcome")
local output = require("stopmsg.cli.output")
local page = require("stopmsg.cli.page")
local progress = require("stopmsg.cli.progress")
local record = require("stopmsg.record")
local text = require("stopmsg.text")
local timeline = require("stopmsg.cli.timeline")

local command = {
  name = "report",
  summary = "read journals and report how the stop went",
  examples = [[
Examples:
  stopmsg report ids.journal
  stopmsg report ids.journal --format html -o friday.html
  stopmsg report ids.journal --only unknown,failed | stopmsg stop -p revicom -
]],
}

local grouped = progress.grouped

local FORMATS = { "text", "ndjson", "json", "csv", "html" }

-- Maximum rows of the timeline, and the widest bar in it.
local MOST_ROWS, BAR = 40, 24

function command.configure(parser)
  parser:argument("journals", "Journals of stopmsg stop."):args("+"):argname("JOURNAL")
  parser:option("--only", "Print only the ids with these outcomes, ready for stopmsg stop -.")
    :argname("WORD,...")
  parser:option("--format", "Format of the report: text, ndjson, json, csv or html (text).")
    :argname("FORMAT"):choices(FORMATS):default("text"):show_default(false)
  parser:option("-o --output", "Write the report to this file."):argname("FILE")
  parser:epilog([[
Sends nothing. ndjson and csv have the last outcome of each id; html is a single page for people.

Exit codes: 0 journals read, 1 output could not be written, 2 wrong usage or not a journal.]])
end

-- The set of outcomes named by --only; nil without it | nil, message
local function wanted_of(args)
  if not args.only then
    return nil
  end
  local set = {}
  for part in args.only:gmatch("[^,]+") do
    local word = part:match("^%s*(.-)%s*$")
    if not outcome.all[word] then
      return nil, ("--only: unknown outcome %s; the outcomes are %s"):format(text.quote(word),
        table.concat(outcome.names, ", "))
    end
    set[word] = true
  end
  if not next(set) then
    return nil, "--only: outcomes expected, such as unknown,failed"
  end
  return set
end

local function percent(count, of)
  return of > 0 and ("%5.1f %%"):format(count / of * 100) or ""
end

-- Condenses the timeline to at most MOST_ROWS rows. Returns them, and the seconds per row.
local function rows_of(seconds)
  if #seconds == 0 then
    return {}, 1
  end
  local span = seconds[#seconds].second - seconds[1].second + 1
  local step = 1
  for _, candidate in ipairs({ 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600 }) do
    step = candidate
    if span / step <= MOST_ROWS then
      break
    end
  end
  while span / step > MOST_ROWS do
    step = step * 2
  end
  return timeline.sum(seconds, 0, step), step
end

local function write_text(told, write)
  for _, about in ipairs(told.journals) do
    write(("%s: %s, %s, %s ids, %d run(s)%s\n"):format(text.printable(about.path),
      text.printable(tostring(about.provider)), text.printable(tostring(about.operation)),
      grouped(about.ids), about.runs,
      about.runs > about.ended and (", %d unfinished"):format(about.runs - about.ended) or ""))
  end
  if told.first then
    write(("from %s to %s, %s\n"):format(timeline.clock(told.first), timeline.clock(told.last),
      duration.clock((told.last - told.first) / 1000)))
  end
  write("\n")
  for _, word in ipairs(outcome.names) do
    if told.counts[word] > 0 then
      write(("  %-14s%12s  %s\n"):format(word, grouped(told.counts[word]),
        percent(told.counts[word], told.ids)))
    end
  end
  if told.unreached > 0 then
    write(("  %-14s%12s  %s\n"):format("not reached", grouped(told.unreached),
      percent(told.unreached, told.ids)))
  end
  write(("  %-14s%12s\n"):format("total", grouped(told.ids)))
  local reasons = {}
  for i, one in ipairs(output.by_frequency(told.reasons)) do
    reasons[i] = ("%s %s"):format(one.reason, grouped(one.count))
  end
  write("\n")
  if #reasons > 0 then
    write("reasons: ", table.concat(reasons, ", "), "\n")
  end
  if told.left > 0 then
    write(("sent before the stop: %s messages\n"):format(grouped(told.left)))
  end
  write(("requests: %s, slowest %.3f s\n"):format(grouped(told.requests), told.slowest))
  local paused = 0
  for _, pause in ipairs(told.pauses) do
    paused = paused + pause.seconds
  end
  write(("pauses: %d%s; outages: %d\n"):format(#told.pauses,
    #told.pauses > 0 and (" (%s)"):format(duration.words(paused)) or "", told:outage_count()))
  if told:open() > 0 then
    write(("open: %s ids; run the same stop again to continue with them\n"):format(
      grouped(told:open())))
  end
  local rows, step = rows_of(told:timeline())
  local most = 1
  for _, row in ipairs(rows) do
    most = math.max(most, row.stopped + row.missed)
  end
  if #rows > 0 then
    write(("\ntimeline, by %s\n"):format(duration.words(step)))
    write(("  %-" .. BAR + 10 .. "s%10s%12s%10s%9s\n"):format("", "stopped", "not stopped",
      "requests", "slowest"))
  end
  for _, row in ipairs(rows) do
    local width = math.ceil((row.stopped + row.missed) / most * BAR)
    local line = ("  %s  %-" .. BAR .. "s%10s%12s%10s%9s"):format(timeline.clock(row.second * 1000,
      "%H:%M:%S"), ("#"):rep(width), grouped(row.stopped), grouped(row.missed),
      row.requests > 0 and grouped(row.requests) or "",
      row.requests > 0 and ("%.3f s"):format(row.slowest) or "")
    write((line:gsub(" +$", "")), "\n")
  end
end

local function write_json(told, write)
  local counts, seconds = {}, {}
  for i, word in ipairs(outcome.names) do
    counts[i] = ('"%s":%d'):format(word, told.counts[word])
  end
  for i, what in ipairs(told:timeline()) do
    seconds[i] = ('{"second":%.0f,"stopped":%d,"not_stopped":%d,"requests":%d,"slowest":%.3f}')
      :format(what.second, what.stopped, what.missed, what.requests, what.slowest)
  end
  local function list(items)
    return #items > 0 and json.encode(items) or "[]"
  end
  local journals = {}
  for i, about in ipairs(told.journals) do
    journals[i] = ('{"path":%s,"provider":%s,"operation":%s,"ids":%.0f,"runs":%d,"ended":%d}')
      :format(record.quote(about.path), record.quote(tostring(about.provider)),
      record.quote(tostring(about.operation)), about.ids, about.runs, about.ended)
  end
  write(('{"journals":[%s],\n"total":%d,"counts":{%s},\n"reasons":%s,\n'):format(
    table.concat(journals, ","), told.ids, table.concat(counts, ","),
    output.json_reasons(told.reasons)))
  write(('"not_reached":%d,"open":%d,"left":%d,"requests":%d,"slowest":%.3f,\n'):format(
    told.unreached, told:open(), told.left, told.requests, told.slowest))
  write(('"first":%s,"last":%s,"runs":%d,"ended":%d,\n"pauses":%s,"outages":%s,\n'):format(
    told.first and ("%.0f"):format(told.first) or "null",
    told.last and ("%.0f"):format(told.last) or "null", told.runs, told.ended, list(told.pauses),
    list(told.outages)))
  write('"timeline":[', table.concat(seconds, ",\n"), "]}\n")
end

-- each(id, word, rest): writes ids as they are read, in line-based formats.
local function item_writer(format, write)
  if format == "text" then
    return function(id)
      write(text.printable(id), "\n")
    end
  elseif format == "ndjson" then
    return function(id, word, rest)
      write('{"id":', record.quote(id), ',"outcome":"', word, '"', rest, "}\n")
    end
  end
  write(output.csv_header(), ",at\n")
  return function(id, word, rest)
    local item = json.decode('{"id":' .. record.quote(id) .. ',"outcome":"' .. word .. '"' .. rest
      .. "}")
    write(output.csv_row(item), ",", item.at and ("%.0f"):format(item.at) or "", "\n")
  end
end

local function refuse(host, message)
  host:say(message)
  return exit.usage
end

-- The path in a list that leads to the same file, or nil.
local function path_of(path, paths)
  for _, other in ipairs(paths) do
    if native.same_file(path, other) then
      return other
    end
  end
end

-- code = command.run(args, host)
function command.run(args, host)
  local wanted, message = wanted_of(args)
  if message then
    return refuse(host, message)
  end
  local has_items = args.format == "ndjson" or args.format == "csv" or wanted ~= nil
  if wanted and (args.format == "json" or args.format == "html") then
    return refuse(host, "--only works with --format text, ndjson or csv")
  end
  if args.output and path_of(args.output, args.journals) then
    return refuse(host, ("-o %s: this file is a journal"):format(args.output))
  end
  -- All journals are read before anything is written: a report that fails leaves FILE as it was.
  local told, paths = history.new(), {}
  for _, path in ipairs(args.journals) do
    local known = path_of(path, paths)
    if known then
      host:say(("%s is %s: it is read once"):format(path, path == known and "given twice"
        or "the same file as " .. known))
    else
      paths[#paths + 1] = path
      local read
      read, message = told:add(path)
      if not read then
        return refuse(host, message)
      end
    end
  end
  local out, written = host.stdout, nil
  if args.output then
    out, message = io.open(args.output, "w")
    if not out then
      return refuse(host, message)
    end
  end
  local function write(...)
    local wrote, why = out:write(...)
    written = written or (not wrote and why) or nil
  end
  local each_item = has_items and item_writer(args.format, write)
  local read
  read, message = told:sum(each_item and function(id, word, rest)
    if not wanted or wanted[word] then
      each_item(id, word, rest)
    end
  end)
  if not read then
    return refuse(host, message)
  end
  if wanted and wanted.unknown and told.intended > 0 then
    host:say(("%s more ids may have been sent, but the journal has no outcome for them: "
      .. "run the same stop again"):format(grouped(told.intended)))
  end
  if args.format == "html" then
    page.write(told, write)
  elseif args.format == "json" then
    write_json(told, write)
  elseif not has_items then
    write_text(told, write)
  end
  if args.output then
    local closed, why = out:close()
    written = written or (not closed and why) or nil
  end
  if host.stdout.is_cut then
    return exit.cut
  elseif written then
    host:say("the report cannot be written: " .. written)
    return exit.fault
  end
  return exit.ok
end

return command
