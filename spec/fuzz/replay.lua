-- Each input of spec/fuzz/corpus, as the fuzzer hands it to its target: what a target raises is a
-- fault. `make test` runs this with sanitizers.

local files = require("spec.support.files")

for _, folder in ipairs(files.list("spec/fuzz/corpus")) do
  insulate("the target of " .. folder, function()
    it("takes each", function()
      local take = require("spec.fuzz." .. folder:match("[^/]+$"))
      for _, path in ipairs(files.list(folder)) do
        local ok, message = xpcall(take, debug.traceback, files.read(path))
        assert.is_true(ok, path .. ": " .. tostring(message))
      end
    end)
  end)
end
