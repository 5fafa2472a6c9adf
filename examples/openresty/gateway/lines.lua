-- The lines of a text, or of a file that is read block by block: never as a whole.

local lines = {}

local BLOCK = 65536
local LONGEST = 256 -- bytes of a line; no id is longer
local SLICE = 5000 -- lines that are counted in one go, a millisecond or two

-- next_block = blocks(body): body is { text = … } or { path = … }
local function blocks(body)
  if body.text then
    local text = body.text
    return function()
      local block = text
      text = nil
      return block
    end
  end
  local file = assert(io.open(body.path, "rb"))
  return function()
    return file:read(BLOCK)
  end
end

-- next_line = lines.of(body): iterator of a line and its number, without white space at the ends;
-- blank lines and comments (#) are left out. A line that is too long comes cut, and is the last.
function lines.of(body)
  local next_block = blocks(body)
  local rest, from, number = "", 1, 0
  return function()
    while rest do
      local newline = rest:find("\n", from, true)
      local line
      if newline then
        line = rest:sub(from, newline - 1)
        from = newline + 1
      elseif #rest - from >= 2 * LONGEST then
        line = rest:sub(from, from + 2 * LONGEST)
        rest = nil
      else
        local block = next_block()
        if block then
          rest = rest:sub(from) .. block
          from = 1
        else
          line = rest:sub(from)
          rest = nil
        end
      end
      if line then
        number = number + 1
        line = line:match("^%s*(.-)%s*$")
        if line ~= "" and line:byte() ~= 35 then
          return line, number
        end
      end
    end
  end
end

-- count = lines.count(body, most) | nil, what is wrong, "too_many" where there are more than that
function lines.count(body, most)
  local count = 0
  for line, number in lines.of(body) do
    if #line > LONGEST then
      return nil, ("line %d is longer than %d bytes"):format(number, LONGEST)
    elseif line:find("[^\32-\126]") then
      return nil, ("line %d is not printable ASCII"):format(number)
    end
    count = count + 1
    if count > most then
      return nil, ("more than %d ids"):format(most), "too_many"
    elseif count % SLICE == 0 then
      ngx.sleep(0.001) -- other requests have their turn
    end
  end
  return count
end

return lines
