-- Sources of ids: functions `fill(chunk, want)` that put the next ids into places 1 to chunk.n of a
-- chunk. A source that fetches ids one by one, and so may block, gives at most `want`. It returns
-- true at the end.
--
-- A source that has nothing now returns false and the time at which to call again, with chunk.n of
-- 0.
--
-- chunk.n is correct at every moment: if a user's iterator raises, the ids before are not lost.

local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local text = require("stopmsg.text")

local source = {}

-- Ids of a list counted between two calls of breathe(), and ids handed over at once.
local COUNTED, PIECE = 1024, 256

-- count = source.length(list, breathe)
-- nil, message
-- Returns the number of places in a list, holes included; nil and an error for other tables.
-- breathe() may be nil; it is called now and then, since counting a long list takes time.
function source.length(list, breathe)
  local count, last, key, is_wrong = core.walk(list, 0, 0, nil, COUNTED)
  while key ~= nil and not is_wrong do
    if breathe then
      breathe()
    end
    count, last, key, is_wrong = core.walk(list, count, last, key, COUNTED)
  end
  if is_wrong then
    return nil, ("expected a list of ids, but the table has the key %s"):format(text.quote(key))
  end
  if last > 2 * count + 16 then
    return nil, ("expected a list of ids, but only %d of %.0f places are filled"):format(count,
      last)
  end
  return last
end

-- Gives places 1 to count of a list, holes included.
function source.list(list, count)
  local at = 0
  return function(chunk)
    local from, before = list, at -- not upvalues: this is done for each id
    local n = math.min(PIECE, count - before)
    chunk.n = 0
    for i = 1, n do
      chunk[i] = from[before + i]
    end
    chunk.n, at = n, before + n
    return at == count
  end
end

function source.iterator(iterator)
  return function(chunk, want)
    chunk.n = 0
    for i = 1, want do
      local id = iterator()
      if id == nil then
        return true
      end
      chunk[i] = id
      chunk.n = i
    end
    return false
  end
end

-- Gives the lines of an open file, without trailing spaces and carriage returns; skips blank lines.
function source.file(file)
  local broken
  local read = compat.lines_of(file)
  return source.iterator(function()
    local line
    repeat
      local called, why
      if broken then
        error(broken, 0)
      end
      called, line, why = pcall(read)
      if not called then
        broken = line -- closed, or out of memory in the middle of a line
        error(line, 0)
      elseif why then
        error(why, 0) -- a directory or a broken disk, not the end of the file
      end
      line = line and line:gsub("%s+$", "")
    until line ~= ""
    return line
  end)
end

-- fill = source.of(list, iterator or open file, breathe) | nil, message
function source.of(given, breathe)
  if type(given) == "function" then
    return source.iterator(given)
  elseif io.type(given) == "file" then
    return source.file(given)
  elseif type(given) ~= "table" then
    return nil, "expected a list, an iterator function or an open file, got "
      .. (io.type(given) or type(given))
  end
  local count, message = source.length(given, breathe)
  if not count then
    return nil, message
  end
  return source.list(given, count)
end

return source
