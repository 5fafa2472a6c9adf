-- Answers of providers, read as the run loop reads them, and what all providers' answers share.

local answer = require("stopmsg.answer")
local assert = require("luassert")
local core = require("stopmsg.core")
local providers = require("stopmsg.providers")

local answers = {}

answers.HTML = "<!DOCTYPE html><html><head><title>Login</title></head><body>Hello</body></html>"

-- An operation of a provider by name, or of a definition table.
function answers.operation(provider, name)
  return providers.load(provider).operations[name or "stop"]
end

-- The verdict on each id of an answer that the core read.
local function spread(operation, items, ids)
  local codes, list = {}, {}
  items:codes(1, #ids, codes)
  for i in ipairs(ids) do
    list[i] = answer.of_code(operation, codes[i])
  end
  return list
end

-- read(status, body, ids, format) -> action, verdict(s), warnings
function answers.reader(operation, default_ids, default_format)
  return function(status, body, ids, format)
    ids = ids or default_ids
    local reply = {
      status = status,
      body = body or "",
      format = format or default_format or "json",
    }
    if operation.codes and status == 200 then
      reply.items, reply.body = core.read_items({
        list = operation.items.list,
        id = operation.items.id,
        code = operation.items.code,
        folds = operation.id.fold,
      }, ids, reply.body)
    end
    local action, verdict, warnings = answer.read(operation, reply, ids)
    if verdict.codes then
      verdict = spread(operation, verdict.codes, ids)
    end
    for i, one in ipairs(verdict) do
      one.id = ids[i]
    end
    return action, verdict, warnings
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

-- Status -> what it says by itself: action, outcome, reason.
answers.COMMON = {
  [204] = { "settle", "unknown", "http_204" },
  [301] = { "settle", "failed", "http_301" },
  [302] = { "settle", "failed", "http_302" },
  [304] = { "settle", "failed", "http_304" },
  [307] = { "settle", "failed", "http_307" },
  [401] = { "credentials", "denied", "credentials" },
  [402] = { "settle", "failed", "http_402" },
  [403] = { "settle", "denied", "forbidden" },
  [405] = { "settle", "failed", "http_405" },
  [408] = { "settle", "failed", "http_408" },
  [409] = { "settle", "failed", "http_409" },
  [410] = { "settle", "failed", "http_410" },
  [418] = { "settle", "failed", "http_418" },
  [429] = { "throttle", "failed", "rate_limited" },
  [451] = { "settle", "failed", "http_451" },
  [500] = { "again", "unknown", "http_500" },
  [501] = { "settle", "unknown", "http_501" },
  [502] = { "again", "unknown", "http_502" },
  [503] = { "again", "unknown", "http_503" },
  [504] = { "again", "unknown", "http_504" },
  [505] = { "settle", "unknown", "http_505" },
  [520] = { "settle", "unknown", "http_520" },
}

-- The same where it matters how many ids a request may hold.
answers.ONE = {
  [400] = { "settle", "failed", "http_400" },
  [404] = { "settle", "not_found" },
  [413] = { "settle", "failed", "http_413" },
  [422] = { "settle", "failed", "http_422" },
}
answers.BATCH = {
  [400] = { "halve", "invalid", "http_400" },
  [404] = { "settle", "unknown", "http_404" },
  [413] = { "halve", "invalid", "http_413" },
  [422] = { "halve", "invalid", "http_422" },
}

-- One test (`it` of busted) a status, whatever body comes with it; `of_kind` is ONE or BATCH, `own`
-- has the provider's own rows.
function answers.tests(it, read, of_kind, own)
  local rows = {}
  for _, list in ipairs({ answers.COMMON, of_kind, own or {} }) do
    for status, row in pairs(list) do
      rows[status] = row
    end
  end
  for status, row in pairs(rows) do
    it(("takes a bare HTTP %d for %s"):format(status, row[2]), function()
      local bodies = { "", " \r\n", answers.HTML, "{", "[]", "null", "7", '"x"', '{"error":null}',
        '{"error":"x"}', '{"data":null}' }
      for _, body in ipairs(bodies) do
        local action, verdict = read(status, body)
        assert.message(body).equal(row[1], action)
        answers.same({ outcome = row[2], reason = row[3], code = status, http = status }, verdict,
          body)
      end
    end)
  end
end

return answers
