-- Bodies as servers code them, made by Python's zlib.

local coded = {}

local SCRIPT = [[
import sys, zlib
coding, level = sys.argv[1], int(sys.argv[2])
bits = {"gzip": 31, "zlib": 15, "raw": -15}[coding]
made = zlib.compressobj(level, zlib.DEFLATED, bits)
data = bytes.fromhex(sys.stdin.read())
sys.stdout.write((made.compress(data) + made.flush()).hex())
]]

local function to_hex(s)
  return (s:gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end))
end

local function of_hex(s)
  return (s:gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

local made = {}

-- bytes = coded.make("gzip", "zlib" or "raw", text, level); level 0 does not compress
function coded.make(coding, text, level)
  local key = coding .. " " .. (level or 9) .. " " .. text
  if not made[key] then
    local input, script = os.tmpname(), os.tmpname()
    local file = assert(io.open(input, "w"))
    file:write(to_hex(text))
    file:close()
    file = assert(io.open(script, "w"))
    file:write(SCRIPT)
    file:close()
    local pipe = assert(io.popen(("python3 '%s' %s %d <'%s'"):format(script, coding, level or 9,
      input)))
    made[key] = of_hex(pipe:read("*a"))
    pipe:close()
    os.remove(input)
    os.remove(script)
  end
  return made[key]
end

return coded
