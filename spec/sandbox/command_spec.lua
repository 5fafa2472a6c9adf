-- The launcher and its first command.

local main = require("stopmsg.cli.main")
local server = require("spec.support.server")

-- A file to write to that keeps what was written.
local function sink()
  local file = { text = "" }
  function file:write(...)
    self.text = self.text .. table.concat({ ... })
    return self
  end
  function file.flush() end
  return file
end

local function run(...)
  local out, err = sink(), sink()
  local code = main({ ... }, { stdout = out, stderr = err })
  return code, out.text, err.text
end

describe("stopmsg.cli.main", function()
  it("prints help and returns 0", function()
    for _, argv in ipairs({ { "--help" }, { "-h" } }) do
      local code, out, err = run((table.concat(argv)))
      assert.equal(0, code)
      assert.truthy(out:find("sandbox", 1, true))
      assert.equal("", err)
    end
  end)

  local wrong = {
    { "without a command" },
    { "with an unknown command", "sandbx" },
    { "with an unknown option", "sandbox", "--prot", "1" },
    { "with an option without its value", "sandbox", "--port" },
    { "with a port out of range", "sandbox", "--port", "65536" },
    { "with a port that is none", "sandbox", "--port", "http" },
    { "with a delay that is none", "sandbox", "--delay", "soon" },
    { "with a log that cannot be written", "sandbox", "--log", "/nowhere/log" },
    { "with an argument too many", "sandbox", "8080" },
  }
  for _, case in ipairs(wrong) do
    it("returns 2 with one line on stderr " .. case[1], function()
      local code, out, err = run(case[2], case[3], case[4])
      assert.equal(2, code)
      assert.equal("", out)
      assert.truthy(err:find("^stopmsg[^\n]+\n$"), err)
    end)
  end

  it("tells what to install where argparse is missing", function()
    local searched = package.loaded.argparse
    package.loaded.argparse = nil
    package.preload.argparse = function()
      error("missing")
    end
    local code, _, err = run("sandbox")
    package.preload.argparse = nil
    package.loaded.argparse = searched
    assert.equal(1, code)
    assert.truthy(err:find("lua-argparse", 1, true))
  end)
end)

describe("stopmsg sandbox", function()
  it("explains tokens and fates in its help", function()
    local code, out = run("sandbox", "--help")
    assert.equal(0, code)
    assert.truthy(out:find(require("stopmsg.sandbox").about(), 1, true))
    assert.truthy(out:find("--until-eof", 1, true))
  end)

  it("tells what to install where luv is missing", function()
    local luv = package.loaded.luv
    package.loaded.luv = nil
    package.preload.luv = function()
      error("missing")
    end
    local code, _, err = run("sandbox")
    package.preload.luv = nil
    package.loaded.luv = luv
    assert.equal(1, code)
    assert.truthy(err:find("lua-luv", 1, true))
  end)

  it("serves until its stdin ends", function()
    local child = server.spawn({
      server.interpreter(), "-e",
      'os.exit(require("stopmsg.cli.main")({ "sandbox", "--delay", "0.01", "--until-eof" }))',
    })
    assert.truthy(child.first_line:find("^sandbox listening on http://127%.0%.0%.1:%d+$"))
    assert.equal(0, (child:end_input()))
  end)
end)
