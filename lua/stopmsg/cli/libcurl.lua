-- A remark about the libcurl in use.

local libcurl = {}

-- The newest version that passed all specs; docs/install.md lists the others.
libcurl.newest_tried = "8.23.0"

-- Turns "8.14.1-DEV" into one comparable number.
local function number(version)
  local major, minor, patch = version:match("^(%d+)%.(%d+)%.?(%d*)")
  return major and (major * 1000 + minor) * 1000 + (tonumber(patch) or 0) or 0
end

-- line = libcurl.remark(version), or nil.
function libcurl.remark(version)
  if number(version) > number(libcurl.newest_tried) then
    return ("libcurl %s is newer than any version tested with stopmsg (%s)"):format(version,
      libcurl.newest_tried)
  end
  return nil
end

-- line = libcurl.transport(name, version): what carries requests.
function libcurl.transport(name, version)
  return name == "http1" and ("requests: HTTP/1.1 of its own, connections: libcurl " .. version)
    or "requests and connections: libcurl " .. version
end

return libcurl
