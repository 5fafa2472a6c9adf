-- A report as a single HTML page without external parts, for browsers, phones and paper. Texts from
-- strangers are escaped.

local duration = require("stopmsg.cli.duration")
local outcome = require("stopmsg.meaning.outcome")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")
local record = require("stopmsg.record")
local text = require("stopmsg.text")
local timeline = require("stopmsg.cli.timeline")

local page = {}

local grouped = progress.grouped

-- Points of a curve; more than the widest screen shows would only make the page larger.
local MOST_POINTS = 600

-- Rows of the table of pauses and outages.
local MOST_ROWS = 50

-- Size of the drawing, in its own units.
local WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 240, 100, 16, 34

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
  ["'"] = "&#39;" }

-- html = page.escape(value): escapes any text.
function page.escape(value)
  return (text.printable(record.utf8(tostring(value))):gsub("[&<>\"']", ESCAPES))
end

local escape = page.escape

local COLOURS = {
  stopped = "#1a7f4b", accepted = "#5a9e3f", recalled = "#3f8f9e", too_late = "#c0392b",
  not_stoppable = "#d35400", not_found = "#8e6bbf", denied = "#7f3f3f", invalid = "#7f8c8d",
  failed = "#e67e22", unknown = "#b8860b", open = "#2980b9", skipped = "#95a5a6",
  not_reached = "#bdc3c7",
}

local STYLE = [[
:root{color-scheme:light dark;--ink:#1d2329;--soft:#5b6670;--line:#d7dde2;--back:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaee;--soft:#9aa7b3;--line:#3a444d;
--back:#14181c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:60rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);
background:var(--back);overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
p{margin:.3rem 0;color:var(--soft)}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .5rem .25rem 0;border-bottom:1px solid var(--line);
vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.w,th.w{white-space:nowrap}
.cards{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}
.cards div{flex:1 1 7.5rem;border:1px solid var(--line);border-radius:.4rem;padding:.5rem .7rem}
.cards b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.cards span{color:var(--soft);font-size:.9rem}
.share{display:flex;height:1.1rem;border-radius:.3rem;overflow:hidden;background:var(--line)}
.share i{display:block}
.key{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;margin-right:.4rem}
svg{width:100%;height:auto;display:block}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
.axis{stroke:var(--line);stroke-width:1}
.curve{fill:none;stroke:#1a7f4b;stroke-width:2}.area{fill:#1a7f4b;opacity:.15}
.missed{fill:none;stroke:#c0392b;stroke-width:1.5}.bars{fill:#2980b9}.slow{fill:none;stroke:#b8860b;
stroke-width:1.5}.pause{fill:#b8860b;opacity:.25}.outage{fill:#c0392b;opacity:.25}
@media (max-width:36rem){.m{display:none}svg text{font-size:21px}svg .mid{display:none}}
@media print{body{max-width:none;padding:0;font-size:11pt}h2{break-after:avoid}
svg,table{break-inside:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
]]

local function percent(count, of)
  return of > 0 and ("%.1f %%"):format(count / of * 100) or ""
end

-- Condenses the timeline to at most MOST_POINTS steps. Returns them, and the seconds per step.
local function steps_of(seconds)
  local first, last = seconds[1].second, seconds[#seconds].second
  local step = math.max(1, math.ceil((last - first + 1) / MOST_POINTS))
  return timeline.sum(seconds, first, step), step
end

-- Maps values to positions in the drawing.
local function scale(from, to, least, most)
  local span = to > from and to - from or 1
  return function(value)
    return least + (value - from) / span * (most - least)
  end
end

local function line(points)
  local parts = {}
  for i, point in ipairs(points) do
    parts[i] = ("%s%.1f %.1f"):format(i == 1 and "M" or "L", point[1], point[2])
  end
  return table.concat(parts)
end

-- Draws axes with times below and numbers at the side.
local function open_drawing(write, title, from, to, most, unit)
  write(('<svg viewBox="0 0 %d %d" role="img" aria-label="%s">\n'):format(WIDTH, HEIGHT,
    escape(title)))
  local base = HEIGHT - BOTTOM
  for i = 0, 2 do
    local y = base - (base - TOP) * i / 2
    write(('<line class="axis" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>'):format(LEFT, WIDTH, y, y))
    write(('<text x="%d" y="%.1f" text-anchor="end">%s</text>\n'):format(LEFT - 6, y + 4,
      unit(most * i / 2)))
  end
  for i = 0, 2 do
    write(('<text%s x="%.1f" y="%d" text-anchor="%s">%s</text>\n'):format(
      i == 1 and ' class="mid"' or "", LEFT + (WIDTH - LEFT) * i / 2, HEIGHT - 8,
      ({ [0] = "start", "middle", "end" })[i],
      timeline.clock((from + (to - from) * i / 2) * 1000, "%H:%M:%S")))
  end
end

-- Draws bands for times without requests.
local function write_bands(told, write, x, from, to)
  local base = HEIGHT - BOTTOM
  local function band(class, start, finish)
    start, finish = math.max(from, start), math.min(to, finish)
    if finish >= start then
      write(('<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>\n'):format(class,
        x(start), TOP, math.max(1.5, x(finish) - x(start)), base - TOP))
    end
  end
  for i, pause in ipairs(told.pauses) do
    if pause.at and i <= MOST_POINTS then
      band("pause", pause.at / 1000, pause.at / 1000 + pause.seconds)
    end
  end
  local began
  for _, outage in ipairs(told.outages) do
    if outage.phase == "end" and began then
      band("outage", began, (outage.at or 0) / 1000)
      began = nil
    elseif outage.phase ~= "end" then
      began = (outage.at or 0) / 1000
    end
  end
  if began then
    band("outage", began, to)
  end
end

-- Draws the cumulative counts.
local function write_curve(told, steps, step, write)
  local from, to = steps[1].second, steps[#steps].second + step
  local stopped, missed, points, others = 0, 0, {}, {}
  local x = scale(from, to, LEFT, WIDTH)
  local most = math.max(1, told.counts.stopped, told.ids - told.counts.stopped - told.unreached)
  local y = scale(0, most, HEIGHT - BOTTOM, TOP)
  points[1], others[1] = { x(from), y(0) }, { x(from), y(0) }
  for _, one in ipairs(steps) do
    stopped, missed = stopped + one.stopped, missed + one.missed
    points[#points + 1] = { x(one.second + step), y(stopped) }
    others[#others + 1] = { x(one.second + step), y(missed) }
  end
  open_drawing(write, "Stopped over time", from, to, most, function(value)
    return grouped(math.floor(value + 0.5))
  end)
  write_bands(told, write, x, from, to)
  local drawn = line(points)
  write(('<path class="area" d="%sL%.1f %.1fL%.1f %.1fZ"/>\n'):format(drawn, points[#points][1],
    y(0), points[1][1], y(0)))
  write('<path class="curve" d="', drawn, '"/>\n<path class="missed" d="', line(others), '"/>\n')
  write("</svg>\n")
end

-- Draws requests and the slowest of them.
local function write_requests(told, steps, step, write)
  local from, to = steps[1].second, steps[#steps].second + step
  local most = 1
  for _, one in ipairs(steps) do
    most = math.max(most, one.requests)
  end
  local x, base = scale(from, to, LEFT, WIDTH), HEIGHT - BOTTOM
  local y, late = scale(0, most, base, TOP), scale(0, math.max(told.slowest, 1e-3), base, TOP)
  open_drawing(write, "Requests over time", from, to, most, function(value)
    return grouped(math.floor(value + 0.5))
  end)
  write_bands(told, write, x, from, to)
  local width, slow = math.max(0.8, x(from + step) - x(from) - 0.5), {}
  for _, one in ipairs(steps) do
    if one.requests > 0 then
      write(('<rect class="bars" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>\n'):format(
        x(one.second), y(one.requests), width, base - y(one.requests)))
      slow[#slow + 1] = { x(one.second) + width / 2, late(one.slowest) }
    end
  end
  if #slow > 1 then
    write('<path class="slow" d="', line(slow), '"/>\n')
  end
  write("</svg>\n")
end

local function write_cards(told, write)
  local cards = {
    { "stopped", grouped(told.counts.stopped), "stopped" },
    { "missed", grouped(told.ids - told.counts.stopped - told.unreached), "not stopped" },
    { "total", grouped(told.ids), "ids" },
    { "requests", grouped(told.requests), "requests" },
    { "slowest", ("%.3f s"):format(told.slowest), "slowest request" },
  }
  if told.left > 0 then
    cards[#cards + 1] = { "left", grouped(told.left), "sent before the stop" }
  end
  write('<div class="cards">\n')
  for _, card in ipairs(cards) do
    write(('<div><b data-figure="%s">%s</b><span>%s</span></div>\n'):format(card[1], card[2],
      card[3]))
  end
  write("</div>\n")
end

local function write_outcomes(told, write)
  local rows = {}
  for _, word in ipairs(outcome.names) do
    if told.counts[word] > 0 then
      rows[#rows + 1] = { word, told.counts[word], outcome.all[word].about }
    end
  end
  if told.unreached > 0 then
    rows[#rows + 1] = { "not_reached", told.unreached, "No run has processed these ids yet." }
  end
  write('<h2>Outcomes</h2>\n<div class="share">')
  for _, row in ipairs(rows) do
    write(('<i style="width:%.3f%%;background:%s" title="%s"></i>'):format(
      told.ids > 0 and row[2] / told.ids * 100 or 0, COLOURS[row[1]] or "#888", row[1]))
  end
  write('</div>\n<table><thead><tr><th class="w">Outcome</th><th class="n">Ids</th>',
    '<th class="n">Share</th><th class="m">Meaning</th></tr></thead><tbody>\n')
  for _, row in ipairs(rows) do
    write(('<tr><td class="w"><i class="key" style="background:%s"></i>%s</td>'):format(
      COLOURS[row[1]] or "#888", row[1]:gsub("_", " ")))
    write(('<td class="n" data-count="%s">%s</td><td class="n">%s</td>'):format(row[1],
      grouped(row[2]), percent(row[2], told.ids)))
    write('<td class="m">', escape(row[3]), "</td></tr>\n")
  end
  write("</tbody></table>\n")
end

local function write_reasons(told, write)
  local reasons = output.by_frequency(told.reasons)
  if #reasons == 0 then
    return
  end
  write('<h2>Reasons</h2>\n<table><thead><tr><th>Reason</th><th class="n">Ids</th></tr></thead>',
    "<tbody>\n")
  for _, one in ipairs(reasons) do
    write(('<tr><td>%s</td><td class="n" data-reason="%s">%s</td></tr>\n'):format(
      escape(one.reason), escape(one.reason), grouped(one.count)))
  end
  write("</tbody></table>\n")
end

local function write_breaks(told, write)
  local rows = {}
  for _, pause in ipairs(told.pauses) do
    rows[#rows + 1] = { pause.at or 0, "pause", "the provider asked for "
      .. duration.words(pause.seconds) }
  end
  for _, outage in ipairs(told.outages) do
    local about = outage.phase == "end" and "ends" or "begins"
    if outage.elapsed then
      about = about .. " after " .. duration.words(outage.elapsed)
    end
    rows[#rows + 1] = { outage.at or 0, "outage", about .. (outage.message and ": "
      .. tostring(outage.message) or outage.reason and ": " .. tostring(outage.reason) or "") }
  end
  table.sort(rows, function(a, b)
    return a[1] < b[1]
  end)
  if #rows == 0 then
    return
  end
  write('<h2>Pauses and outages</h2>\n<table><thead><tr><th>When</th><th class="w">What</th>',
    "<th></th></tr></thead><tbody>\n")
  for i, row in ipairs(rows) do
    if i > MOST_ROWS then
      write(('<tr><td colspan="3">… and %d more</td></tr>\n'):format(#rows - MOST_ROWS))
      break
    end
    write(('<tr><td>%s</td><td class="w">%s</td><td>%s</td></tr>\n'):format(timeline.clock(row[1]),
      row[2], escape(row[3])))
  end
  write("</tbody></table>\n")
end

local function write_journals(told, write)
  write('<h2>Journals</h2>\n<table><thead><tr><th>File</th><th>Provider</th><th class="n">Ids</th>',
    '<th class="n">Runs</th></tr></thead><tbody>\n')
  for _, about in ipairs(told.journals) do
    write(('<tr><td>%s</td><td>%s, %s</td><td class="n">%s</td><td class="n">%d%s</td></tr>\n')
      :format(escape(about.path), escape(about.provider), escape(about.operation),
      grouped(about.ids), about.runs, about.runs > about.ended
      and (", %d unfinished"):format(about.runs - about.ended) or ""))
  end
  write("</tbody></table>\n")
end

-- page.write(told, write): `told` is a history, write(...) takes texts.
function page.write(told, write)
  local first = told.journals[1] or {}
  write('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    '<meta name="viewport" content="width=device-width,initial-scale=1">\n',
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src ',
    '\'unsafe-inline\'">\n<title>stopmsg report: ', escape(first.provider or ""),
    "</title>\n<style>\n", STYLE, "</style>\n</head>\n<body>\n<header>\n",
    "<h1>How the stop went</h1>\n")
  write("<p>", escape(first.provider or ""), #told.journals > 1
    and (" and others, %d journals"):format(#told.journals) or "")
  if told.first then
    write((", from %s to %s (%s)"):format(timeline.clock(told.first), timeline.clock(told.last),
      duration.clock((told.last - told.first) / 1000)))
  end
  write("</p>\n</header>\n<main>\n")
  write_cards(told, write)
  if told:open() > 0 then
    write(("<p>%s ids are open: run the same stop again to continue with them.</p>\n"):format(
      grouped(told:open())))
  end
  write_outcomes(told, write)
  write_reasons(told, write)
  local seconds = told:timeline()
  if #seconds > 0 then
    local steps, step = steps_of(seconds)
    write('<h2>Stopped over time</h2>\n<p>Green: stopped. Red: not stopped. Bands: pauses and ',
      "outages.</p>\n")
    write_curve(told, steps, step, write)
    write(("<h2>Requests</h2>\n<p>Blue: requests in %s. Yellow: the slowest of them, up to "
      .. "%.3f s.</p>\n"):format(duration.words(step), told.slowest))
    write_requests(told, steps, step, write)
  end
  write_breaks(told, write)
  write_journals(told, write)
  write("</main>\n</body>\n</html>\n")
end

return page
