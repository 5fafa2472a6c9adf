-- What errors of Redis mean.

local fault = require("stopmsg.fleet.fault")

describe("stopmsg.fleet.fault", function()
  for reply, expected in pairs({
    ["LOADING Redis is loading the dataset in memory"] = { "is loading", false },
    ["OOM command not allowed when used memory > 'maxmemory'."] = { "no memory left", false },
    ["MISCONF Redis is configured to save RDB snapshots, but"] = { "cannot save", false },
    ["BUSY Redis is busy running a script."] = { "is busy", false },
    ["MASTERDOWN Link with MASTER is down"] = { "primary", false },
    ["ERR max number of clients reached"] = { "as many clients", false },
    ["NOAUTH Authentication required."] = { "wants a password", true },
    ["WRONGPASS invalid username-password pair or user is disabled."] =
      { "refused the user", true },
    ["READONLY You can't write against a read only replica."] = { "name the primary", true },
    ["WRONGTYPE Operation against a key holding the wrong kind of value"] = { "else", true },
    ["MOVED 3999 127.0.0.1:6381"] = { "name 127%.0%.0%.1:6381$", true },
    ["NOPERM User x has no permissions to run the 'evalsha' command"] = { "'evalsha'", true },
    ["ERR ACL failure in script: User x has no permissions to run the 'time' command"] =
      { "scripts run a command", true },
    ["NOTIME User x has no permissions"] = { "scripts ask for the TIME", true },
    ["ERR This Redis command is not allowed from script script: 1"] =
      { "scripts run a command", true },
    ["ERR unknown command 'EVALSHA'"] = { "unknown command", true },
  }) do
    it("is known for " .. reply, function()
      local message, is_final = fault.of(reply)
      assert.matches(expected[1], message)
      assert.equal(expected[2], is_final)
    end)
  end

  for reply, expected in pairs({
    ["ERR unknown command 'AUTH', with args beginning with: 'canary' "] = "refused the password",
    ["WRONGPASS canary"] = "refused the user or the password",
    ["ERR AUTH <password> called without any password configured for the default user. canary"] =
      "has no password for that user: give none",
    ["NOAUTH canary"] = "wants a password",
    ["canary"] = "refused the password",
  }) do
    it("does not repeat what a server says to a password: " .. reply, function()
      assert.equal(expected, (fault.of_greeting("AUTH", reply)))
    end)
  end

  it("names the database that is not there", function()
    assert.matches("database", (fault.of_greeting("SELECT", "ERR DB index is out of range")))
  end)
end)
