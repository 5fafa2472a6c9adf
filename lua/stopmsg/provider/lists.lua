-- The fields by which a list of what can still be stopped is read, checked and made ready. Pure.

local ids = require("stopmsg.ids")
local meaning = require("stopmsg.provider.meaning")
local schema = require("stopmsg.provider.schema")
local text = require("stopmsg.text")

local lists = {}

local fail = schema.fail

function lists.next(where, given)
  schema.check(where, given, schema.fields.next)
  if not schema.paging[given.by] then
    fail(where .. ".by", ("one of cursor, last, offset, page, url%s"):format(given.by
      and "; did you mean '" .. text.nearest(given.by, schema.paging) .. "'?" or ""))
  end
  local needs_as = given.by ~= "url"
  if needs_as and not given.as then
    fail(where, "needs `as`, the parameter that asks for the next page: \"query:page\"")
  elseif not needs_as and given.as then
    fail(where .. ".as", "a URL is asked for as it is")
  end
  local place, name = (given.as or ""):match("^(%l+):(.+)$")
  if given.as and not (name and (place == "query" or place == "form" or place == "json")) then
    fail(where .. ".as", "where the parameter stands and its name: query:page, form:cursor or "
      .. "json:filters.page")
  end
  if (given.by == "cursor" or given.by == "url") and not given.path then
    fail(where, "needs `path`, where the answer tells the next page")
  elseif given.path and given.by ~= "cursor" and given.by ~= "url" then
    fail(where .. ".path", "is for a cursor or a URL")
  end
  local has_end = given.size or given.more or given.total
  if (given.by == "page" or given.by == "offset") and not has_end then
    fail(where, "needs `size`, entries of a full page, or `more` or `total`, by which the last one "
      .. "is known")
  end
  local checked = {
    by = given.by, place = place, name = name, first = given.first, size = given.size,
    most = given.most,
  }
  for _, field in ipairs({ "path", "more", "total" }) do
    if given[field] then
      checked[field] = meaning.paths(where .. "." .. field, given[field])
    end
  end
  return checked
end

function lists.filter(where, given)
  schema.check(where, given, schema.fields.filter)
  local count = 0
  local checked = { about = given.about, required = given.required, default = given.default }
  for _, place in ipairs({ "query", "form", "json" }) do
    if given[place] then
      count = count + 1
      checked.place, checked.name = place, given[place]
    end
  end
  if count > 1 then
    fail(where, "is asked for in one place: `query`, `form` or `json`")
  elseif count == 0 and not given.entry then
    fail(where, "needs `query`, `form` or `json`, how it is asked for, or `entry`, which field "
      .. "shows it")
  end
  if given.entry then
    checked.entry = meaning.paths(where .. ".entry", given.entry)
  end
  if given.time and not schema.times[given.time] and not given.time:find("%%") then
    fail(where .. ".time", "one of date, rfc3339, rfc3339_ms, unix, or a format like %Y-%m-%d")
  elseif given.list and not schema.lists[given.list] then
    fail(where .. ".list", "one of array, comma, repeat")
  end
  checked.time, checked.list = given.time, given.list
  return checked
end

-- Where an entry of a list names its id: a path, { path = …, match = "([^/]+)$" }, or one of these
-- for each part.
function lists.id(where, given, form)
  local function one(place, written)
    if type(written) == "table" and written.path then
      schema.check(place, written, { path = "string", match = "string" })
      if written.match and not ids.is_pattern(written.match) then
        fail(place .. ".match", "a Lua pattern")
      end
      return { paths = meaning.paths(place .. ".path", written.path), match = written.match }
    end
    return { paths = meaning.paths(place, written) }
  end
  if not form.parts then
    return { one(where, given) }
  elseif type(given) ~= "table" then
    fail(where, "a path for each part of the id")
  end
  local found = {}
  for i, part in ipairs(form.parts) do
    if given[part.name] == nil then
      fail(where, "has no path for the part " .. text.quote(part.name))
    end
    found[i] = one(where .. "." .. part.name, given[part.name])
  end
  for name in pairs(given) do
    if not form.place_of[name] then
      fail(where, ("no part of the id is called %s"):format(text.quote(tostring(name))))
    end
  end
  return found
end

return lists
