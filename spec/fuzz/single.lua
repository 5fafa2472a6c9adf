-- What the core takes for a usual answer about one id, against the reading of all others.
--
-- Input: a line of the reading's number and the id, then the body.

local judge = require("spec.support.usual")

local cases = judge.cases()

return function(data)
  local number, id, body = data:match("^(%d+) ([^\n]+)\n(.*)$")
  if number then
    judge.check(cases[tonumber(number) % #cases + 1], id, body)
  end
end
