-- The core's reading of usual answers about one id, held against the reading of all others.

local answer = require("stopmsg.meaning.answer")
local core = require("stopmsg.core")
local files = require("spec.support.files")
local providers = require("stopmsg.provider")
local text = require("stopmsg.text")
local usual = require("stopmsg.provider.usual")

local judge = {}

local function signed()
  return {}
end

local function definitions()
  local list = {}
  for _, name in ipairs(providers.names()) do
    list[#list + 1] = { name = name, definition = providers.load(name) }
  end
  for _, path in ipairs(files.list("spec/definitions")) do
    local made = dofile(path)
    made = type(made) == "function" and made(signed) or made
    list[#list + 1] = { name = path:match("([%w_]+)%.lua$"), definition = providers.load(made) }
  end
  return list
end

-- cases = judge.cases(): { name, operation, look, verdicts, paths } of every reading that the core
-- follows, in an order that does not change. `paths` are all that are named anywhere in it.
function judge.cases()
  local cases = {}
  local function add(name, operation)
    local looks, verdicts = usual.of(operation, "json")
    for _, look in ipairs(looks) do
      cases[#cases + 1] = { name = ("%s, HTTP %d"):format(name, look.status), look = look,
        operation = operation, verdicts = verdicts }
    end
  end
  for _, one in ipairs(definitions()) do
    local names = {}
    for name in pairs(one.definition.operations) do
      names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
      local operation = one.definition.operations[name]
      add(one.name .. " " .. name, operation)
      if operation.single then
        add(one.name .. " " .. name .. " of one", operation.single)
      end
    end
  end
  return cases
end

local FIELDS = { "outcome", "code", "reason", "http", "message", "verified", "state", "left" }

-- `body` with `id` in the place of another one, everywhere, at its first place alone, and with a
-- quote in it.
local function alike(id, other, body)
  local list = {}
  for _, text in ipairs({ other, other .. '"', (other:gsub("%w", "\\%0", 1)) }) do
    for _, most in ipairs({ #body, 1 }) do
      local at, from, count, made = 1, nil, 0, {}
      from = body:find(id, at, true)
      while from and count < most do
        made[#made + 1] = body:sub(at, from - 1) .. text
        at, count = from + #id, count + 1
        from = body:find(id, at, true)
      end
      list[#list + 1] = { text, table.concat(made) .. body:sub(at) }
    end
  end
  return list
end

-- What an answer like the last one means is what it means by itself.
local function check_alike(case, id, body)
  local other = (id:gsub(".", function(c)
    return c == "a" and "b" or c == "1" and "2" or nil
  end))
  for _, one in ipairs(alike(id, other ~= id and other or id .. "x", body)) do
    for _, asked in ipairs({ id, one[1] }) do
      local alone = core.meaning(case.look, asked, one[2])
      local behind = core.meaning(case.look, asked, one[2], id, body)
      assert(alone == behind, ("%s alone, %s behind one that is like it"):format(alone, behind))
    end
  end
end

-- number = judge.check(case, id, body): what the core takes it for. Raises where the other reading
-- would have it mean anything else.
function judge.check(case, id, body)
  local number = core.meaning(case.look, id, body)
  check_alike(case, id, body)
  if number == 0 then
    return 0
  end
  local reply = { status = case.look.status, body = body, format = "json" }
  local action, verdict, warnings, is_usable, is_in_form =
    answer.read(case.operation, reply, { id })
  local said = case.verdicts[number]
  assert(said, "a number that means nothing")
  assert(action == "settle" and is_usable and is_in_form, "not usual: " .. action)
  assert(not (warnings and warnings[1]), "there is a warning")
  verdict.message = text.clean(verdict.message)
  for _, field in ipairs(FIELDS) do
    assert(verdict[field] == said[field], ("%s: %s, not %s"):format(field, tostring(said[field]),
      tostring(verdict[field])))
    assert(type(verdict[field]) == type(said[field]), field .. " of another type")
  end
  return number
end

return judge
