-- A certificate of ours that one server refuses says nothing of requests to another.

local certificates = require("spec.support.certificates")
local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local faults = require("spec.support.faults")
local files = require("spec.support.files")
local patience = require("spec.support.patience")

describe("a request that connects while another server refuses our certificate", function()
  for _, transport in ipairs({ "libcurl", core.transport }) do
    it("is sent if it was, and then lost: " .. transport, function()
      local folder, told = certificates.make(), os.tmpname()
      local server = faults.start()
      local tls = { cert = folder .. "/good.pem", key = folder .. "/good.key" }
      local open = server:listen(tls)
      -- Under TLS 1.2 it refuses within the handshake, before the request has a connection.
      tls.ca, tls.min, tls.max = folder .. "/ca.pem", "TLSv1.2", "TLSv1.2"
      local strict = server:listen(tls)
      local engine = assert(engines.new({ slots = 2, max_response = 1000, proxy = "",
        connect_timeout = patience.SECONDS, transport = transport, ca_file = folder .. "/ca.pem",
        cert_file = folder .. "/unknown_ca.pem", key_file = folder .. "/unknown_ca.key" }))

      local function submit(port)
        local operation = engine:prepare({ method = "POST", url = { "/stop" },
          headers = { "Expect:" }, base = "https://127.0.0.1:" .. port })
        return assert(engine:submit(operation, {}, 1, 0, patience.SECONDS))
      end

      local function collect()
        return patience.until_(function()
          assert(engine:step())
          local slot, _, _, stage, fault = engine:collect()
          engine:wait(slot and 0 or 0.01)
          return slot and { slot, stage, fault }
        end, "an answer")
      end

      server:set({ port = open, accept = { { ["do"] = { { "tell", told }, { "hold" } } } },
        requests = { { ["do"] = { { "read", "all" }, { "close" } } } } })
      local first = submit(open)
      patience.until_(function()
        assert(engine:step())
        return files.read(told) ~= ""
      end, "a connection")
      local second = submit(strict)
      assert.same({ second, "connected", "tls" }, collect())
      server:go()
      assert.same({ first, "sent", "lost" }, collect())

      engine:close()
      assert.equal(1, #faults.only(server:take(), "request"))
      server:stop()
      os.remove(told)
      certificates.remove(folder)
    end)
  end
end)
