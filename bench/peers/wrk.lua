-- What wrk sends: a DELETE for one id after the other of the file named.

wrk.method = "DELETE" -- luacheck: ignore

local paths, at = {}, 0

function init(arguments) -- luacheck: ignore
  for id in io.lines(arguments[1]) do
    paths[#paths + 1] = wrk.path .. id -- luacheck: ignore
  end
end

function request() -- luacheck: ignore
  at = at % #paths + 1
  return wrk.format(nil, paths[at]) -- luacheck: ignore
end
