-- Definitions: every mistake that a person can make is told, with its place and the nearest right
-- name; nothing is ignored in silence.

local providers = require("stopmsg.provider")

-- A definition that will do.
local function definition()
  return {
    name = "acme",
    about = "Acme: stops messages",
    docs = "https://acme.example/docs",
    url = "https://{region}.acme.example/v1/{account}",
    settings = {
      account = { pattern = "^AC%x+$", about = "the account" },
      region = { one_of = { "eu", "us" }, default = "eu", about = "the region" },
      unit = { optional = true, about = "a unit" },
    },
    headers = { Authorization = "Bearer {token}", ["X-Unit"] = "{unit}" },
    id = { pattern = "^m%d+$", about = "a message id" },
    error = { code = "error.code", text = "error.text", form = "integer" },
    stop = {
      request = "POST /messages/{id}/stop?v=1",
      json = { id = "{id}", hard = true },
      [200] = { id = "id", code = "state", means = { gone = "stopped", sent = "too_late" },
        verifies = { "stopped" } },
      [409] = "not_stoppable",
      refused = { [7] = "not_found", ["403/9"] = "credentials" },
      texts = { ["already sent"] = "too_late" },
      many = {
        request = "POST /stop",
        limit = { 2, 100 },
        json = { ids = "{ids}" },
        [200] = { each = "gone", means = "stopped", others = "not_stoppable" },
      },
    },
    status = {
      request = "GET /messages/{id}",
      [200] = { state = "state", means = { gone = "stopped", new = "open" } },
    },
    find = {
      request = "GET /messages",
      where = { since = { query = "from", entry = "at", time = "rfc3339" } },
      each = "list",
      id = "id",
      state = "state",
      means = { new = "open" },
      next = { by = "page", as = "query:page", first = 1, size = 50 },
    },
  }
end

-- A definition with ids of two parts.
local function compound()
  local made = definition()
  made.id = { write = "{channel}/{message}", channel = "^C%w+$", message = "^%w+$" }
  made.stop = {
    request = "POST /stop/{channel}/{message}",
    [204] = "stopped",
  }
  made.status = nil
  made.find = nil
  return made
end

-- Sets what a dotted path leads to; numbers are statuses or places.
local function set(made, path, value)
  local at, last = made, nil
  for word in path:gmatch("[^.]+") do
    local name = tonumber(word) or word
    if last then
      at[last] = at[last] or {}
      at = at[last]
    end
    last = name
  end
  at[last] = value
end

local NIL = {}

-- What is changed, to what, and what has to be in the message.
local BROKEN = {
  { "name", NIL, "needs a `name`" },
  { "name", "Acme", "small letters" },
  { "name", "1acme", "small letters" },
  { "name", "ac-me", "small letters" },
  { "name", 5, "needs a `name`" },
  { "abot", "x", "acme: no field is called 'abot'; did you mean 'about'?" },
  { "request", "GET /", "acme: no field is called 'request' here; it is a field of an operation" },
  { "docs", true, "acme.docs: a string, not a boolean" },
  { "url", NIL, "acme: needs `url`" },
  { "url", "acme.example", "acme.url: an address like https://" },
  { "url", "https://acme.example/?a=b", "acme.url: scheme, host and path" },
  { "url", "https://me@acme.example/", "acme.url: an address without a user" },
  { "url", "https://{id}.acme.example", "acme.url: {id} cannot stand in the host" },
  { "url", "https://{token}.acme.example", "acme.url: {token} cannot stand in the host" },
  { "url", "https://acme.example/{account", "acme.url: '/{account': a placeholder" },
  { "settings.Unit", { about = "x" }, "acme.settings.Unit: a name is small letters" },
  { "settings.token", { about = "x" }, "acme.settings.token: {token} stands for something else" },
  { "settings.id", { about = "x" }, "{id} stands for something else" },
  { "settings.base_url", { about = "x" }, "{base_url} stands for something else" },
  { "settings.account", "AC", "acme.settings.account: a table, not a string" },
  { "settings.account.about", NIL, "acme.settings.account: needs `about`" },
  { "settings.account.patern", "x", "no field is called 'patern'; did you mean 'pattern'?" },
  { "settings.account.pattern", "AC", "a pattern of the whole value" },
  { "settings.account.pattern", "^[$", "a Lua pattern" },
  { "settings.account.default", "{acount}", "{acount} is no other setting" },
  { "settings.account.default", "{account}", "{account} is no other setting" },
  { "settings.account.default", "XY", "does not fit `pattern`" },
  { "settings.region.default", "mars", "'mars' is not one of `one_of`" },
  { "settings.region.one_of", {}, "says nothing" },
  { "settings.region.pattern", "^eu$", "of no use beside `one_of`" },
  { "settings.region.optional", true, "has a default" },
  { "settings.spare", { about = "x" }, "acme.settings.spare: is used nowhere" },
  { "settings.account.optional", true, "{account} is optional" },
  { "headers", { "X: 1" }, "headers are written [\"X-Version\"] = \"1\"" },
  { "headers.X", 1, "acme.headers['X']: a string, not a number" },
  { "headers.X", "a\r\nb", "control characters" },
  { "headers.X", "{acount}", "{acount} is filled by nothing" },
  { "headers.X", "{acount}", "did you mean {account}?" },
  { "headers.X", "{ account }", "a placeholder is {name}" },
  { "headers.X Y", "1", "no header can be called that" },
  { "headers.authorization", "x", "the same header as" },
  { "headers.Authorization", NIL, "sends the token nowhere" },
  { "auth", { basic = "{account}:{token}" }, "exclude each other" },
  { "auth", { bearer = "x" }, "acme.auth: no field is called 'bearer'" },
  { "id", NIL, "needs `id`" },
  { "id", "uid", "no id form is called 'uid'; did you mean 'uuid'?" },
  { "id.pattern", NIL, "needs `pattern`" },
  { "id.pattern", "m%d+", "it begins with '^'" },
  { "id.about", NIL, "needs `about`" },
  { "id.max", 0, "1 to 4096" },
  { "id.fold", true, "no field is called 'fold'" },
  { "id.usual", "[", "a Lua pattern" },
  { "error.code", NIL, "a path, or a list of paths" },
  { "error.code", "a..b", "is no path" },
  { "error.form", "int", "integer" },
  { "error.cod", "x", "did you mean 'code'?" },
  { "error", NIL, "acme.stop.refused: needs `error`" },
  { "answers", "yaml", "'json', 'xml'" },
  { "answers", "{account}", "no setting with `one_of`" },
  { "rate", 0, "requests per second" },
  { "rate", { 5, pre = 60 }, "did you mean 'per'?" },
  { "rate", { per = 60 }, "requests per second" },
  { "retry_after", { header = "a b" }, "the name of a header" },
  { "retry_after", {}, "a path in the answer" },
  { "bare", { 200 }, "400 to 499" },
  { "stop", NIL, "acme.find: finds what stop stops" },
  { "stopp", { request = "x" }, "no field is called 'stopp'; did you mean 'stop'?" },
  { "stop", 5, "acme.stop: a table, not a number" },
  { "stop.request", NIL, "acme.stop.request: a method and a path" },
  { "stop.request", "post /x/{id}", "a method and a path" },
  { "stop.request", "POST x/{id}", "a method and a path" },
  { "stop.request", "POST /x y/{id}", "a method and a path" },
  { "stop.request", "POST /x/{ids}", "{ids} is a list" },
  { "stop.request", "POST /x/{idd}", "{idd} is filled by nothing" },
  { "stop.request", "POST /x/{base_url}/{id}", "{base_url} stands at the start of `url` only" },
  { "stop.method", "POST", "no field is called 'method'" },
  { "stop.form", { a = "1" }, "more than one of `json`, `form` and `text`" },
  { "stop.json.id", "{di}", "acme.stop.json.id: {di} is filled by nothing" },
  { "stop.json.f", print, "what JSON can hold" },
  { "stop.json", { "a", b = 1 }, "stands in a list" },
  { "stop.limit", 5, "write {ids}" },
  { "stop.join", ",", "there is no list" },
  { "stop.together", "id", "is no part of the id" },
  { "stop.headers.X", "{ids}", "{ids} cannot stand in a header" },
  { "stop.undocumented", "yes", "a boolean, not a string" },
  { "stop.all", true, "a string, not a boolean" },
  { "stop.all", " ", "what it stops beyond its ids" },
  { "status.all", "a queue", "is of a stop" },
  { "find.all", "a queue", "is of a stop" },
  { "stop.decode", print, "and statuses exclude each other" },
  { "stop.sign", 1, "a function, or a table, not a number" },
  { "stop.sign", {}, "needs `hmac` or `hash`" },
  { "stop.sign", { hmac = "md5", text = "x" }, "one of sha1, sha256" },
  { "stop.sign", { hmac = "sha1", text = "{token}" }, "{token} cannot stand here" },
  { "stop.sign", { hmac = "sha1", text = "{time}" }, "sends the signature nowhere" },
  { "stop.99", "stopped", "an HTTP status is a number" },
  { "stop.302", "stopped", "an HTTP status is a number" },
  { "stop.401", "denied", "HTTP 401 speaks of the token" },
  { "stop.429", "failed", "HTTP 429 pauses the whole client" },
  { "stop.503", "failed", "HTTP 503 is always repeated" },
  { "stop.409", "not_stopable", "is no outcome and no action; did you mean 'not_stoppable'" },
  { "stop.409", true, "a word like 'stopped'" },
  { "stop.409", { "not_stoppable", "Gone" }, "a reason like 'gone_or_sent'" },
  { "stop.409", { "not_stoppable", nte = "x" }, "did you mean 'note'?" },
  { "stop.200", NIL, "says of no answer that it is a success" },
  { "stop.200", {}, "needs `means`" },
  { "stop.200", { means = "stopped" }, "names nothing that the answer has to hold" },
  { "stop.200.cod", "x", "no field is called 'cod'; did you mean 'code'?" },
  { "stop.200.code", NIL, "name where they stand" },
  { "stop.200.code", "", "a path is empty" },
  { "stop.200.code", {}, "a list without gaps" },
  { "stop.200.means", "stopped", "a table from the values" },
  { "stop.200.means", {}, "says nothing" },
  { "stop.200.means.gone", "stoped", "did you mean 'stopped'?" },
  { "stop.200.verifies", { "accepted" }, "'accepted' is what no code means" },
  { "stop.200.verifies", "stopped", "a table, not a string" },
  { "stop.200.others", "failed", "there is no `each`" },
  { "stop.200.state", "x", "has `code` and `state`" },
  { "stop.200.texts", { sent = "too_late" }, "needs `text`" },
  { "stop.200.more_than", 0, "true and false" },
  { "stop.200.exactly", "{}", "always the same" },
  { "stop.202", { exactly = 7, means = "stopped" }, "a body like '{}', or a list of them" },
  { "stop.202", { exactly = { "", 7 }, means = "stopped" }, "a string, not a number" },
  { "stop.200.left", "x", "by its `state`" },
  { "stop.200.form", "int", "integer" },
  { "stop.200.flag", { path = "x", codes = { 1 } }, "there is no `each`" },
  { "stop.refused", {}, "says nothing" },
  { "stop.refused.x", "no", "is no outcome" },
  { "stop.texts", { abc = "failed" }, "at least four letters" },
  { "stop.bare", { 410 }, "say what HTTP 410 means" },
  { "stop.many.limit", NIL, "needs `limit`" },
  { "stop.many.limit", { 100, 2 }, "the fewest come first" },
  { "stop.many.limit", { 2 }, "the fewest and the most" },
  { "stop.many.limit", 1.5, "a whole number" },
  { "stop.many.json.ids", "{id}", "{id} is one id, and the request has many" },
  { "stop.many.json.ids", "x", "holds neither {id} nor {ids}" },
  { "stop.many.json.more", "{ids}", "a second list of ids in the body" },
  { "stop.many.many", {}, "is what this is already" },
  { "stop.many.200.each", NIL, "there is no `each`" },
  { "stop.many.200", { id = "id", means = "stopped" }, "is one id, and the request has many" },
  { "stop.many.200", { each = "x", id = "y", code = "z", means = { a = "again" } },
    "no action here" },
  { "status.200.means.gone", NIL, "" },
  { "status.many", { limit = 5 }, "acme.status.many" },
  { "check", { request = "GET /{id}", [200] = { has = "x", means = "accepted" } }, "has no ids" },
  { "check", { request = "GET /", limit = 5, [204] = "accepted" }, "this operation has none" },
  { "find.each", NIL, "needs `each`" },
  { "find.id", NIL, "needs `each`, where the list stands, and `id`" },
  { "find.200", { id = "x", means = "failed" }, "an id that nobody asked about" },
  { "find.200", { has = "x" }, "needs `means`" },
  { "find.200", { code = "error", means = { no = "failed" } }, "" },
  { "find.means.moving", "again", "" },
  { "find.means.moving", "throttle", "is no outcome" },
  { "find.entries", { has = "x", means = "open" }, "`state` exclude each other" },
  { "find.unit", "batch", "" },
  { "find.unit", "letter", "one of batch" },
  { "find.next.most", 100, "" },
  { "find.most", 100, "in `next`" },
  { "find.next.pages", "n", "" },
  { "find.next.until_empty", true, "" },
  { "find.next.oldest", {}, "needs `path`" },
  { "find.next.oldest", { path = "t", days = 3 }, "" },
  { "find.state", NIL, "acme.find.means: needs `state`" },
  { "find.next.by", "pages", "did you mean 'page'?" },
  { "find.next.as", "page", "where the parameter stands" },
  { "find.next.as", NIL, "needs `as`" },
  { "find.next.size", NIL, "needs `size`" },
  { "find.next.path", "x", "is for a cursor or a URL" },
  { "find.where.since.query", NIL, "" },
  { "find.where.since.form", "x", "in one place" },
  { "find.where.since.time", "iso", "one of date" },
  { "find.where.since.list", "commas", "one of array" },
  { "find.where.since.bound", "from", "" },
  { "find.where.since.bound", "before", "say with `bound`" },
  { "find.where.made", { query = "m", time = "unix" }, "say with `bound`" },
  { "find.where.made", { about = "x" }, "how it is asked for" },
  { "find.where.made", { form = "m" }, "the body is another" },
  { "find.where.account", { query = "a" }, "stands for something else already" },
  { "find.where.Since", { query = "a" }, "a name is small letters" },
  { "token", { request = "GET /x" }, "needs `value`" },
  { "token", { request = "GET /x", value = "t" }, "a method and an address" },
  { "token", { request = "GET https://a.example/x", value = "t" },
    "the secret that the user gives, nowhere" },
}

local COMPOUND = {
  { "id.write", "{channel}", "no field is called 'message'" },
  { "id.write", "/{channel}/{message}", "a text between two of them" },
  { "id.write", "{channel}{message}", "a text between two of them" },
  { "id.channel", NIL, "say what it looks like" },
  { "id.channel", "C", "it begins with '^'" },
  { "id.spare", "^x$", "no field is called 'spare'" },
  { "id.max", 5, "of each part" },
  { "id", { write = "{account}/{message}", account = "^x$", message = "^y$" },
    "{account} stands for something else already" },
  { "stop.request", "POST /stop/{channel}", "does not hold {message}" },
  { "stop.request", "POST /stop/{chanel}/{message}", "did you mean {channel}?" },
  { "stop.limit", 10, "a second list of ids in the address" },
  { "stop.204", NIL, "says of no answer" },
  { "stop.200", { id = { channel = "c" }, means = "stopped" }, "a path for each part" },
  { "stop.200", { id = { chanel = "c" }, means = "stopped" }, "no part of the id is called" },
}

local function refusal(given)
  local checked, message = pcall(providers.check, given)
  assert.is_false(checked)
  assert.equal("string", type(message))
  return message
end

describe("stopmsg.provider", function()
  for title, case in pairs({ definition = { definition, BROKEN }, compound = { compound,
    COMPOUND } }) do
    describe("a " .. title, function()
      it("is as it should be to begin with", function()
        assert.equal("acme", providers.check(case[1]()).name)
      end)

      it("is not changed, and may be used again", function()
        local given = case[1]()
        providers.check(given)
        assert.same(case[1](), given)
      end)

      for i, row in ipairs(case[2]) do
        it(("with another %s is refused: %s (%d)"):format(row[1], row[3], i), function()
          local made = case[1]()
          local value = row[2]
          if value == NIL then
            value = nil
          end
          set(made, row[1], value)
          if row[3] == "" then
            providers.check(made)
            return
          end
          assert.matches(row[3], refusal(made), 1, true)
        end)
      end
    end)
  end

  for _, given in ipairs({ 5, "acme", true }) do
    it("refuses a " .. type(given), function()
      assert.matches("table", refusal(given))
    end)
  end

  describe("load", function()
    for _, name in ipairs(providers.names()) do
      it("gives " .. name .. ", checked", function()
        local provider = providers.load(name)
        assert.equal(name, provider.name)
        assert.matches("^https://", provider.docs)
        assert.equal("string", type(provider.about))
      end)
    end

    it("takes a definition of one's own", function()
      assert.equal("acme", providers.load(definition()).name)
    end)

    for _, name in ipairs({ "Revicom", "acme", "", "direct", "init", "../client" }) do
      it(("knows no '%s', and says where the names are"):format(name), function()
        local loaded, message = pcall(providers.load, name)
        assert.is_false(loaded)
        assert.matches("'" .. name .. "'", message, 1, true)
        assert.matches("did you mean '", message, 1, true)
        assert.matches("`stopmsg providers` lists all", message, 1, true)
      end)
    end
  end)
end)
