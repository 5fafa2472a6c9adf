-- Something on a port that may say it is a Redis: a chunk of Lua, the argument, gives a function
-- that gets each command's words, and its bytes as they came, and gives the bytes of the answer.

local serving = require("spec.support.serving")
local uv = require("luv")

local answer = assert((loadstring or load)(arg[1]))() -- luacheck: ignore loadstring

-- words, rest | nil: the first whole command in these bytes.
local function command(bytes)
  local count, at = bytes:match("^%*(%d+)\r\n()")
  local words = {}
  for i = 1, tonumber(count) or 0 do
    local len, from = bytes:match("^%$(%d+)\r\n()", at)
    if not len or #bytes < from + len + 1 then
      return nil
    end
    words[i], at = bytes:sub(from, from + len - 1), from + len + 2
  end
  return count and words, at and bytes:sub(at), at and bytes:sub(1, at - 1)
end

local listener = uv.new_tcp()
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(16, function()
  local client, pending = uv.new_tcp(), ""
  listener:accept(client)
  client:read_start(function(_, bytes)
    if not bytes then
      if not client:is_closing() then
        client:close()
      end
      return
    end
    pending = pending .. bytes
    while true do
      local words, rest, whole = command(pending)
      if not words then
        break
      end
      pending = rest
      local said = answer(words, whole)
      if said and not client:is_closing() then
        client:write(said)
      end
    end
  end)
end))

serving.run(listener:getsockname().port)
