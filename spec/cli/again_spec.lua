-- A stop that did not end well, and the same command run again: what is sent, what is looked up
-- first, and what the last line says.

local cli = require("spec.support.cli")
local faults = require("spec.support.faults")
local files = require("spec.support.files")
local json = require("stopmsg.json")
local reports = require("stopmsg.report")
local runs = require("stopmsg.cli.stop.run")
local server = require("spec.support.server")

local IDS = { "00000000-0000-4000-8000-00000001aaaa", "00000000-0000-4000-8000-00000002aaaa",
  "00000000-0000-4000-8000-00000003aaaa" }

local REASONS = { [200] = "OK" }

local function answer(status, body, headers)
  local bytes = ("HTTP/1.1 %d %s\r\n%sContent-Length: %d\r\n\r\n%s"):format(status,
    REASONS[status] or "Whatever", headers or "", #body, body)
  return { ["do"] = { { "read", "all" }, { "write", bytes } } }
end

local function codes(list)
  local items = {}
  for i, code in ipairs(list) do
    items[#items + 1] = code and ('{"messageUuid":"%s","code":%d}'):format(IDS[i], code) or nil
  end
  return answer(200, '{"errors":false,"items":[' .. table.concat(items, ",") .. "]}")
end

local function states(list)
  local items = {}
  for i = 1, #IDS do
    if list[i] then
      items[#items + 1] = ('{"messageUuid":"%s","status":"%s"}'):format(IDS[i], list[i])
    end
  end
  return answer(200, ('{"items":[%s],"page":{"total":%d}}'):format(table.concat(items, ","),
    #items))
end

local function decode(out)
  local list = {}
  for line in out:gmatch("[^\n]+") do
    list[#list + 1] = assert(json.decode(line))
  end
  return list
end

local function last_line(err)
  return err:match("([^\n]*)\n$") or ""
end

describe("a stop that is run again", function()
  local provider, journal

  setup(function()
    provider = faults.start()
  end)

  teardown(function()
    provider:stop()
  end)

  before_each(function()
    journal = os.tmpname()
  end)

  after_each(function()
    os.remove(journal)
  end)

  local function stop(arguments, options)
    options = options or {}
    local argv = { "stop", "-p", "revicom", "--base-url", provider.url, "--format", "ndjson" }
    for _, list in ipairs({ arguments, options.ids or IDS }) do
      for _, argument in ipairs(list) do
        argv[#argv + 1] = argument
      end
    end
    options.env = options.env or { STOPMSG_TOKEN = "sandbox" }
    return cli.run(argv, options)
  end

  -- The methods and paths of what was asked since the last look.
  local function asked()
    local list = {}
    for _, record in ipairs(faults.only(provider:take(), "request")) do
      list[#list + 1] = record.method .. " " .. record.path:match("^[^?]*")
    end
    return list
  end

  for _, status in ipairs({ 302, 402, 403, 405, 407, 408, 421, 425, 451 }) do
    it(("sends again what was answered with HTTP %d"):format(status), function()
      provider:set({ ["then"] = answer(status, "<html>go away</html>") })
      local code, _, err = stop({ "--journal", journal, "--max-attempts", "1",
        "--patience", "0" })
      assert.message(err).is_true(code >= 3)
      assert.is_true(#asked() >= 1)
      provider:set({ ["then"] = codes({ 200, 200, 200 }) })
      local out
      code, out, err = stop({ "--journal", journal })
      assert.message(err).equal(0, code)
      assert.equal(3, #decode(out))
      assert.same({ "POST /api/v1/message/stop" }, asked())
    end)
  end

  it("names --verify where ids are unknown, and the provider has a lookup", function()
    provider:set({ ["then"] = codes({ 418, 418, 418 }) })
    local code, _, err = stop({ "--journal", journal })
    assert.equal(4, code)
    assert.matches("3 ids are unknown %(unknown_code%): run again with %-%-verify", last_line(err))
  end)

  it("names the address where only strangers respond, and not where the provider did", function()
    local page, hint = answer(200, "<html></html>"), "no response was in the provider's form"
    for title, case in pairs({
      ["strangers alone"] = { page, true },
      ["an unknown code"] = { codes({ 418, 418 }), false },
      ["an answer without items"] = { codes({}), false },
      ["an echo of what was sent before"] = { codes({ 403, 403 }), false, true },
      ["a refusal of its own"] = { answer(409, '{"error":{"code":4090,"msg":"no"}}'), false },
    }) do
      os.remove(journal)
      if case[3] then
        provider:set({ ["then"] = page })
        stop({ "--journal", journal, "--max-attempts", "1", "--patience", "0" })
      end
      provider:set({ requests = { case[1] }, ["then"] = page })
      local _, _, err = stop({ "--journal", journal, "--max-attempts", "1", "--patience", "0",
        "--concurrency", "1", "--batch-size", "2" })
      assert.message(title .. ": " .. err).equal(case[2],
        last_line(err):find(hint, 1, true) ~= nil)
    end
  end)

  it("looks up first what is unknown, and sends only what is open or has no answer", function()
    provider:set({ ["then"] = codes({ 418, 418, 418 }) })
    stop({ "--journal", journal })
    asked()
    -- The first was stopped, the second is not sent yet, of the third nothing is known.
    provider:set({ requests = { states({ "unsent", "sending" }), codes({ false, 200, 200 }) },
      ["then"] = states({ "unsent", "unsent", "unsent" }) })
    local code, out, err = stop({ "--journal", journal, "--verify=2" })
    local requests = provider:take()
    requests = faults.only(requests, "request")
    assert.equal("GET", requests[1].method)
    assert.equal("POST", requests[2].method)
    local by_id = {}
    for _, item in ipairs(decode(out)) do
      by_id[item.id] = item
    end
    assert.same({ "stopped", true, true }, { by_id[IDS[1]].outcome, by_id[IDS[1]].verified,
      by_id[IDS[1]].ambiguous })
    assert.message(err).equal(0, code)
    -- Nothing is left.
    provider:set({ ["then"] = codes({ 200, 200, 200 }) })
    assert.equal(0, (stop({ "--journal", journal, "--verify=2" })))
    assert.same({}, asked())
  end)

  -- A run with --verify that was killed while it kept its results back: it has no last line.
  local function killed_while_it_verified()
    provider:set({ ["then"] = codes({ 403, 404, 200 }) })
    stop({ "--journal", journal, "--verify=0.001" })
    asked()
    local text, count = files.read(journal):gsub('{"end":[^\n]*\n$', "")
    assert.equal(1, count)
    files.write(journal, text)
  end

  it("outputs what a killed run with --verify had kept back, once", function()
    killed_while_it_verified()
    provider:set({ ["then"] = states({ "sent", false, "unsent" }) })
    local code, out, err = stop({ "--journal", journal, "--verify=1" })
    assert.message(err).equal(3, code)
    local words = {}
    for _, item in ipairs(decode(out)) do
      words[item.id] = item.outcome
    end
    assert.same({ [IDS[1]] = "too_late", [IDS[2]] = "not_found", [IDS[3]] = "stopped" }, words)
    assert.same({ "GET /api/v1/message" }, asked())
    code, out = stop({ "--journal", journal, "--verify=1" })
    assert.same({ 3, "" }, { code, out })
    assert.same({}, asked())
  end)

  it("outputs it without --verify, too", function()
    killed_while_it_verified()
    local code, out, err = stop({ "--journal", journal })
    assert.message(err).equal(3, code)
    local words = {}
    for _, item in ipairs(decode(out)) do
      words[item.id] = item.outcome
    end
    assert.same({ [IDS[1]] = "too_late", [IDS[2]] = "not_found", [IDS[3]] = "stopped" }, words)
    code, out = stop({ "--journal", journal })
    assert.same({ 3, "" }, { code, out })
    assert.same({}, asked())
  end)

  it("writes a result before the journal says that it is settled", function()
    local order = {}
    local run = runs.new({ now = os.time }, {}, {
      given = { total = 1 },
      book = {
        unproven = function()
          return 0
        end,
        outcome = function()
          order[#order + 1] = "journal"
        end,
      },
    })
    run.counts = reports.new().counts
    run.sink = {
      item = function()
        order[#order + 1] = "results"
      end,
    }
    run:take({ id = IDS[1], outcome = "stopped", code = 200, message = "done" }, 1)
    assert.same({ "results", "journal" }, order)
  end)

  it("outputs nothing twice that a run without --verify had output when it was killed", function()
    provider:set({ ["then"] = codes({ 403, 404, 200 }) })
    stop({ "--journal", journal })
    files.write(journal, (files.read(journal):gsub('{"end":[^\n]*\n$', "")))
    local code, out = stop({ "--journal", journal })
    assert.same({ 3, "" }, { code, out })
  end)

  it("is not sent where the lookup settles all", function()
    provider:set({ ["then"] = codes({ 418, 418, 418 }) })
    stop({ "--journal", journal })
    asked()
    provider:set({ ["then"] = states({ "unsent", "sent", "unsent" }) })
    local code = stop({ "--journal", journal, "--verify=2" })
    assert.equal(3, code)
    assert.same({ "GET /api/v1/message" }, asked())
  end)

  it("is not sent where the lookup shows that the stop is on record, which proves no more",
    function()
      local argv = { "stop", "-p", "sinch", "--set", "plan=p", "--base-url", provider.url,
        "--format", "ndjson", "--max-attempts", "1", "--journal", journal, "--verify=2", "B1" }
      provider:set({ ["then"] = answer(200, '{"id":"B1"}') })
      cli.run(argv, { env = { STOPMSG_TOKEN = "sandbox" } })
      asked()
      provider:set({ ["then"] = answer(200, '{"id":"B1","canceled":true}') })
      local code, out, err = cli.run(argv, { env = { STOPMSG_TOKEN = "sandbox" } })
      assert.message(err).equal(4, code)
      local item = decode(out)[1]
      assert.same({ "accepted" }, { item.outcome, item.verified })
      assert.matches("delivery report", item.message)
      for _, request in ipairs(asked()) do
        assert.equal("GET /xms/v1/p/batches/B1", request)
      end
    end)

  it("exits with 4 and a warning where a lookup proves nothing", function()
    provider:set({ requests = { codes({ 200, 200, 200 }) },
      ["then"] = states({ "sending", "sending", "sending" }) })
    local code, _, err = stop({ "--journal", journal, "--verify=0.5" })
    assert.equal(4, code)
    assert.matches("warning: the provider confirmed 3 stops, but no lookup proved them", err)
    -- Later it is proven.
    provider:set({ ["then"] = states({ "unsent", "unsent", "unsent" }) })
    assert.equal(0, (stop({ "--journal", journal, "--verify=2" })))
  end)

  it("tells a pause, and when the provider may be asked again", function()
    provider:set({ ["then"] = answer(429, "", "Retry-After: 3\r\n") })
    local _, _, err = stop({ "--deadline", "1", "--max-attempts", "1",
        "--patience", "0" })
    assert.matches("asked for a pause: sending nothing for 3 s\n", err)
  end)

  it("ends with 3, not 6, where one id is another account's", function()
    provider:set({ requests = {
      answer(403, '{"code":7,"message":"Forbidden","details":[]}'), answer(200, "{}"),
    }, ["then"] = answer(200, "{}") })
    local code, out = cli.run({ "stop", "-p", "pushwoosh", "--base-url", provider.url, "--format",
      "ndjson", "--concurrency", "1", "1234-12345678-12345678", "1234-12345678-12345679" },
      { env = { STOPMSG_TOKEN = "sandbox" } })
    local items = decode(out)
    assert.same({ "denied", "stopped" }, { items[1].outcome, items[2].outcome })
    assert.equal(3, code)
  end)

  it("names where a refused token came from", function()
    provider:set({ ["then"] = answer(401, '{"error":{"code":4010,"msg":"Not Authenticated"}}') })
    local code, _, err = stop({},
      { env = { STOPMSG_REVICOM_TOKEN = "old", STOPMSG_TOKEN = "new" } })
    assert.equal(6, code)
    assert.matches("STOPMSG_REVICOM_TOKEN, which overrides STOPMSG_TOKEN; fix the token",
      last_line(err))
    provider:set({ ["then"] = answer(401, "<html>log in</html>") })
    code, _, err = stop({})
    assert.equal(6, code)
    assert.matches("STOPMSG_TOKEN, but no response was in the provider's form: check "
      .. "%-%-base%-url, the proxy and the token", last_line(err))
    local path = cli.file("old\n")
    _, _, err = stop({ "--token-file", path })
    assert.truthy(last_line(err):find(path, 1, true))
    os.remove(path)
  end)
end)

describe("the address", function()
  local sandbox

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  local function stop(env, more)
    env.STOPMSG_TOKEN = "sandbox"
    local argv = { "stop", "-p", "revicom", "-q", IDS[1] }
    for _, argument in ipairs(more or {}) do
      argv[#argv + 1] = argument
    end
    return cli.run(argv, { env = env })
  end

  it("is that of the provider's variable, else of the common one, and is told", function()
    local code, _, err = stop({ STOPMSG_BASE_URL = sandbox.url })
    assert.equal(0, code)
    assert.equal(("stopmsg stop: sending to %s (from STOPMSG_BASE_URL), which is not the address "
      .. "of revicom\n"):format(sandbox.url), err)
    code, _, err = stop({ STOPMSG_BASE_URL = "http://127.0.0.1:1",
      STOPMSG_REVICOM_BASE_URL = sandbox.url })
    assert.equal(0, code)
    assert.matches("%(from STOPMSG_REVICOM_BASE_URL%)", err)
    code, _, err = stop({ STOPMSG_BASE_URL = "http://127.0.0.1:1",
      STOPMSG_IDIGITAL_BASE_URL = "x" }, { "--base-url", sandbox.url })
    assert.equal(0, code)
    assert.matches("%(from %-%-base%-url%)", err)
  end)

  it("is not told where it is the provider's own", function()
    local _, _, err = stop({ STOPMSG_BASE_URL = "HTTPS://direct.revicom.ltd:443/" },
      { "--dry-run" })
    assert.equal("", err)
  end)

  it("is refused by the name of the variable that it came from", function()
    local code, _, err = stop({ STOPMSG_BASE_URL = "http://192.0.2.1" })
    assert.equal(2, code)
    assert.matches("STOPMSG_BASE_URL", err)
  end)
end)

describe("the command line", function()
  local function refused(argv, pattern)
    local code, out, err = cli.run(argv, { env = { STOPMSG_TOKEN = "sandbox" } })
    assert.equal(2, code)
    assert.equal("", out)
    assert.matches(pattern, err)
  end

  it("refuses a bare number after --verify", function()
    for _, value in ipairs({ "30", "10000000125", "5m", "0.5" }) do
      refused({ "stop", "-p", "idigital", "--dispatch", "--yes", "--base-url", "http://127.0.0.1:1",
        "--verify", value, "10000000125" },
        "%-%-verify=" .. value .. "[^\n]*%-%-verify %-%- " .. value)
    end
  end)

  it("refuses an option that stands twice with different values", function()
    refused({ "stop", "-p", "revicom", "-p", "idigital", IDS[1] },
      "%-p, %-%-provider is given twice")
    refused({ "stop", "-p", "revicom", "--rate", "1", "--rate", "2", IDS[1] },
      "%-%-rate is given twice")
    refused({ "status", "--verify=1" }, "verify")
    local code = cli.run({ "stop", "-p", "revicom", "--provider", "revicom", "--dry-run", IDS[1] })
    assert.equal(0, code)
  end)

  it("refuses --verify before anything is sent where a lookup cannot be made", function()
    refused({ "stop", "-p", "pushwoosh", "--verify", "--base-url", "http://127.0.0.1:1",
      "1234-12345678-12345678" }, "%-%-verify needs %-%-application")
  end)

  it("takes durations", function()
    for _, value in ipairs({ "500ms", "30s", "5m", "1h", "7", "1.5" }) do
      local code, _, err = cli.run({ "stop", "-p", "revicom", "--dry-run", "--deadline", value,
        "--timeout", value, IDS[1] })
      assert.message(err).equal(0, code)
    end
    refused({ "stop", "-p", "revicom", "--dry-run", "--deadline", "5 minutes", IDS[1] },
      "500ms, 30s, 5m, 1h")
    for _, value in ipairs({ "0", "0.1ms", "9000h" }) do
      refused({ "stop", "-p", "revicom", "--dry-run", "--verify=" .. value, IDS[1] },
        "--verify: expected seconds, a number from 0.001 to a year, got " .. value)
    end
  end)

  it("counts ids of an unusual shape before anything is sent", function()
    local code, out = cli.run({ "stop", "-p", "clickatell", "--dry-run",
      "360586640fe9846954897dffe6c13dfc", "not-hex", "apiMsgId1" })
    assert.equal(0, code)
    assert.matches("2 of 3 ids have an unusual format, such as 'not%-hex'; expected 32 hex digits",
      out)
    assert.matches("3 request%(s%) for 3 id%(s%)", out)
  end)
end)
