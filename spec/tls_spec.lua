local tls = require("stopmsg.tls")

describe("stopmsg.tls", function()
  -- The same fault in the words of one libcurl and the next.
  local WORDS = {
    ["check that ca_file and ca_path"] = {
      "error setting certificate verify locations:  CAfile: /a/b.pem CApath: none", -- 7.68
      "error setting certificate file: /a/b.pem", -- 7.88, 8.14
      "error setting certificate path: /a/b", -- 7.88
      "error adding trust anchors from file: /a/b.pem", -- 8.17
      "error adding trust anchors from path: /a/b", -- 8.17
      "Problem with the SSL CA cert (path? access rights?)", -- with GnuTLS
    },
  }

  for advice, all in pairs(WORDS) do
    for _, words in ipairs(all) do
      it("knows: " .. words, function()
        local message = tls.advise(words)
        assert.equal(1, message:find(words, 1, true))
        assert.is_truthy(message:find("; " .. advice, 1, true), message)
      end)
    end
  end

  it("has general advice for words that it does not know", function()
    assert.equal("odd; check base_url, the proxy and their certificates",
      tls.advise("odd"))
  end)
end)
