std = "min" -- only what every supported Lua has
max_line_length = 100
include_files = {
  "bin/stopmsg", "lua/**/*.lua", "spec/**/*.lua", "examples/**/*.lua", "bench/**/*.lua",
  "tools/*.lua", "*.rockspec", ".busted", ".luacheckrc",
}
files["spec/fuzz"].std = "lua54" -- the one that is linked in
files["spec"].std = "+busted"
files["spec/fuzz/replay.lua"].std = "lua54+busted"
files["lua/stopmsg/compat.lua"].std = "max"
files["lua/stopmsg/types.lua"].max_line_length = false
files["examples/openresty"].std = "ngx_lua"
files["bench/nginx"].std = "ngx_lua"
