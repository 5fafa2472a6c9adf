-- docs/providers.md against the definitions, the kept facts and the pinned clients.

local files = require("spec.support.files")
local page = require("tools.providers")

describe("docs/providers.md", function()
  it("is what `make pages` makes of the definitions and facts", function()
    assert.equal(page.made(), files.read(page.page))
  end)
end)
