-- Runs what examples/ and docs/ show: a folder of its own, with the command on its PATH, against a
-- sandbox.

local server = require("spec.support.server")
local uv = require("luv")

local examples = {}

local Place = {}
Place.__index = Place

function examples.contents(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- What a program in another folder needs to find this tree's modules.
local function absolute(paths)
  local list = {}
  for path in paths:gmatch("[^;]+") do
    list[#list + 1] = path:sub(1, 1) == "/" and path or uv.cwd() .. "/" .. path:gsub("^%./", "")
  end
  return table.concat(list, ";")
end

-- A folder that goes with stop(); `files` are put there: name -> contents. Without a sandbox it has
-- one of its own.
function examples.open(files, sandbox)
  local self = setmetatable({
    dir = assert(uv.fs_mkdtemp((os.getenv("TMPDIR") or "/tmp") .. "/stopmsg-XXXXXX")),
    sandbox = sandbox or server.start(),
    _has_own = not sandbox,
    root = uv.cwd(),
  }, Place)
  for name, text in pairs(files or {}) do
    self:write(name, text)
  end
  self:write("bin/stopmsg", ("#!/bin/sh\nexec %s %s \"$@\"\n"):format(server.interpreter(),
    quote(self.root .. "/bin/stopmsg")))
  assert(uv.fs_chmod(self.dir .. "/bin/stopmsg", 448))
  return self
end

function Place:write(name, text)
  local folder = name:match("^(.*)/")
  if folder then
    uv.fs_mkdir(self.dir .. "/" .. folder, 448)
  end
  local file = assert(io.open(self.dir .. "/" .. name, "wb"))
  file:write(text)
  file:close()
end

function Place:read(name)
  return examples.contents(self.dir .. "/" .. name)
end

-- code, stdout, stderr of a line of shell in this folder; $lua is the interpreter, $examples where
-- the examples are.
function Place:run(line, token)
  local script = ([[
    cd %s || exit 99
    PATH=$PWD/bin:$PATH lua=%s examples=%s
    LUA_PATH=%s LUA_CPATH=%s
    STOPMSG_TOKEN=%s STOPMSG_BASE_URL=%s
    unset LUA_INIT LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 LUA_PATH_5_5
    unset LUA_CPATH_5_2 LUA_CPATH_5_3 LUA_CPATH_5_4 LUA_CPATH_5_5
    export PATH LUA_PATH LUA_CPATH STOPMSG_TOKEN STOPMSG_BASE_URL lua examples
    ( %s
    ) >out 2>err </dev/null
    echo $? >code
  ]]):format(quote(self.dir), server.interpreter(), quote(self.root .. "/examples"),
    quote(absolute("lua/?.lua;lua/?/init.lua;./?.lua;" .. package.path)),
    quote(absolute(package.cpath)), token or "sandbox", self.sandbox.url, line)
  local pipe = assert(io.popen(script))
  pipe:read("*a")
  pipe:close()
  return tonumber(self:read("code")), self:read("out"), self:read("err")
end

function Place:stop()
  if self._has_own then
    self.sandbox:stop()
  end
  os.execute("rm -rf " .. quote(self.dir))
end

return examples
