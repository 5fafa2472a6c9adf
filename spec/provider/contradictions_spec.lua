-- Each provider's good answers, spoilt at one place that its definition names, or with an error
-- beside them: none passes for a yes, nor settles a lookup. Its refusals, spoilt: none is believed.

local answers = require("spec.support.answers")
local core = require("stopmsg.core")
local json = require("stopmsg.json")
local json_places = require("spec.support.json_places")
local providers = require("stopmsg.provider")
local recorded = require("stopmsg.sandbox.recorded")
local sample = require("spec.support.sample")
local usual = require("stopmsg.provider.usual")
local xml_places = require("spec.support.xml_places")

-- By the format of an answer: where its values stand, what stands in the place of each (values), in
-- that of a field (other), before it (twice), beside all, inside the outermost element, and in
-- that of an error's code (no_codes). A code that tells why a message failed may stand beside other
-- words than a yes.
local FORMATS = {
  json = {
    places = json_places.of,
    values = { '"zzz"', '"error"', '""', "null", "987654", "-1", "0", "false", "true", "{}", "[]",
      '{"a":1}', '["x"]', "[null]", "[{}]" },
    other = '"zzz":0',
    twice = function(name)
      return name .. "null,"
    end,
    beside = { '"error":"x"', '"error":true', '"error":{"code":1}', '"errors":["x"]',
      '"errors":{"a":["x"]}', '"errors":2', '"success":false', '"success":"false"', '"success":"0"',
      '"ok":false', '"ok":"No"',
      '"status":"error"', '"status":"FAILED"', '"result":"error"', '"code":5,"message":"x"',
      '"code":"invalid_x","msg":"x"' },
    beside_yes = '"error_code":30007',
    no_codes = { "null", "true", "{}", "[]", '{"a":1}', "[null]", "0.5" },
    start = "^{",
  },
  xml = {
    places = xml_places.of,
    values = { "zzz", "error", "", "987654", "-1", "0", "false", "true", "<a>1</a>", "<a/>" },
    other = "<zzz>0</zzz>",
    twice = function(name)
      return name .. "zzz</" .. name:match("[%w_]+") .. ">"
    end,
    beside = { "<error>x</error>", "<error>true</error>", "<error><code>1</code></error>",
      "<errors><error>x</error></errors>", "<errors>2</errors>", "<success>false</success>",
      "<success>0</success>", "<ok>false</ok>", "<ok>No</ok>", "<status>error</status>",
      "<status>FAILED</status>", "<result>error</result>", "<code>5</code><message>x</message>",
      "<code>invalid_x</code><msg>x</msg>" },
    beside_yes = "<error_code>30007</error_code>",
    no_codes = { "", "zzz", "<a>1</a>" },
    start = "^<%a[^>]*>",
  },
}

local function reply(body, says)
  return { status = 200, body = body, says = says }
end

-- Of the four without recorded answers.
local ITEMS = '{"errors":false,"items":[{"messageUuid":"<id>","code":200}]}'
local MESSAGES = '{"total":1,"items":[{"messageUuid":"<id>","status":"sent"}]}'
local GOOD = {
  clickatell = {
    id = "%032x",
    stop = { scheduled = reply('{"data":{"messageStatus":"006","apiMessageId":"<id>"}}',
      "stopped") },
    status = { sent = reply('{"data":{"messageStatus":"004","apiMessageId":"<id>"}}',
      "too_late") },
  },
  ["clickatell xml"] = {
    id = "%032x",
    stop = { scheduled = reply("<response><data><messageStatus>006</messageStatus>"
      .. "<apiMessageId><id></apiMessageId></data></response>", "stopped") },
    status = { sent = reply("<response><data><messageStatus>004</messageStatus>"
      .. "<apiMessageId><id></apiMessageId></data></response>", "too_late") },
  },
  idigital = {
    id = "%d",
    status_dispatch = { sent = reply('{"total":1,"items":[{"dispatchId":<id>,"status":"done"}]}',
      "too_late") },
  },
  pushwoosh = {
    id = "1A2B-3C4D5E6F-7A8B9C%02d",
    stop = { scheduled = reply("{}", "stopped") },
    status = { sent = reply('{"total":1,"items":[{"id":1,"code":"<id>","status":"DONE"}]}',
      "too_late") },
  },
  revicom = {
    id = "%08x-0000-4000-8000-000000000000",
    stop = { scheduled = reply(ITEMS, "stopped") },
    status = { sent = reply(MESSAGES, "too_late") },
  },
}

-- The field of each envelope that says whether it is a success, whatever the definition names.
local ENVELOPES = { clicksend = "http_code", seven = "success", sentdm = "success",
  slack = "ok", smspartner = "success", telegram = "ok", timpush = "ActionStatus",
  zulip = "result" }

-- What is taken all the same, and why.
local ALLOWED = {
  ["airship status schedule"] = "whatever is scheduled is open, which settles nothing",
  ["airship status other id"] = "the id is in an address, and `open` settles nothing",
  ["mandrill stop _id"] = "an answer that is a list has no field",
  ["alibaba stop RequestId"] = "any text",
  ["iterable stop msg"] = "any text",
  ["matrix status content"] = "any content: what is not redacted was delivered",
  ["matrix status unsigned"] = "the same",
  ["matrix status unsigned.redacted_because"] = "the same",
  ["matrix status unsigned.redacted_because.type"] = "the same",
  ["nylas stop request_id"] = "any text",
  ["nylas stop data.message"] = "any text",
  ["onesignal status canceled"] = "no word for a cancelled one: its times count",
  ["onesignal status queued_at"] = "the others come first",
  ["onesignal status completed_at"] = "open, which settles nothing",
  ["smspartner stop message"] = "any text, and none beside a success",
  ["textmagic status other id"] = "what is not listed is gone or sent, which settles nothing",
  ["textmagic status resources[1].id"] = "the same",
  ["textmagic status resources"] = "an empty list: gone or sent, which settles nothing",
  ["unisender status other id"] = "the id stands in a text for people",
  ["unisender stop other id"] = "the id stands in a text for people",
  ["unisender stop code"] = "a text decides, where a code has no word of its own",
  ["unisender status code"] = "a text decides, where a code has no word of its own",
  ["unisender stop result"] = "beside an error it says nothing",
  ["unisender status result"] = "beside an error it says nothing",
  ["wavecell stop cancelledCount"] = "more than one message may have been cancelled",
}

local YES = { stopped = true, accepted = true, recalled = true }
local UNSETTLED = { unknown = true, failed = true }

-- The paths that a reading and its alternatives name, but for texts.
local function named_paths(r)
  local list = {}
  local function add(paths, before)
    for _, steps in ipairs(paths or {}) do
      local whole = {}
      for _, step in ipairs(before or {}) do
        whole[#whole + 1] = step
      end
      for _, step in ipairs(steps) do
        whole[#whole + 1] = step
      end
      list[#list + 1] = whole
    end
  end
  while r do
    local before
    if r.each then
      before = {}
      for _, step in ipairs(r.each) do
        before[#before + 1] = step
      end
      before[#before + 1] = true
    end
    add(r.code, before)
    add(r.state, before)
    if r.id and r.id.by_part then
      for _, paths in ipairs(r.id.by_part) do
        add(paths, before)
      end
    else
      add(r.id, before)
    end
    add(before and { {} }, before)
    for _, paths in ipairs(r.has or {}) do
      add(paths)
    end
    for _, one in ipairs(r.agrees or {}) do
      add({ one.steps })
    end
    r = r.otherwise
  end
  return list
end

-- Whether a place lies on one of the paths.
local function is_on(paths, place)
  local steps = {}
  for name, index in place:gmatch("([^%.%[%]]*)%[?(%d*)%]?%.?") do
    steps[#steps + 1] = name ~= "" and name or nil
    steps[#steps + 1] = tonumber(index)
  end
  for _, path in ipairs(paths) do
    local is_same = #steps <= #path
    for i, step in ipairs(steps) do
      is_same = is_same and (path[i] == step or (path[i] == true and type(step) == "number"))
    end
    if is_same then
      return true
    end
  end
  return false
end

-- Whether the definition has a word for this value.
local function is_listed(r, value)
  local list = json.decode("[" .. value .. "]")
  local known = tostring(list and list[1] or value)
  while r do
    for _, key in ipairs({ known, known:lower() }) do
      if r.means and r.means[key] then
        return true
      end
    end
    r = r.otherwise
  end
  return false
end

-- Calls try(spoilt, about) for each value and field in other words.
local function spoil(format, body, is_named, values, try)
  for _, place in ipairs(format.places(body)) do
    local before, after = body:sub(1, place.from - 1), body:sub(place.to + 1)
    if (place.path ~= "" or format == FORMATS.xml) and is_named(place.path) then
      for _, value in ipairs(values) do
        if value ~= body:sub(place.from, place.to) then
          try(before .. value .. after, place.path, value)
        end
      end
      if place.name_from then
        local name = body:sub(place.name_from, place.from - 1)
        before, after = body:sub(1, place.name_from - 1), body:sub((place.last or place.to) + 1)
        try(before .. format.other .. after, place.path, "removed")
        try(before .. format.twice(name) .. body:sub(place.name_from), place.path, "twice")
      end
    end
  end
end

-- word_of(body): what the reading of all answers says, or that of the core, where that differs.
local function reader(operation, id, status, format)
  local read = answers.reader(operation, { id }, format)
  local looks, verdicts = usual.of(operation, format)
  return function(body)
    local action, verdict = read(status, body)
    local word = action == "credentials" and action or (verdict[1] or verdict).outcome
    for _, look in ipairs(looks) do
      local number = look.status == status and core.meaning(look, id, body) or 0
      if number > 0 and verdicts[number].outcome ~= word then
        return verdicts[number].outcome .. ", but not to the core"
      end
    end
    return word
  end
end

local NAMES = { "clickatell xml" }
for _, name in ipairs(providers.names()) do
  NAMES[#NAMES + 1] = name
end

describe("a contradictory answer of", function()
  for _, name in ipairs(NAMES) do
    local its = sample.its(it, name)
    local all = GOOD[name] or recorded.find(name)
    local provider = providers.load((name:match("^%S+")))
    local id, other = all.id:format(7), all.id:format(8)

    -- Every answer with an object or a list, whose status is less than 300 or not.
    local function each(is_good, use)
      for _, call in ipairs({ "stop", "stop_dispatch", "status", "status_dispatch" }) do
        local whole = provider.operations[call]
        for fate, answer in pairs(whole and all[call] or {}) do
          local operation = whole and whole.single and fate ~= "many" and whole.single or whole
          local first = type(answer) == "table" and answer.says and (answer.body or ""):sub(1, 1)
          local format = (first == "{" or first == "[") and "json" or first == "<" and "xml"
          if format and (answer.status < 300) == is_good then
            local word_of = reader(operation, id, answer.status, format)
            local body = answers.filled(answer.body, operation, id, all.settings)
              :gsub("^<%?xml.-%?>", "")
            assert.message(name .. call .. fate).equal(answer.says, word_of(body))
            use(operation, call, answer, body, word_of, FORMATS[format])
          end
        end
      end
    end

    its("a good one settles nothing: " .. name, function()
      local found = {}
      each(true, function(operation, call, answer, body, word_of, format)
        local r = operation.readings[answer.status]
        local paths = named_paths(r)
        paths[#paths + 1] = ENVELOPES[name] and { ENVELOPES[name] }
        local is_yes, is_lookup = YES[answer.says], operation.is_lookup
        if not is_yes and not is_lookup then
          return
        end
        local function try(spoilt, about, value)
          local word = word_of(spoilt)
          local must_settle_nothing = is_lookup and about ~= format.beside_yes
          local key = ("%s %s %s"):format(name, call, about)
          local is_taken = not UNSETTLED[word]
            and (must_settle_nothing or YES[word] or word:find(","))
          if is_taken and not ALLOWED[key]
            and not (value and not value:find("^[<{%[]") and is_listed(r, value)) then
            found[#found + 1] = ("%s %s: %s"):format(key, value or "", word)
          end
        end
        spoil(format, body, function(place)
          return is_on(paths, place)
        end, format.values, try)
        local start = body:match(format.start)
        local rest = start and body:sub(#start + 1)
        local comma = format == FORMATS.json and rest and not rest:find("^%s*}") and "," or ""
        for _, beside in ipairs(rest and format.beside or {}) do
          try(start .. beside .. comma .. rest, beside)
        end
        if rest and is_yes then
          try(start .. format.beside_yes .. comma .. rest, format.beside_yes)
        end
        if body:find(id, 1, true) then
          try((body:gsub(id:gsub("%p", "%%%0"), (other:gsub("%%", "%%%%")))), "other id")
        end
      end)
      assert.same({}, found)
    end)

    its("a refusal is not believed: " .. name, function()
      local found = {}
      each(false, function(operation, call, answer, body, word_of, format)
        if answer.status >= 500 or operation.readings[answer.status] and not
          operation.readings[answer.status].is_empty or not operation.error then
          return
        end
        local paths = {}
        for _, list in ipairs({ operation.error._code or operation.error._text,
          operation.error._status or {} }) do
          for _, steps in ipairs(list) do
            paths[#paths + 1] = steps
          end
        end
        spoil(format, body, function(place)
          return is_on(paths, place)
        end, format.no_codes, function(spoilt, about, value)
          local word = word_of(spoilt)
          if not UNSETTLED[word] and word ~= "credentials" then
            found[#found + 1] = ("%s %s %s %s: %s"):format(name, call, about, value, word)
          end
        end)
      end)
      assert.same({}, found)
    end)
  end
end)
