-- What users pass, checked before anything is opened or sent.

local options = require("stopmsg.options")

local NAN = 0 / 0

-- The options that have to be there, with others.
local function with(name, value)
  local given = { provider = "revicom", token = "key" }
  if name then
    given[name] = value
  end
  return given
end

local function sleep() end

local ACCEPTED = {
  provider = { "revicom", { name = "acme" } },
  token = { "key", sleep },
  base_url = { "https://127.0.0.1:8443/prefix" },
  application = { "12345-ABCDE" },
  format = { "json", "xml" },
  concurrency = { 1, 16, 1024 },
  rate = { 0.5, 1, 1000, function() end },
  batch_size = { 1, 10000 },
  deadline = { 0.5, 60, 86400, math.huge },
  patience = { 0, 0.001, 60, 86400, math.huge },
  timeout = { 0.1, 10 },
  connect_timeout = { 0.1, 3 },
  max_attempts = { 1, 4, 100 },
  http_version = { "1.1", "2" },
  transport = { "http1", "libcurl" },
  ca_file = { "spec/options_spec.lua" },
  ca_path = { "spec", "spec/" },
  cert_file = { "spec/options_spec.lua" },
  proxy = { "http://127.0.0.1:3128", "", "127.0.0.1:3128", "host", "HTTPS://host",
    "socks5h://me:pass@[::1]:1080" },
  user_agent = { "acme/1" },
  resolve = { {}, { ["host:443"] = "127.0.0.1" }, { ["host:443"] = "[::1]" },
    { ["host:443"] = "2001:db8::ffff:127.0.0.1" }, { ["host:443"] = "::1" } },
  verify_tls = { true, false },
  max_response = { 1, 16 * 1024 * 1024 },
  sleep = { sleep },
  on_event = { sleep },
  undocumented = { true, false },
  all = { true, false },
  allow_http = { true, false },
}

local REFUSED = {
  provider = { 5, true },
  token = { 5, true, {} },
  base_url = { "", 5, "https://a\r\nb" },
  application = { "", 5, "a\nb" },
  format = { "JSON", "csv", 5 },
  concurrency = { 0, -1, 1.5, 1025, NAN, math.huge, "4" },
  rate = { 0, -1, NAN, math.huge, "4" },
  batch_size = { 0, 1.5, -1, NAN, math.huge, "4" },
  deadline = { 0, -1, NAN, -math.huge, "60" },
  patience = { -1, NAN, -math.huge, "60" },
  timeout = { 0, -1, NAN, math.huge, "10" },
  connect_timeout = { 0, -1, NAN, math.huge, "3" },
  max_attempts = { 0, 1.5, -1, NAN, math.huge, "4" },
  http_version = { "3", 1.1, 2 },
  transport = { "http2", "", 1, true },
  ca_file = { "", 5, "a\0b" },
  ca_path = { "", 5, "a\0b" },
  cert_file = { "", 5, "a\0b" },
  key_file = { "", 5, "a\0b" },
  proxy = { 5, "a\nb", "a b", "ftp://host", "nonsense://", "http://", "://host",
    "http://host:99999", "host:0" },
  user_agent = { "", 5, "a\r\nX: y" },
  resolve = { "host:443:127.0.0.1", { "127.0.0.1" }, { host = "127.0.0.1" },
    { ["host:443"] = "elsewhere" }, { ["host:443"] = "cafe" }, { ["host:443"] = "127.0.0.1:80" },
    { ["host:443"] = "1.2.3" }, { ["host:443"] = 5 }, { ["host:443"] = "" },
    { ["a b:443"] = "127.0.0.1" }, { ["host:99999"] = "127.0.0.1" }, { ["host:0"] = "127.0.0.1" },
    { ["host:443"] = "127.0.0.256" } },
  verify_tls = { 0, "false", 1 },
  max_response = { 0, 1.5, NAN, math.huge, "1" },
  sleep = { 1, "sleep" },
  on_event = { {}, "print" },
  undocumented = { 1, "true" },
  all = { 1, "true" },
  allow_http = { 1, "true" },
}

describe("stopmsg.options", function()
  describe("client", function()
    it("gives the documented defaults", function()
      assert.same({
        provider = "revicom",
        token = "key",
        patience = 60,
        timeout = 10,
        connect_timeout = 3,
        max_attempts = 4,
        verify_tls = true,
        max_response = 16 * 1024 * 1024,
        allow_http = false,
        undocumented = false,
        all = false,
      }, options.client(with()))
    end)

    it("changes neither what was given nor the defaults", function()
      local given = with("patience", 5)
      options.client(given).patience = 7
      assert.same(with("patience", 5), given)
      assert.equal(60, options.client(with()).patience)
    end)

    for name, values in pairs(ACCEPTED) do
      it("takes " .. name, function()
        for _, value in ipairs(values) do
          local checked, message = options.client(with(name, value))
          assert.message(message).is_table(checked)
          assert.equal(value, checked[name])
        end
      end)
    end

    for name, values in pairs(REFUSED) do
      for _, value in ipairs(values) do
        it(("refuses %s = %s"):format(name, type(value) .. " " .. tostring(value):gsub("%c", "?")),
          function()
            local checked, message = options.client(with(name, value))
            assert.is_nil(checked)
            assert.matches("^option '" .. name .. "': expected ", message)
          end)
      end
    end

    it("knows every option of the contract, and no other", function()
      local names = {}
      for name in pairs(ACCEPTED) do
        names[name] = true
      end
      names.burst, names.key_file = true, true
      for name in pairs(names) do
        local _, message = options.client(with(name, {}))
        assert.is_nil(message and message:find("unknown option", 1, true))
      end
    end)

    it("takes a key file beside a certificate, and refuses one without", function()
      local given = with("key_file", "spec/options_spec.lua")
      local checked, message = options.client(given)
      assert.is_nil(checked)
      assert.matches("^option 'key_file' .*'cert_file'", message)
      given.cert_file = "spec/options_spec.lua"
      assert.equal("spec/options_spec.lua", options.client(given).key_file)
    end)

    it("names a ca_path that is no directory", function()
      for path, reason in pairs({ ["/nowhere"] = "/nowhere: No such file or directory",
        ["spec/options_spec.lua"] = "spec/options_spec.lua: not a directory" }) do
        local checked, message = options.client(with("ca_path", path))
        assert.is_nil(checked)
        assert.equal("option 'ca_path': " .. reason, message)
      end
    end)

    for _, name in ipairs({ "ca_file", "cert_file", "key_file" }) do
      it("names a " .. name .. " that cannot be read", function()
        local empty = os.tmpname()
        for path, reason in pairs({
          ["/nowhere/client.pem"] = "/nowhere/client.pem: No such file or directory",
          ["/etc"] = "/etc: Is a directory",
          [empty] = empty .. ": is empty",
        }) do
          local given = with("cert_file", "spec/options_spec.lua")
          given[name] = path
          local checked, message = options.client(given)
          assert.is_nil(checked)
          assert.equal("option '" .. name .. "': " .. reason, message)
        end
        os.remove(empty)
      end)
    end

    it("takes a burst beside a rate", function()
      local given = with("rate", 10)
      given.burst = 5
      assert.equal(5, options.client(given).burst)
    end)

    it("refuses a burst without a rate", function()
      local checked, message = options.client(with("burst", 5))
      assert.is_nil(checked)
      assert.matches("'burst'", message)
    end)

    it("refuses a burst beside a rate function", function()
      local given = with("rate", function() end)
      given.burst = 5
      assert.matches("as a number$", select(2, options.client(given)))
    end)

    for _, burst in ipairs({ 0, 0.5, -1, NAN, "5" }) do
      it("refuses a burst of " .. tostring(burst), function()
        local given = with("rate", 10)
        given.burst = burst
        assert.matches("^option 'burst': expected ", select(2, options.client(given)))
      end)
    end

    for _, name in ipairs({ "provider", "token" }) do
      it("needs " .. name, function()
        local given = with()
        given[name] = nil
        local checked, message = options.client(given)
        assert.is_nil(checked)
        assert.matches("option '" .. name .. "' is missing", message, 1, true)
      end)
    end

    for _, given in ipairs({ "revicom", 5, false }) do
      it("refuses a " .. type(given) .. " in place of the table", function()
        local checked, message = options.client(given)
        assert.is_nil(checked)
        assert.matches("table", message)
      end)
    end

    for wrong, right in pairs({
      timout = "timeout",
      TIMEOUT = "timeout",
      time_out = "timeout",
      connect_timout = "connect_timeout",
      max_atempts = "max_attempts",
      baseurl = "base_url",
      verify_ssl = "verify_tls",
      cafile = "ca_file",
      batchsize = "batch_size",
      onevent = "on_event",
      tokens = "token",
    }) do
      it(("refuses %s and names %s"):format(wrong, right), function()
        local checked, message = options.client(with(wrong, 1))
        assert.is_nil(checked)
        assert.matches("unknown option '" .. wrong .. "'", message, 1, true)
        assert.matches("'" .. right .. "'", message, 1, true)
      end)
    end

    it("refuses names that are no strings", function()
      local checked, message = options.client({ "revicom", "key" })
      assert.is_nil(checked)
      assert.matches("option names must be strings", message)
    end)

    it("is quick with a name without end", function()
      local _, message = options.client(with(("x"):rep(1e6), 1))
      assert.is_true(#message < 200)
    end)

    it("never repeats a value, as it may be the token", function()
      for name in pairs(ACCEPTED) do
        if not options.client(with(name, "S3CRET\n")) then
          local _, message = options.client(with(name, "S3CRET\n"))
          assert.message(name).is_nil(message:find("S3CRET", 1, true))
        end
      end
      local _, message = options.client(with("tokn", "S3CRET"))
      assert.is_nil(message:find("S3CRET", 1, true))
    end)
  end)

  describe("call", function()
    it("takes nothing", function()
      assert.same({}, options.call(nil))
      assert.same({}, options.call({}))
    end)

    it("takes what a call may have of its own", function()
      local given = { deadline = 5, on_item = sleep, kind = "dispatch" }
      assert.same(given, options.call(given))
      assert.equal("message", options.call({ kind = "message" }).kind)
    end)

    for title, given in pairs({
      ["no table"] = "5",
      ["a deadline of 0"] = { deadline = 0 },
      ["a deadline that is no number"] = { deadline = "5" },
      ["an on_item that is no function"] = { on_item = {} },
      ["an unknown kind"] = { kind = "mailing" },
      ["an option of the client"] = { token = "key" },
      ["an unknown name"] = { dedline = 5 },
    }) do
      it("refuses " .. title, function()
        local checked, message = options.call(given)
        assert.is_nil(checked)
        assert.is_string(message)
      end)
    end

    it("names the right option", function()
      assert.matches("'deadline'", select(2, options.call({ dedline = 5 })), 1, true)
    end)
  end)
end)
