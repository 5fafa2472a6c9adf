-- Signatures as data: which text is signed, how, and how the signature is written. Pure: clock,
-- random numbers and the token's HMAC are passed in.

local schema = require("stopmsg.provider.schema")
local template = require("stopmsg.provider.template")

local signing = {}

local fail = schema.fail

-- Parts of the request that a signed text may contain.
local OF_REQUEST = { method = true, path = true, query = true, target = true, body = true }

local TIMES = {
  unix = function(now)
    return ("%.0f"):format(now)
  end,
  unix_ms = function(now)
    return ("%.0f"):format(now * 1000)
  end,
  rfc3339 = function(now)
    return os.date("!%Y-%m-%dT%H:%M:%SZ", now)
  end,
}

local KINDS = { sha1 = true, sha256 = true }

local function word(where, value, allowed)
  if value ~= nil and not allowed[value] then
    local known = {}
    for name in pairs(allowed) do
      known[#known + 1] = name
    end
    table.sort(known)
    fail(where, "one of " .. table.concat(known, ", "))
  end
  return value
end

-- Parses a text. `allowed`: placeholders besides settings, which `see` checks. Records each one
-- used in `uses`.
local function parse(where, written, allowed, see, uses)
  local pieces, message = template.parse(written)
  if not pieces then
    fail(where, message)
  end
  for _, piece in ipairs(pieces) do
    local name = type(piece) == "table" and piece[1]
    if name and allowed[name] then
      uses[name] = true
    elseif name and (schema.placeholders[name] or schema.made[name]) then
      fail(where, ("{%s} cannot be used here"):format(name))
    elseif name then
      see(name, where, "raw")
    end
  end
  return pieces
end

-- Returns the pieces before and after {token}, which must occur once.
local function around(where, pieces)
  local sides, at = { {}, {} }, 1
  for _, piece in ipairs(pieces) do
    if type(piece) == "table" and piece[1] == "token" then
      at = at + 1
    elseif at <= 2 then
      table.insert(sides[at], piece)
    end
  end
  if at ~= 2 then
    fail(where, "must contain {token} once")
  end
  return sides
end

-- form = signing.compile(where, given, see): compiles a definition's `sign`; `see(name, where,
-- kind)` checks its settings.
function signing.compile(where, given, see)
  schema.check(where, given, schema.fields.sign)
  local uses = {}
  if (given.hmac == nil) == (given.hash == nil) then
    fail(where, "needs `hmac` or `hash`: \"sha256\" or \"sha1\"")
  elseif not given.text then
    fail(where, "needs `text`, the text to sign")
  elseif given.hash and given.key then
    fail(where .. ".key", "only applies to `hmac`; with `hash`, use {token} in `text`")
  end
  local allowed = { time = true, nonce = true, random = true, token = given.hash ~= nil or nil }
  for name in pairs(OF_REQUEST) do
    allowed[name] = true
  end
  local pieces = parse(where .. ".text", given.text, allowed, see, uses)
  local form = {
    kind = word(where .. (given.hmac and ".hmac" or ".hash"), given.hmac or given.hash, KINDS),
    escape = word(where .. ".escape", given.escape, schema.escapes) or "raw",
    encode = word(where .. ".encode", given.encode, { base64 = true, hex = true }) or "base64",
    time = word(where .. ".time", given.time, TIMES) or "unix",
    text = given.hmac and pieces,
    key = given.hmac and around(where .. ".key", parse(where .. ".key", given.key or "{token}",
      { token = true }, see, {})) or around(where .. ".text", pieces),
  }
  for name in pairs(OF_REQUEST) do
    form.looks = form.looks or uses[name]
  end
  if given.ticket then
    schema.check(where .. ".ticket", given.ticket, schema.fields.ticket)
    if not given.ticket.text then
      fail(where .. ".ticket", "needs `text`, the text to pack")
    end
    uses = {}
    form.ticket = {
      written = given.ticket.text,
      text = parse(where .. ".ticket.text", given.ticket.text, { time = true, nonce = true,
        random = true, signature = true }, see, uses),
      letters = given.ticket.letters or "+/=",
    }
    if not uses.signature or #form.ticket.letters ~= 3 then
      fail(where .. ".ticket", "must contain {signature}; `letters` are the three that replace +/=")
    end
  end
  return form
end

local function fill(pieces, values, words, escape)
  local texts = {}
  for i, piece in ipairs(pieces) do
    texts[i] = type(piece) == "string" and piece
      or template.escapes[escape](words[piece[1]] or values[piece[1]] or "")
  end
  return table.concat(texts)
end

-- Removes the pair that is, or will be, the signature from a query.
local function unsigned(query, name)
  local pairs_of = {}
  for pair in query:gmatch("[^&]+") do
    if not name or pair:match("^[^=]*") ~= name then
      pairs_of[#pairs_of + 1] = pair
    end
  end
  return table.concat(pairs_of, "&")
end

-- signature = signing.of(form, secret, values, words, request): the signature without a ticket.
-- request: { method, target, body, name }; `name` is the parameter with the signature, or nil.
function signing.of(form, secret, values, words, request)
  if form.looks then
    local path, query = request.target:match("^([^?]*)%??(.*)$")
    local all = { method = request.method, target = request.target, path = path,
      query = unsigned(query, request.name), body = request.body }
    for name, value in pairs(words) do
      all[name] = value
    end
    words = all
  end
  return secret:sign(form.kind, fill(form.key[1], values, words, form.escape),
    fill(form.key[2], values, words, form.escape),
    form.text and fill(form.text, values, words, form.escape) or nil, form.encode)
end

-- made = signing.make(operation, secret, values, sources, look): the generated texts of one
-- attempt, by schema.made. sources: now() in seconds since 1970, uuid(), and pack(text), the Base64
-- of zlib's output. look(made): method, target and body of the request filled with these texts.
function signing.make(operation, secret, values, sources, look)
  local form = operation.signing
  local nonce = sources.uuid()
  local words = {
    time = TIMES[form.time](sources.now()),
    nonce = nonce,
    random = ("%.0f"):format(tonumber(nonce:sub(1, 8), 16)),
  }
  local made = {}
  for name, place in pairs(schema.made) do
    made[place] = words[name] or ""
  end
  local request = {}
  if form.looks then
    request.method, request.target, request.body = look(made)
    request.name = operation.signature_name
  end
  local signature = signing.of(form, secret, values, words, request)
  if form.ticket then
    words.signature = signature
    local letters = form.ticket.letters
    signature = sources.pack(fill(form.ticket.text, values, words, "json")):gsub("[+/=]", {
      ["+"] = letters:sub(1, 1), ["/"] = letters:sub(2, 2), ["="] = letters:sub(3, 3) })
  end
  made[schema.made.signature] = signature
  return made
end

-- Stand-ins for requests that are only shown.
signing.shown = {}
for name, place in pairs(schema.made) do
  signing.shown[place] = name == "nonce" and "00000000-0000-4000-8000-000000000000"
    or name == "signature" and "signature" or "0"
end

return signing
