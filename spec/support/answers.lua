-- Answers of providers, read as the run loop reads them, and what all providers' answers share.

local all_codes = require("spec.support.codes")
local answer = require("stopmsg.meaning.answer")
local assert = require("luassert")
local core = require("stopmsg.core")
local forms = require("stopmsg.ids")
local providers = require("stopmsg.provider")

local answers = {}

answers.HTML = "<!DOCTYPE html><html><head><title>Login</title></head><body>Hello</body></html>"

-- An operation of a provider by name, or of a definition table.
function answers.operation(provider, name)
  return providers.load(provider).operations[name or "stop"]
end

-- The verdict on each id of an answer that the core read.
local function spread(operation, items, ids)
  local codes, list = all_codes(items, #ids), {}
  for i in ipairs(ids) do
    list[i] = answer.of_code(operation, codes[i])
  end
  return list
end

-- A recorded body, with what `<name>` stands for: the id, its parts, and the settings.
function answers.filled(body, operation, id, settings)
  local values, form = { id = id }, operation.id
  for place, part in ipairs(form and form.parts or {}) do
    values[part.name] = forms.part(form, id, place)
  end
  for setting, value in pairs(settings or {}) do
    values[setting] = value
  end
  return (body:gsub("<([%l_]+)>", values))
end

-- read(status, body, ids, format) -> action, verdict(s), warnings, is_usable; a body that is false
-- is one whose end nothing tells.
function answers.reader(operation, default_ids, default_format)
  return function(status, body, ids, format)
    ids = ids or default_ids
    local reply = {
      status = status,
      body = body ~= false and (body or "") or nil,
      format = format or default_format or "json",
    }
    if operation.items and status == 200 then
      reply.items, reply.body = core.read_items({
        list = operation.items.list,
        id = operation.items.id,
        code = operation.items.code,
        folds = operation.id.fold and not operation.id.usual,
      }, ids, reply.body or "")
    end
    local action, verdict, warnings, is_usable = answer.read(operation, reply, ids)
    if verdict.codes then
      verdict = spread(operation, verdict.codes, ids)
    end
    for i, one in ipairs(verdict) do
      one.id = ids[i]
    end
    return action, verdict, warnings, is_usable
  end
end

-- Compares a verdict with what is expected, field by field. An expected message of `true` is any
-- text: our own words are for people, and may change.
function answers.same(expected, verdict, about)
  local wanted = {}
  for field, value in pairs(expected) do
    wanted[field] = value
  end
  if wanted.message == true then
    assert.message(about).is_string(verdict.message)
    wanted.message = verdict.message
  end
  assert.message(about).same(wanted, verdict)
end

local GRPC = { [400] = 9, [401] = 16, [403] = 7, [404] = 5, [409] = 6, [429] = 8, [499] = 1,
  [500] = 13, [501] = 12, [503] = 14, [504] = 4 }

-- body, code of an error as the provider sends it under this status, with a code that no page
-- lists; nil where its form has none for the status.
function answers.own_error(provider, status, format)
  if provider == "clickatell" and format == "xml" then
    return "<response><error><code>999</code><description>some text</description></error>"
      .. "</response>", "999"
  elseif provider == "clickatell" then
    return '{"error":{"code":"999","description":"some text"}}', "999"
  elseif provider == "pushwoosh" then
    local code = GRPC[status]
    return code and ('{"code":%d,"message":"some text","details":[]}'):format(code), code
  end
  return ('{"error":{"code":%d9,"msg":"some text"}}'):format(status), status * 10 + 9
end

-- What a refusal says that is not the provider's.
answers.STRANGER = "not in the provider's form: check base_url, proxy"

-- Status -> what it says by itself, whoever sends it: action, outcome, reason.
answers.COMMON = {
  [201] = { "settle", "unknown", "bad_response" },
  [202] = { "settle", "unknown", "bad_response" },
  [203] = { "settle", "unknown", "bad_response" },
  [204] = { "settle", "unknown", "bad_response" },
  [206] = { "settle", "unknown", "bad_response" },
  [207] = { "settle", "unknown", "bad_response" },
  [299] = { "settle", "unknown", "bad_response" },
  [301] = { "settle", "failed", "http_301" },
  [302] = { "settle", "failed", "http_302" },
  [304] = { "settle", "failed", "http_304" },
  [307] = { "settle", "failed", "http_307" },
  [400] = { "settle", "failed", "http_400" },
  [401] = { "credentials", "denied", "credentials" },
  [402] = { "settle", "failed", "http_402" },
  [403] = { "settle", "failed", "http_403" },
  [404] = { "settle", "failed", "http_404" },
  [405] = { "settle", "failed", "http_405" },
  [407] = { "settle", "failed", "http_407" },
  [408] = { "again", "unknown", "http_408" },
  [409] = { "settle", "failed", "http_409" },
  [410] = { "settle", "failed", "http_410" },
  [418] = { "settle", "failed", "http_418" },
  [421] = { "settle", "failed", "http_421" },
  [422] = { "settle", "failed", "http_422" },
  [425] = { "again", "unknown", "http_425" },
  [429] = { "throttle", "failed", "rate_limited" },
  [451] = { "settle", "failed", "http_451" },
  [499] = { "settle", "failed", "http_499" },
  [500] = { "again", "unknown", "http_500" },
  [501] = { "settle", "unknown", "http_501" },
  [502] = { "again", "unknown", "http_502" },
  [503] = { "again", "unknown", "http_503" },
  [504] = { "again", "unknown", "http_504" },
  [505] = { "settle", "unknown", "http_505" },
  [511] = { "settle", "unknown", "http_511" },
  [519] = { "settle", "unknown", "http_519" },
  [520] = { "again", "unknown", "http_520" },
  [523] = { "again", "unknown", "http_523" },
  [527] = { "again", "unknown", "http_527" },
  [528] = { "settle", "unknown", "http_528" },
  [530] = { "again", "unknown", "http_530" },
  [599] = { "settle", "unknown", "http_599" },
}

-- The same where it matters how many ids a request may hold.
answers.ONE = { [413] = { "settle", "failed", "http_413" } }
answers.BATCH = { [413] = { "halve", "failed", "http_413" } }

-- Bodies that are no provider's error.
answers.STRANGE = { "", " \r\n", answers.HTML, "{", "[]", "null", "7", '"x"', '{"error":null}',
  '{"error":"x"}', '{"data":null}', '{"code":404,"message":"Not Found"}',
  '{"error":{"code":404,"message":"Not Found","status":"NOT_FOUND"}}', '{"message":"Forbidden"}' }

-- One test (`it` of busted) a status, for strangers' bodies; `of_kind` is ONE or BATCH, `own` has
-- the provider's own rows. An operation that rests on guesses adds to each message.
function answers.tests(it, read, of_kind, own)
  local rows = {}
  for _, list in ipairs({ answers.COMMON, of_kind, own or {} }) do
    for status, row in pairs(list) do
      rows[status] = row
    end
  end
  for status, row in pairs(rows) do
    it(("takes a stranger's HTTP %d for %s"):format(status, row[2]), function()
      for _, body in ipairs(answers.STRANGE) do
        local action, verdict, _, is_usable = read(status, body)
        local about = status .. " " .. body
        assert.message(about).equal(row[1], action)
        assert.message(about).equal(row[2], verdict.outcome)
        assert.message(about).equal(row[3], verdict.reason)
        assert.message(about).equal(status, verdict.http)
        assert.message(about).is_false(is_usable)
        if status >= 300 then
          assert.message(about).equal(status, verdict.code)
        end
        if status >= 300 and status < 500 and row[1] ~= "again" and row[1] ~= "throttle" then
          assert.message(about).equal(1, (verdict.message:find(answers.STRANGER, 1, true)))
        end
      end
    end)
  end
end

return answers
