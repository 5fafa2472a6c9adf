-- Parses and writes times in filters, requests and list entries. Pure: the clock is passed in. All
-- times are whole seconds since 1970, UTC.

local times = {}

local UNITS = { s = 1, m = 60, h = 3600, d = 86400 }
local DAY = 86400

-- Larger numbers are milliseconds.
local MILLISECONDS = 1e11

local MONTHS = { jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6, jul = 7, aug = 8, sep = 9,
  oct = 10, nov = 11, dec = 12 }

times.about = "a time like 2026-11-29T09:00:00Z, 09:00 (today, local time) or -2h"

-- Days since 1970-01-01 in the Gregorian calendar.
local function days_of(year, month, day)
  local y = month <= 2 and year - 1 or year
  local era = math.floor(y / 400)
  local year_of_era = y - era * 400
  local day_of_year = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  return era * 146097 + year_of_era * 365 + math.floor(year_of_era / 4)
    - math.floor(year_of_era / 100) + day_of_year - 719468
end

local function length_of(year, month)
  local following = month == 12 and days_of(year + 1, 1, 1) or days_of(year, month + 1, 1)
  return following - days_of(year, month, 1)
end

-- Offset of a zone like +03:00 in seconds east of UTC; nil if it is not a zone.
local function zone_of(zone)
  local sign, hours, minutes = zone:match("^([+-])(%d%d):?(%d?%d?)$")
  if zone == "Z" or zone == "z" then
    return 0
  elseif not sign or (#minutes ~= 0 and #minutes ~= 2) then
    return nil
  end
  local seconds = tonumber(hours) * 3600 + (tonumber(minutes) or 0) * 60
  return tonumber(hours) < 24 and (tonumber(minutes) or 0) < 60
    and (sign == "-" and -seconds or seconds) or nil
end

-- time = time_of(parts, zone): if `zone` is "", `default` ("local" or "utc") applies; nil for an
-- impossible time.
local function time_of(year, month, day, hour, minute, second, zone, default)
  if month < 1 or month > 12 or day < 1 or day > length_of(year, month) or hour > 23
    or minute > 59 or second > 60 then
    return nil
  elseif zone == "" and default == "local" then
    return os.time({ year = year, month = month, day = day, hour = hour, min = minute,
      sec = second, isdst = nil })
  end
  local east = zone == "" and 0 or zone_of(zone)
  return east and days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second - east
end

-- time, is_day = date_time(text, default): parses ISO 8601.
local function date_time(text, default)
  local year, month, day, rest = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year then
    return nil
  end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  if rest == "" then
    return time_of(year, month, day, 0, 0, 0, "", default), true
  end
  local hour, minute, tail = rest:match("^[Tt ](%d%d):(%d%d)(.*)$")
  if not hour then
    return nil
  end
  local second, zone = tail:match("^:(%d%d)(.*)$")
  if second then
    zone = zone:match("^%.%d+(.*)$") or zone
  end
  return time_of(year, month, day, tonumber(hour), tonumber(minute), tonumber(second or 0),
    ((zone or tail):gsub("^ +", "")), default)
end

-- Parses: Fri, 24 May 2019 17:18:27 +0000
local function mail_time(text)
  local day, month, year, hour, minute, second, zone =
    text:match("^%a*,? *(%d%d?) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) *([+-]?%w*)$")
  month = month and MONTHS[month:lower()]
  if not month then
    return nil
  end
  zone = (zone == "GMT" or zone == "UTC") and "Z" or zone
  return time_of(tonumber(year), month, tonumber(day), tonumber(hour), tonumber(minute),
    tonumber(second), zone, "utc")
end

-- Seconds of -2h or +1h30m; nil for anything else.
local function span(text)
  local sign, rest = text:match("^([+-])(.+)$")
  local seconds = 0
  while rest and rest ~= "" do
    local number, unit, after = rest:match("^(%d+)([smhd])(.*)$")
    if not number then
      return nil
    end
    seconds, rest = seconds + tonumber(number) * UNITS[unit], after
  end
  return sign and (sign == "-" and -seconds or seconds)
end

-- time = times.parse(text, now) | nil, message: parses a user's time. Without a zone it is local;
-- -2h is relative to now, 09:00 is today.
function times.parse(given, now)
  if type(given) == "number" and given == given and math.abs(given) < 1e11 then
    return math.floor(given)
  elseif type(given) ~= "string" then
    return nil, "expected " .. times.about .. ", got a " .. type(given)
  end
  local offset = span(given)
  if offset then
    return math.floor(now) + offset
  end
  local hour, minute, second = given:match("^(%d%d?):(%d%d):(%d%d)$")
  if not hour then
    hour, minute = given:match("^(%d%d?):(%d%d)$")
  end
  local time
  if hour then
    local today = os.date("*t", math.floor(now))
    time = time_of(today.year, today.month, today.day, tonumber(hour), tonumber(minute),
      tonumber(second) or 0, "", "local")
  else
    time = date_time(given, "local")
  end
  if not time then
    return nil, "expected " .. times.about
  end
  return time
end

-- text = times.text(time): RFC 3339, UTC.
function times.text(time)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", time)
end

-- value = times.write(time, format): formats a time for a request.
function times.write(time, format)
  if format == "rfc3339" then
    return times.text(time)
  elseif format == "rfc3339_ms" then
    return os.date("!%Y-%m-%dT%H:%M:%S.000Z", time)
  elseif format == "unix" then
    return ("%.0f"):format(time)
  elseif format == "date" then
    return os.date("!%Y-%m-%d", time)
  end
  return os.date("!" .. format, time)
end

-- Resolution of a format, in seconds.
function times.grain(format)
  local is_date = format == "date"
    or (format:find("%%") and not format:find("%%[HITXScsr]"))
  return is_date and DAY or 1
end

-- time, grain = times.read(value): parses a time in an entry; nil if it is not one. Without a zone
-- it is UTC.
function times.read(value)
  local number = tonumber(value)
  if number then
    number = number >= MILLISECONDS and number / 1000 or number
    return number >= 0 and number < MILLISECONDS and math.floor(number) or nil, 1
  elseif type(value) ~= "string" then
    return nil
  end
  local time, is_day = date_time(value, "utc")
  return time or mail_time(value), is_day and DAY or 1
end

return times
