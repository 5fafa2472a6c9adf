-- Definitions in the form of version 1, which are read for one release.

local ids = require("stopmsg.ids")
local providers = require("stopmsg.provider")
local requests = require("spec.support.requests")
local stopmsg = require("stopmsg")

local function decode() end

-- A definition that will do, changed by `change`.
local function definition(change)
  local made = {
    name = "acme",
    about = "Acme: stops one message",
    docs = "https://acme.example/docs",
    base_url = "https://acme.example",
    auth = { prefix = "Bearer " },
    headers = { "X-Version: 1" },
    formats = { json = { headers = { "Accept: application/json" } } },
    error = { code = "error.code", text = { "error.text", "text" }, form = "integer" },
    fault = decode,
    operations = {
      stop = {
        docs = "https://acme.example/docs/stop",
        method = "POST",
        path = "/stop",
        id = "uuid",
        limit = 100,
        headers = { "X-Stop: yes" },
        body = { type = "application/json", template = '{"ids":[{id}]}', between = ",",
          escape = "json" },
        items = { list = "items", id = "id", code = "code" },
        codes = { [200] = "stopped", ["2xx"] = "accepted" },
        remark = decode,
        refusals = { ["400/1"] = "invalid", ["401"] = "credentials", ["*/9"] = "again" },
        bare = { 404 },
        undocumented = false,
      },
    },
  }
  if change then
    change(made, made.operations.stop)
  end
  return made
end

-- A change of one field; the first part of the path says of what.
local function set(path, value)
  return function(made, stop)
    local at, last
    for name in path:gmatch("[^.]+") do
      if not at then
        at = name == "stop" and stop or made
      elseif last then
        at = at[last]
        last = name
      else
        last = name
      end
    end
    at[last] = value
  end
end

-- What has to be in the message -> the change.
local BROKEN = {
  { "acme", "unknown field 'methods'; did you mean 'auth'?", set("def.methods", {}) },
  { "acme.about", "string", set("def.about", 5) },
  { "acme.docs", "string", set("def.docs", true) },
  { "acme", "base_url", set("def.base_url", nil) },
  { "acme.base_url", "string", set("def.base_url", 5) },
  { "acme", "auth", set("def.auth", nil) },
  { "acme.auth", "table", set("def.auth", "Bearer") },
  { "acme.auth", "unknown field 'kind'; did you mean 'header'?", set("def.auth.kind", "bearer") },
  { "acme.auth.header", "string", set("def.auth.header", 5) },
  { "acme.auth", "header", set("def.auth.header", "X-Key:") },
  { "acme.auth", "header", set("def.auth.header", "X Key") },
  { "acme.auth", "header", set("def.auth.header", "") },
  { "acme.auth.prefix", "string", set("def.auth.prefix", 5) },
  { "acme.auth", "prefix", set("def.auth.prefix", "Bearer\r\nX: ") },
  { "acme.headers", "table", set("def.headers", "X-Version: 1") },
  { "acme.headers[1]", "header line", set("def.headers", { "X-Version" }) },
  { "acme.headers[1]", "header line", set("def.headers", { "X-Version: 1\r\nX: y" }) },
  { "acme.headers[2]", "header line", set("def.headers", { "A: b", 5 }) },
  { "acme.formats", "table", set("def.formats", "json") },
  { "acme.formats.json", "table", set("def.formats.json", true) },
  { "acme.formats.json",
    "unknown field 'header'; did you mean 'headers'?", set("def.formats.json.header", "A: b") },
  { "acme.formats.json.headers", "table", set("def.formats.json.headers", "A: b") },
  { "acme.formats.json.headers[1]", "header line", set("def.formats.json.headers", { "A" }) },
  { "acme.formats.json.needs", "string", set("def.formats.json.needs", {}) },
  { "acme.formats.json.root", "string", set("def.formats.json.root", {}) },
  { "acme.error", "table", set("def.error", "error.code") },
  { "acme.error", "unknown field 'message'; did you mean 'least'?", set("def.error.message", "x") },
  { "acme.error.code", "path", set("def.error.code", nil) },
  { "acme.error.code", "path", set("def.error.code", "error..code") },
  { "acme.error.code", "path", set("def.error.code", {}) },
  { "acme.error.code", "path", set("def.error.code", { "a", 5 }) },
  { "acme.error.text", "path", set("def.error.text", "") },
  { "acme.error.status", "path", set("def.error.status", "errors[0]") },
  { "acme.error.form", "grpc, integer", set("def.error.form", nil) },
  { "acme.error.form", "'number'", set("def.error.form", "number") },
  { "acme.error.form", "pattern", set("def.error.form", "^[") },
  { "acme.fault", "function", set("def.fault", {}) },
  { "acme.operations", "table", set("def.operations", "stop") },
  { "acme", "has no operation", set("def.operations", {}) },
  { "acme.operations.halt", "expected one of check, status", set("def.operations.halt", {}) },
  { "acme.operations.stop", "table", set("def.operations.stop", "POST /stop") },
  { "acme.operations.stop",
    "unknown field 'verb'; did you mean 'bare'?", set("stop.verb", "POST") },
  { "acme.operations.stop.docs", "string", set("stop.docs", 5) },
  { "acme.operations.stop.method", "'POST'", set("stop.method", nil) },
  { "acme.operations.stop.method", "'POST'", set("stop.method", "post") },
  { "acme.operations.stop.method", "'POST'", set("stop.method", "POST /") },
  { "acme.operations.stop.path", "begins with '/'", set("stop.path", nil) },
  { "acme.operations.stop.path", "begins with '/'", set("stop.path", "stop") },
  { "acme.operations.stop.path", "begins with '/'", set("stop.path", "/a b") },
  { "acme.operations.stop.path", "begins with '/'", set("stop.path", "/a\r\n") },
  { "acme.operations.stop.request", "{id}", set("stop.path", "/{id}/{id}") },
  { "acme.operations.stop", "needs `id`", set("stop.id", nil) },
  { "acme.operations.stop.id", "'guid'", set("stop.id", "guid") },
  { "acme.operations.stop.id", "pattern", set("stop.id", { max = 5, about = "x" }) },
  { "acme.operations.stop.limit", "expected an integer from 1 to 1000000", set("stop.limit", 0) },
  { "acme.operations.stop.limit", "expected an integer from 1 to 1000000", set("stop.limit", 1.5) },
  { "acme.operations.stop.limit",
    "expected an integer from 1 to 1000000", set("stop.limit", math.huge) },
  { "acme.operations.stop.limit", "expected an integer from 1 to 1000000",
    set("stop.limit", 0 / 0) },
  { "acme.operations.stop.limit", "number", set("stop.limit", "100") },
  { "acme.operations.stop.headers", "table", set("stop.headers", "A: b") },
  { "acme.operations.stop.headers[1]", "header line", set("stop.headers", { "A" }) },
  { "acme.operations.stop.body", "table", set("stop.body", "{id}") },
  { "acme.operations.stop.body",
    "unknown field 'format'; did you mean 'escape'?", set("stop.body.format", "json") },
  { "acme.operations.stop.body", "template", set("stop.body.template", nil) },
  { "acme.operations.stop.body", "type", set("stop.body.type", nil) },
  { "acme.operations.stop.body.type", "string", set("stop.body.type", 5) },
  { "acme.operations.stop.body.escape", "json", set("stop.body.escape", nil) },
  { "acme.operations.stop.body.escape", "json", set("stop.body.escape", "html") },
  { "acme.operations.stop", "second list", set("stop.body.template", "{id}{id}") },
  { "acme.operations.stop", "{id}", set("stop.body.template", "[]") },
  { "acme.operations.stop", "{id}", set("stop.body", nil) },
  { "acme.operations.stop", "has no success: add one, as in [200] = …", set("stop.items", nil) },
  { "acme.operations.stop.decode", "cannot be combined with statuses", set("stop.decode", decode) },
  { "acme.operations.stop.items",
    "unknown field 'key'; did you mean 'id'?", set("stop.items.key", "id") },
  { "acme.operations.stop.items", "list", set("stop.items.list", nil) },
  { "acme.operations.stop.items", "id", set("stop.items.id", nil) },
  { "acme.operations.stop.items", "code", set("stop.items.code", nil) },
  { "acme.operations.stop.items.list", "string", set("stop.items.list", 5) },
  { "acme.operations.stop", "codes", set("stop.codes", nil) },
  { "acme.operations.stop.codes", "table", set("stop.codes", "stopped") },
  { "acme.operations.stop[200].means[200]", "'done'", set("stop.codes", { [200] = "done" }) },
  { "acme.operations.stop[200].means[200]", "a word", set("stop.codes", { [200] = true }) },
  { "acme.operations.stop.remark", "function", set("stop.remark", "x") },
  { "acme.operations.stop.refusals", "table", set("stop.refusals", "x") },
  { "acme.operations.stop[400]", "'no'", set("stop.refusals", { ["400"] = "no" }) },
  { "acme.operations.stop.exactly", "string", set("stop.exactly", {}) },
  { "acme.operations.stop.bare", "table", set("stop.bare", 404) },
  { "acme.operations.stop.bare[1]", "a number", set("stop.bare", { "404" }) },
  { "acme.operations.stop.bare[2]", "400 to 499", set("stop.bare", { 404, 200 }) },
  { "acme.operations.stop.undocumented", "boolean", set("stop.undocumented", "no") },
}

-- The whole message of a definition that is refused.
local function refusal(given)
  local checked, message = pcall(providers.check, given)
  assert.is_false(checked)
  assert.equal("string", type(message))
  return message
end

describe("stopmsg.provider.old", function()
  describe("check", function()
    for i, case in ipairs(BROKEN) do
      it(("names %s and '%s' (%d)"):format(case[1], case[2], i), function()
        local message = refusal(definition(case[3]))
        assert.matches("provider definition " .. case[1], message, 1, true)
        assert.matches(case[2], message, 1, true)
      end)
    end

    for title, name in pairs({ ["no name"] = false, ["an empty name"] = "" }) do
      it("refuses a definition with " .. title, function()
        assert.matches("name", refusal(definition(function(made)
          made.name = name or nil
        end)))
      end)
    end

    it("refuses a name that is no string", function()
      assert.matches("name", refusal(definition(set("def.name", 5))))
    end)

    for _, given in ipairs({ 5, "acme", true }) do
      it("refuses a " .. type(given), function()
        assert.matches("table", refusal(given))
      end)
    end

    it("takes a definition with everything", function()
      local provider = providers.check(definition())
      assert.equal("acme", provider.name)
      local stop = provider.operations.stop
      assert.equal("stop", stop.name)
      assert.equal(ids.forms.uuid, stop.id)
      assert.equal(100, stop.limit)
      assert.same({
        line = "POST https://acme.example/stop",
        headers = { "Accept: application/json", "Authorization: Bearer [token]",
          "Content-Type: application/json", "X-Stop: yes", "X-Version: 1" },
        body = '{"ids":["a","b\\""]}',
      }, requests.of(definition(), "stop", { "a", 'b"' }))
    end)

    it("takes a definition with no more than is needed", function()
      local given = {
        name = "acme",
        base_url = "https://acme.example",
        auth = {},
        operations = {
          stop_dispatch = { method = "GET", path = "/x?id={id}&y", id = "digits",
            success = "accepted" },
        },
      }
      assert.same({ line = "GET https://acme.example/x?id=7&y",
        headers = { "Authorization: [token]" } }, requests.of(given, "stop_dispatch", { "7" }))
    end)

    for path, line in pairs({
      ["/stop/{id}"] = "/stop/a,b%2F",
      ["/stop?x=1&id={id}"] = "/stop?x=1&id=a,b%2F",
    }) do
      it("takes ids in the address of a batch: " .. path, function()
        local given = definition(function(_, stop)
          stop.body, stop.path, stop.between = nil, path, ","
        end)
        assert.equal("POST https://acme.example" .. line,
          requests.of(given, "stop", { "a", "b/" }).line)
      end)
    end

    it("takes parameters that are repeated", function()
      local given = definition(function(_, stop)
        stop.body, stop.path, stop.between = nil, "/stop?id={id}", "&id="
      end)
      assert.equal("POST https://acme.example/stop?id=a&id=b",
        requests.of(given, "stop", { "a", "b" }).line)
    end)

    for escape, body in pairs({ xml = "<i>a&amp;</i><i>b</i>", raw = "<i>a&</i><i>b</i>",
      percent = "<i>a%26</i><i>b</i>", json = '<i>"a&"</i><i>"b"</i>' }) do
      it("takes a body that is no JSON, in " .. escape, function()
        local given = definition(function(_, stop)
          stop.body = { type = "text/x", template = "<i>{id}</i>", between = "</i><i>",
            escape = escape }
        end)
        local request = requests.of(given, "stop", { "a&", "b" })
        assert.equal(body, request.body)
        assert.is_truthy(table.concat(request.headers, "\n"):find("Content-Type: text/x", 1, true))
      end)
    end

    it("takes a setting in the body, and asks for it by name", function()
      local given = definition(function(_, stop)
        stop.needs = "application"
        stop.body.template = '{"app":{application},"ids":[{id}]}'
      end)
      assert.equal('{"app":"A\\"1","ids":["a"]}',
        requests.of(given, "stop", { "a" }, { application = 'A"1' }).body)
      assert.error_matches(function()
        requests.of(given, "stop", { "a" })
      end, "application")
    end)

    it("takes a key in a header of its own", function()
      local given = definition(set("def.auth", { header = "X-Key" }))
      assert.is_truthy(table.concat(requests.of(given, "stop", { "a" }).headers, "\n")
        :find("X-Key: [token]", 1, true))
    end)

    it("takes the whole base_url in place of its own, path and all", function()
      local given = definition(set("def.base_url", "https://acme.example/v1"))
      assert.equal("POST https://acme.example/v1/stop", requests.of(given, "stop", { "a" }).line)
      assert.equal("POST https://other.example/x/stop", requests.of(given, "stop", { "a" },
        { base_url = "https://other.example/x" }).line)
    end)

    it("says of each field how it is written now", function()
      local warnings = table.concat(providers.check(definition()).warnings, "\n")
      for _, now in ipairs({ 'url = "https://acme.example"', 'json = { ids = "{ids}" }',
        'request = "POST /stop"', "[200] = { code = ", 'refused = { ["9"] = "again" }',
        'Authorization = "Bearer {token}"', "error = {" }) do
        assert.matches(now, warnings, 1, true)
      end
      assert.same({}, providers.check(stopmsg.definition("revicom")).warnings)
    end)

    it("is told in the report of the first call", function()
      local client = stopmsg.new({ provider = definition(), token = "x",
        base_url = "http://127.0.0.1:1", max_attempts = 1, patience = 0 })
      local first = client:stop("2a28d557-22a1-4be6-8908-1481723043dd")
      local second = client:stop("2a28d557-22a1-4be6-8908-1481723043dd")
      client:close()
      assert.matches("acme.base_url has the old form", table.concat(first.warnings, "\n"), 1, true)
      assert.same({}, second.warnings)
    end)

    it("gives old fields of a new definition no silent nil", function()
      local made = stopmsg.definition("pushwoosh")
      for name, now in pairs({ operations = "definition.stop", base_url = "definition.url",
        formats = "one_of", fault = "definition.error" }) do
        assert.error_matches(function()
          return made[name]
        end, now, 1, true)
      end
    end)

    it("changes nothing in the definition, which may be used again", function()
      local given = definition()
      local first = providers.check(given)
      assert.same(definition(), given)
      assert.same(first, providers.check(given))
      first.operations.stop.limit = 1
      assert.equal(100, given.operations.stop.limit)
    end)
  end)
end)
