-- How long a list is, and what is none; lines of a file.

local source = require("stopmsg.run.source")

describe("stopmsg.run.source.length", function()
  local function list(count)
    local made = {}
    for i = 1, count do
      made[i] = "id"
    end
    return made
  end

  it("is the last place of a list, whatever its length", function()
    for _, count in ipairs({ 0, 1, 2, 1023, 1024, 1025, 2048, 5000 }) do
      assert.equal(count, (source.length(list(count))))
    end
  end)

  it("counts holes, and places that are filled in any order", function()
    local made = list(3000)
    made[1500], made[2] = nil, nil
    assert.equal(3000, (source.length(made)))
    made = {}
    for i = 2000, 1, -1 do
      made[i] = "id"
    end
    assert.equal(2000, (source.length(made)))
  end)

  it("lets others run while it counts", function()
    local pauses = 0
    source.length(list(5000), function()
      pauses = pauses + 1
    end)
    assert.equal(4, pauses)
  end)

  for _, key in ipairs({ "name", 1.5, 0, -1, math.huge, -math.huge, true }) do
    it("finds the key " .. tostring(key), function()
      for _, count in ipairs({ 0, 3, 3000 }) do
        local made = list(count)
        made[key] = "id"
        local length, message = source.length(made)
        assert.is_nil(length)
        assert.equal(("expected a list of ids, but the table has the key %s"):format(
          require("stopmsg.text").quote(key)), message)
      end
    end)
  end

  it("refuses a list of holes, however far its last place is", function()
    for _, place in ipairs({ 100, 2 ^ 31, 2 ^ 53, 2 ^ 60, 1e300 }) do
      local made = list(3)
      made[place] = "id"
      local length, message = source.length(made)
      assert.is_nil(length)
      assert.equal(("expected a list of ids, but only 4 of %.0f places are filled"):format(place),
        message)
    end
  end)
end)

describe("stopmsg.run.source.file", function()
  local function lines(file)
    local fill, chunk, all, is_over = source.file(file), {}, {}, false
    while not is_over do
      is_over = fill(chunk, 3)
      for i = 1, chunk.n do
        all[#all + 1] = chunk[i]
      end
    end
    file:close()
    return all
  end

  local function of(content)
    local file = assert(io.tmpfile())
    file:write(content)
    file:seek("set")
    return lines(file)
  end

  it("gives each line as it is, with NUL in it, too", function()
    assert.same({ "1\0002", "3", "\0x", "4\0", "5" }, of("1\0002\n3\n\n\0x\r\n4\0\n5"))
    assert.same({}, of(""))
    assert.same({}, of("\n\n"))
    local long = ("a"):rep(10000)
    assert.same({ long, "b", long }, of(long .. "\n\r\nb\n" .. long))
  end)

  it("gives the lines of a pipe as they come", function()
    local file = assert(io.popen([[printf '1\0002\n3\nlast']]))
    assert.same({ "1\0002", "3", "last" }, lines(file))
  end)
end)
