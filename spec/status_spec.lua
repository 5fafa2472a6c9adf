-- What the providers' status answers prove, word by word: pure, no socket. The words are those of
-- https://api.direct.revicom.ltd/extra/references,
-- https://docs.pushwoosh.com/product/statistics-and-analytics/message-history/ and
-- https://archive.clickatell.com/developers/api-docs/message-status-codes/

local answers = require("spec.support.answers")
local fake = require("spec.support.fake_engine")
local json = require("stopmsg.json")
local outage = require("stopmsg.outage")
local pacer = require("stopmsg.pacer")
local reports = require("stopmsg.report")
local run = require("stopmsg.run.loop")
local source = require("stopmsg.run.source")

local function quoted(value)
  return '"' .. value .. '"'
end

-- Where an answer of each provider has an id, and the status word.
local FIELDS = {
  revicom = { id = "messageUuid", code = "status" },
  idigital = { id = "dispatchId", code = "status" },
  pushwoosh = { id = "code", code = "status" },
}

-- The words of an operation, with what each means.
local function words_of(operation)
  local words = {}
  for word, entry in pairs(operation.readings[200].means) do
    words[word] = entry.word
  end
  return words
end

-- {"total":1,"items":[…]}; entries: list of { id, state }, both as JSON.
local function body_of(fields, entries)
  local items = {}
  for i, entry in ipairs(entries) do
    items[i] = ('{"%s":%s,"%s":%s}'):format(fields.id, entry[1], fields.code, entry[2])
  end
  return ('{"total":%d,"items":[%s]}'):format(#items, table.concat(items, ","))
end

-- The three providers that answer with a list. `id` writes an id as the provider does.
local LISTS = {
  {
    provider = "revicom",
    operation = "status",
    ids = {
      "2a28d557-22a1-4be6-8908-1481723043dd",
      "811c27e3-3bc4-406a-9fcd-44435a8208da",
      "063464ec-a34f-4558-90c5-984395000001",
    },
    other = "00000000-0000-4000-8000-000000000000",
    id = quoted,
    words = {
      sending = "open",
      sent = "too_late",
      delivered = "too_late",
      undelivered = "too_late",
      unsent = "stopped",
    },
    -- The provider says it of other failures, too.
    shared = { unsent = true },
    unknown = { "read", "unread", "stopped", "canceled", "unsent ", "un sent", "sendin", "queued" },
  },
  {
    provider = "idigital",
    operation = "status_dispatch",
    ids = { "1234", "10000100", "10000000125" },
    other = "4321",
    id = tostring,
    words = {
      initiated = "open",
      changing = "open",
      scheduled = "open",
      sending = "open",
      paused = "open",
      awaiting = "too_late",
      done = "too_late",
      stopped = "stopped",
    },
    unknown = { "unsent", "sent", "stop", "stopping", "finished", "pending", "canceled" },
  },
  {
    provider = "pushwoosh",
    operation = "status",
    ids = { "1A2B-3C4D5E6F-7A8B9C0D", "C3F8-C3863ED4-334AD4F1", "odd" },
    other = "FFFF-FFFFFFFF-FFFFFFFF",
    id = quoted,
    words = {
      creating = "open",
      pending = "open",
      waiting = "open",
      processing = "open",
      done = "too_late",
      fail = "not_stoppable",
      canceled = "stopped",
      cancelled = "stopped",
    },
    unknown = { "failed", "cancel", "canceling", "stopped", "unsent", "sent", "draft", "paused" },
  },
}

local PROVEN = { stopped = true, too_late = true, not_stoppable = true }

local function capitalized(word)
  return word:sub(1, 1):upper() .. word:sub(2)
end

for _, case in ipairs(LISTS) do
  describe("a status answer of " .. case.provider, function()
    local operation = answers.operation(case.provider, case.operation)
    local ids, one = case.ids, { case.ids[1] }
    local read = answers.reader(operation, ids)
    local fields = FIELDS[case.provider]

    -- The verdict on one id whose status is this JSON value.
    local function state(value)
      local entries = { { case.id(one[1]), value } }
      local action, list, warnings = read(200, body_of(fields, entries), one)
      assert.equal("settle", action)
      assert.same({}, warnings)
      assert.equal(1, #list)
      return list[1]
    end

    for word, outcome in pairs(case.words) do
      it(("takes %s for %s, in any case of the letters"):format(word, outcome), function()
        local is_shared = case.shared and case.shared[word]
        for _, spelled in ipairs({ word, word:upper(), capitalized(word) }) do
          answers.same({
            id = one[1],
            outcome = outcome,
            state = spelled,
            message = is_shared and true or nil,
            verified = PROVEN[outcome] and not is_shared or nil,
          }, state(quoted(spelled)), spelled)
        end
      end)
    end

    it("knows all the words of these specs, and no more", function()
      assert.same(case.words, words_of(operation))
    end)

    it("proves nothing by a word that it does not know, and passes that on", function()
      for _, word in ipairs(case.unknown) do
        assert.same({
          id = one[1],
          outcome = "unknown",
          reason = "unknown_state",
          state = word,
        }, state(quoted(word)))
      end
    end)

    it("proves nothing by what is no word", function()
      for _, value in ipairs({
        "null", "true", "{}", "[]", '""', '"sent\\u0000"', '"stopped\\n"', '"\\u0007canceled"',
        quoted(("x"):rep(65)), '{"value":"stopped"}', '["unsent"]',
      }) do
        local verdict = state(value)
        answers.same({ id = one[1], outcome = "unknown", reason = "unknown_state" }, verdict, value)
      end
      assert.equal("unknown", state("200").outcome)
      assert.is_nil(state("200").verified)
    end)

    -- Two different words to tell apart, and one that is certain.
    local open, late
    for word, outcome in pairs(case.words) do
      open = outcome == "open" and word or open
      late = outcome == "too_late" and word or late
    end

    local function outcomes(list)
      local words = {}
      for i, verdict in ipairs(list) do
        assert.equal(ids[i], verdict.id)
        words[i] = verdict.outcome
      end
      return words
    end

    it("gives each id its own state in whatever order they come", function()
      for _, order in ipairs({ { 1, 2, 3 }, { 3, 2, 1 }, { 2, 3, 1 } }) do
        local entries = {}
        for i, place in ipairs(order) do
          entries[i] = { case.id(ids[place]), quoted(place == 2 and late or open) }
        end
        local _, list, warnings = read(200, body_of(fields, entries))
        assert.same({ "open", "too_late", "open" }, outcomes(list))
        assert.same({}, warnings)
      end
    end)

    it("does not know what an answer leaves out, be it one item or all", function()
      local _, list = read(200, body_of(fields, { { case.id(ids[2]), quoted(late) } }))
      assert.same({ "unknown", "too_late", "unknown" }, outcomes(list))
      assert.equal("missing_in_answer", list[1].reason)
      assert.equal("missing_in_answer", list[3].reason)
      _, list = read(200, '{"total":0,"items":[]}')
      assert.same({ "unknown", "unknown", "unknown" }, outcomes(list))
      assert.is_nil(list[1].state)
    end)

    it("says in the message of a missing item what may be wrong with the guess", function()
      -- A list that takes no repeated parameter, or no filter, looks just like this.
      local _, list = read(200, body_of(fields, { { case.id(ids[1]), quoted(open) } }))
      assert.equal("missing_in_answer", list[2].reason)
      assert.is_truthy((list[2].message or ""):find(operation.inferred, 1, true))
      assert.is_nil(list[1].message)
    end)

    it("warns of items that nobody asked about, and takes nothing from them", function()
      local _, list, warnings = read(200, body_of(fields, {
        { case.id(case.other), quoted(late) },
        { case.id(ids[1]), quoted(open) },
        { "null", quoted(late) },
        { "true", quoted(late) },
      }), one)
      assert.same({ { id = one[1], outcome = "open", state = open } }, list)
      assert.same({ "the response contains 3 item(s) that were not requested" }, warnings)
    end)

    it("takes the same state twice for one, two different ones for none", function()
      local id = case.id(one[1])
      local function twice(first, second)
        return select(2, read(200, body_of(fields, {
          { id, quoted(first) },
          { id, quoted(second) },
        }), one))[1]
      end
      answers.same({ id = one[1], outcome = "too_late", state = late, verified = true },
        twice(late, late))
      for _, pair in ipairs({ { open, late }, { late, open }, { late, "weird" } }) do
        local verdict = twice(pair[1], pair[2])
        assert.equal("unknown", verdict.outcome)
        assert.equal("bad_response", verdict.reason)
        assert.is_string(verdict.message)
        -- Nothing is proven by an answer that contradicts itself.
        assert.is_nil(verdict.verified)
      end
    end)

    it("cannot use a 200 that is no list, and says what is inferred", function()
      for _, body in ipairs({
        "", " ", "{", "null", "7", '"x"', answers.HTML, "{}", '{"items":null}', '{"items":7}',
        '{"total":3}', '{"error":{"code":4000,"msg":"no"}}', "[]",
      }) do
        local action, verdict = read(200, body)
        assert.equal("settle", action)
        assert.equal("unknown", verdict.outcome)
        assert.equal("bad_response", verdict.reason)
        assert.is_nil(verdict.verified)
        assert.equal(operation.inferred, verdict.message:sub(1, #operation.inferred))
      end
    end)

    it("survives entries that are no entries", function()
      local _, list = read(200, '{"items":[null,7,"x",[],{},{"' .. fields.id .. '":'
        .. case.id(one[1]) .. "}]}", one)
      assert.same({ { id = one[1], outcome = "unknown", reason = "unknown_state" } }, list)
    end)
  end)
end

describe("a status answer of revicom", function()
  it("is matched whatever the case of the uuid", function()
    local read = answers.reader(answers.operation("revicom", "status"))
    local id = "2A28D557-22a1-4be6-8908-1481723043dd"
    local _, list = read(200, '{"items":[{"messageUuid":"2a28D557-22A1-4be6-8908-1481723043dd",'
      .. '"status":"sent"}]}', { id })
    answers.same({ id = id, outcome = "too_late", state = "sent", verified = true }, list[1])
  end)
end)

describe("a status answer of idigital", function()
  local operation = answers.operation("idigital", "status_dispatch")
  local fields = FIELDS.idigital
  local read = answers.reader(operation)

  for _, case in ipairs({
    { "a number", "1234", "1234" },
    { "a number beyond 32 bits", "10000000125", "10000000125" },
    { "2^32", "4294967296", "4294967296" },
    { "the last number that a double tells apart", "9007199254740991", "9007199254740991" },
    { "a string", "10000000125", '"10000000125"' },
    { "a string beyond 53 bits", "9223372036854775807", '"9223372036854775807"' },
  }) do
    it("matches " .. case[1], function()
      local _, list, warnings = read(200, body_of(fields, { { case[3], '"stopped"' } }),
        { case[2] })
      answers.same({ id = case[2], outcome = "stopped", state = "stopped", verified = true },
        list[1])
      assert.same({}, warnings)
    end)
  end

  it("takes no dispatch for its neighbour where a double cannot tell them apart", function()
    local ids = { "9007199254740992", "9007199254740993" }
    local _, list = read(200, body_of(fields, {
      { "9007199254740992", '"sending"' },
      { "9007199254740993", '"stopped"' },
    }), ids)
    -- Not knowing is all right, the other's state is not.
    assert.not_equal("stopped", list[1].outcome)
    assert.not_equal("open", list[2].outcome)
    local _, alone = read(200, body_of(fields, { { "9007199254740993", '"stopped"' } }),
      { ids[1] })
    assert.equal("unknown", alone[1].outcome)
    assert.is_nil(alone[1].verified)
  end)

  it("takes no odd number for an id", function()
    for _, number in ipairs({ "1234.5", "-1234", "1e300", "0.1234e3" }) do
      local _, list = read(200, body_of(fields, { { number, '"stopped"' } }), { "1234" })
      assert.equal("missing_in_answer", list[1].reason)
    end
  end)

  it("counts what had left a stopped dispatch", function()
    local function left(state, messages)
      local _, list = read(200, ('{"items":[{"dispatchId":7,"status":"%s","messages":%s}]}')
        :format(state, messages), { "7" })
      return list[1].left
    end
    local counts = '{"total":100,"delivered":1,"undelivered":2,"unsent":57,"sent":40,"sending":0}'
    assert.equal(43, left("stopped", counts))
    assert.is_nil(left("sending", counts))
    assert.is_nil(left("stopped", "null"))
    assert.equal(0, left("stopped", '{"sent":null,"delivered":"many","unsent":9}'))
  end)
end)

for _, format in ipairs({ "json", "xml" }) do
  describe("a status answer of clickatell in " .. format, function()
    local operation = answers.operation("clickatell", "status")
    local ID = "a55b8f8d56f33440e993aa614c68bf8b"
    local read = answers.reader(operation, { ID }, format)

    local function body(code, id, description)
      if format == "xml" then
        return ("<response><data><charge>0</charge><messageStatus>%s</messageStatus>"
          .. "<description>%s</description><apiMessageId>%s</apiMessageId></data></response>")
          :format(code, description or "words", id or ID)
      end
      return ('{"data":{"charge":0,"messageStatus":"%s","description":"%s","apiMessageId":"%s"}}')
        :format(code, description or "words", id or ID)
    end

    for code, outcome in pairs({
      ["001"] = "not_found",
      ["002"] = "open",
      ["003"] = "too_late",
      ["004"] = "too_late",
      ["005"] = "not_stoppable",
      ["006"] = "stopped",
      ["007"] = "not_stoppable",
      ["008"] = "open",
      ["009"] = "not_stoppable",
      ["010"] = "not_stoppable",
      ["011"] = "open",
      ["012"] = "not_stoppable",
      ["013"] = "stopped",
      ["014"] = "not_stoppable",
    }) do
      it(("takes %s for %s"):format(code, outcome), function()
        local action, verdict = read(200, body(code))
        assert.equal("settle", action)
        answers.same({
          outcome = outcome,
          code = code,
          state = code,
          message = code ~= "006" and "words" or nil, -- 013 was not our doing: it says so
          verified = PROVEN[outcome],
        }, verdict)
      end)
    end

    it("proves nothing by a code that it does not know, or by one without its zeros", function()
      -- "6" means "read" on the newer platform.
      for _, code in ipairs({ "000", "015", "021", "100", "6", "06", "0006", "6.0", "OK", "" }) do
        local _, verdict = read(200, body(code))
        assert.equal("unknown", verdict.outcome)
        assert.is_nil(verdict.verified)
        if code ~= "" then
          assert.equal("unknown_state", verdict.reason)
          assert.equal(code, verdict.state)
        end
      end
    end)

    it("says who it was that cancelled: the words stay", function()
      local _, verdict = read(200, body("013", ID, "Clickatell cancelled message delivery"))
      assert.equal("Clickatell cancelled message delivery", verdict.message)
    end)

    it("does not trust an answer about another id, or about none", function()
      for _, id in ipairs({ ("0"):rep(32), ID .. "0", "" }) do
        local action, verdict = read(200, body("006", id))
        assert.equal("settle", action)
        assert.equal("unknown", verdict.outcome)
        assert.equal("bad_response", verdict.reason)
        assert.is_nil(verdict.verified)
        assert.is_nil(verdict.state)
      end
      local _, verdict = read(200, body("006", ID:upper()))
      assert.equal("stopped", verdict.outcome)
    end)

    it("cannot use a 200 without a status, and says what is inferred", function()
      local without = format == "xml" and "<response><data/></response>" or '{"data":{}}'
      local bodies = { "", answers.HTML, "{", "<", "null", "[]", without,
        '{"data":{"messageStatus":6,"apiMessageId":"' .. ID .. '"}}' }
      for _, text in ipairs(bodies) do
        local _, verdict = read(200, text)
        assert.equal("unknown", verdict.outcome)
        assert.equal("bad_response", verdict.reason)
        assert.equal(operation.inferred, verdict.message:sub(1, #operation.inferred))
      end
    end)

    local function refusal(code)
      if format == "xml" then
        return "<response><error><code>" .. code .. "</code><description>no</description></error>"
          .. "</response>"
      end
      return '{"error":{"code":"' .. code .. '","description":"no"}}'
    end

    for _, case in ipairs({
      { 401, "001", "credentials", "denied", "credentials" },
      { 401, "007", "credentials", "denied", "credentials" },
      { 404, "161", "settle", "not_stoppable", "gone_or_sent" },
      { 404, "103", "settle", "not_stoppable", "gone_or_sent" },
      { 400, "103", "settle", "not_stoppable", "gone_or_sent" },
      { 400, "109", "settle", "failed", "http_400" },
      { 400, "165", "settle", "failed", "http_400" },
      { 405, "160", "settle", "failed", "http_405" },
      { 403, "999", "settle", "denied", "forbidden" },
    }) do
      it(("takes HTTP %d with error %s for %s"):format(case[1], case[2], case[4]), function()
        local action, verdict = read(case[1], refusal(case[2]))
        assert.equal(case[3], action)
        assert.same({
          outcome = case[4],
          reason = case[5],
          code = case[2],
          http = case[1],
          message = operation.inferred .. ": no",
        }, verdict)
      end)
    end

    it("repeats an internal error of the provider, whatever its HTTP status", function()
      for _, status in ipairs({ 400, 500 }) do
        local action, verdict = read(status, refusal("901"))
        assert.equal("again", action)
        assert.equal("unknown", verdict.outcome)
      end
    end)
  end)
end

describe("a status answer that is none", function()
  local OPERATIONS = {
    { "revicom", "status" },
    { "revicom", "status_dispatch" },
    { "idigital", "status_dispatch" },
    { "pushwoosh", "status" },
    { "clickatell", "status" },
  }

  for _, pair in ipairs(OPERATIONS) do
    local operation = answers.operation(pair[1], pair[2])
    local is_batch = operation.limit > 1
    local read = answers.reader(operation, { "1" })

    for status, row in pairs({
      [400] = is_batch and { "halve", "invalid", "http_400" }
        or { "settle", "failed", "http_400" },
      [401] = { "credentials", "denied", "credentials" },
      [403] = { "settle", "denied", "forbidden" },
      [404] = is_batch and { "settle", "unknown", "http_404" }
        or { "settle", "not_stoppable", "gone_or_sent" },
      [405] = { "settle", "failed", "http_405" },
      [414] = { "settle", "failed", "http_414" },
    }) do
      local body, code = answers.own_error(pair[1], status)
      if body then
        it(("of %s's %s: HTTP %d says what is inferred"):format(pair[1], pair[2],
          status), function()
          local action, verdict, _, is_usable = read(status, body)
          assert.equal(row[1], action)
          assert.same({ outcome = row[2], reason = row[3], code = code, http = status,
            message = operation.inferred .. ": some text" }, verdict)
          assert.is_true(is_usable)
        end)
      end
    end

    for _, status in ipairs({ 302, 400, 401, 403, 404, 405, 414, 422 }) do
      it(("of %s's %s: a stranger's HTTP %d says what is inferred, too"):format(pair[1], pair[2],
        status), function()
        local _, verdict, _, is_usable = read(status, answers.HTML)
        assert.equal(status == 401 and "denied" or "failed", verdict.outcome)
        assert.equal(answers.STRANGER .. " (" .. operation.inferred .. ")", verdict.message)
        assert.is_false(is_usable)
      end)
    end

    for status, row in pairs({
      [429] = { "throttle", "failed", "rate_limited" },
      [500] = { "again", "unknown", "http_500" },
      [502] = { "again", "unknown", "http_502" },
      [503] = { "again", "unknown", "http_503" },
      [504] = { "again", "unknown", "http_504" },
    }) do
      it(("of %s's %s: HTTP %d casts no doubt on the guess"):format(pair[1], pair[2], status),
        function()
          local action, verdict = read(status, "")
          assert.equal(row[1], action)
          assert.same({ outcome = row[2], reason = row[3], code = status, http = status }, verdict)
        end)
    end
  end

  it("keeps the provider's own words behind the hint", function()
    local read = answers.reader(answers.operation("revicom", "status"))
    local _, verdict = read(401, '{"error":{"code":4012,"msg":"Bad credentials"}}', { "1" })
    assert.equal("how uuids are repeated and what the list looks like is inferred: "
      .. "Bad credentials", verdict.message)
    assert.equal(4012, verdict.code)
  end)

  it("of the wrong type of key ends a run at revicom and idigital", function()
    for _, provider in ipairs({ "revicom", "idigital" }) do
      for _, name in ipairs({ "status", "status_dispatch" }) do
        local read = answers.reader(answers.operation(provider, name))
        local action, verdict = read(403, '{"error":{"code":4030,"msg":"Access Denied"}}', { "1" })
        assert.equal("credentials", action)
        assert.equal("denied", verdict.outcome)
        assert.equal(4030, verdict.code)
      end
    end
  end)

  it("has no hint where the definition has none", function()
    local definition = require("stopmsg.provider").definition("pushwoosh")
    definition.status.inferred = nil
    local read = answers.reader(answers.operation(definition, "status"))
    for _, status in ipairs({ 200, 401, 403, 404 }) do
      local _, verdict = read(status, answers.HTML, { "1" })
      assert.is_nil((verdict.message or ""):find("inferred", 1, true))
    end
  end)
end)

-- A run of one operation over an engine that answers from a script.
local function items_of(operation, ids, answer)
  local clock = fake.clock()
  local summary = reports.new()
  local running = run.new({
    engine = fake.new({ clock = clock, answer = answer }),
    clock = clock,
    wait = function(call, seconds)
      call:wait(seconds)
    end,
    pacer = pacer.new(),
    outage = outage.new({ slots = 16 }),
    generation = 1,
    redact = function(s)
      return s
    end,
  }, {
    operation = operation,
    number = 1,
    source = source.list(ids, #ids),
    limit = operation.limit,
    concurrency = 4,
    timeout = 10,
    deadline = clock() + 60,
    patience = 60,
    max_attempts = 4,
    format = "json",
    provider = "spec",
    summary = summary,
    result = {},
  })
  local items = {}
  for item, place in running:iterator() do
    items[place] = item
  end
  return items, summary
end

describe("a lookup whose responses are lost", function()
  local TROUBLE = {
    { fault = "lost", detail = "the connection was closed" },
    { status = 500 },
    { after = 99 },
  }

  for _, pair in ipairs({
    { "revicom", "status", "2a28d557-22a1-4be6-8908-1481723043dd",
      '{"items":[{"messageUuid":"2a28d557-22a1-4be6-8908-1481723043dd","status":"sent"}]}' },
    { "idigital", "status_dispatch", "7", '{"items":[{"dispatchId":7,"status":"done"}]}' },
    { "pushwoosh", "status", "1A2B-3C4D5E6F-7A8B9C0D",
      '{"items":[{"code":"1A2B-3C4D5E6F-7A8B9C0D","status":"DONE"}]}' },
    { "clickatell", "status", "a55b8f8d56f33440e993aa614c68bf8b",
      '{"data":{"messageStatus":"004","apiMessageId":"a55b8f8d56f33440e993aa614c68bf8b"}}' },
  }) do
    local operation = answers.operation(pair[1], pair[2])

    it("leaves no doubt once " .. pair[1] .. " answers: it changes nothing there", function()
      local items, summary = items_of(operation, { pair[3] }, function(request)
        return TROUBLE[request.attempt] or { body = pair[4] }
      end)
      assert.equal("too_late", items[1].outcome)
      assert.is_true(items[1].verified)
      assert.is_nil(items[1].ambiguous)
      assert.equal(4, items[1].attempts)
      assert.equal(3, summary.retries)
    end)

    it("is not ambiguous where " .. pair[1] .. " never answers, either", function()
      local items = items_of(operation, { pair[3] }, function(request)
        return TROUBLE[request.attempt] or TROUBLE[1]
      end)
      assert.equal("unknown", items[1].outcome)
      assert.is_nil(items[1].ambiguous)
      assert.is_nil(items[1].verified)
      assert.is_nil(items[1].state)
    end)
  end

  it("differs from a stop, of which the same leaves a doubt", function()
    local operation = answers.operation("pushwoosh", "stop")
    local items = items_of(operation, { "1A2B-3C4D5E6F-7A8B9C0D" }, function(request)
      return TROUBLE[request.attempt]
        or { status = 400, body = json.encode({ code = 9, message = "not cancelable" }) }
    end)
    assert.equal("unknown", items[1].outcome)
    assert.is_true(items[1].ambiguous)
    assert.equal("not_stoppable", items[1].reason)
  end)
end)
