-- A real nginx for specs, with this tree on its Lua paths, on a port that the kernel chooses: the
-- one in NGINX_BINARY, with its Lua module in it, or else the system's.

local files = require("spec.support.files")
local server = require("spec.support.server")
local uv = require("luv")

local nginx = {}

local BINARIES = {
  "/usr/sbin/nginx", "/usr/local/openresty/nginx/sbin/nginx", "/usr/local/sbin/nginx",
}
-- Modules of their own on Debian, part of the program in OpenResty.
local MODULES = "/usr/lib/nginx/modules/"

local function is_there(path)
  return uv.fs_stat(path) ~= nil
end

-- Whether specs with nginx run on this Lua: its Lua is LuaJIT, and there is one to be tested.
function nginx.is_due()
  return rawget(_G, "jit") ~= nil
end

local function binary()
  local named = os.getenv("NGINX_BINARY")
  if named and named ~= "" then
    return named
  end
  for _, path in ipairs(BINARIES) do
    if is_there(path) then
      return path
    end
  end
  error("needs nginx with its Lua module (Debian: nginx-light, libnginx-mod-http-lua)")
end

-- Whether its Lua module has this directive; older ones lack some.
function nginx.knows(directive)
  local module = MODULES .. "ngx_http_lua_module.so"
  local place = not os.getenv("NGINX_BINARY") and is_there(module) and module or binary()
  return files.read(place):find(directive .. "\0", 1, true) ~= nil
end

-- package.path or package.cpath with absolute names: nginx changes its directory.
local function absolute(path)
  local here = uv.cwd()
  return (path:gsub("[^;]+", function(entry)
    return entry:find("^/") and entry or here .. "/" .. entry
  end))
end

local TEMPLATE = [[
$modules
daemon off;
worker_processes $workers;
user $user;
pid $dir/pid;
error_log $dir/error.log $level;
env STOPMSG_TRANSPORT;
$main
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi;
  scgi_temp_path $dir/scgi;
  lua_package_path "$path;;";
  lua_package_cpath "$cpath;;";
  $http
  server {
    listen 127.0.0.1:$port$listen;
    $server
  }
}
]]

-- What a configuration of one's own needs to run here.
local PREAMBLE = [[
$modules
daemon off;
user $user;
]]

local function remove(path)
  local entries = uv.fs_scandir(path)
  for name, kind in function() return uv.fs_scandir_next(entries) end do
    if kind == "directory" then
      remove(path .. "/" .. name)
    else
      uv.fs_unlink(path .. "/" .. name)
    end
  end
  uv.fs_rmdir(path)
end

local Nginx = {}
Nginx.__index = Nginx

-- What it wrote to its error log until now, or until it ended.
function Nginx:log()
  return self._log or files.read(self.dir .. "/error.log")
end

-- Ends it at once and removes its files, but keeps the log: exit code, signal.
function Nginx:stop()
  local code, signal = self._child:stop()
  if not self._log then
    self._log = self:log()
    remove(self.dir)
  end
  return code, signal
end

-- "sighup" loads the configuration anew, "sigquit" ends it when its requests are done.
function Nginx:kill(signal)
  self._child:kill(signal)
end

-- Waits for it to end by itself: whether it did.
function Nginx:has_ended()
  return server.wait(function() return self._child.code ~= nil end) and true
end

-- nginx.start(options): waits until it serves.
-- options: server, http, main (configuration of these levels; $dir and $port are its own), workers
-- (1), listen ("ssl"), level (of the log, "notice"), environment (variables, by name). Or config, a
-- whole configuration, which has to listen on 127.0.0.1:$port and to write $dir/pid and
-- $dir/error.log; the Lua paths are in its environment.
-- Gives { url, port, pid, dir, log(), stop(), kill(signal), has_ended() }.
function nginx.start(options)
  -- It inherits a socket that listens already: no other process can take the port in between, and
  -- nobody has to wait until it serves.
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  assert(socket:listen(511, function() end))
  local values = {
    port = socket:getsockname().port,
    dir = assert(uv.fs_mkdtemp((os.getenv("TMPDIR") or "/tmp") .. "/stopmsg-nginx-XXXXXX")),
    user = uv.os_get_passwd().username,
    path = absolute((os.getenv("STOPMSG_TRANSPORT") and "spec/support/over/?.lua;" or "")
      .. "lua/?.lua;lua/?/init.lua;./?.lua;" .. package.path),
    cpath = absolute(package.cpath),
    workers = options.workers or 1,
    level = options.level or "notice",
    main = options.main or "",
    http = options.http or "",
    server = options.server or "",
    listen = options.listen and " " .. options.listen or "",
    modules = "",
  }
  for _, module in ipairs({ "ndk_http_module.so", "ngx_http_lua_module.so" }) do
    if is_there(MODULES .. module) and not os.getenv("NGINX_BINARY") then
      values.modules = values.modules .. "load_module " .. MODULES .. module .. ";\n"
    end
  end
  -- Twice, because the parts that are put in name $dir and $port, too. nginx's own variables stay.
  local template = options.config and PREAMBLE .. options.config or TEMPLATE
  local config = template:gsub("%$([%w_]+)", values):gsub("%$([%w_]+)", {
    dir = values.dir,
    port = values.port,
  })
  local path = values.dir .. "/nginx.conf"
  files.write(path, config)

  local environment = { NGINX = "3;", LUA_PATH = values.path, LUA_CPATH = values.cpath }
  for name, value in pairs(options.environment or {}) do
    environment[name] = value
  end
  -- Its log holds all that it says.
  local null = assert(uv.fs_open("/dev/null", "w", 0))
  local started, child = pcall(server.spawn, { binary(), "-p", values.dir, "-c", path,
    "-e", values.dir .. "/error.log" }, {
    environment = environment,
    stderr = null,
    descriptor = socket:fileno(),
    is_ready = function()
      return is_there(values.dir .. "/pid")
    end,
  })
  uv.fs_close(null)
  local is_closed = false
  socket:close(function()
    is_closed = true
  end)
  server.wait(function() return is_closed end)
  if not started then
    local log = values.dir .. "/error.log"
    local said = is_there(log) and files.read(log) or ""
    remove(values.dir)
    error(child .. "\n" .. said, 2)
  end
  return setmetatable({
    url = "http://127.0.0.1:" .. values.port,
    port = values.port,
    pid = child.pid,
    dir = values.dir,
    _child = child,
  }, Nginx)
end

-- nginx.start_tls(url, keys): in front of the server at `url`, which has no TLS nor HTTP/2, with
-- the certificate `good` of the folder `keys` (spec.support.certificates). As nginx.start.
function nginx.start_tls(url, keys)
  local self = nginx.start({
    listen = "ssl http2",
    level = "error",
    server = ([[
      ssl_certificate KEYS/good.pem;
      ssl_certificate_key KEYS/good.key;
      location / { proxy_pass URL; }
    ]]):gsub("KEYS", keys):gsub("URL", url),
  })
  self.url = self.url:gsub("^http", "https")
  return self
end

return nginx
