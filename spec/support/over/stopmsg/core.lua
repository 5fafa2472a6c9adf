-- stopmsg.core for an nginx of specs that run on another transport than the usual one: this folder
-- stands first on its path then.

-- luacheck: globals package.searchpath
local file = assert(package.searchpath("stopmsg.core", package.cpath))
package.loaded["stopmsg.core"] = assert(package.loadlib(file, "luaopen_stopmsg_core"))()
require("spec.support.transport")
return package.loaded["stopmsg.core"]
