-- Bodies as servers code them, made and read by Python's zlib.

local python = require("spec.support.python")

local coded = {}

-- A line for each text, which comes with a level: what it is coded as, or what is coded in it, in
-- hex digits; "broken" for what is no complete text of that coding.
local SCRIPT = [[
import sys, zlib
what, coding = sys.argv[1:3]
def make(data, level):
    bits = {"gzip": 31, "zlib": 15, "raw": -15}[coding]
    made = zlib.compressobj(level, zlib.DEFLATED, bits)
    return made.compress(data) + made.flush()
def one(data, bits):
    read = zlib.decompressobj(bits)
    text = read.decompress(data) + read.flush()
    if not read.eof:
        raise zlib.error("its end is missing")
    return text, read.unused_data
def read(data, _):
    if coding == "gzip":
        text, rest = one(data, 31)
        while rest:
            more, rest = one(rest, 31)
            text += more
        return text
    is_zlib = (len(data) > 1 and data[0] & 15 == 8 and data[0] >> 4 < 8 and not data[1] & 32
        and (data[0] * 256 + data[1]) % 31 == 0)
    text, rest = one(data, 15 if is_zlib else -15)
    if rest:
        raise zlib.error("something follows")
    return text
for line in sys.stdin.read().split("\n")[:-1]:
    level, digits = line.split(" ")
    try:
        print((make if what == "make" else read)(bytes.fromhex(digits), int(level)).hex())
    except zlib.error:
        print("broken")
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

local function write(text)
  local name = os.tmpname()
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
  return name
end

-- Its lines for these texts, each { text, level }.
local function run(what, coding, texts)
  local lines = {}
  for i, text in ipairs(texts) do
    lines[i] = ("%d %s\n"):format(text[2], to_hex(text[1]))
  end
  local input, script = write(table.concat(lines)), write(SCRIPT)
  local pipe = assert(io.popen(("'%s' '%s' %s %s <'%s'"):format(python, script, what,
    coding, input)))
  local results = {}
  for line in pipe:lines() do
    results[#results + 1] = line
  end
  pipe:close()
  os.remove(input)
  os.remove(script)
  assert(#results == #texts, "Python's zlib is missing")
  return results
end

local made = {} -- by coding, level and text

local function key_of(coding, text, level)
  return ("%s %d "):format(coding, level) .. text
end

-- Makes all of these at once, for coded.make().
function coded.prepare(coding, texts, levels)
  local list = {}
  for _, text in ipairs(texts) do
    for _, level in ipairs(levels) do
      if not made[key_of(coding, text, level)] then
        list[#list + 1] = { text, level }
      end
    end
  end
  for i, line in ipairs(#list > 0 and run("make", coding, list) or {}) do
    made[key_of(coding, list[i][1], list[i][2])] = of_hex(line)
  end
end

-- bytes = coded.make("gzip", "zlib" or "raw", text, level); level 0 does not compress
function coded.make(coding, text, level)
  level = level or 9
  coded.prepare(coding, { text }, { level })
  return made[key_of(coding, text, level)]
end

-- texts = coded.read("gzip" or "deflate", list): what is coded in each, false where it is broken
function coded.read(coding, list)
  local lines = {}
  for i, bytes in ipairs(list) do
    lines[i] = { bytes, 0 }
  end
  local texts = run("read", coding, lines)
  for i, line in ipairs(texts) do
    texts[i] = line ~= "broken" and of_hex(line)
  end
  return texts
end

return coded
