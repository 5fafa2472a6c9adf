-- What the vendors' own clients send for a cancel, and what stopmsg sends for the same.
--
-- spec/oracle/facts/NAME.json holds of a provider a question (token, id, settings), the request
-- that the vendor's client sent for it, and the answer that it got. Where there is no client, the
-- request is the one that the vendor's page shows, and `page` says where. `reads` has for endings
-- of ids what the client makes of the sandbox's answers; `inferred` is what no page says.

local clients = require("spec.support.clients")
local core = require("stopmsg.core")
local files = require("spec.support.files")
local json = require("stopmsg.json")
local sandbox = require("stopmsg.sandbox")
local server = require("spec.support.server")
local url = require("stopmsg.sandbox.url")

local oracle = {}

-- Headers that carry no meaning for the request: those of the connection, and those in which a
-- client describes itself.
local IGNORED = {
  ["accept-charset"] = true,
  ["accept-encoding"] = true,
  ["accept-language"] = true,
  ["connection"] = true,
  ["host"] = true,
  ["os-usage-data"] = true,
  ["sec-fetch-mode"] = true,
  ["user-agent"] = true,
}
local IGNORED_PREFIXES = { "^x%-stainless%-", "^x%-fern%-" }

-- name -> fact
function oracle.facts()
  local facts = {}
  for _, path in ipairs(files.list("spec/oracle/facts")) do
    local fact, message = json.decode(files.read(path))
    facts[path:match("([%w_]+)%.json$")] = assert(fact, path .. ": " .. tostring(message))
  end
  return facts
end

-- name -> version, as pinned.
function oracle.packages()
  return assert(json.decode(files.read("spec/oracle/package.json"))).dependencies
end

local function matters(name, request)
  if name == "content-length" then
    -- The length says something only where there is no body: some servers insist on a 0.
    return request.body == ""
  end
  for _, prefix in ipairs(IGNORED_PREFIXES) do
    if name:find(prefix) then
      return false
    end
  end
  return not IGNORED[name]
end

-- name -> value; a name that stands twice keeps all its values.
local function flat(query)
  local map = {}
  for name, values in pairs(query) do
    map[name] = #values == 1 and values[1] or values
  end
  return map
end

local function decode_body(request)
  local kind = request.headers["content-type"] or ""
  if request.body == "" then
    return nil
  elseif kind:find("^application/x%-www%-form%-urlencoded") then
    return flat(url.query(request.body))
  elseif kind:find("^application/json") or kind:find("^application/[%w.]+%+json") then
    return assert(json.decode(request.body))
  end
  return request.body
end

-- What is another one in each request: the places are compared, not the values.
local FRESH = {
  ["idempotency-key"] = "<fresh>",
  authorization = function(value)
    return value:gsub("^Bearer [%w_%-]+%.[%w_%-]+%.[%w_%-]+$", "Bearer <JWT>")
  end,
}

-- The same of a query: how well a ticket is packed is zlib's.
local function with_fresh(query)
  query.usersig = query.usersig and "<ticket>"
  return query
end

-- A recorded request as the facts write it.
local function normal(request)
  local headers = {}
  for name, value in pairs(request.headers) do
    if matters(name, request) then
      local fresh = FRESH[name]
      headers[name] = type(fresh) == "function" and fresh(value) or fresh or value
    end
  end
  local path, query = request.target:match("^([^?]*)%??(.*)$")
  return {
    method = request.method,
    path = path,
    query = query ~= "" and with_fresh(flat(url.query(query))) or nil,
    headers = headers,
    body = decode_body(request),
  }
end

-- requests = oracle.record(answer, ask): what a server on loopback was asked while ask(base) ran.
-- answer: { status, body or text }, the same for each.
function oracle.record(answer, ask)
  local path = os.tmpname()
  local recorder = server.spawn({
    server.interpreter(), "spec/support/recorder.lua", path, tostring(answer.status),
    answer.text or answer.body and json.encode(answer.body) or "",
  })
  local done, message = pcall(ask, recorder.first_line)
  recorder:stop()
  local requests = {}
  for line in files.read(path):gmatch("[^\n]+") do
    requests[#requests + 1] = normal(assert(json.decode(line)))
  end
  os.remove(path)
  assert(done, message)
  return requests
end

-- item, request = oracle.stop(name, fact): what stopmsg sends for a fact's question, and what comes
-- of the fact's answer.
function oracle.stop(name, fact)
  local question, item = fact.question, nil
  local uuid, time = core.uuid, os.time
  function core.uuid()
    return "00000000-0000-4000-8000-000000000000"
  end
  if question.time then
    rawset(os, "time", function()
      return question.time
    end)
  end
  local requests = oracle.record(fact.answer, function(base)
    local client = clients.new({
      provider = name,
      token = question.token,
      settings = question.settings,
      base_url = base,
      max_attempts = 1,
    })
    item = client[question.is_dispatch and "stop_dispatch" or "stop"](client, question.id)[1]
    client:close()
  end)
  core.uuid = uuid
  rawset(os, "time", time)
  assert(#requests == (question.fetches and 2 or 1), "more requests, or fewer")
  return item, requests[#requests]
end

-- answer = oracle.sandbox(request): { status, text } of what the sandbox answers to a request.
-- The text is not decoded: an empty list would come back as an object.
function oracle.sandbox(request)
  local query = {}
  for name, value in pairs(request.query or {}) do
    query[#query + 1] = name .. "=" .. value
  end
  local body = request.body
  if type(body) == "table" and request.headers["content-type"] == "application/json" then
    body = json.encode(body)
  elseif type(body) == "table" then
    local pairs_of = {}
    for name, value in pairs(body) do
      pairs_of[#pairs_of + 1] = name .. "=" .. value
    end
    body = table.concat(pairs_of, "&")
  end
  local answer = sandbox.new():answer({
    method = request.method,
    path = request.path,
    query = table.concat(query, "&"),
    headers = request.headers,
    body = body or "",
  })
  return { status = answer.status, text = answer.body }
end

local function compare(found, at, theirs, ours)
  if type(theirs) == "table" and type(ours) == "table" then
    local keys = {}
    for key in pairs(theirs) do
      keys[key] = true
    end
    for key in pairs(ours) do
      keys[key] = true
    end
    for key in pairs(keys) do
      compare(found, at .. " " .. tostring(key), theirs[key], ours[key])
    end
  elseif theirs ~= ours then
    found[at] = { theirs = theirs, ours = ours }
  end
end

-- place -> { theirs, ours } for all in which two requests differ; a place is a word and the name
-- below it: "method", "headers accept", "body status".
function oracle.differences(theirs, ours)
  local found = {}
  for _, part in ipairs({ "method", "path", "query", "headers", "body" }) do
    local left, right = theirs[part], ours[part]
    if part == "query" or part == "headers" then
      left, right = left or {}, right or {}
    end
    compare(found, part, left, right)
  end
  return found
end

-- The differences that a fact lists, in the same form.
function oracle.expected(fact)
  local listed = {}
  for _, difference in ipairs(fact.differences or {}) do
    listed[difference.at] = { theirs = difference.theirs, ours = difference.ours }
  end
  return listed
end

-- answers = oracle.ask(questions): spec/oracle/clients.cjs is asked, one question after another;
-- it has their forms. Its modules are in the folder ORACLE_MODULES.
function oracle.ask(questions)
  local modules = assert(os.getenv("ORACLE_MODULES"), "run this by `make oracle`")
  local path, log = os.tmpname(), modules .. "/clients.log"
  local file = assert(io.open(path, "wb"))
  for _, question in ipairs(questions) do
    file:write(json.encode(question), "\n")
  end
  file:close()
  local pipe = assert(io.popen(("node spec/oracle/clients.cjs '%s' <'%s' 2>'%s'"):format(
    modules, path, log)))
  local answers = {}
  for line in pipe:lines() do
    answers[#answers + 1] = assert(json.decode(line))
    assert(not answers[#answers].crash, answers[#answers].crash)
  end
  pipe:close()
  os.remove(path)
  assert(#answers == #questions, "clients.cjs broke off: " .. files.read(log))
  return answers
end

-- errors = oracle.judge(name, request, answer): what the vendor's own OpenAPI file has against a
-- request, and against an answer if one is given.
function oracle.judge(name, request, answer)
  return oracle.ask({ { judge = name, request = request, response = answer } })[1].errors
end

return oracle
