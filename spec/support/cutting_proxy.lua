-- A proxy that cuts its first connection, and passes on all others:
--
--     lua cutting_proxy.lua PORT AFTER
--
-- to 127.0.0.1:PORT. AFTER so many bytes from the client were passed on or, for `reply`, in
-- place of the first bytes from the server. Its first line is its own port.

local serving = require("spec.support.serving")
local uv = require("luv")

local port, after = tonumber(arg[1]), tonumber(arg[2])
local has_cut = false

local listener = uv.new_tcp()
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(16, function()
  local client, target = uv.new_tcp(), uv.new_tcp()
  local is_first, passed = not has_cut, 0
  has_cut = true
  listener:accept(client)
  local function close()
    for _, handle in ipairs({ client, target }) do
      if not handle:is_closing() then
        handle:close()
      end
    end
  end
  target:connect("127.0.0.1", port, function()
    client:read_start(function(_, bytes)
      if not bytes then
        return close()
      end
      local whole = #bytes
      if is_first and after then
        bytes = bytes:sub(1, after - passed)
      end
      passed = passed + #bytes
      -- What was passed on leaves before the connection is closed.
      target:write(bytes, function()
        if #bytes < whole or passed == after then
          close()
        end
      end)
    end)
    target:read_start(function(_, bytes)
      if not bytes or (is_first and not after) then
        return close()
      end
      client:write(bytes)
    end)
  end)
end))

serving.run(listener:getsockname().port)
