-- With STOPMSG_TRANSPORT=libcurl specs run on libcurl where they do not say what carries requests.
-- Programs that specs start know nothing of it, but for those that require this file.

local core = require("stopmsg.core")

-- What it is where nobody says it.
local usual = core.transport

local transport = os.getenv("STOPMSG_TRANSPORT")
if transport then
  local engine = core.engine
  core.transport = transport
  core.engine = function(options)
    if type(options) == "table" and options.transport == nil then
      options.transport = transport
    end
    return engine(options)
  end
end

return { usual = usual }
