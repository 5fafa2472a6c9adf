-- Where a Redis is.

local address = require("stopmsg.fleet.address")

describe("stopmsg.fleet.address", function()
  for url, expected in pairs({
    ["redis://localhost"] = { host = "localhost", port = 6379, database = "0", is_tls = false },
    ["redis://10.0.0.1:7000"] = { host = "10.0.0.1", port = 7000, database = "0", is_tls = false },
    ["rediss://r.example:6380/3"] = { host = "r.example", port = 6380, database = "3",
      is_tls = true },
    ["REDIS://localhost/"] = { host = "localhost", port = 6379, database = "0", is_tls = false },
    ["redis://[::1]:6379/0"] = { host = "[::1]", port = 6379, database = "0", is_tls = false },
    ["redis://cron@localhost"] = { host = "localhost", port = 6379, database = "0", is_tls = false,
      user = "cron" },
    ["redis://a%40b@localhost"] = { host = "localhost", port = 6379, database = "0",
      is_tls = false, user = "a@b" },
  }) do
    it("reads " .. url, function()
      assert.same(expected, address.parse(url))
    end)
  end

  for _, url in ipairs({ "", "localhost", "localhost:6379", "http://localhost", "redis:localhost",
    "redis://", "redis://:6379", "redis://localhost:", "redis://localhost:0",
    "redis://localhost:65536",
    "redis://localhost:x", "redis://localhost/x",
    "redis://localhost/1/2",
    "redis://localhost?db=1", "redis://local host", "redis://@localhost", "redis://[::1",
    "redis://localhost#1", "unix:///run/redis.sock", "redis://local\nhost" }) do
    it(("refuses %q"):format(url), function()
      local parsed, message = address.parse(url)
      assert.is_nil(parsed)
      assert.matches("^is not of the form redis://", message)
    end)
  end

  for _, url in ipairs({ "redis://:canary@localhost", "redis://user:canary@localhost:1/2",
    "rediss://default:canary%40@h", "redis://u:can@ary@localhost" }) do
    it("refuses a password in it, and does not repeat it: " .. url, function()
      local parsed, message = address.parse(url)
      assert.is_nil(parsed)
      assert.matches("^holds a password", message)
      assert.is_nil(message:find("can"))
    end)
  end
end)
