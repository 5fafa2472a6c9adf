-- What to say of the libcurl in use.

local libcurl = {}

-- The newest one that all specs passed on; docs/install.md has the others.
libcurl.newest_tried = "8.23.0"

-- The numbers of "8.14.1-DEV" in one, to be compared.
local function number(version)
  local major, minor, patch = version:match("^(%d+)%.(%d+)%.?(%d*)")
  return major and (major * 1000 + minor) * 1000 + (tonumber(patch) or 0) or 0
end

-- line = libcurl.remark(version): nil where there is nothing to say.
function libcurl.remark(version)
  if number(version) > number(libcurl.newest_tried) then
    return ("libcurl %s is newer than any that stopmsg was tried with (%s)"):format(version,
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
