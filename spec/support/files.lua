-- Files of specs: read and written whole, and a folder for those that come and go.

local files = {}

function files.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- Gives the path.
function files.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
  return path
end

-- paths = files.list(folder): of the files in it.
function files.list(folder)
  local pipe = assert(io.popen("ls -d '" .. folder .. "'/*"))
  local paths = {}
  for path in pipe:lines() do
    paths[#paths + 1] = path
  end
  pipe:close()
  return paths
end

-- path = files.folder(): a new one, for files.remove.
function files.folder()
  local pipe = assert(io.popen("mktemp -d"))
  local path = assert(pipe:read("*l"), "mktemp made no folder")
  pipe:close()
  return path
end

function files.remove(folder)
  os.execute("rm -r '" .. folder .. "'")
end

return files
