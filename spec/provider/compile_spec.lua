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

local CYCLE = {}
CYCLE.again = CYCLE

-- What is changed, to what, and what has to be in the message.
local BROKEN = {
  { "name", NIL, "needs a `name`" },
  { "name", "Acme", "a provider definition needs a `name` of lower-case letters" },
  { "name", "1acme", "a provider definition needs a `name` of lower-case letters" },
  { "name", "ac-me", "a provider definition needs a `name` of lower-case letters" },
  { "name", 5, "needs a `name`" },
  { "abot", "x", "acme: unknown field 'abot'; did you mean 'about'?" },
  { "request", "GET /", "acme: unknown field 'request'; it belongs in an operation" },
  { "docs", true, "acme.docs: expected a string, got a boolean" },
  { "url", NIL, "acme: needs `url`" },
  { "url", "acme.example", "acme.url: expected a URL like https" },
  { "url", "https://acme.example/?a=b", "acme.url: expected scheme, host and path" },
  { "url", "https://me@acme.example/", "acme.url: a URL cannot contain a user name" },
  { "url", "https://{id}.acme.example", "acme.url: {id} cannot be used in the host" },
  { "url", "https://{token}.acme.example", "acme.url: {token} cannot be used in the host" },
  { "url", "https://acme.example/{account",
    "acme.url: '/{account': write a placeholder as {name}" },
  { "settings.Unit", { about = "x" }, "acme.settings.Unit: a name consists of lower-case letters" },
  { "settings.token", { about = "x" }, "acme.settings.token: {token} is already taken" },
  { "settings.id", { about = "x" }, "{id} is already taken" },
  { "settings.base_url", { about = "x" }, "{base_url} is already taken" },
  { "settings.account", "AC", "acme.settings.account: expected a table, got a string" },
  { "settings.account.about", NIL, "acme.settings.account: needs `about`" },
  { "settings.account.patern", "x", "unknown field 'patern'; did you mean 'pattern'?" },
  { "settings.account.pattern", "AC",
    "must match the whole value: begin with '^' and end with '$'" },
  { "settings.account.pattern", "^[$", "a Lua pattern" },
  { "settings.account.default", "{acount}", "{acount} is not another setting" },
  { "settings.account.default", "{account}", "{account} is not another setting" },
  { "settings.account.default", "XY", "does not match `pattern`" },
  { "settings.region.default", "mars", "'mars' is not listed in `one_of`" },
  { "settings.region.one_of", {}, "is empty" },
  { "settings.region.pattern", "^eu$", "cannot be combined with `one_of`" },
  { "settings.region.optional", true, "cannot be combined with `default`" },
  { "settings.spare", { about = "x" },
    "acme.settings.spare: is never used: no text contains {spare}" },
  { "settings.account.optional", true, "{account} is optional" },
  { "headers", { "X: 1" }, "expected a header name, as in [\"X-Version\"] = \"1\"" },
  { "headers.X", 1, "acme.headers['X']: expected a string, got a number" },
  { "headers.X", "a\r\nb", "control characters" },
  { "headers.X", "{acount}", "unknown placeholder {acount}" },
  { "headers.X", "{acount}", "did you mean {account}?" },
  { "headers.X", "{ account }", "'{ account }': write a placeholder as {name}" },
  { "headers.X Y", "1", "not a valid header name" },
  { "headers.authorization", "x", "the same header as" },
  { "headers.Content-Length", "5", "acme.headers['Content-Length']: is written for each request" },
  { "headers.transfer-encoding", "chunked", "is written for each request; leave it out" },
  { "headers.Authorization", NIL, "never sends the token: use {token} in a header" },
  { "auth", { basic = "{account}:{token}" }, "cannot be combined with an Authorization header" },
  { "auth", { bearer = "x" }, "acme.auth: unknown field 'bearer'; did you mean 'basic'?" },
  { "id", NIL, "needs `id`" },
  { "id", "uid", "unknown id form 'uid'; did you mean 'uuid'?" },
  { "id.pattern", NIL, "needs `pattern`" },
  { "id.pattern", "m%d+", "must match the whole value: begin with '^' and end with '$'" },
  { "id.about", NIL, "needs `about`" },
  { "id.max", 0, "1 to 4096" },
  { "id.fold", true, "unknown field 'fold'; did you mean 'about'?" },
  { "id.usual", "[", "a Lua pattern" },
  { "error.code", NIL, "expected a path or a list of paths" },
  { "error.code", "a..b", "'a..b' is not a path like 'error.code' or 'errors[1].code'" },
  { "error.form", "int", "integer" },
  { "error.cod", "x", "did you mean 'code'?" },
  { "error", NIL, "acme.stop.refused: needs `error`" },
  { "answers", "yaml", "'json', 'xml'" },
  { "answers", "{account}", "{account} is not a setting with `one_of`" },
  { "rate", 0, "requests per second" },
  { "rate", { 5, pre = 60 }, "did you mean 'per'?" },
  { "rate", { per = 60 }, "requests per second" },
  { "retry_after", { header = "a b" }, "expected a header name" },
  { "retry_after", {}, "expected a path in the response" },
  { "bare", { 200 }, "400 to 499" },
  { "stop", NIL, "acme.find: finds what stop stops" },
  { "stopp", { request = "x" }, "unknown field 'stopp'; did you mean 'stop'?" },
  { "stop", 5, "acme.stop: expected a table, got a number" },
  { "stop.request", NIL, "acme.stop.request: expected a method and a path" },
  { "stop.request", "HEAD /stop/{id}", "acme.stop.request: HEAD gets no response body to read" },
  { "stop.request", "post /x/{id}", "a method and a path" },
  { "stop.request", "POST x/{id}", "a method and a path" },
  { "stop.request", "POST /x y/{id}", "a method and a path" },
  { "stop.request", "POST /x#{id}", "a method and a path" },
  { "stop.request", "POST /x/{ids}", "{ids} is a list" },
  { "stop.request", "POST /x/{idd}", "unknown placeholder {idd}: not a setting" },
  { "stop.request", "POST /x/{base_url}/{id}",
    "{base_url} can only be used at the start of `url`" },
  { "stop.method", "POST", "unknown field 'method'; did you mean 'auth'?" },
  { "stop.form", { a = "1" }, "more than one of `json`, `form` and `text`" },
  { "stop.json.id", "{di}", "acme.stop.json.id: unknown placeholder {di}" },
  { "stop.json.f", print, "expected a JSON value, got a function" },
  { "stop.json.f", 0 / 0, "acme.stop.json.f: expected a JSON value, got " },
  { "stop.json.f", -math.huge, "expected a JSON value, got -" },
  { "stop.json", CYCLE, "acme.stop.json: has more than 64 levels" },
  { "stop.json", { "a", b = 1 }, "a list cannot have named fields" },
  { "stop.limit", 5, "{id} is a single id, but the request has many: use {ids}" },
  { "stop.join", ",", "there is no list" },
  { "stop.together", "id", "'id' is not a part of the id" },
  { "stop.headers.X", "{ids}", "{ids} cannot be used in a header" },
  { "stop.undocumented", "yes", "expected a boolean, got a string" },
  { "stop.all", true, "expected a string, got a boolean" },
  { "stop.all", " ", "only applies to a stop; it must say what else is stopped" },
  { "status.all", "a queue", "only applies to a stop; it must say what else is stopped" },
  { "find.all", "a queue", "only applies to a stop; it must say what else is stopped" },
  { "stop.decode", print, "cannot be combined with statuses" },
  { "stop.sign", 1, "expected a function or a table, got a number" },
  { "stop.sign", {}, "needs `hmac` or `hash`" },
  { "stop.sign", { hmac = "md5", text = "x" }, "one of sha1, sha256" },
  { "stop.sign", { hmac = "sha1", text = "{token}" }, "{token} cannot be used here" },
  { "stop.sign", { hmac = "sha1", text = "{time}" },
    "never sends the signature: use {signature} in a header" },
  { "stop.99", "stopped", "expected an HTTP status from 200 to 299 or from 400 to 599" },
  { "stop.302", "stopped", "expected an HTTP status from 200 to 299 or from 400 to 599" },
  { "stop.401", "denied", "HTTP 401 always concerns the token; this cannot be changed" },
  { "stop.429", "failed", "HTTP 429 always pauses the client; this cannot be changed" },
  { "stop.503", "failed", "HTTP 503 is always retried; this cannot be changed" },
  { "stop.409", "not_stopable", "'not_stopable' is not an outcome or action" },
  { "stop.409", true, "a word like 'stopped'" },
  { "stop.409", { "not_stoppable", "Gone" }, "a reason like 'gone_or_sent'" },
  { "stop.409", { "not_stoppable", nte = "x" }, "did you mean 'note'?" },
  { "stop.200", NIL, "has no success: add one, as in [200] = …" },
  { "stop.200", {}, "needs `means`" },
  { "stop.200", { means = "stopped" }, "must name what the response contains" },
  { "stop.200.cod", "x", "unknown field 'cod'; did you mean 'code'?" },
  { "stop.200.code", NIL, "`means` needs `code` or `state`, the path of the values" },
  { "stop.200.code", "", "the path is empty" },
  { "stop.200.code", {}, "expected a non-empty list without gaps" },
  { "stop.200.means", "stopped", "a table from the values" },
  { "stop.200.means", {}, "is empty" },
  { "stop.200.means.gone", "stoped", "did you mean 'stopped'?" },
  { "stop.200.verifies", { "accepted" }, "'accepted' does not occur in `means`" },
  { "stop.200.verifies", "stopped", "expected a table, got a string" },
  { "stop.200.others", "failed", "there is no `each`" },
  { "stop.200.has", { 5 }, "expected a path like 'error.code', got a number" },
  { "stop.200.has", { ["a..b"] = true }, "is not a path like 'error.code'" },
  { "stop.200.has", { success = {} }, "expected a value, or a list of values" },
  { "stop.200.has", { success = { {} } }, "expected a value, or a list of values" },
  { "stop.200.has", { msg = "^[" }, "expected a pattern after '^'" },
  { "stop.200.state", "x", "has both `code` and `state`; for a status word" },
  { "stop.200.texts", { sent = "too_late" }, "needs `text`" },
  { "stop.200.more_than", 0, "true and false" },
  { "stop.200.exactly", "{}", "cannot be combined with `exactly`" },
  { "stop.202", { exactly = 7, means = "stopped" },
    "expected a body like '{}', or a list of bodies" },
  { "stop.202", { exactly = { "", 7 }, means = "stopped" }, "expected a string, got a number" },
  { "stop.200.left", "x", "needs `state`" },
  { "stop.200.form", "int", "integer" },
  { "stop.200.flag", { path = "x", codes = { 1 } }, "there is no `each`" },
  { "stop.refused", {}, "is empty" },
  { "stop.refused.x", "no", "is not an outcome or action" },
  { "stop.409", "cancelled", "did you mean 'stopped'?" },
  { "stop.refused.x", "Delivered", "did you mean 'too_late'?" },
  { "stop.texts", { abc = "failed" }, "expected a text of at least four characters" },
  { "stop.bare", { 410 }, "the meaning of HTTP 410 is missing: [410] = …" },
  { "stop.many.limit", NIL, "needs `limit`" },
  { "stop.many.limit", { 100, 2 }, "the minimum comes first" },
  { "stop.many.limit", { 2 }, "expected the minimum and maximum number of ids" },
  { "stop.many.limit", 1.5, "expected an integer from 1 to 1000000" },
  { "stop.many.limit", 1e6 + 1, "expected an integer from 1 to 1000000" },
  { "stop.many.json.ids", "{id}", "{id} is a single id, but the request has many: use {ids}" },
  { "stop.many.json.ids", "x", "the request contains neither {id} nor {ids}" },
  { "stop.many.json.more", "{ids}", "{ids} is the second list of ids in the body" },
  { "stop.many.many", {}, "cannot be nested" },
  { "stop.many.200.each", NIL, "there is no `each`" },
  { "stop.many.200", { id = "id", means = "stopped" }, "is a single id, but the request has many" },
  { "stop.many.200", { each = "x", id = "y", code = "z", means = { a = "again" } },
    "'again' is not an outcome or action here; did you mean 'open'?" },
  { "status.200.means.gone", NIL, "" },
  { "status.many", { limit = 5 }, "acme.status.many" },
  { "check", { request = "GET /{id}", [200] = { has = "x", means = "accepted" } },
    "{id}: this operation takes no ids" },
  { "check", { request = "GET /", limit = 5, [204] = "accepted" },
    "does not apply: this operation takes no ids" },
  { "find.each", NIL, "needs `each`" },
  { "find.id", NIL, "needs `each`, the path of the list" },
  { "find.200", { id = "x", means = "failed" }, "does not apply: this operation takes no ids" },
  { "find.200", { has = "x" }, "needs `means`" },
  { "find.200", { code = "error", means = { no = "failed" } }, "" },
  { "find.means.moving", "again", "" },
  { "find.means.moving", "throttle", "is not an outcome or action" },
  { "find.entries", { has = "x", means = "open" }, "cannot be combined with `state`" },
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
  { "find.next.as", "page", "expected the parameter's place and name" },
  { "find.next.as", NIL, "needs `as`" },
  { "find.next.size", NIL, "needs `size`" },
  { "find.next.path", "x", "only applies to a cursor or a URL" },
  { "find.where.since.query", NIL, "" },
  { "find.where.since.form", "x", "has more than one of `query`, `form` and `json`" },
  { "find.where.since.time", "iso", "expected date, rfc3339, rfc3339_ms" },
  { "find.where.since.list", "commas", "one of array" },
  { "find.where.since.bound", "from", "" },
  { "find.where.since.bound", "before", "is a time: set `bound` to \"from\" or \"to\"" },
  { "find.where.made", { query = "m", time = "unix" },
    "is a time: set `bound` to \"from\" or \"to\"" },
  { "find.where.made", { about = "x" }, "needs `query`, `form` or `json` to be sent" },
  { "find.where.made", { form = "m" }, "does not match the body's type" },
  { "find.where.account", { query = "a" }, "{account} is already taken" },
  { "find.where.Since", { query = "a" }, "a name consists of lower-case letters, digits and _" },
  { "token", { request = "GET /x" }, "needs `value`" },
  { "token", { request = "GET /x", value = "t" }, "expected a method and a URL, like 'POST https" },
  { "token", { request = "GET https://a.example/x", value = "t" },
    "never sends {token}, the user's secret" },
}

local COMPOUND = {
  { "id.write", "{channel}", "unknown field 'message'; did you mean 'max'?" },
  { "id.write", "/{channel}/{message}",
    "expected parts with separators, like '{channel}/{message}'" },
  { "id.write", "{channel}{message}",
    "expected parts with separators, like '{channel}/{message}'" },
  { "id.channel", NIL, "`write` contains {channel}, so its pattern is required" },
  { "id.channel", "C", "must match the whole value: begin with '^' and end with '$'" },
  { "id.spare", "^x$", "unknown field 'spare'; did you mean 'max'?" },
  { "id.max", 5, "belongs to the parts of the id" },
  { "id", { write = "{account}/{message}", account = "^x$", message = "^y$" },
    "{account} is already taken" },
  { "stop.request", "POST /stop/{channel}", "the request lacks {message}, a part of its id" },
  { "stop.request", "POST /stop/{chanel}/{message}", "did you mean {channel}?" },
  { "stop.limit", 10, "{message} is the second list of ids in the address" },
  { "stop.204", NIL, "has no success: add one, as in [200] = …" },
  { "stop.200", { id = { channel = "c" }, means = "stopped" }, "a path for each part" },
  { "stop.200", { id = { chanel = "c" }, means = "stopped" }, "the id has no part 'chanel'" },
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
