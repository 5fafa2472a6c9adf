std = "min" -- only what every supported Lua has
max_line_length = 100
include_files = {
  "bin", "lua", "spec", "examples", "bench", "fuzz", "*.rockspec", ".busted", ".luacheckrc",
}
exclude_files = { "**/*.py" }
files["spec"].std = "+busted"
files["lua/stopmsg/compat.lua"].std = "max"
files["lua/stopmsg/types.lua"].max_line_length = false
