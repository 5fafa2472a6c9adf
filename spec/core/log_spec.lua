-- The file of a journal: appended to, locked, and whole or not there.

local native = require("stopmsg.command")
local cli = require("spec.support.cli")

describe("stopmsg.command.log", function()
  local path

  before_each(function()
    path = cli.file("one\n")
  end)

  after_each(function()
    os.remove(path)
  end)

  it("appends, reads, cuts and knows its size", function()
    local log = assert(native.log(path))
    assert.equal(4, log:size())
    assert.is_true(log:append("two\n"))
    assert.is_true(log:sync())
    assert.equal(8, log:size())
    assert.equal("e\ntw", log:read(2, 4))
    assert.equal("", log:read(8, 100))
    assert.is_true(log:cut(5))
    log:append("3")
    log:close()
    assert.equal("one\nt3", cli.read(path))
  end)

  it("is made for its owner alone", function()
    os.remove(path)
    native.log(path):close()
    local pipe = io.popen("stat -c %a " .. path)
    assert.equal("600\n", pipe:read("*a"))
    pipe:close()
  end)

  it("is held by one at a time", function()
    local log = assert(native.log(path))
    assert.same({ nil, "another run holds it" }, { native.log(path) })
    log:close()
    assert.truthy(native.log(path))
  end)

  it("is a regular file", function()
    for _, other in ipairs({ "/dev/null", "/", "/nowhere/log" }) do
      local log, message = native.log(other)
      assert.is_nil(log)
      assert.string(message)
    end
  end)

  it("can be closed twice, and is then of no use", function()
    local log = assert(native.log(path))
    log:close()
    log:close()
    assert.has_error(function()
      log:append("x")
    end, "attempt to use a closed log")
    for _, offset in ipairs({ -1, 5 }) do
      assert.has_error(function()
        assert(native.log(path)):cut(offset)
      end)
    end
  end)

  it("knows one file under two names", function()
    local other = cli.file("")
    assert.is_true(native.same_file(path, path:gsub("/([^/]*)$", "/./%1")))
    assert.is_false(native.same_file(path, other))
    assert.is_false(native.same_file(path, "/nowhere"))
    os.remove(other)
  end)
end)
