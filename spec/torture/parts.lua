-- What torture does with the core itself, a part at a time, each with a text that is the same
-- whenever nothing fails. A part may raise; what it opened is closed by then.

require("spec.support.transport")
local all_codes = require("spec.support.codes")
local core = require("stopmsg.core")
local native = require("stopmsg.command")
local engines = require("spec.support.engines")
local pieces = require("spec.support.pieces")

local FIELDS = { list = "items", id = "id", code = "code", folds = true }
local JSON = { open = "[", between = ",", close = "]", escape = "json" }

-- Seconds of a request, and steps of a hundredth of a second at most: on a busy machine, too.
local AMPLE = 120
local MAX_STEPS = AMPLE * 100

local parts = {}

-- Runs use(object), then closes it.
local function closing(object, use, ...)
  local done, result = pcall(use, object, ...)
  object:close()
  if not done then
    error(result, 0)
  end
  return result
end

-- Runs use(engine); "fault ..." where there is none.
local function with_engine(options, use)
  options.slots = options.slots or 2
  options.max_response = 100000
  options.connect_timeout = AMPLE
  local engine, message = core.engine(options)
  if not engine then
    return "fault " .. message
  end
  return closing(engine, function()
    return use(engines.alone(engine))
  end)
end

local function prepare(engine, fields)
  fields.method = fields.method or "POST"
  fields.headers = { "Expect:", "Content-Type: text/plain" }
  fields.auth = "Authorization: "
  local operation = engine:prepare(pieces.operation(fields))
  local token = core.secret("torture-7f3a")
  engine:authorize(operation, token)
  token:close()
  return operation
end

-- The codes of the first `count` ids.
local function say_codes(items, count)
  local codes, texts = all_codes(items, count), {}
  for i = 1, count do
    texts[i] = tostring(codes[i])
  end
  return table.concat(texts, " ")
end

-- Moves requests until `count` of them are given out: a line each, sorted. `ids` is how many ids an
-- answer is about that is read as it arrives.
local function collect(engine, count, ids)
  local lines = {}
  for _ = 1, MAX_STEPS do
    local moved, message = engine:step()
    if not moved then
      return "fault " .. message
    end
    while true do
      local slot, status, body, stage, fault, _, _, _, items = engine:collect()
      if not slot then
        break
      end
      if fault then
        assert(stage ~= "complete" and body == "", "a lost answer is said to be complete")
        return ("fault %s %s"):format(stage, fault)
      end
      lines[#lines + 1] = ("%d %s %s"):format(status, stage,
        items and say_codes(items, ids) or body)
    end
    if #lines == count then
      table.sort(lines)
      return table.concat(lines, "\n")
    end
    engine:wait(0.01)
  end
  error("no answer")
end

-- The answers to requests made one after another: submit(one) for each of a list.
local function collect_each(engine, list, submit)
  local lines = {}
  for i, one in ipairs(list) do
    submit(one, i)
    lines[i] = collect(engine, 1)
    if lines[i]:find("^fault") then
      return lines[i]
    end
  end
  return table.concat(lines, "\n")
end

-- Requests with the token renewed between them, answered by what was sent.
function parts.direct(context)
  return with_engine({ proxy = "", user_agent = "torture" }, function(engine)
    local post = prepare(engine, { base = context.url .. "/base", url = { open = "/stop" },
      body = JSON })
    local get = prepare(engine, { method = "GET", base = context.url,
      url = { open = "/status?id=", between = "&id=", escape = "percent" } })
    assert(engine:submit(post, { 'a"b', "c" }, 1, 2, AMPLE))
    engine:authorize(post, (core.secret("torture-8a4b")))
    engine:start()
    assert(engine:submit(get, { "a b", "c" }, 1, 2, AMPLE))
    assert(not engine:submit(get, { "d" }, 1, 1, AMPLE))
    local first = collect(engine, 2)
    if first:find("^fault") then
      return first
    end
    assert(engine:submit(post, { "d" }, 1, 1, AMPLE))
    local second = collect(engine, 1)
    return second:find("^fault") and second or first .. "\n" .. second
  end)
end

-- A request that could not be written is written whole the next time.
function parts.again(context)
  return with_engine({ proxy = "", slots = 1 }, function(engine)
    local operation = engine:prepare({
      method = "POST",
      base = context.url,
      url = { "/a/", { "id", "percent" } },
      headers = { "Expect:", "X-Long: " .. ("x"):rep(300), { "X-Id: ", { "id", "header" } },
        { "X-Key: ", { "token", "header" } } },
      body = { '["', { "ids", "json", 0, '","' }, '"]' },
    })
    engine:authorize(operation, (core.secret(("torture-7f3a"):rep(40))))
    local function submit(id)
      return engine:submit(operation, { id }, 1, 1, AMPLE, nil, { "X-Signed: " .. id })
    end
    return collect_each(engine, { "a", ("b"):rep(300), "c" }, function(id)
      if not pcall(submit, id) then
        assert(submit(id))
      end
    end)
  end)
end

local UUID = "11111111-2222-4333-8444-555555555551"

-- A request with a hole of each kind in each place, header lines of its own and a pause in another
-- header; also as it would be shown.
function parts.filled(context)
  return with_engine({ proxy = "" }, function(engine)
    local operation = engine:prepare({
      method = "POST",
      base = context.url,
      url = { "/a/", { "id", "percent", 1 }, "/", { "token", "path" }, "?u=", { "uuid", "raw" } },
      headers = {
        "Expect:",
        { "X-Id: ", { "id", "header", 2 } },
        { "X-Key: ", { "token", "header" } },
        { "Authorization: Basic ", { "basic", "user:", "" } },
        { "X-Uuid: ", { "uuid", "header" } },
      },
      body = { '{"list":["', { "ids", "json", 0, '","' }, '"],"key":"', { "token", "json" }, '"}' },
      split = { "/" },
      pause = "X-Reset-After",
    })
    local token = core.secret("torture-7f3a")
    engine:authorize(operation, token)
    token:close()
    local lines = {}
    for i, id in ipairs({ "c1/m1", "c2/m 2" }) do
      local method, _, target, headers, body = engine:preview(operation, { id }, 1, 1, UUID)
      lines[#lines + 1] = table.concat({ method, target, table.concat(headers, "|"), body }, " ")
      assert(engine:submit(operation, { id }, 1, 1, AMPLE, UUID, { "X-Signed: " .. i }))
      lines[#lines + 1] = collect(engine, 1)
      if lines[#lines]:find("^fault") then
        return lines[#lines]
      end
    end
    return table.concat(lines, "\n")
  end)
end

-- The same where there may be a proxy, and names with addresses of their own.
function parts.proxied(context)
  local port = context.url:match("%d+$")
  return with_engine({
    slots = 1,
    proxy = context.url,
    ca_path = "/",
    ca_file = "/none",
    resolve = { "stop.test:80:127.0.0.1", "other.test:80:127.0.0.1" },
  }, function(engine)
    return collect_each(engine, { "/a?b=", "/c/", "/d?e=" }, function(path, i)
      local operation = prepare(engine, { base = "http://stop.test:" .. port, allow_http = true,
        url = { open = path, escape = "percent" } })
      assert(engine:submit(operation, { "i" .. i }, 1, 1, AMPLE))
    end)
  end)
end

-- A name that has to be looked up, which libcurl does in a thread.
function parts.named(context)
  return with_engine({ proxy = "", http2 = true }, function(engine)
    local operation = prepare(engine, { url = { open = "/" }, body = JSON,
      base = (context.url:gsub("127%.0%.0%.1", "localhost")) })
    assert(engine:submit(operation, { "a" }, 1, 1, AMPLE))
    return collect(engine, 1)
  end)
end

-- A batch whose answer is read as it arrives.
function parts.items(context)
  return with_engine({ proxy = "" }, function(engine)
    local operation = prepare(engine, { base = context.items_url, url = { open = "/" },
      body = { open = "[" .. (" "):rep(250), between = ",", close = "]", escape = "json" },
      items = FIELDS })
    assert(engine:submit(operation, { "A", "b" }, 1, 2, AMPLE))
    local first = collect(engine, 1, 2)
    if first:find("^fault") then
      return first
    end
    assert(engine:submit(operation, {}, 1, 0, AMPLE))
    local second = collect(engine, 1, 0)
    return second:find("^fault") and second or first .. "\n" .. second
  end)
end

-- Ids that are offered, more than there are slots, to two calls, and some that wait for the answers
-- of others: usual answers and others, and requests that nobody waits for.
function parts.offered(context)
  local body = '{"items":[{"id":"a","code":200},{"id":"B","code":"x"}]}'
  local engine = core.engine({ slots = 3, max_response = 1000, connect_timeout = AMPLE,
    proxy = "" })
  return closing(engine, function()
    local operation = engine:prepare({ method = "POST", base = context.items_url,
      url = { "/", { "id", "percent" } }, headers = {},
      usual = { { status = 200, first = 1, exactly = body } } })
    local call, gone = engine:call(), engine:call()
    assert(gone:offer(operation, { "gone" }, { 9 }, 1, 1, AMPLE, 0, 1) == 1)
    local ids, places = { "a", ("b"):rep(300), "c", "d", "e" }, { 1, 2, 3, 4, 5 }
    local means, own, others = {}, {}, {}
    local sent = call:offer(operation, ids, places, 1, 3, AMPLE, 0, 1)
    gone:forsake()
    local items, result, at, lines = {}, {}, 0, {}
    for _ = 1, MAX_STEPS do
      assert(engine:step())
      local count = call:codes(means, own, 9)
      core.make_alike(means, own, 1, count, "stopped", 200, nil, result, items, {}, at)
      at = at + count
      local answer = { call:collect() }
      if answer[5] then
        return ("fault %s %s"):format(answer[4], answer[5])
      elseif answer[1] then
        others[#others + 1] = answer[10]
      end
      if at + #others < sent then
        sent = sent + call:serve(operation, ids, places, sent + 1, 5, AMPLE, sent, 1, 0.01, nil,
          math.huge)
      elseif sent < 5 then
        sent = sent + call:offer(operation, ids, places, sent + 1, 5, AMPLE, sent, 1)
      else
        break
      end
    end
    for i = 1, at do
      lines[i] = ("%s %s %d"):format(items[i].id, items[i].outcome, items[i].code)
    end
    table.sort(lines)
    return table.concat(lines, "\n")
  end)
end

-- What stands for a long text.
local function digest(text)
  local hash = native.digest()
  hash:add(text)
  return hash:hex()
end

-- Requests whose path or body is as long as it may be without more memory, up to a byte.
function parts.lengths(context)
  return with_engine({ proxy = "", slots = 7 }, function(engine)
    local ids = { 'ab"c', '"cd"e' }
    for _, length in ipairs({ 249, 252, 254, 255, 256 }) do
      local operation = prepare(engine, { base = context.url, url = { open = "/" }, body = {
        open = ("x"):rep(length), between = ",", close = "]", escape = "json",
      } })
      assert(engine:submit(operation, ids, 1, 2, AMPLE))
    end
    for _, close in ipairs({ "", "y" }) do
      local operation = prepare(engine, { base = context.url, url = {
        open = "/" .. ("x"):rep(255), close = close,
      } })
      assert(engine:submit(operation, {}, 1, 0, AMPLE))
    end
    local result = collect(engine, 7)
    return result:find("^fault") and result or digest(result)
  end)
end

-- Answers in pieces: long ids, text codes, entries alike in another order.
function parts.reader()
  local ids, entries = {}, {}
  for i = 1, 24 do
    ids[i] = ("%03d"):format(i) .. ("x"):rep(i % 6 == 0 and 300 or 1)
    entries[i] = ('{"id":"%s","code":"%s"}'):format(ids[i], ("c"):rep(i))
  end
  entries[20], entries[21] = entries[21], entries[20]
  local lines = {}
  local text = '{"items":[' .. table.concat(entries, ",") .. '],"more":"' .. ("m"):rep(300) .. '"}'
  for _, piece in ipairs({ 1, 260, #text }) do
    local items, rest = core.read_items(FIELDS, ids, text, piece)
    lines[#lines + 1] = say_codes(items, #ids) .. #rest
  end
  return table.concat(lines, "\n")
end

-- The same of one id: paths of several names, texts with escapes.
function parts.usual()
  local look = { status = 200, first = 1, id = { { "data", "id" }, { "id" } },
    code = { { ("c"):rep(300) } }, errors = { { "error" }, { "data", "error" } },
    codes = { ("gone"):rep(80), 7, true } }
  local body = '{"data":{"id":"\\u0061%s"},"%s":"\\u0067one%s"}'
  local id = ("a"):rep(300)
  return ("%d %d"):format(
    core.meaning(look, id, body:format(id:sub(2), ("c"):rep(300), ("gone"):rep(79))),
    core.meaning({ status = 200, first = 3, exactly = ("{"):rep(300) }, id, ("{"):rep(300)))
end

-- What the core makes of texts, also after a try that memory was lacking for.
function parts.signed()
  local token = core.secret(("torture-7f3a%"):rep(40))
  return closing(token, function()
    local basic = ("user:"):rep(60)
    if not pcall(token.hide, token, basic, "") then
      token:hide(basic, "")
    end
    return table.concat({ token:sign("sha256", "a", "b", "text", "hex"),
      token:sign("sha1", "", "", nil, "base64"), core.base64(("bytes"):rep(100)),
      token:redact(core.base64(basic .. ("torture-7f3a%"):rep(40))),
      core.inflate("deflate", core.deflate(basic), 1000) }, "\n")
  end)
end

local URLS = {
  "https://stop.test", "http://localhost:8080/a/b/", "http://stop.test/", "ftp://stop.test",
  "https://user@stop.test", "https://:word@stop.test", "https://stop.test?a", "https://stop.test#a",
  "stop", "https://stop.test/" .. ("p"):rep(300),
}

function parts.urls()
  local lines = {}
  for i, url in ipairs(URLS) do
    local good, message = core.check_base(url, false)
    -- Without memory libcurl calls a user's name malformed.
    lines[i] = url:find("@") and not good and "refused" or tostring(good or message)
  end
  return table.concat(lines, "\n")
end

local function write_lines(lines)
  for i = 1, 3 do
    lines:add('{"n":', i, ',"id":', ("i"):rep(200), "}\n")
  end
  lines:write(("x"):rep(2000))
  local list, results = {}, native.lines()
  local bytes = ("a"):rep(300) .. "\n" .. ("b"):rep(9000) .. "\n"
  local taken = native.take_lines(bytes, 1, 0, list, 0, 2)
  local put = native.put(list, { 4, 5 }, 1, taken, lines, "<", "=", "}\n", 6, results, "(", ")")
  return ("%d %d %d %s %s"):format(taken, put, lines:size(), lines:text(), results:text())
end

local function set_marks(marks)
  marks:set(3, 2)
  marks:fill(1, 9000, 1, 0)
  marks:set(100000, 5)
  return ("%d %d %d"):format(marks:count(1), marks:get(9000), marks:get(100000))
end

-- What a run notes, where and what it has seen.
function parts.notes()
  local mask = ("x"):rep(32)
  local known = core.known(1000, mask)
  for i = 1, 100 do
    known:add(("%032x"):format(i), i)
  end
  local seen = core.seen(mask)
  for i = 1, 100 do
    seen:add("id" .. i, i)
    seen:add(("%032x"):format(i), i)
  end
  seen:remove("id7")
  return table.concat({ tostring((seen:add("id8", 101))), tostring((seen:add("id7", 101))),
    closing(native.lines(), write_lines), closing(native.marks(), set_marks),
    tostring((known:add(("%032x"):format(7), 101))), digest("abc") }, "\n")
end

-- What came of each step, with the log's own view of itself at the end.
local function write_log(log)
  local said = {}
  local function say(result, message)
    said[#said + 1] = tostring(result or "fault " .. message)
  end
  say(log:append("one,two,"))
  say(log:sync())
  say(log:cut(math.min(log:size(), 4)))
  say(log:append(("three,"):rep(20000)))
  say(log:read(0, 200000))
  say(log:size())
  return table.concat(said, "|")
end

-- A log that is new, filled, and left as it was filled.
function parts.log(context)
  os.remove(context.path)
  local log, message = native.log(context.path)
  if not log then
    return "fault " .. message
  end
  return closing(log, write_log)
end

local function shown(value)
  if type(value) ~= "table" then
    return tostring(value)
  end
  local list = {}
  for i, one in ipairs(value) do
    list[i] = shown(one)
  end
  return ("{%s%s}"):format(table.concat(list, ","), value.err or "")
end

-- Replies of Redis, in pieces.
function parts.replies()
  local long = ("$700\r\n%s\r\n"):format(("x"):rep(700))
  local values, state = core.read_replies(
    "*3\r\n:1\r\n$5\r\nhello\r\n*2\r\n-ERR x\r\n$-1\r\n+OK\r\n" .. long, 5, 1000)
  return shown(values) .. state
end

local function fault_of(kind)
  return "fault redis " .. kind
end

local function echo(connection)
  local word, was_sent = ("0123456789"):rep(2000), false
  local begun, _, why = connection:connect()
  if not begun then
    return fault_of(why)
  end
  for _ = 1, MAX_STEPS do
    local state, _, fault = connection:step()
    local value
    if state and not was_sent then
      was_sent = connection:send({ "ECHO", word }) and connection:send({ "ECHO", "short" })
    elseif state then
      state, value, fault = connection:receive()
      if state and value ~= word then
        return value
      end
    end
    if state == nil then
      return fault_of(fault)
    end
    connection:wait(0.01)
  end
  return fault_of("slow")
end

-- A connection to what says that it is a Redis.
function parts.redis(context)
  return closing(core.redis({ url = context.redis_url, connect_timeout = AMPLE, limit = 100000 }),
    echo)
end

-- An engine for the children of this process to inherit.
function parts.inherit(context)
  local engine = engines.new({ slots = 1, max_response = 1000, connect_timeout = 120, proxy = "" })
  local operation = prepare(engine, { base = context.url, url = { open = "/hang" } })
  assert(engine:submit(operation, {}, 1, 0, 30))
  engine:start()
  return engine
end

-- What a child may do with it: nothing, and what is left of it then is its parent's.
function parts.inherited(context)
  local done, message = pcall(context.inherited.step, context.inherited)
  if done or message:find("another process$") then
    return done and "ours" or "another's"
  end
  error(message, 0)
end

return parts
