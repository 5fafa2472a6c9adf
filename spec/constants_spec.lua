-- The first variable of a `for` is a constant since Lua 5.5, which refuses to compile an assignment
-- to it. Lua 5.4 does the same for a local that is marked; the others cannot tell.

if _VERSION < "Lua 5.4" then
  return
end

local examples = require("spec.support.examples")

-- The source with the first variable of each loop marked.
local function marked(source)
  local mark = "%1%2%3 local %2 <const> = %2 "
  return (source:gsub("(%f[%w_]for%s+)([%w_]+)(%s*=.-%sdo)%f[%W]", mark)
    :gsub("(%f[%w_]for%s+)([%w_]+)(,[%w_,%s]-%sin%s.-%sdo)%f[%W]", mark)
    :gsub("(%f[%w_]for%s+)([%w_]+)(%s+in%s.-%sdo)%f[%W]", mark))
end

describe("no loop's first variable is assigned to", function()
  local pipe = assert(io.popen("find bench examples lua spec -type f -name '*.lua'"))
  local paths = { "bin/stopmsg" }
  for path in pipe:lines() do
    paths[#paths + 1] = path
  end
  pipe:close()

  it("in any file of this tree", function()
    for _, path in ipairs(paths) do
      local source = examples.contents(path):gsub("^#![^\n]*", "")
      assert(load(_VERSION == "Lua 5.4" and marked(source) or source, "@" .. path))
    end
  end)

  it("and an assignment would be seen", function()
    for _, source in ipairs({
      "for i = 1, 2 do i = 3 end", "for a, b in f() do\n  a = 1\nend",
      "for a in g({\n  1,\n}) do\n  a = 1\nend",
    }) do
      assert.is_truthy(load(source) == nil or not load(marked(source)))
    end
  end)
end)
