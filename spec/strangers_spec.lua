-- What proxies, login pages, firewalls, gateways and other APIs answer, under every HTTP status, to
-- every operation of every provider: nothing of it settles a message.

local answers = require("spec.support.answers")
local STRANGE = require("spec.support.strange")
local faults = require("spec.support.faults")
local json = require("stopmsg.json")
local providers = require("stopmsg.provider")
local sample = require("spec.support.sample")
local stopmsg = require("stopmsg")

local BOM = "\239\187\191"

local UUID = "2a28d557-22a1-4be6-8908-1481723043dd"
local NUMBER = "10000000125"
local CODE = "1A2B-3C4D5E6F-7A8B9C0D"
local HEX = "a55b8f8d56f33440e993aa614c68bf8b"

-- What one of the four says, and which operations it is for. Under other statuses than its own, to
-- other operations, cut or with something beside it, it settles nothing.
local REAL = {
  {
    status = 200,
    body = '{"errors":false,"items":[{"messageUuid":"' .. UUID .. '","code":200}]}',
    of = { ["revicom stop"] = true, ["idigital stop"] = true },
  },
  { status = 200, body = "", of = {
    ["revicom stop_dispatch"] = true, ["idigital stop_dispatch"] = true } },
  { status = 200, body = "{}", of = { ["pushwoosh stop"] = true } },
  {
    status = 200,
    body = '{"data":{"messageStatus":"006","description":"x","apiMessageId":"' .. HEX .. '"}}',
    of = { ["clickatell stop json"] = true, ["clickatell status json"] = true },
  },
  {
    status = 200,
    body = "<response><data><messageStatus>006</messageStatus><apiMessageId>" .. HEX
      .. "</apiMessageId></data></response>",
    of = { ["clickatell stop xml"] = true, ["clickatell status xml"] = true },
  },
  {
    status = 200,
    body = '{"total":1,"items":[{"messageUuid":"' .. UUID .. '","status":"sent"}]}',
    of = { ["revicom status"] = true, ["idigital status"] = true },
  },
  {
    status = 200,
    body = '{"total":1,"items":[{"dispatchId":' .. NUMBER .. ',"status":"done"}]}',
    of = { ["revicom status_dispatch"] = true, ["idigital status_dispatch"] = true },
  },
  {
    status = 200,
    body = '{"total":1,"items":[{"id":1,"code":"' .. CODE .. '","status":"CANCELED"}]}',
    of = { ["pushwoosh status"] = true },
  },
  { status = 200, body = '{"USD":1200.00,"EUR":0}', of = {
    ["revicom check"] = true, ["idigital check"] = true } },
}

-- Every operation, with the id that is asked about: its name, and a reader of answers.
local OPERATIONS = {}
for _, provider in ipairs({ "clickatell", "idigital", "pushwoosh", "revicom" }) do
  for name, operation in pairs(providers.load(provider).operations) do
    local id = ({ clickatell = HEX, pushwoosh = CODE })[provider]
      or name:find("dispatch") and NUMBER or UUID
    local formats = provider == "clickatell" and { "json", "xml" } or { "json" }
    for _, format in ipairs(operation.is_list and {} or formats) do
      OPERATIONS[#OPERATIONS + 1] = {
        name = provider .. " " .. name .. (provider == "clickatell" and " " .. format or ""),
        operation = operation,
        id = id,
        read = answers.reader(operation, { id }, format),
      }
    end
  end
end
table.sort(OPERATIONS, function(a, b)
  return a.name < b.name
end)

local STATUSES = { 0, 100, 101, 199, 600, 999 }
-- Of those that nobody has given a meaning `make test` tries some.
for status = 200, 599 do
  local rest = status % 100
  if sample.OF == 1 or rest <= 31 or rest % 10 == 9 or status == 444 or status == 451 then
    STATUSES[#STATUSES + 1] = status
  end
end

-- Why an answer that settles something would be a stranger's; nil where it settles nothing.
local function fault_of(status, action, verdict, is_usable)
  local word = verdict[1] and verdict[1].outcome or verdict.outcome
  if status == 401 then
    -- It speaks of credentials, whoever says it.
    return not (action == "credentials" and word == "denied") and "401 is " .. word or nil
  elseif word == "failed" then
    return not (status >= 300 and status < 500) and "failed" or nil
  elseif word ~= "unknown" then
    return word
  elseif action == "credentials" or action == "halve" then
    return action
  elseif is_usable and not verdict[1] then
    return "usable"
  end
end

local function say(...)
  io.stdout:write("  " .. string.format(...) .. "\n")
end

describe("an answer of a stranger", function()
  local takes = sample.start()

  -- Reads the body under every status, but for those where it is the operation's own.
  local function read_all(case, body, own, statuses)
    local count = 0
    for _, status in ipairs(statuses or STATUSES) do
      if takes() and not (own and own(status)) then
        local action, verdict, _, is_usable = case.read(status, body)
        local fault = fault_of(status, action, verdict, is_usable)
        -- A batch is halved for a gateway's 413: it is about the request.
        if fault and not (status == 413 and action == "halve") then
          error(("%s, HTTP %d, %q: %s"):format(case.name, status, tostring(body):sub(1, 200),
            fault), 0)
        end
        count = count + 1
      end
    end
    return count
  end

  it("settles nothing, under no status, of no operation", function()
    local count = 0
    for _, case in ipairs(OPERATIONS) do
      for _, body in ipairs(STRANGE) do
        count = count + read_all(case, body)
        if not body:find("^" .. BOM) then
          count = count + read_all(case, BOM .. body, nil, { 200, 204, 400, 403, 404, 409, 422 })
        end
      end
      -- Nothing at all, of which it is not known whether it is all.
      count = count + read_all(case, false)
    end
    say("strangers' answers: %d bodies, %d statuses, %d operations: %s, settled: 0",
      #STRANGE, #STATUSES, #OPERATIONS, sample.told(count))
    assert.is_true(count * sample.OF > 500000)
  end)

  it("settles nothing by what another operation's answer is, nor under another status", function()
    local count = 0
    for _, case in ipairs(OPERATIONS) do
      for _, real in ipairs(REAL) do
        count = count + read_all(case, real.body, function(status)
          return real.of[case.name] and status == real.status
        end)
      end
    end
    say("other operations' answers: %s, settled: 0", sample.told(count))
  end)

  it("settles nothing by another provider's error, nor by its own of another status", function()
    local FAMILIES = {
      { "revicom", "json", { "revicom", "idigital" } },
      { "pushwoosh", "json", { "pushwoosh" } },
      { "clickatell", "json", { "clickatell" } },
      { "clickatell", "xml", { "clickatell" } },
    }
    local count = 0
    for _, family in ipairs(FAMILIES) do
      local is_of = {}
      for _, name in ipairs(family[3]) do
        is_of[name] = true
      end
      for of = 400, 599 do
        local body = answers.own_error(family[1], of, family[2])
        for _, case in ipairs(body and OPERATIONS or {}) do
          local is_own = is_of[case.name:match("^%a+")]
          if not is_own then
            count = count + read_all(case, body, nil, { of, 200, 404 })
          elseif family[1] ~= "clickatell" then
            -- Clickatell's codes say nothing of HTTP.
            for _, status in ipairs({ 200, 400, 403, 404, 409 }) do
              if body ~= answers.own_error(family[1], status, family[2]) then
                count = count + read_all(case, body, nil, { status })
              end
            end
          end
        end
      end
    end
    say("errors of others, or of other statuses: %s, settled: 0", sample.told(count))
  end)

  it("settles nothing where it is cut, doubled, wrapped, or has an error beside it", function()
    local count = 0
    for _, case in ipairs(OPERATIONS) do
      for _, real in ipairs(REAL) do
        if real.of[case.name] then
          local action, verdict, _, is_usable = case.read(200, real.body)
          assert.is_truthy(fault_of(200, action, verdict, is_usable), case.name)
          local others = { real.body .. real.body, "[" .. real.body .. "]",
            '{"data":' .. real.body .. "}", json.encode(real.body), real.body .. "x",
            "x" .. real.body, "<!--" .. real.body, real.body .. "\0",
            "HTTP/1.1 200 OK\r\n\r\n" .. real.body }
          for last = 1, #real.body - 1 do
            others[#others + 1] = real.body:sub(1, last)
            others[#others + 1] = real.body:sub(last + 1)
          end
          for _, field in ipairs({ '"error":{"code":4030,"msg":"x"}', '"error":{"code":"001"}',
            '"error":"x"', '"error":{"a":1}', '"error":{}', '"errors":["x"]', '"errors":"x"',
            '"code":5,"message":"x"' }) do
            others[#others + 1] = real.body:gsub("^{", "{" .. field .. ",", 1):gsub(",}$", "}")
            others[#others + 1] = real.body:gsub("}$", "," .. field .. "}", 1):gsub("^{,", "{")
          end
          -- JSON and paths leave open which of two counts.
          for from, name, after in real.body:gmatch('()"([%a]+)":()') do
            others[#others + 1] = ('%s"%s":null,%s'):format(real.body:sub(1, from - 1), name,
              real.body:sub(from))
            others[#others + 1] = ('%s"%s":null,"%s":%s'):format(real.body:sub(1, from - 1), name,
              name, real.body:sub(after))
          end
          for element in real.body:gmatch("<(%a+)>") do
            others[#others + 1] = real.body:gsub("(<" .. element .. ">.*</" .. element .. ">)",
              "%1<" .. element .. ">004</" .. element .. ">")
          end
          for _, field in ipairs({ "<error><code>001</code></error>", "<error>x</error>",
            "<error/>", "<errors>x</errors>" }) do
            others[#others + 1] = real.body:gsub("</response>", field .. "</response>")
          end
          for _, body in ipairs(others) do
            local is_own = body == real.body or body:find("^%s*$")
            if not is_own then
              local said, word, _, is_its_own = case.read(200, body)
              local fault = fault_of(200, said, word, is_its_own)
              assert(not fault, ("%s: %s: %s"):format(case.name, body, tostring(fault)))
              count = count + 1
            end
          end
        end
      end
    end
    say("answers that are spoilt: %d cases, settled: 0", count)
  end)

  it("is told as such by a client, with what to look at", function()
    local server = faults.start()
    local count, is_told, chosen = 0, 0, sample.chooser()
    local bodies = { "", STRANGE[1], STRANGE[3], "OK", '{"code":404,"message":"Not Found"}',
      '{"error":{"code":403,"message":"Forbidden"}}', '{"message":"Forbidden"}', "[]", "null" }
    local statuses = { "201 Created", "202 Accepted", "204 No Content", "206 Partial Content",
      "302 Found", "304 Not Modified", "400 Bad", "402 Pay", "403 Forbidden", "404 Not Found",
      "405 No", "407 Proxy", "409 Conflict", "410 Gone", "413 Large", "418 Teapot",
      "421 Misdirected", "422 Bad", "451 Legal", "499 Closed", "200 OK" }
    for _, provider in ipairs(faults.providers) do
      for _, status in ipairs(statuses) do
        for _, body in ipairs(chosen(bodies)) do
          local is_own = status == "200 OK" and body == ""
          local is_bodiless = status:find("^204") or status:find("^304")
          if not is_own and not (is_bodiless and body ~= "") then
            local ids = { provider.id(1), provider.batch > 1 and provider.id(2) or nil }
            server:set({ ids = ids, requests = {}, ["then"] = faults.answer(
              faults.http(status, body), status:find("^[34]") and "failed" or nil) })
            -- A client of its own: one that met strangers before pauses.
            local client = stopmsg.new({ provider = provider.name, token = "a-token",
              base_url = server.url, max_attempts = 1, timeout = 120 })
            local report = client[provider.call](client, ids)
            client:close()
            assert.same({}, faults.judge(report, server:take(), ids))
            for _, item in ipairs(report) do
              local about = provider.name .. ", HTTP " .. status .. ": " .. item.outcome
              local is_refused = status:find("^[34]")
              assert.equal(is_refused and "failed" or "unknown", item.outcome, about)
              assert.equal(is_refused and "http_" .. status:sub(1, 3) or "bad_response",
                item.reason, about)
              if is_refused then
                assert.is_truthy(item.message:find(answers.STRANGER, 1, true), about)
              end
              count = count + 1
            end
            assert.is_truthy(table.concat(report.warnings, "\n"):find("base_url", 1, true))
            is_told = is_told + 1
          end
        end
      end
    end
    server:stop()
    say("strangers' answers over the wire: %d calls, %d ids, settled: 0", is_told, count)
  end)
end)
