-- What providers need can be said as data. Definitions in spec/definitions/, which do not come with
-- stopmsg, are checked, and their request is what the vendor's page shows. Answers are taken for
-- what the page says, here also some of providers that do come with it.

local answers = require("spec.support.answers")
local clients = require("stopmsg.client")
local files = require("spec.support.files")
local providers = require("stopmsg.provider")
local sorted = require("spec.support.sorted")

local UUID = "11111111-2222-4333-8444-555555555551"

local function load_definition(name)
  if providers.is_built_in(name) then
    return providers.definition(name)
  end
  return dofile("spec/definitions/" .. name .. ".lua")
end

local NAMES = {}
for _, path in ipairs(files.list("spec/definitions")) do
  NAMES[#NAMES + 1] = path:match("([%w_]+)%.lua$")
end

-- name -> ids, settings, and the request: line, body, headers that matter.
local REQUESTS = {
  sinch_project = { { "B1" }, { project = "p1", key = "k" }, "DELETE /xms/v1/p1/batches/B1", nil,
    "Authorization: Bearer [token]" },
}

-- name -> id, and rows of status, body, what it is taken for; a reason where there is one.
local ANSWERS = {
  infobip = { "b1", { 200, '{"bulkId":"b1","status":"CANCELED"}', "stopped" },
    { 200, '{"bulkId":"b1","status":"FINISHED"}', "too_late" },
    { 200, '{"bulkId":"b2","status":"CANCELED"}', "unknown" },
    { 404, '{"requestError":{"serviceException":{"messageId":"NOT_FOUND","text":"x"}}}',
      "not_found" },
    { 404, '{"errorCode":"E404","description":"x"}', "failed" },
    { 409, '{"requestError":{"serviceException":{"messageId":"CONFLICT","text":"x"}}}',
      "not_stoppable" } },
  sinch = { "B1", { 200, '{"id":"B1","canceled":true}', "accepted" },
    { 200, '{"id":"B1","canceled":false}', "not_stoppable" },
    { 404, '{"code":"resource_not_found","text":"x"}', "not_found" }, { 404, "", "not_found" },
    { 404, "<html>", "failed" }, { 409, '{"code":"conflict_send_at","text":"x"}', "too_late" },
    { 409, '{"code":"other","text":"x"}', "not_stoppable" } },
  sendgrid = { "id1", { 201, '{"batch_id":"id1","status":"cancel"}', "accepted" },
    { 201, '{"batch_id":"id1","status":"pause"}', "unknown" },
    { 400, '{"errors":[{"message":"limit reached","field":null}]}', "failed" },
    { 404, '{"errors":[{"message":"not found"}]}', "not_found" } },
  telnyx = { UUID,
    { 200, '{"data":{"id":"' .. UUID .. '","to":[{"status":"cancelled"}]}}', "stopped" },
    { 200, '{"data":{"id":"' .. UUID .. '","to":[{"status":"cancelled"},{"status":"sent"}]}}',
      "too_late" },
    { 200, '{"data":{"id":"' .. UUID .. '","to":[{"status":"cancelled"},{"status":"odd"}]}}',
      "unknown" },
    { 403, '{"errors":[{"code":"10010","title":"x"}]}', "unknown" },
    { 404, '{"errors":[{"code":"10005","title":"x"}]}', "not_found" } },
  airship = { UUID, { 204, "", "stopped" }, { 404, "", "not_stoppable", "gone_or_sent" },
    { 404, "<html>", "failed" } },
  klaviyo = { "id1", { 204, "", "accepted" }, { 204, "{}", "unknown" },
    { 404, '{"errors":[{"code":"not_found","detail":"x"}]}', "failed" } },
  resend = { UUID, { 200, '{"object":"email","id":"' .. UUID .. '"}', "accepted" },
    { 404, '{"statusCode":404,"name":"not_found","message":"x"}', "not_found" },
    { 404, '{"name":"NotFound","message":"x"}', "failed" },
    { 400, '{"name":"validation_error","message":"API key is invalid"}', "denied", "credentials" },
    { 403, '{"name":"invalid_api_key","message":"x"}', "denied", "credentials" },
    { 422, '{"name":"invalid_parameter","message":"x"}', "invalid" },
    { 422, '{"statusCode":422,"name":"validation_error","message":"x"}', "not_stoppable" } },
  brevo = { "<1@x.y>", { 204, "", "stopped" }, { 204, "x", "unknown" },
    { 400, '{"code":"document_not_found","message":"x"}', "not_found" },
    { 400, '{"code":"invalid_parameter","message":"x"}', "not_stoppable" } },
  braze = { UUID, { 201, '{"message":"success"}', "accepted" }, { 201, "", "unknown" },
    { 404, '{"message":"not there"}', "failed" } },
  vonage = { UUID, { 200, "", "accepted" }, { 204, "", "accepted" }, { 200, "{}", "accepted" },
    { 204, "{}", "unknown" }, { 200, "[]", "unknown" } },
  google_rbm = { "+49/m-1", { 200, "{}", "accepted" }, { 200, "", "unknown" },
    { 404, '{"error":{"code":404,"message":"Not Found","status":"NOT_FOUND"}}', "failed" } },
  wavecell = { UUID, { 200, '{"cancelledCount":1}', "stopped" },
    { 200, '{"cancelledCount":0}', "not_stoppable" },
    { 200, '{"cancelledCount":"1"}', "unknown" }, { 200, '{"cancelledCount":null}', "unknown" },
    { 404, '{"code":1300,"message":"x"}', "failed" },
    { 404, '{"code":404,"message":"x","errorId":"y"}', "failed" } },
  messagemedia = { UUID, { 200, "", "stopped" }, { 200, "{ }", "stopped" },
    { 200, '{"message":"x"}', "unknown" }, { 200, "null", "unknown" },
    { 400, '{"message":"x"}', "failed" }, { 400, '{"message":"x","details":[]}', "failed" },
    { 404, "", "failed" }, { 404, '{"message":"Not Found"}', "failed" },
    { 403, '{"message":"Forbidden"}', "failed" } },
  gatewayapi = { "42", { 204, "", "stopped" }, { 410, "", "not_stoppable", "gone_or_sent" },
    { 404, "", "not_found" }, { 410, "<html>", "failed" } },
  telegram = { "-1001/101", { 200, '{"ok":true,"result":true}', "recalled" },
    { 400, '{"ok":false,"error_code":400,"description":"Bad Request: message to delete not found"}',
      "not_found" },
    { 404, '{"ok":false,"error_code":404,"description":"Not Found"}', "denied", "credentials" },
    { 200, '{"ok":true,"result":false}', "unknown" }, { 200, '{"ok":true}', "unknown" } },
  discord = { "42/1001", { 204, "", "recalled" },
    { 404, '{"message":"404: Not Found","code":0}', "failed" },
    { 404, '{"message":"Not Found","code":404}', "failed" }, { 200, "", "unknown" } },
  iterable = { "1", { 200, '{"code":"Success","msg":"","params":null}', "accepted" },
    { 200, '{"code":"Success"}', "unknown" }, { 404, '{"code":"NotFound"}', "failed" } },
  clevertap = { "457", { 200, '{"status":"success"}', "accepted" },
    { 200, '{"status":"partial"}', "unknown" }, { 404, '{"status":404,"error":"x"}', "failed" },
    { 404, '{"status":"fail","error":"x"}', "failed" },
    { 403, '{"status":"fail","error":"x"}', "denied" },
    { 403, '{"status":"fail","data":{"title":"x"}}', "failed" } },
  mandrill = { "a1", { 200, '{"_id":"a1","send_at":"x"}', "stopped" },
    { 200, '{"_id":"a2"}', "unknown" }, { 200, "[]", "unknown" },
    { 404, '{"name":"Unknown_Message","message":"x"}', "failed" } },
  courier = { "id1", { 200, '{"id":"id1","status":"SENT"}', "unknown" },
    { 200, '{"id":"id2","status":"CANCELED"}', "unknown" },
    { 409, '{"id":"id2","status":"SENT"}', "unknown" }, { 409, "", "failed" },
    { 404, '{"message":"Not Found"}', "failed" } },
  novu = { "id1", { 200, "true", "stopped" }, { 200, "false", "not_stoppable" },
    { 200, '{"data":true}', "stopped" }, { 200, '"true"', "stopped" }, { 200, "1", "unknown" },
    { 404, '{"statusCode":404,"message":"x"}', "failed" },
    { 404, '{"statusCode":404,"timestamp":"t","path":"/v1/x","message":"Cannot DELETE /v1/x"}',
      "failed" } },
  knock = { "welcome/u1", { 200, "<html>", "unknown" }, { 200, "{}", "unknown" },
    { 404, '{"code":"resource_missing","message":"x","status":404}', "failed" },
    { 404, '{"errors":{"detail":"404 Not Found"}}', "failed" } },
  clicksend = { "1-a", { 200, '{"response_code":"SUCCESS"}', "unknown" },
    { 200, '{"http_code":200,"response_code":"DONE"}', "unknown" },
    { 404, '{"response_code":"NOT_FOUND"}', "failed" } },
  seven = { "101", { 200, '{"success":true,"deleted":["101"]}', "stopped" },
    { 200, '{"success":true,"deleted":[]}', "not_stoppable" },
    { 200, '{"success":"true","deleted":null}', "not_stoppable" }, { 200, "{}", "unknown" } },
  smsapi = { "101", { 200, '{"count":1,"list":[{"id":"101"}]}', "stopped" },
    { 200, '{"count":0,"list":[]}', "not_stoppable", "gone_or_sent" },
    { 200, '{"count":1,"list":[{"id":"102"}]}', "unknown", "bad_response" },
    { 200, '{"error":301,"message":"Not exists ID message"}', "not_stoppable", "gone_or_sent" },
    { 200, '{"error":999,"message":"x"}', "unknown" } },
  unisender = { "7", { 200, '{"result":[]}', "stopped" },
    { 200, '{"error":"SB140212-01: no such campaign","code":"unspecified"}', "not_found" },
    { 200, '{"error":"SF161129-03: it is completed","code":"unspecified"}', "not_stoppable" },
    { 200, '{"error":"odd","code":"unspecified"}', "unknown" } },
  smspartner = { "7", { 200, '{"success":true,"code":200}', "stopped" },
    { 200, '{"success":false,"code":6,"message":"x"}', "too_late" },
    { 200, '{"success":false,"code":4,"message":"x"}', "not_found" },
    { 200, '{"success":false,"code":5}', "unknown" } },
  zulip = { "11", { 200, '{"result":"success","msg":""}', "stopped" },
    { 404, '{"result":"error","code":"BAD_REQUEST","msg":"x"}', "not_stoppable",
      "gone_or_sent" } },
  matrix = { "!r:x/$e", { 200, '{"event_id":"$f"}', "recalled" }, { 200, "{}", "unknown" },
    { 404, '{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}', "failed" },
    { 403, '{"errcode":"M_FORBIDDEN","error":"x"}', "denied" } },
  webcom = { "5",
    { 200, '<response><scheduled id_sms="5">delete</scheduled></response>', "stopped" },
    { 200, '<response><scheduled id_sms="5">not_found</scheduled></response>', "not_found" },
    { 200, "<response><scheduled>delete</scheduled></response>", "unknown" },
    { 200, "<html><body>delete</body></html>", "unknown" } },
  sens = { "r1", { 204, "", "stopped" }, { 404, "", "failed" },
    { 404, '{"error":{"errorCode":"300","message":"Not Found Exception"}}', "failed" },
    { 404, '{"error":{"errorCode":"404","message":"x"}}', "not_found" } },
  alibaba = { "7", { 200, '{"RequestId":"A-1"}', "accepted" }, { 200, "{}", "unknown" },
    { 400, '{"RequestId":"A-1","Code":"SignatureDoesNotMatch","Message":"x"}', "denied",
      "credentials" },
    { 404, '{"RequestId":"A-1","Code":"InvalidAction.NotFound","Message":"x"}', "failed" } },
  timpush = { "7", { 200, '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","TaskID":7}',
    "stopped" },
    { 200, '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","TaskID":8}', "unknown" },
    { 200, '{"ActionStatus":"FAIL","ErrorCode":90107,"ErrorInfo":"x","TaskID":0}', "too_late" },
    { 200, '{"ActionStatus":"FAIL","ErrorCode":70001,"ErrorInfo":"x"}', "denied", "credentials" },
    { 200, '{"ActionStatus":"FAIL","ErrorCode":91000,"ErrorInfo":"x"}', "unknown" } },
  getui = { "a_1", { 200, '{"code":0,"msg":"success"}', "accepted" },
    { 200, '{"code":1,"msg":"x"}', "unknown" }, { 400, '{"code":20001,"msg":"x"}', "failed" },
    { 400, '{"code":400,"msg":"x"}', "failed" } },
}

-- What of the format a definition uses, by the names of DESIGN's table.
local function abilities_of(provider, definition)
  local used = {}
  local function add(name, is_used)
    if is_used then
      used[name] = true
    end
  end
  add("settings", definition.settings)
  add("Basic", definition.auth)
  add("a customer's host, or one by region", definition.url:find("^[^/]*//{") or
    definition.url:find("{base_url}", 1, true))
  add("tokens that end", definition.token)
  add("signing", definition.sign)
  add("a pause told elsewhere", definition.retry_after)
  add("a documented rate", definition.rate)
  add("the form of errors", definition.error)
  for _, operation in pairs(provider.operations) do
    for _, one in ipairs({ operation, operation.single }) do
      add("ids of parts", one.id and one.id.parts)
      add("batches", one.limit > 1)
      add("lower limits", one.least > 1)
      add("batches of one part", one.together)
      add("an idempotency key", one.has_uuid)
      add("refusal by text", one.texts)
      add("statuses without a body", next(one.is_bare) ~= nil)
      add("lists of what can be stopped", one.is_list)
      add("pages", one.next)
      add("XML", one.format == "xml")
      add("the secret elsewhere", one.seen.token and not (one.seen.token.header
        or one.seen.token.basic))
      for status, r in pairs(one.readings) do
        add("a meaning for any status", status ~= 200)
        while r do
          add("values at paths", r.code or r.state)
          add("counters", r.more_than)
          add("lists of ids that worked", r.others)
          add("refusal by text", r.texts)
          for _, entry in pairs(r.means or {}) do
            add("actions under any status", not require("stopmsg.meaning.outcome").all[entry.word])
          end
          r = r.otherwise
        end
      end
    end
  end
  return used
end

local ABILITIES = {
  "settings", "Basic", "a customer's host, or one by region", "tokens that end", "signing",
  "a pause told elsewhere", "a documented rate", "the form of errors", "ids of parts", "batches",
  "lower limits", "batches of one part", "an idempotency key", "refusal by text",
  "statuses without a body", "lists of what can be stopped", "pages", "XML",
  "the secret elsewhere", "a meaning for any status", "values at paths", "counters",
  "lists of ids that worked", "actions under any status",
}

local function has_function(value)
  if type(value) == "function" then
    return true
  end
  for _, inner in pairs(type(value) == "table" and value or {}) do
    if has_function(inner) then
      return true
    end
  end
  return false
end

describe("definitions of", function()
  for _, names in ipairs({ NAMES, providers.names() }) do
    for _, name in ipairs(names) do
      it(name .. " are data", function()
        assert.is_false(has_function(load_definition(name)))
      end)
    end
  end

  for _, name in ipairs(NAMES) do
    local definition = load_definition(name)

    it(name .. " ask as the vendor says", function()
      local case = REQUESTS[name]
      local made = clients.new({ provider = definition, token = "canary-81", settings = case[2],
        base_url = definition.url:find("{base_url}", 1, true) and "https://own.example" or nil },
        "new")
      local operation = made._provider.operations.stop
      local shown = clients.preview(made, #case[1] == 1 and operation.single or operation, case[1])
      made:close()
      assert.equal(case[3], shown.method .. " " .. shown.target)
      assert.equal(case[4], shown.body)
      local headers = "\n" .. table.concat(shown.headers, "\n") .. "\n"
      for i = 5, #case do
        assert.matches("\n" .. case[i] .. "\n", headers, 1, true)
      end
    end)
  end

  for _, name in ipairs(sorted.keys(ANSWERS)) do
    local definition = load_definition(name)
    for i = 2, #ANSWERS[name] do
      local row = ANSWERS[name][i]
      it(("%s take %d %s for %s"):format(name, row[1], row[2], row[3]), function()
        local operation = providers.check(definition).operations.stop
        operation = operation.single or operation
        local format = operation.format
        local _, verdict = answers.reader(operation, { ANSWERS[name][1] }, format)(row[1], row[2])
        verdict = verdict[1] or verdict
        assert.equal(row[3], verdict.outcome)
        if row[4] then
          assert.equal(row[4], verdict.reason)
        end
      end)
    end
  end
end)

describe("the abilities of the format", function()
  it("are each used by a definition", function()
    local users = {}
    local function note(name, definition)
      for ability in pairs(abilities_of(providers.check(definition), definition)) do
        users[ability] = users[ability] or {}
        table.insert(users[ability], name)
      end
    end
    for _, name in ipairs(NAMES) do
      note(name, load_definition(name))
    end
    for _, name in ipairs(providers.names()) do
      note(name, require("stopmsg.provider." .. name))
    end
    for _, ability in ipairs(ABILITIES) do
      assert.message(ability).is_truthy(users[ability])
      if os.getenv("STOPMSG_ABILITIES") then
        print(("| %s | %s |"):format(ability, table.concat(users[ability], ", ")))
      end
    end
  end)
end)
