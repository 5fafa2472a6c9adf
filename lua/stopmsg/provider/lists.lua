-- Checks and compiles the fields of a list of stoppable messages. Pure.

local ids = require("stopmsg.ids")
local meaning = require("stopmsg.provider.meaning")
local schema = require("stopmsg.provider.schema")
local text = require("stopmsg.text")

local lists = {}

local fail = schema.fail

function lists.next(where, given)
  schema.check(where, given, schema.fields.next)
  if not schema.paging[given.by] then
    fail(where .. ".by", ("expected one of cursor, last, offset, page, url%s"):format(given.by
      and "; did you mean '" .. text.nearest(given.by, schema.paging) .. "'?" or ""))
  end
  local needs_as = given.by ~= "url"
  if needs_as and not given.as then
    fail(where, "needs `as`, the parameter for the next page: \"query:page\"")
  elseif not needs_as and given.as then
    fail(where .. ".as", "does not apply to a URL, which is requested as it is")
  end
  local place, name = (given.as or ""):match("^(%l+):(.+)$")
  if given.as and not (name and (place == "query" or place == "form" or place == "json")) then
    fail(where .. ".as", "expected the parameter's place and name: query:page, form:cursor or "
      .. "json:filters.page")
  end
  if (given.by == "cursor" or given.by == "url") and not given.path then
    fail(where, "needs `path`, the path of the next page in the response")
  elseif given.path and given.by ~= "cursor" and given.by ~= "url" then
    fail(where .. ".path", "only applies to a cursor or a URL")
  end
  local has_end = given.size or given.more or given.total or given.pages or given.until_empty
  if (given.by == "page" or given.by == "offset") and not has_end then
    fail(where, "needs `size`, the entries of a full page, or `more`, `total`, `pages` or "
      .. "`until_empty`, to recognize the last page")
  elseif given.most and not given.size then
    fail(where .. ".most", "needs `size`, the entries of a full page")
  elseif given.pages and given.by ~= "page" then
    fail(where .. ".pages", "only applies to numbered pages")
  end
  local checked = {
    by = given.by, place = place, name = name, first = given.first, size = given.size,
    most = given.most, until_empty = given.until_empty,
  }
  if given.oldest then
    schema.check(where .. ".oldest", given.oldest, schema.fields.oldest)
    if not given.oldest.path or not given.oldest.days then
      fail(where .. ".oldest", "needs `path`, the path of an entry's time, and `days`")
    end
    checked.oldest = {
      paths = meaning.paths(where .. ".oldest.path", given.oldest.path),
      seconds = given.oldest.days * 86400,
    }
  end
  for _, field in ipairs({ "path", "more", "total", "pages" }) do
    if given[field] then
      checked[field] = meaning.paths(where .. "." .. field, given[field])
    end
  end
  return checked
end

function lists.filter(where, given, filter)
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
    fail(where, "has more than one of `query`, `form` and `json`")
  end
  if given.entry then
    checked.entry = meaning.paths(where .. ".entry", given.entry)
  end
  if given.time and not schema.times[given.time] and not given.time:find("%%") then
    fail(where .. ".time", "expected date, rfc3339, rfc3339_ms, unix, or a format like %Y-%m-%d")
  elseif given.list and not schema.lists[given.list] then
    fail(where .. ".list", "expected one of array, comma, repeat")
  end
  local bounds = { since = "from", till = "to" }
  checked.bound = given.bound or (given.time and bounds[filter]) or nil
  if given.time and checked.bound ~= "from" and checked.bound ~= "to" then
    fail(where, "is a time: set `bound` to \"from\" or \"to\"")
  elseif given.bound and not given.time then
    fail(where .. ".bound", "only applies to a time")
  end
  checked.time, checked.list = given.time, given.list
  return checked
end

-- Counts the placeholders that vary per request besides the page: token and UUID.
local function holes_in(value)
  local count = 0
  if type(value) == "table" then
    for _, member in pairs(value) do
      count = count + holes_in(member)
    end
  elseif type(value) == "string" then
    for _, hole in ipairs({ "{token}", "{uuid}" }) do
      count = count + select(2, value:gsub(hole, hole))
    end
  end
  return count
end

-- Separator of the texts in a page's "id". It is not valid UTF-8, so no text contains it.
lists.BETWEEN = "\255"

-- The id form of a page: the texts between the placeholders of address and body, in order.
function lists.form(address, operation)
  local count = 1 + holes_in(address.path) + holes_in(operation.path)
  local body = operation.json or operation.form or (operation.text and operation.text.body)
  if body ~= nil then
    count = count + 1 + holes_in(body)
  end
  local text_form = { pattern = "^", max = 1048576, about = "a part of a request" }
  if count == 1 then
    return text_form
  end
  local form = { parts = {}, between = {}, place_of = {}, max = 4 * 1048576,
    about = "a request for a page" }
  for i = 1, count do
    form.parts[i] = text_form
    form.between[i] = i < count and lists.BETWEEN or nil
  end
  return form
end

-- Where a list entry has its id: a path, { path = …, match = "([^/]+)$" }, or one of these per
-- part.
function lists.id(where, given, form)
  local function one(place, written)
    if type(written) == "table" and written.path then
      schema.check(place, written, { path = "string", match = "string" })
      if written.match and not ids.is_pattern(written.match) then
        fail(place .. ".match", "expected a Lua pattern")
      end
      return { paths = meaning.paths(place .. ".path", written.path), match = written.match }
    end
    return { paths = meaning.paths(place, written) }
  end
  if not form.parts then
    return { one(where, given) }
  elseif type(given) ~= "table" then
    fail(where, "expected a path for each part of the id")
  end
  local found = {}
  for i, part in ipairs(form.parts) do
    if given[part.name] == nil then
      fail(where, "lacks a path for the part " .. text.quote(part.name))
    end
    found[i] = one(where .. "." .. part.name, given[part.name])
  end
  for name in pairs(given) do
    if not form.place_of[name] then
      fail(where, ("the id has no part %s"):format(text.quote(tostring(name))))
    end
  end
  return found
end

return lists
