-- The stop gateway of examples/openresty for specs, on a real nginx.

local files = require("spec.support.files")
local http10 = require("spec.support.http10")
local json = require("stopmsg.json")
local nginx = require("spec.support.nginx")
local patience = require("spec.support.patience")
local uv = require("luv")

local gateway = {}

local FOLDER = uv.cwd() .. "/examples/openresty"

-- The shipped configuration, on a port of the kernel's, with its files elsewhere and two workers.
function gateway.start(environment, workers)
  local config = files.read(FOLDER .. "/nginx.conf")
  for _, change in ipairs({
    { "127%.0%.0%.1:8080", "127.0.0.1:$port" },
    { "worker_processes auto", "worker_processes " .. (workers or 2) },
    { "%$prefix", FOLDER },
    { " run/nginx%.pid", " $dir/pid" },
    { " run/(%w+)", " $dir/%1" },
  }) do
    local count
    config, count = config:gsub(change[1], change[2])
    assert(count > 0, change[1])
  end
  return nginx.start({ config = config, environment = environment })
end

function gateway.decode_lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    list[#list + 1] = assert(json.decode(line))
  end
  return list
end

-- The metrics, as series -> number, and their text.
function gateway.metrics(started)
  local text = http10.ask(started.port, "GET", "/metrics").body
  local series = {}
  for name, value in text:gmatch("stop_gateway_(%S+) (%S+)") do
    series[name] = tonumber(value) or series[name]
  end
  return series, text
end

-- Waits until the metric has that value: all of them.
function gateway.await(started, name, value)
  return patience.until_(function()
    local series = gateway.metrics(started)
    return series[name] == value and series
  end, name .. " to be " .. value)
end

-- The ids of its two processes, as soon as they are there.
function gateway.workers_of(started)
  local path = ("/proc/%d/task/%d/children"):format(started.pid, started.pid)
  local list
  repeat
    list = {}
    for pid in files.read(path):gmatch("%d+") do
      list[#list + 1] = tonumber(pid)
    end
  until #list == 2
  return list
end

-- Stops a process until it is told to go on.
function gateway.freeze(pid)
  uv.kill(pid, "sigstop")
  while not files.read(("/proc/%d/stat"):format(pid)):find("%) T ") do
    http10.sleep(0.001)
  end
end

return gateway
