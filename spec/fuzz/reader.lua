-- The core's reader of batch answers against lua-cjson.
--
-- Input: a line of the size of a piece and of ids, then the answer.

local all_codes = require("spec.support.codes")
local core = require("stopmsg.core")
local judge = require("spec.support.json_judge")

local NAMES = { list = "items", id = "id", code = "code" }
local FOLDED = { list = "items", id = "id", code = "code", folds = true }

-- Distinct ids, as a run sends them.
local function ids_of(text, folds)
  local ids, seen = {}, {}
  for id in text:gmatch("%S+") do
    local key = folds and id:lower() or id
    if not seen[key] then
      seen[key] = true
      ids[#ids + 1] = id
    end
  end
  return ids
end

return function(data)
  local first, text = data:match("^([^\n]*)\n(.*)$")
  if not first then
    return
  end
  local fields = first:find("^%d*[02468] ") and NAMES or FOLDED
  local piece = math.max(1, tonumber(first:match("^%d+")) or 1) % 4096 + 1
  local ids = ids_of(first:gsub("^%d* ", ""), fields.folds)

  local items, rest = core.read_items(fields, ids, text)
  local again, again_rest = core.read_items(fields, ids, text, piece)
  assert((items == nil) == (again == nil), "the pieces make a difference")

  local said = judge.read(fields, ids, text)
  if not items then
    assert(not said or judge.strictness(fields, text), "refused for no reason that is known")
    return
  end
  local codes = all_codes(items, #ids)
  assert(rest == again_rest, "the pieces make a difference to the rest")
  assert(judge.same(codes, all_codes(again, #ids)), "the pieces make a difference to the codes")
  assert(items:surplus() == again:surplus(), "the pieces make a difference to the surplus")
  assert(said, "taken where lua-cjson refuses")
  assert(judge.same(said.rest, judge.decode(rest)), "another rest")
  if said.has_numbers and select(2, judge.strictness(fields, text)) then
    return
  end
  assert(judge.same(said.codes, codes), "other codes")
  assert(said.surplus == items:surplus(), "another surplus")
  assert(judge.same(said.counts, items:counts()), "other counts")
end
