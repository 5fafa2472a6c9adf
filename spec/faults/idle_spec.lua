-- A connection that the server ends while nobody uses it takes no request with it: the next one
-- goes over another, and that costs none of its attempts.

local certificates = require("spec.support.certificates")
local core = require("stopmsg.core")
local faults = require("spec.support.faults")
local stopmsg = require("stopmsg")

local PROVIDER = faults.providers[3]
local GOAWAY = faults.frame(7, 0, 0, "\0\0\0\1\0\0\0\0")

local WAYS = {
  { name = "plain HTTP", scheme = "http" },
  { name = "TLS", scheme = "https", version = "1.1" },
  { name = "TLS, where HTTP/2 was hoped for", scheme = "https", version = "2" },
  { name = "HTTP/2", scheme = "https", version = "2", alpn = { "h2" } },
  { name = "HTTP/2, after a GOAWAY", scheme = "https", version = "2", alpn = { "h2" },
    goodbye = GOAWAY },
}

describe("an idle connection that ends", function()
  local server, folder

  setup(function()
    folder = certificates.make()
    server = faults.start()
    for _, way in ipairs(WAYS) do
      way.port = way.scheme == "http" and server.port or server:listen({
        cert = folder .. "/good.pem",
        key = folder .. "/good.key",
        alpn = way.alpn,
      })
    end
  end)

  teardown(function()
    server:stop()
    certificates.remove(folder)
  end)

  -- A call with one id, and what is done with the connection once it is answered.
  local function stop(client, way, n, ...)
    local ids = { PROVIDER.id(n) }
    local status, body = PROVIDER.stopped(ids)
    local answer = way.alpn and faults.http2(status, body, 1) or faults.http(status, body)
    local function script(...)
      return {
        ["do"] = { { "read", "all" }, { "write", faults.bytes(answer) }, ... },
        says = "stopped",
      }
    end
    server:set({
      port = way.port,
      ids = ids,
      requests = { script({ "hold" }, ...) },
      ["then"] = script(),
    })
    local report = client:stop(ids)
    server:go()
    assert.same({}, faults.judge(report, server:take(), ids))
    return report
  end

  local function new_client(way, ca_file)
    return stopmsg.new({
      provider = PROVIDER.name,
      token = "a-token",
      base_url = ("%s://127.0.0.1:%d"):format(way.scheme, way.port),
      ca_file = ca_file or folder .. "/ca.pem",
      http_version = way.version,
      max_attempts = 1,
      concurrency = 1,
    })
  end

  for _, way in ipairs(WAYS) do
    for _, how in ipairs({ "close", "drop", "reset" }) do
      it(("(%s) costs the next request nothing, over %s"):format(how, way.name), function()
        local client = new_client(way)
        assert.is_true(stop(client, way, 1, { "write", faults.bytes(way.goodbye or "") },
          { how }).ok)
        local report = stop(client, way, 2)
        assert.is_true(report.ok, tostring(report) .. ": " .. tostring(report[1].message))
        assert.equal(1, report.requests)
        client:close()
      end)
    end
  end

  -- Reading all authorities takes 20 ms. libcurl remembers them from 7.87 on.
  local major, minor = core.curl:match("^(%d+)%.(%d+)")
  if tonumber(major) > 7 or tonumber(minor) >= 87 then
    it("has the next connection read the trusted certificates no second time", function()
      local ca_file = os.tmpname()
      local from, to = assert(io.open(folder .. "/ca.pem", "rb")), assert(io.open(ca_file, "wb"))
      to:write(from:read("*a"))
      from:close()
      to:close()
      local client = new_client(WAYS[2], ca_file)
      assert.is_true(stop(client, WAYS[2], 1, { "close" }).ok)
      os.remove(ca_file)
      local report = stop(client, WAYS[2], 2)
      assert.is_true(report.ok, tostring(report) .. ": " .. tostring(report[1].message))
      assert.equal(1, report.connections)
      client:close()
    end)
  end
end)
