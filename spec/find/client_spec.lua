-- client:find and client:stop_where over sockets: against the sandbox, which holds campaigns, and
-- against lists that fail, shift, repeat and lie.

local http10 = require("spec.support.http10")
local json = require("stopmsg.json")
local providers = require("stopmsg.provider")
local recorded = require("stopmsg.sandbox.recorded")
local sample = require("spec.support.sample")
local schedulers = require("spec.support.schedulers")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

-- Seconds between two looks, where nothing is gained by more.
local SOON = 0.01

local function drain(next_item)
  local items = {}
  for item in next_item do
    items[#items + 1] = item
  end
  return items
end

local function ids_of(items)
  local ids = {}
  for i, item in ipairs(items) do
    ids[i] = item.id
  end
  table.sort(ids)
  return ids
end

-- What the sandbox says of the messages that it holds at a provider.
local function tally(sandbox, name)
  local answer = http10.ask(sandbox.port, "GET", "/sandbox/campaign")
  return json.decode(answer.body)[name]
end

local function client_of(name, sandbox, more)
  local all = recorded.find(name)
  local options = {
    provider = name,
    token = "sandbox",
    settings = all and all.settings,
    application = name == "pushwoosh" and "12345-67890" or nil,
    base_url = sandbox.url .. (all and "/" .. name or ""),
    rate = 1e6,
    burst = 1e6,
  }
  for field, value in pairs(more or {}) do
    options[field] = value
  end
  return stopmsg.new(options)
end

local LISTING = {}
for _, name in ipairs(providers.names()) do
  local operations = providers.load(name).operations
  local find = operations.find or operations.find_dispatch
  LISTING[#LISTING + 1] = find and name or nil
end

describe("a campaign of 1,234 messages at", function()
  local sandbox

  setup(function()
    sandbox = server.start({ campaign = "{ size = 1234 }", log = false })
  end)

  teardown(function()
    sandbox:stop()
  end)

  local it = sample.its(it)
  for _, name in ipairs(LISTING) do
    it(name .. " is found whole, and stopped once and for all", function()
      local client = client_of(name, sandbox)
      local operations = providers.load(name).operations
      local operation = operations.find or operations.find_dispatch
      local filter = {}
      for name_of_filter, one in pairs(operation.where) do
        filter[name_of_filter] = one.required and (one.bound == "from" and "-1d" or "+1d") or nil
      end
      local next_item, report = client:find(filter)
      local found = drain(next_item)
      if operation.most then
        assert.same({ operation.most, "depth" }, { #found, report.err.reason })
      else
        assert.equal(1234, #found)
        assert.is_true(report.is_complete)
        assert.is_nil(report.err)
        assert.same({ 1234, 1234 }, { report.total, report.counts.open })
      end
      local stops, stop_report = client:stop_where(filter, { all = true, interval = SOON })
      local items = drain(stops)
      if not operation.most then
        assert.same(ids_of(found), ids_of(items))
      end
      assert.is_true(stop_report.is_complete)
      assert.equal(1234, stop_report.found)
      assert.equal(1234, stop_report.counts.stopped + stop_report.counts.accepted)
      local held = tally(sandbox, name)
      assert.same({ 0, 1234, 0 }, { held.open, held.stopped, held.again })
      assert.same({}, drain((client:find(filter))))
      client:close()
    end)
  end
end)

describe("client:stop_where at a campaign that is under way", function()
  it("leaves nothing, and stops nothing twice", function()
    local sandbox = server.start({ log = false, settle = 0.2,
      campaign = "{ size = 5000, created_per_second = 1000, create_seconds = 1, "
        .. "leave_per_second = 300 }" })
    local client = client_of("revicom", sandbox)
    local next_item, report = client:stop_where({ dispatch = 17 }, { interval = 0.5 })
    local items = drain(next_item)
    assert.is_true(report.is_complete)
    assert.equal(report.found, #items)
    assert.equal(#items, report.counts.stopped + report.counts.too_late)
    local held = tally(sandbox, "revicom")
    assert.same({ 6000, 0, 0 }, { held.created, held.open, held.again })
    assert.equal(report.counts.stopped, held.stopped)
    assert.is_true(report.rounds >= 3)
    client:close()
    sandbox:stop()
  end)
end)

-- A Revicom whose list is a function(page, n, state) of Lua: the items of the n-th request, as ids,
-- or a whole body, and a status. The chunk may keep things in `state`.
local LIST = [[
local json = require("stopmsg.json")
local list = %s
local state = { stopped = {}, lists = 0 }
local function uuid(n)
  return ("%%08x-0000-4000-8000-00000000aaaa"):format(n)
end
return function(request)
  if request.target:find("/stop", 1, true) then
    local items = {}
    for i, id in ipairs(json.decode(request.body).uuids) do
      state.stopped[id] = (state.stopped[id] or 0) + 1
      items[i] = ('{"messageUuid":"%%s","code":200}'):format(id)
    end
    return 200, '{"errors":false,"items":[' .. table.concat(items, ",") .. "]}"
  end
  state.lists = state.lists + 1
  local page = tonumber(request.target:match("[?&]page=(%%d+)"))
  local body, status, headers = list(page, state.lists, state, uuid, request)
  if type(body) == "table" then
    local items = {}
    for i, n in ipairs(body) do
      items[i] = ('{"messageUuid":"%%s","status":"sending","dispatchId":%%s}'):format(uuid(n),
        body.dispatch or 17)
    end
    body = ('{"total":%%d,"items":[%%s]}'):format(body.total or #body, table.concat(items, ","))
  end
  return status or 200, body, headers
end
]]

local function uuid(n)
  return ("%08x-0000-4000-8000-00000000aaaa"):format(n)
end

-- What a call did to a list: its items, report, and the requests that the server saw.
local function against(list, call, more, options)
  local scripted = server.scripted(LIST:format(list))
  local client = client_of("revicom", scripted, more)
  local next_item, report = call(client, options)
  local items = drain(next_item)
  client:close()
  local log = scripted:log()
  scripted:stop()
  local stops = {}
  for _, request in ipairs(log) do
    if request.target:find("/stop", 1, true) then
      for _, id in ipairs(json.decode(request.body).uuids) do
        stops[id] = (stops[id] or 0) + 1
      end
    end
  end
  return items, report, log, stops
end

local function find(client)
  return client:find({ dispatch = 17 })
end

local function stop_where(client, options)
  return client:stop_where({ dispatch = 17 }, options or { interval = SOON })
end

-- Three pages, 250 messages. They stay where they are.
local THREE = [[function(page)
  local ids = { total = 250 }
  for n = (page - 1) * 100 + 1, math.min(page * 100, 250) do
    ids[#ids + 1] = n
  end
  return ids
end]]

describe("client:stop_where", function()
  it("sends the first stop before the last page is read", function()
    local items, report, log, stops = against(THREE, stop_where)
    assert.equal(250, #items)
    assert.is_true(report.is_complete)
    assert.is_true(report.ok)
    local first_stop, last_page
    for i, request in ipairs(log) do
      if request.target:find("/stop", 1, true) then
        first_stop = first_stop or i
      elseif request.target:find("page=3", 1, true) then
        last_page = last_page or i
      end
    end
    assert.is_true(first_stop < last_page)
    for n = 1, 250 do
      assert.equal(1, stops[uuid(n)])
    end
  end)

  it("loses nothing and stops nothing twice where pages shift while they are read", function()
    -- Each request for a page sees one more message in front, up to 300; what was stopped is gone
    -- two requests later.
    local items, report, _, stops = against([[function(page, n, state)
      state.gone = state.gone or {}
      for id, count in pairs(state.stopped) do
        state.gone[id] = state.gone[id] or n + 2
      end
      local all = {}
      for number = 250 + math.min(n, 50), 1, -1 do
        local id = ("%08x-0000-4000-8000-00000000aaaa"):format(number)
        if not state.gone[id] or n < state.gone[id] then
          all[#all + 1] = number
        end
      end
      local ids = { total = #all }
      for i = (page - 1) * 100 + 1, math.min(page * 100, #all) do
        ids[#ids + 1] = all[i]
      end
      return ids
    end]], function(client)
      return client:stop_where({}, { all = true, interval = SOON })
    end)
    assert.is_true(report.is_complete)
    -- Looks end when two of them found nothing; by then all that there were are stopped.
    assert.equal(report.found, #items)
    for n = 1, 250 do
      assert.message(n).equal(1, stops[uuid(n)])
    end
    for _, count in pairs(stops) do
      assert.equal(1, count)
    end
  end)

  it("stops nothing where the provider ignores the filter", function()
    local items, report, _, stops = against([[function() return { 1, 2, 3, dispatch = 18 } end]],
      stop_where)
    assert.same({}, items)
    assert.same({}, stops)
    assert.same({ false, "filter_ignored", "dispatch" }, { report.is_complete, report.err.reason,
      report.err.filter })
    assert.matches("the provider ignored the filter 'dispatch'", tostring(report.err), 1, true)
  end)

  it("stops nothing of a page on which one entry does not show the filter", function()
    local items, report, _, stops = against([[function(page, n, state, uuid)
      local entry = '{"messageUuid":"%s","status":"sending"%s}'
      return '{"total":2,"items":[' .. entry:format(uuid(1), ',"dispatchId":17') .. ","
        .. entry:format(uuid(2), "") .. "]}"
    end]], stop_where)
    assert.same({ {}, {} }, { items, stops })
    assert.equal("filter_ignored", report.err.reason)
  end)

  it("does not take a page that fails for the end of the list", function()
    local fails = [[function(page)
      if page == 2 then
        return "", 500
      end
      local ids = { total = 250 }
      for n = (page - 1) * 100 + 1, math.min(page * 100, 250) do
        ids[#ids + 1] = n
      end
      return ids
    end]]
    -- The page is an outage by itself. Where a busy machine lets half a second pass before it is
    -- asked for again, the call is over as that.
    local items, report, _, stops = against(fails, stop_where, { patience = 0, max_attempts = 2 },
      { interval = 0.2 })
    assert.equal(100, #items)
    assert.equal(1, stops[uuid(1)])
    assert.is_false(report.is_complete)
    assert.is_truthy(("http_500 outage"):find(report.err.reason, 1, true), report.err.reason)
    items, report = against(fails, find, { patience = 0, max_attempts = 2 })
    assert.equal(100, #items)
    assert.is_false(report.is_complete)
    assert.equal("http_500", report.err.reason)
    -- The first page came from the provider, so nothing is wrong with the address.
    assert.is_nil(table.concat(report.warnings, "\n"):find("check base_url", 1, true))
    _, report = against([[function()
      return "", 500
    end]], find, { patience = 0, max_attempts = 2 })
    assert.is_truthy(table.concat(report.warnings, "\n"):find("check base_url", 1, true))
  end)

  it("goes on after a page that failed once", function()
    local items, report = against([[function(page, n)
      if n == 2 then
        return "<html>login</html>"
      end
      local ids = { total = 250 }
      for i = (page - 1) * 100 + 1, math.min(page * 100, 250) do
        ids[#ids + 1] = i
      end
      return ids
    end]], stop_where)
    assert.equal(250, #items)
    assert.is_true(report.is_complete)
  end)

  it("ends at its deadline, incomplete", function()
    local items, report = against([[function(page, n)
      return { n }
    end]], function(client)
      return client:stop_where({}, { all = true, interval = SOON, deadline = 0.3 })
    end)
    assert.equal(report.found, #items)
    assert.same({ false, "deadline" }, { report.is_complete, report.err.reason })
  end)

  it("ends when it is interrupted, and says what became of what it found", function()
    local count = 0
    local items, report = against([[function(page, n)
      return { n }
    end]], function(client)
      return client:stop_where({}, { all = true, interval = SOON, is_interrupted = function()
        count = count + 1
        return count > 20
      end })
    end)
    assert.equal(report.found, #items)
    assert.same({ false, "interrupted" }, { report.is_complete, report.err.reason })
  end)

  it("ends where the token is refused", function()
    local items, report = against([[function()
      return '{"error":{"code":4012,"msg":"Bad credentials"}}', 401
    end]], stop_where)
    assert.same({}, items)
    assert.same({ false, "credentials", "denied" }, { report.is_complete, report.err.reason,
      report.err.outcome })
    assert.equal(1, report.rounds)
  end)

  it("is refused without a filter, and with an empty value", function()
    local client = stopmsg.new({ provider = "revicom", token = "canary-7" })
    for _, given in ipairs({ {}, { dispatch = "" }, { tag = {} } }) do
      assert.error_matches(function() client:stop_where(given) end,
        "bad argument #1 to 'stop_where'")
    end
    assert.error_matches(function() client:stop_where() end, "all = true", 1, true)
    assert.error_matches(function() client:stop_where({ dispach = 17 }) end,
      "did you mean 'dispatch'?", 1, true)
    assert.error_matches(function() client:stop_where({ since = "soon" }) end, "filter 'since'", 1,
      true)
    assert.error_matches(function() client:stop_where({ tag = "x" }, { intervall = 1 }) end,
      "did you mean 'interval'?", 1, true)
    assert.error_matches(function() client:find({ dispatch = "" }) end, "an empty value", 1, true)
    client:close()
    assert.error_matches(function() client:find() end, "closed client", 1, true)
  end)
end)

describe("client:find", function()
  it("repeats a page, waits after 429, and asks for a new token", function()
    local tokens = { "one", "two" }
    local items, report, log = against([[function(page, n, state, uuid, request)
      if n == 1 then
        return "", 429, { "Retry-After: 0" }
      elseif n == 2 then
        return "", 503
      elseif request.headers.authorization ~= "Basic two" then
        return '{"error":{"code":4012,"msg":"Bad credentials"}}', 401
      end
      return { page, total = 1 }
    end]], find, { token = function() return table.remove(tokens, 1) or "two" end })
    assert.equal(1, #items)
    assert.is_true(report.is_complete)
    assert.equal(4, #log)
    assert.equal(4, report.requests)
  end)

  it("tells a stranger's page from an empty list", function()
    for _, body in ipairs({ "", "{}", "[]", "<html></html>", '{"items":{}}', '{"items":null}',
      '{"items":[{}]}', '{"items":[{"messageUuid":"x"}]}', '{"items":[null]}', '{"data":[]}',
      '{"error":{"code":5000},"items":[]}' }) do
      local items, report = against(("function() return %q end"):format(body), find)
      assert.message(body).same({}, items)
      assert.message(body).is_false(report.is_complete)
      assert.message(body).equal("bad_response", report.err.reason)
    end
    local items, report = against([[function() return '{"total":0,"items":[]}' end]], find)
    assert.same({ {}, true }, { items, report.is_complete })
  end)

  it("never tells the token, which a list may repeat", function()
    local items, report = against([[function(page, n, state, uuid, request)
      local token = request.headers.authorization:match(" (.+)$")
      return ('{"total":2,"items":[{"messageUuid":"%s","status":"%s"}]}'):format(uuid(1), token)
    end]], function(client) return client:find() end, { token = "canary-find-7" })
    assert.same({}, items)
    assert.is_nil(table.concat(report.warnings, "\n"):find("canary", 1, true))
    local scripted = server.scripted([[return function(request)
      local token = request.headers.authorization:match(" (.+)$")
      return 200, ('{"ok":true,"scheduled_messages":[{"id":"Q1","channel_id":"C%s"}],'
        .. '"response_metadata":{"next_cursor":""}}'):format(token)
    end]])
    local client = client_of("slack", scripted, { token = "canaryfind7" })
    local next_item, slack_report = client:find()
    assert.same({}, drain(next_item))
    assert.equal("bad_response", slack_report.err.reason)
    client:close()
    scripted:stop()
    scripted = server.scripted([[return function(request)
      local token = request.headers.authorization:match(" (.+)$")
      return 200, ('{"ok":true,"schedules":[],"next_page":"https://%s.example/"}'):format(token)
    end]])
    client = client_of("airship", scripted)
    next_item, report = client:find()
    assert.same({}, drain(next_item))
    assert.equal("elsewhere", report.err.reason)
    client:close()
    scripted:stop()
  end)

  it("ends incomplete where a page comes again", function()
    local items, report = against([[function()
      local ids = { total = 1000 }
      for n = 1, 100 do
        ids[n] = n
      end
      return ids
    end]], find)
    assert.equal(100, #items)
    assert.same({ false, "repeats" }, { report.is_complete, report.err.reason })
  end)

  it("asks for what was meant, and for nothing else", function()
    local _, _, log = against([[function() return {} end]], function(client)
      return client:find({ dispatch = { 17, 18 }, tag = "a&b=c{d}", since = 0,
        till = "2026-11-29T09:00:00Z" })
    end)
    assert.equal("/api/v1/message?ready_to_stop=true&per_page=100&dispatch_id=17&dispatch_id=18"
      .. "&page=1&tags=a%26b%3Dc%7Bd%7D&time_from=1970-01-01T00%3A00%3A00Z"
      .. "&time_to=2026-11-29T09%3A00%3A00Z", log[1].target)
  end)

  it("tells which filters nobody can see heeded, and that a list is inferred", function()
    local _, report = against([[function() return {} end]], function(client)
      return client:find({ since = "-2h" })
    end)
    local said = table.concat(report.warnings, "\n")
    assert.matches("filter 'since'", said, 1, true)
    assert.matches("inferred", said, 1, true)
  end)

  it("goes to no other host, whatever the list says", function()
    local other = server.scripted([[return function() return 200, '{"schedules":[]}' end]])
    for _, url in ipairs({ other.url .. "/api/schedules?start=x", "https://evil.example/api",
      "//127.0.0.1:1/api" }) do
      local scripted = server.scripted(([[return function()
        return 200, '{"ok":true,"schedules":[{"url":'
          .. '"https://x/00000001-0000-4000-8000-00000000aaaa"}],"next_page":"%s"}'
      end]]):format(url))
      local client = client_of("airship", scripted)
      local next_item, report = client:find()
      assert.equal(1, #drain(next_item))
      assert.same({ false, "elsewhere" }, { report.is_complete, report.err.reason })
      client:close()
      scripted:stop()
    end
    assert.equal(0, #other:log())
    other:stop()
  end)

  it("follows a list that names the provider's own host to where the requests go", function()
    local scripted = server.scripted([[local n = 0
      return function(request)
        n = n + 1
        return 200, ('{"ok":true,"schedules":[{"url":"https://go.airship.com/api/schedules/'
          .. '%08x-0000-4000-8000-00000000aaaa"}],"next_page":%s}'):format(n, n == 3 and "null"
          or '"https://go.airship.com/api/schedules?limit=100&start=' .. n .. '"')
      end]])
    local client = client_of("airship", scripted)
    local next_item, report = client:find()
    assert.equal(3, #drain(next_item))
    assert.is_true(report.is_complete)
    client:close()
    local log = scripted:log()
    assert.equal("/airship/api/schedules?limit=100&start=2", log[3].target)
    scripted:stop()
  end)

  it("tells a list that goes in circles", function()
    local scripted = server.scripted([[return function(request)
      local cursor = request.body:match("cursor=(%w+)") or "c"
      local following = ({ a = "b", b = "a", c = "a" })[cursor]
      return 200, ('{"ok":true,"scheduled_messages":[{"id":"Q%d","channel_id":"C1","post_at":1}],'
        .. '"response_metadata":{"next_cursor":"%s"}}'):format(cursor:byte(), following)
    end]])
    local client = client_of("slack", scripted)
    local next_item, report = client:find()
    assert.equal(3, #drain(next_item))
    assert.same({ false, "circle" }, { report.is_complete, report.err.reason })
    client:close()
    scripted:stop()
  end)

  it("reads Slack's errors, which are HTTP 200", function()
    for word, reason in pairs({ invalid_auth = "credentials", invalid_cursor = false }) do
      local scripted = server.scripted(([[return function()
        return 200, '{"ok":false,"error":"%s"}'
      end]]):format(word))
      local client = client_of("slack", scripted)
      local next_item, report = client:find()
      assert.same({}, drain(next_item))
      assert.is_false(report.is_complete)
      assert.equal(word, report.err.code)
      assert.is_true(not reason or report.err.reason == reason)
      client:close()
      scripted:stop()
    end
  end)

  it("chooses the other list by `kind`, which is i-Digital's own", function()
    local sandbox = server.start({ log = false })
    local client = client_of("idigital", sandbox)
    local own = ids_of(drain((client:find())))
    assert.same({ "710001", "720001", "730001" }, own)
    assert.same(own, ids_of(drain((client:find({}, { kind = "dispatch" })))))
    assert.error_matches(function() client:find({}, { kind = "message" }) end, "undocumented", 1,
      true)
    client:close()
    client = client_of("idigital", sandbox, { undocumented = true })
    assert.equal(3, #drain((client:find({}, { kind = "message" }))))
    client:close()
    sandbox:stop()
  end)

  it("tells no event of its pages' items, and none holds what was looked for", function()
    local events = {}
    against(THREE, function(client)
      return client:find({ dispatch = 17 })
    end, { on_event = function(event)
      events[#events + 1] = event.type .. " " .. event.operation .. " " .. tostring(event.item)
    end })
    assert.equal(6, #events)
    for _, event in ipairs(events) do
      assert.is_truthy(event == "request find nil" or event == "response find nil")
    end
  end)
end)

for _, scheduler in ipairs(schedulers.all()) do
  describe("under " .. scheduler.name .. ", a call over a list", function()
    it("lets others go on", function()
      local sandbox = server.start({ campaign = "{ size = 1000 }", delay = 0.01, log = false })
      local ticks, turns, report, found, is_open = 0, 0, nil, 0, true
      local client = client_of("revicom", sandbox, { sleep = function(seconds)
        turns = turns + 1
        scheduler.sleep(seconds)
      end })
      scheduler.run({
        function()
          local next_item
          next_item = client:find()
          local item = next_item()
          while item do
            found, item = found + 1, next_item()
          end
          next_item, report = client:stop_where({ dispatch = 17 }, { interval = 0.05 })
          repeat
            item = next_item()
          until not item
          is_open = false
        end,
        function()
          while is_open do
            scheduler.sleep(0.001)
            ticks = ticks + 1
          end
        end,
      })
      assert.equal(1000, found)
      assert.same({ 1000, true }, { report.counts.stopped, report.is_complete })
      -- How many of these turns another coroutine takes is up to the scheduler and its timers.
      assert.is_true(turns > 20, "others had " .. turns .. " turns")
      assert.is_true(ticks > 0, "no other coroutine ran")
      client:close()
      sandbox:stop()
    end)
  end)
end
