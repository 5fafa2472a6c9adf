-- Digests and signatures of the core, by the vectors of their standards.

local core = require("stopmsg.core")

local function hex(text)
  return (text:gsub(".", function(char)
    return ("%02x"):format(char:byte())
  end))
end

local function decode(text)
  local bits, count, bytes = 0, 0, {}
  local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  for char in text:gmatch("[%w+/]") do
    bits = bits % 4096 * 64 + digits:find(char, 1, true) - 1
    count = count + 6
    if count >= 8 then
      count = count - 8
      bytes[#bytes + 1] = string.char(math.floor(bits / 2 ^ count) % 256)
    end
  end
  return table.concat(bytes)
end

-- RFC 2202 and RFC 4231: key, text, HMAC with SHA-1, with SHA-256. The keys there that are no text
-- cannot be tokens, and are left out.
local HMAC = {
  { "Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
}

-- FIPS 180-4: text, SHA-1, SHA-256.
local DIGESTS = {
  { "abc", "a9993e364706816aba3e25717850c26c9cd0d89d",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
  { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
}

describe("a secret", function()
  it("signs as RFC 2202 and RFC 4231 have it", function()
    for _, row in ipairs(HMAC) do
      local secret = core.secret(row[1])
      assert.equal(row[3], secret:sign("sha1", "", "", row[2], "hex"))
      assert.equal(row[4], secret:sign("sha256", "", "", row[2], "hex"))
      assert.equal(row[4], hex(decode(secret:sign("sha256", "", "", row[2], "base64"))))
      secret:close()
    end
  end)

  it("is digested as FIPS 180-4 has it, whatever stands around it", function()
    for _, row in ipairs(DIGESTS) do
      for _, cut in ipairs({ { 1, 1 }, { 1, #row[1] }, { 2, 3 }, { #row[1], #row[1] } }) do
        local secret = core.secret(row[1]:sub(cut[1], cut[2]))
        local before, after = row[1]:sub(1, cut[1] - 1), row[1]:sub(cut[2] + 1)
        assert.equal(row[2], secret:sign("sha1", before, after, nil, "hex"))
        assert.equal(row[3], secret:sign("sha256", before, after, nil, "hex"))
        secret:close()
      end
    end
  end)

  it("signs with a key of a block, and with one that is longer", function()
    -- By Python's hmac.
    for size, expected in pairs({ [63] = "7d6b0471178b02c97038a965",
      [64] = "316f770924d381f9996338b6", [65] = "6e46dae5f004767ae7ed8778",
      [200] = "ae531a822efb89dd058ed30d" }) do
      local secret = core.secret(("k"):rep(size))
      local signature = secret:sign("sha256", "", "", ("text "):rep(40), "hex")
      assert.equal(64, #signature)
      assert.equal(expected, signature:sub(1, #expected))
    end
  end)

  it("signs nothing once it was closed", function()
    local secret = core.secret("token")
    secret:close()
    assert.error(function()
      secret:sign("sha1", "", "", "text", "hex")
    end, "attempt to use a wiped token")
  end)
end)

describe("core.deflate", function()
  it("packs what core.inflate unpacks", function()
    for _, text in ipairs({ "", "a", ("many "):rep(1000), "\0\255" }) do
      assert.equal(text, core.inflate("deflate", core.deflate(text), 10000))
    end
  end)

  it("is written as Base64", function()
    assert.equal("", core.base64(""))
    assert.equal("Zg==", core.base64("f"))
    assert.equal("Zm9vYmE=", core.base64("fooba"))
    assert.equal("/+8A", core.base64("\255\239\0"))
  end)
end)
