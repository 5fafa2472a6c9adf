local cli = require("spec.support.cli")
local core = require("stopmsg.core")
local libcurl = require("stopmsg.cli.libcurl")
local markdown = require("spec.support.markdown")
local stopmsg = require("stopmsg")

local NEWEST = libcurl.newest_tried

describe("stopmsg.cli.libcurl", function()
  it("says nothing of what was tried, nor of what is older", function()
    for _, version in ipairs({ NEWEST, NEWEST .. "-DEV", "7.68.0", "7.88.1", "8.9.9", "8.14.1" }) do
      assert.is_nil(libcurl.remark(version), version)
    end
  end)

  it("names one that is newer than any that was tried", function()
    for _, version in ipairs({ "8.99.0", "8.99", "9.0.0", "10.0.0-DEV", NEWEST .. "9" }) do
      assert.equal(("libcurl %s is newer than any version tested with stopmsg (%s)"):format(version,
        NEWEST), libcurl.remark(version))
    end
  end)

  it("is asked by --version", function()
    local told = core.curl
    finally(function()
      core.curl = told
    end)
    for version, line in pairs({
      ["7.88.1"] = "",
      ["9.1.0"] = libcurl.remark("9.1.0") .. "\n",
    }) do
      core.curl = version
      assert.same({ 0, "stopmsg " .. stopmsg._VERSION .. "\n"
        .. libcurl.transport(core.transport, version) .. "\n" .. line, "" },
        { cli.run({ "--version" }) })
    end
  end)

  it("says what carries requests", function()
    assert.equal("requests: HTTP/1.1 of its own, connections: libcurl 7.88.1",
      libcurl.transport("http1", "7.88.1"))
    assert.equal("requests and connections: libcurl 7.81.0",
      libcurl.transport("libcurl", "7.81.0"))
  end)

  it("knows the newest one of docs/install.md", function()
    local page, versions = markdown.read("docs/install.md"), {}
    for _, row in ipairs(markdown.rows(page, "libcurl")) do
      versions[row[1]:match("%d[%d.]*")] = true
    end
    assert.is_true(versions[NEWEST])
    for version in pairs(versions) do
      assert.is_nil(libcurl.remark(version), version)
    end
  end)
end)
