local native = require("stopmsg.command")
local scratch = require("stopmsg.cli.scratch")

-- What a pipe gives is read twice, from wherever it is kept.
describe("stopmsg.cli.scratch", function()
  local made = native.scratch

  after_each(function()
    native.scratch = made
  end)

  local function pipe(command)
    return assert(io.popen(command))
  end

  local function read_all(file, size)
    local parts = {}
    while true do
      local bytes = file:read(size)
      if not bytes then
        return table.concat(parts)
      end
      parts[#parts + 1] = bytes
    end
  end

  local function variable(value)
    return function(name)
      return name == "TMPDIR" and value or nil
    end
  end

  it("is what can be read again by itself", function()
    local file = io.tmpfile()
    assert.equal(file, (scratch.rewindable(file, variable())))
    file:close()
  end)

  it("is a file in the first folder that takes one, TMPDIR before the others", function()
    local tried = {}
    native.scratch = function(folder)
      tried[#tried + 1] = folder
      if folder == "/var/tmp" then
        return made("/tmp")
      end
      return nil, "no"
    end
    local from = pipe("printf 'a\\nb\\n'")
    local file, start = scratch.rewindable(from, variable("/elsewhere"))
    assert.same({ "/elsewhere", "/tmp", "/var/tmp" }, tried)
    for _ = 1, 2 do
      file:seek("set", start)
      assert.equal("a\nb\n", read_all(file, 3))
    end
    from:close()
  end)

  it("is in no folder's list", function()
    local log = assert(native.scratch("/tmp"))
    log:append("x")
    assert.equal("x", log:read(0, 10))
    local list = pipe("ls -A /tmp | grep -c '^stopmsg-.\\{6\\}$'; ls -l /proc/$PPID/fd | grep -c "
      .. "'/tmp/stopmsg-.* (deleted)'")
    list:read("*l")
    assert.is_true(tonumber(list:read("*l")) >= 1)
    list:close()
    log:close()
    assert.is_nil((native.scratch("/nowhere")))
  end)

  it("is memory where no folder takes a file, up to a limit", function()
    native.scratch = function()
      return nil, "no"
    end
    local from = pipe("seq 1 200000")
    local file, start = scratch.rewindable(from, variable())
    from:close()
    local first
    for _, size in ipairs({ 7, 4096, 100000 }) do
      file:seek("set", start)
      local all = read_all(file, size)
      first = first or all
      assert.equal(first, all)
    end
    assert.matches("^1\n2\n.*\n200000\n$", first)
    assert.equal(0, file:seek("set", 0))

    local most = scratch.MAX_HELD
    scratch.MAX_HELD = 100000
    from = pipe("seq 1 200000 2>/dev/null") -- its reader leaves
    local kept, message = scratch.rewindable(from, variable())
    from:close()
    scratch.MAX_HELD = most
    assert.is_nil(kept)
    assert.matches("TMPDIR", message)
  end)
end)
