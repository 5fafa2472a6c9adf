-- What a per-item answer says, told slowly and by another parser than the core's: the judge of the
-- core's reader. `strictness` names what JSON leaves open, or lua-cjson lets pass, and the reader
-- does not.

local cjson = require("cjson")

local codec = cjson.new()
codec.decode_invalid_numbers(false)

local judge = {}

local MAX_DEPTH = 64
local MAX_CODE = 256

-- Whether two values are equal, all the way down.
function judge.same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not judge.same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

-- Newer lua-cjsons decode whole numbers as integers, and cut them to 64 bits.
local LONG = "([^%w.+])(%-?" .. ("%d"):rep(19) .. "%d*)([,}%]%s])"
local cuts = codec.decode("[123456789012345678901234567890]")[1] < 1e29

-- The decoded text, nil for what is no JSON.
function judge.decode(text)
  text = text:gsub("^\239\187\191", "")
  if cuts then
    text = text:gsub(LONG, "%1%2.0%3")
  end
  local decoded, value = pcall(codec.decode, text)
  if decoded then
    return value
  end
  return nil
end

local function entry_id(entry, field)
  local id = type(entry) == "table" and entry[field]
  if type(id) == "number" and id >= 0 and id % 1 == 0 and id < 2 ^ 53 then
    return ("%.0f"):format(id), true
  end
  return type(id) == "string" and id or nil
end

local function entry_code(entry, field)
  local code = entry[field]
  if type(code) == "number" and code > -math.huge and code < math.huge then
    return code + 0.0 -- as the reader has it
  end
  return type(code) == "string" and #code <= MAX_CODE and code or nil
end

-- { codes, surplus, counts, rest, has_numbers } of a complete answer, nil for what is none.
-- codes: by place; false for an id without an entry, true for two different codes, nil for none.
-- rest: the decoded document, its list emptied. has_numbers: an id is written as a number.
function judge.read(fields, ids, text)
  local document = judge.decode(text)
  local list = type(document) == "table" and document[fields.list]
  if type(list) ~= "table" then
    return nil
  end
  local places, codes, counts = {}, {}, {}
  for i, id in ipairs(ids) do
    places[fields.folds and id:lower() or id] = i
    codes[i] = false
  end
  local surplus, has_numbers = 0, false
  for _, entry in ipairs(list) do
    local id, is_number = entry_id(entry, fields.id)
    local place = id and places[fields.folds and id:lower() or id]
    has_numbers = has_numbers or is_number
    if not place then
      surplus = surplus + 1
    elseif codes[place] == false then
      codes[place] = entry_code(entry, fields.code)
    elseif codes[place] ~= entry_code(entry, fields.code) then
      codes[place] = true
    end
  end
  for i = 1, #ids do
    local code = codes[i]
    if type(code) == "number" and code % 1 == 0 and math.abs(code) < 2 ^ 53 then
      counts[code] = (counts[code] or 0) + 1
    end
  end
  document[fields.list] = {}
  return {
    codes = codes, surplus = surplus, counts = counts, rest = document, has_numbers = has_numbers,
  }
end

local function is_number(text)
  local rest = text:match("^%-?0(.*)$") or text:match("^%-?[1-9]%d*(.*)$")
  rest = rest and (rest:match("^%.%d+(.*)$") or rest)
  return rest ~= nil and (rest == "" or rest:find("^[eE][+-]?%d+$") ~= nil)
end

local function fail(strictness)
  error({ strictness = strictness })
end

-- Walks over a text that lua-cjson took.
local Walk = {}
Walk.__index = Walk

function Walk:skip()
  self.at = self.text:match("^[ \t\r\n]*()", self.at)
end

function Walk:next()
  self:skip()
  return self.text:sub(self.at, self.at)
end

function Walk:string()
  local from = self.at
  self.at = from + 1
  while true do
    local at = self.text:find('[%z\1-\31"\\]', self.at)
    local c = self.text:sub(at, at)
    if c == '"' then
      self.at = at + 1
      return judge.decode("[" .. self.text:sub(from, at) .. "]")[1]
    elseif c ~= "\\" then
      fail("a control byte in a string")
    end
    self.at = at + 2
  end
end

-- The fields that stand in an object of this role, and the roles of their values.
local function role_of(fields, role, name)
  if role == "document" then
    return name == fields.list and "list" or nil
  elseif role == "entry" then
    return name == fields.id and "id" or name == fields.code and "code" or nil
  end
  return nil
end

function Walk:object(role, depth)
  local seen = {}
  repeat
    self.at = self.at + 1
    if self:next() ~= "}" then
      local child = role_of(self.fields, role, self:string())
      if child and seen[child] then
        fail("a field named twice")
      end
      seen[child or 0] = true
      self:skip()
      self.at = self.at + 1
      self:value(child, depth)
    end
  until self:next() ~= ","
  self.at = self.at + 1
end

function Walk:array(role, depth)
  repeat
    self.at = self.at + 1
    if self:next() ~= "]" then
      self:value(role == "list" and "entry" or nil, depth)
    end
  until self:next() ~= ","
  self.at = self.at + 1
end

function Walk:value(role, depth)
  local c = self:next()
  if role == "document" and c ~= "{" then
    fail("a document that is no object")
  elseif role == "list" and c ~= "[" then
    fail("a list that is no array")
  elseif c == "{" or c == "[" then
    if depth == MAX_DEPTH then
      fail("too deep")
    end
    self[c == "{" and "object" or "array"](self, role, depth + 1)
  elseif c == '"' then
    self:string()
  elseif c:find("%a") then
    self.at = self.text:match("^%a+()", self.at)
  else
    local number, after = self.text:match("^([%d.eE+-]+)()", self.at)
    if not number or not is_number(number) then
      fail("a number that is none")
    end
    self.is_odd = self.is_odd or role == "id" and (number:find("%D") or #number > 15)
    self.at = after
  end
end

-- strictness, is_odd = judge.strictness(fields, text)
-- Why the reader refuses a text that lua-cjson takes; nil where it has to take it, too. It is odd
-- where an id is a number, but not one of at most 15 digits: doubles know no other text of those.
function judge.strictness(fields, text)
  local walk = setmetatable({ fields = fields, text = text, at = 1 }, Walk)
  local walked, failure = pcall(function()
    walk:value("document", 0)
    walk:skip()
    if walk.at <= #text then
      fail("bytes after the document")
    end
  end)
  if not walked and type(failure) ~= "table" then
    error(failure, 0)
  end
  return not walked and failure.strictness or nil, walk.is_odd
end

return judge
