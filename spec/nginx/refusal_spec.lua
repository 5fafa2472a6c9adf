-- The phases of lua-nginx-module 0.10.31, by the names that ngx.get_phase() has for them.

local nginx = require("stopmsg.wait.nginx")

local WAIT = {
  "rewrite", "server_rewrite", "access", "precontent", "content", "timer", "preread", "ssl_cert",
  "ssl_client_hello", "ssl_session_fetch", "proxy_ssl_cert", "proxy_ssl_verify",
}
local CANNOT = {
  "init", "init_worker", "exit_worker", "set", "balancer", "header_filter", "body_filter", "log",
  "ssl_session_store",
}

describe("stopmsg.wait.nginx.refusal", function()
  local loaded = package.loaded.ngx

  after_each(function()
    package.loaded.ngx = loaded
  end)

  local function refusal(phase)
    package.loaded.ngx = {
      get_phase = function()
        return phase
      end,
    }
    return nginx.refusal()
  end

  it("refuses no phase that can wait", function()
    for _, phase in ipairs(WAIT) do
      assert.is_nil(refusal(phase), phase)
    end
  end)

  it("refuses the others, with the way out", function()
    for _, phase in ipairs(CANNOT) do
      assert.matches("^cannot wait in the " .. phase .. " phase of nginx; .*ngx%.timer%.at",
        refusal(phase))
    end
  end)
end)
