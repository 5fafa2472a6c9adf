-- The part of lua-resty-redis that shared rates use, for nginx in specs: Debian's package of it
-- needs another nginx than the one that is tested.

local redis = { _VERSION = "0.29" }

local Redis = setmetatable({}, {
  -- Every name is a command, as there.
  __index = function(_, name)
    return function(self, ...)
      local parts = { ("*%d\r\n$%d\r\n%s\r\n"):format(select("#", ...) + 1, #name, name) }
      for _, word in ipairs({ ... }) do
        word = tostring(word)
        parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
      end
      local sent, err = self._sock:send(table.concat(parts))
      if not sent then
        return nil, err
      end
      return self:read_reply()
    end
  end,
})

function redis.new()
  return setmetatable({ _sock = package.loaded.ngx.socket.tcp() }, { __index = Redis })
end

function Redis:set_timeout(milliseconds)
  return self._sock:settimeout(milliseconds)
end

function Redis:connect(host, port, options)
  return self._sock:connect(host, port, { pool = options.pool, pool_size = options.pool_size })
end

function Redis:get_reused_times()
  return self._sock:getreusedtimes()
end

function Redis:set_keepalive(...)
  return self._sock:setkeepalive(...)
end

function Redis:close()
  return self._sock:close()
end

function Redis:read_reply()
  local line, err = self._sock:receive()
  if not line then
    return nil, err
  end
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "-" then
    return false, rest
  elseif kind == ":" then
    return tonumber(rest)
  elseif kind == "*" then
    local list = {}
    for i = 1, tonumber(rest) do
      list[i] = self:read_reply()
    end
    return list
  elseif kind == "$" then
    local bytes = self._sock:receive(tonumber(rest) + 2)
    return bytes and bytes:sub(1, -3)
  end
  return rest
end

return redis
