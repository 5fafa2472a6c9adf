local certificates = require("spec.support.certificates")
local faults = require("spec.support.faults")
local patience = require("spec.support.patience")
local sample = require("spec.support.sample")
local stopmsg = require("stopmsg")

local function say(...)
  io.stdout:write("  " .. string.format(...) .. "\n")
end

-- Stands for an option that is not given.
local NONE = {}

local HELLO = "\22\3\3\0\100"

-- What is wrong: a certificate of certificates.lua, or what is done with the connection (`accept`).
-- `is_plain` is a port without TLS. `remedy` stands in the message.
local FAULTS = {
  { name = "a certificate for another host", certificate = "wrong_host", remedy = "base_url" },
  { name = "an expired certificate", certificate = "expired", remedy = "renew" },
  { name = "a self-signed certificate", certificate = "self_signed", remedy = "ca_file" },
  { name = "an unknown CA", certificate = "unknown_ca", remedy = "ca_file" },
  { name = "TLS 1.0 alone", certificate = "good", max = "TLSv1", remedy = "TLS 1%.2" },
  { name = "TLS 1.1 alone", certificate = "good", max = "TLSv1.1", remedy = "TLS 1%.2" },
  {
    name = "plain text",
    is_plain = true,
    remedy = "port",
    accept = {
      { "read", 1 },
      { "write", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" },
      { "close" },
    },
  },
  { name = "an answer in plain text that says success", is_plain = true, accept = {
    { "read", 1 },
    { "write", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" },
    { "close" },
  } },
  {
    -- It may come before the connection is noticed.
    name = "a reset before the handshake",
    certificate = "good",
    accept = { { "reset" } },
    reasons = "tls connect",
  },
  {
    name = "a reset in the handshake",
    certificate = "good",
    accept = { { "read", 100 }, { "write", HELLO }, { "reset" } },
  },
  {
    name = "the end of the connection in the handshake",
    certificate = "good",
    accept = { { "read", 100 }, { "write", HELLO }, { "close" } },
  },
  {
    name = "the end of the connection before the handshake",
    certificate = "good",
    accept = { { "read", 1 }, { "close" } },
  },
  {
    name = "garbage in the handshake",
    certificate = "good",
    accept = { { "read", 100 }, { "write", ("garbage! "):rep(100) }, { "close" } },
  },
  {
    name = "a refusal in the handshake",
    certificate = "good",
    accept = { { "read", 100 }, { "write", "\21\3\3\0\2\2\40" }, { "close" } },
  },
}

describe("TLS", function()
  local server, folder
  local ports = {}

  -- A port with this certificate.
  local function port_of(certificate, max)
    local name = certificate .. (max or "")
    ports[name] = ports[name] or server:listen({
      cert = ("%s/%s.pem"):format(folder, certificate),
      key = ("%s/%s.key"):format(folder, certificate),
      min = max,
      max = max,
    })
    return ports[name]
  end

  setup(function()
    folder = certificates.make()
    server = faults.start()
  end)

  teardown(function()
    server:stop()
    certificates.remove(folder)
  end)

  -- A call to a port, the server's log, and a spare report: judged.
  local function stop(provider, port, options, scenario)
    local ids = {}
    for i = 1, provider.batch do
      ids[i] = provider.id(i)
    end
    scenario = scenario or {}
    scenario.port = port
    scenario.ids = ids
    scenario["then"] = faults.answer(faults.http(provider.stopped(ids)), "stopped")
    server:set(scenario)
    local given = {
      provider = provider.name,
      token = "a-token",
      base_url = "https://127.0.0.1:" .. port,
      ca_file = folder .. "/ca.pem",
      max_attempts = 1,
      patience = 0,
      timeout = patience.SECONDS,
      connect_timeout = patience.SECONDS, -- a handshake takes the processor, too
    }
    for name, value in pairs(options or {}) do
      given[name] = value
      if value == NONE then
        given[name] = nil
      end
    end
    local client = stopmsg.new(given)
    local report = client[provider.call](client, ids)
    client:close()
    local log = server:take()
    assert.same({}, faults.judge(report, log, ids))
    return report, log
  end

  for _, fault in ipairs(FAULTS) do
    it("refuses " .. fault.name .. ", and sends nothing", function()
      local message
      for _, provider in ipairs(faults.providers) do
        for _, version in ipairs({ "1.1", "2" }) do
          local port = fault.is_plain and server.port or port_of(fault.certificate, fault.max)
          local report, log = stop(provider, port, { http_version = version }, {
            accept = fault.accept and { { ["do"] = fault.accept } },
          })
          for _, item in ipairs(report) do
            assert.equal("failed", item.outcome, provider.name .. ": " .. tostring(item.reason))
            assert.matches(item.reason, fault.reasons or "tls")
            assert.matches(fault.remedy or ".", item.message)
            message = item.message
          end
          assert.same({}, faults.only(log, "request"))
          assert.equal(0, report.requests)
        end
      end
      say("TLS, %s: %s", fault.name, message)
    end)
  end

  it("tells different faults of certificates in different words", function()
    local seen = {}
    for _, name in ipairs({ "wrong_host", "expired", "self_signed", "unknown_ca" }) do
      local message = stop(faults.providers[3], port_of(name))[1].message
      assert.is_nil(seen[message], name .. ": " .. message)
      seen[message] = name
    end
  end)

  it("trusts the CA of ca_file", function()
    for _, provider in ipairs(faults.providers) do
      for _, version in ipairs({ "1.1", "2" }) do
        local report = stop(provider, port_of("good"), { http_version = version })
        assert.is_true(report.ok, tostring(report[1].message))
      end
    end
  end)

  it("trusts the CAs of ca_path, alone and beside ca_file", function()
    local hashed = folder .. "/hashed"
    assert.is_truthy(os.execute(("mkdir %s && ln -s ../ca.pem %s/$(openssl x509 -noout -hash -in "
      .. "%s/ca.pem).0"):format(hashed, hashed, folder)))
    for _, ca_file in ipairs({ NONE, folder .. "/other.pem" }) do
      local report = stop(faults.providers[1], port_of("good"), { ca_path = hashed,
        ca_file = ca_file })
      assert.is_true(report.ok, tostring(report[1].message))
    end
  end)

  it("trusts a host name of the certificate, where `resolve` says it is", function()
    local port = port_of("good")
    local report = stop(faults.providers[1], port, {
      base_url = "https://provider.test:" .. port,
      resolve = { ["provider.test:" .. port] = "127.0.0.1" },
    })
    assert.is_true(report.ok, tostring(report[1].message))
  end)

  it("does not trust our CA without ca_file", function()
    -- The file of another CA, and the system's.
    for _, ca_file in ipairs({ folder .. "/other.pem", false }) do
      local report = stop(faults.providers[1], port_of("good"), {
        ca_file = ca_file or "/etc/ssl/certs/ca-certificates.crt",
      })
      assert.equal("tls", report[1].reason)
      assert.equal("failed", report[1].outcome)
    end
  end)

  it("says so when ca_file is no certificate", function()
    local report, log = stop(faults.providers[1], port_of("good"), {
      ca_file = folder .. "/good.key",
    })
    assert.equal("failed", report[1].outcome)
    assert.equal("tls", report[1].reason)
    assert.same({}, faults.only(log, "request"))
    assert.matches("check that ca_file", report[1].message)
    say("TLS, ca_file is no certificate: %s", report[1].message)
  end)

  it("goes without verification where verify_tls is false, and only there", function()
    for _, name in ipairs({ "wrong_host", "expired", "self_signed", "unknown_ca" }) do
      local report = stop(faults.providers[1], port_of(name), { verify_tls = false })
      assert.is_true(report.ok, name .. ": " .. tostring(report[1].message))
      report = stop(faults.providers[1], port_of(name), { verify_tls = true })
      assert.equal(0, report.counts.stopped)
    end
  end)

  it("does not send a request to a plain port by accident", function()
    local report, log = stop(faults.providers[1], server.port, {
      base_url = "https://127.0.0.1:" .. server.port,
      verify_tls = false,
      connect_timeout = 1, -- the server waits for the rest of what it takes for a request
    })
    assert.equal("failed", report[1].outcome)
    for _, record in ipairs(faults.only(log, "request")) do
      assert.is_false(record.whole)
      assert.same({}, record.headers)
    end
  end)

  describe("where the server wants a certificate of the client", function()
    local wanting = {}

    local function wanting_port(max)
      wanting[max or 1] = wanting[max or 1] or server:listen({
        cert = folder .. "/good.pem",
        key = folder .. "/good.key",
        ca = folder .. "/ca.pem",
        min = max and "TLSv1.2",
        max = max,
      })
      return wanting[max or 1]
    end

    local function refused(options, max, remedy)
      for _, provider in ipairs(faults.providers) do
        for _, version in ipairs({ "1.1", "2" }) do
          for _, attempts in ipairs({ 1, 3 }) do
            local given = { http_version = version, max_attempts = attempts }
            for name, value in pairs(options) do
              given[name] = value
            end
            local report, log = stop(provider, wanting_port(max), given)
            for _, item in ipairs(report) do
              assert.equal("failed", item.outcome, provider.name .. ": " .. tostring(item.reason))
              assert.equal("tls", item.reason)
              assert.is_nil(item.ambiguous)
              assert.is_truthy(item.message:find(remedy, 1, true), item.message)
            end
            assert.same({}, faults.only(log, "request"))
            assert.equal(0, report.requests)
          end
        end
      end
    end

    -- Under TLS 1.3 it refuses when the client has sent its request already.
    for _, max in ipairs({ "TLSv1.2", "TLSv1.3" }) do
      it("says so, and that nothing was done: " .. max, function()
        refused({}, max, "cert_file")
      end)

      it("says so of one that is not trusted: " .. max, function()
        refused({ cert_file = folder .. "/unknown_ca.pem", key_file = folder .. "/unknown_ca.key" },
          max, "cert_file")
      end)

      it("says so of one that has expired: " .. max, function()
        refused({ cert_file = folder .. "/old_client.pem", key_file = folder .. "/old_client.key" },
          max, "cert_file")
      end)

      it("sends cert_file and key_file: " .. max, function()
        for _, provider in ipairs(faults.providers) do
          for _, version in ipairs({ "1.1", "2" }) do
            local report = stop(provider, wanting_port(max), { http_version = version,
              cert_file = folder .. "/client.pem", key_file = folder .. "/client.key" })
            assert.is_true(report.ok, tostring(report[1].message))
          end
        end
        local report = stop(faults.providers[1], wanting_port(max), {
          cert_file = folder .. "/client_both.pem" })
        assert.is_true(report.ok, tostring(report[1].message))
      end)
    end

    for title, options in pairs({
      ["of another pair"] = { "client.pem", "good.key" },
      ["with a password, for which nobody is asked"] = { "client.pem", "client_locked.key" },
      ["that is none"] = { "client.pem", "client.csr" },
      ["and certificate that are none"] = { "make.sh", "make.sh" },
    }) do
      it("names the options where a key is given " .. title, function()
        refused({ cert_file = folder .. "/" .. options[1], key_file = folder .. "/" .. options[2] },
          nil, "cert_file and key_file must")
      end)
    end
  end)

  it("cut in an answer proves nothing", function()
    local cuts, takes = 0, sample.start()
    for _, provider in ipairs(faults.providers) do
      local ids = {}
      for i = 1, provider.batch do
        ids[i] = provider.id(i)
      end
      for _, framing in ipairs({ "length", "chunked", "close" }) do
        local status, body = provider.stopped(ids)
        local answer = faults.http(status, body, framing)
        local whole = framing == "chunked" and #answer - 2 or #answer
        for n = 1, #answer, 17 do
          for _, how in ipairs({ "close", "drop", "reset" }) do
            if takes() or n + 17 > #answer then
              stop(provider, port_of("good"), { http_version = "1.1" }, {
                requests = {
                  {
                    ["do"] = { { "read", "all" }, { "write", answer:sub(1, n) }, { how } },
                    says = n >= whole and "stopped" or nil,
                  },
                },
              })
              cuts = cuts + 1
            end
          end
        end
      end
    end
    say("cut in an answer over TLS: %s, outcomes stronger than the log: 0",
      sample.told(cuts, "cuts"))
  end)
end)
