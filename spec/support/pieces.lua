-- Operations for the core as most of its specs need them: one list of ids in the address or the
-- body, the token in one header.

local pieces = {}

-- { open, between, close, escape } as a template: ids, escaped, between two texts.
function pieces.form(form)
  if not form.escape then
    return { form.open }
  end
  local quote = form.escape == "json" and '"' or ""
  local between = form.between and quote .. form.between .. quote
  return {
    (form.open or "") .. quote,
    { "ids", form.escape, 0, between },
    quote .. (form.close or ""),
  }
end

-- The same for all of an operation: url and body are forms, auth is the header line up to the
-- token.
function pieces.operation(fields)
  local operation = {}
  for name, value in pairs(fields) do
    operation[name] = value
  end
  for _, name in ipairs({ "url", "body" }) do
    operation[name] = fields[name] and pieces.form(fields[name])
  end
  operation.auth, operation.headers = nil, {}
  for i, line in ipairs(fields.headers or {}) do
    operation.headers[i] = line
  end
  if fields.auth then
    table.insert(operation.headers, { fields.auth, { "token", "header" } })
  end
  return operation
end

return pieces
