-- Advice for TLS errors. Matches the texts of OpenSSL and libcurl; an unknown text gets general
-- advice.

local text = require("stopmsg.text")

local tls = {}

local UNREAD = "check ca_file and ca_path: are they there, can they be read?"

local ADVICE = {
  -- Alerts of the server about the client certificate.
  { "alert certificate required", "the server wants a certificate: give cert_file and key_file" },
  { "alert handshake failure", "no common cipher, or the server wants a certificate: cert_file" },
  { "alert .*certificate", "the server refuses your certificate: check cert_file" },
  { "alert unknown ca", "the server does not know who signed your certificate: check cert_file" },
  -- libcurl's own text for the alert about an expired certificate.
  { "certificate verification failed", "the server says that it has expired: check cert_file" },
  { "hung up after the TLS", "it may want a client certificate: give cert_file and key_file" },
  { "client certificate", "check cert_file and key_file: PEM, of one pair, without a password" },
  { "private key", "check cert_file and key_file: PEM, of one pair, without a password" },
  { "expired", "have the server's certificate renewed, or set this machine's clock" },
  { "not yet valid", "set this machine's clock" },
  { "[Ss]elf.signed", "if you trust it, give it as ca_file" },
  { "local issuer", "install ca-certificates, or give the CA as ca_file" },
  { "subject name", "the certificate is another host's: check base_url" },
  { "does not match target host", "the certificate is another host's: check base_url" },
  { "setting certificate", UNREAD },
  { "adding trust anchors", UNREAD }, -- since libcurl 8.17
  { "SSL CA cert", UNREAD }, -- with GnuTLS
  { "wrong version number", "that port does not speak TLS: check base_url and its port" },
  { "protocol", "the server has to offer TLS 1.2 or newer" },
}

local GENERAL = "check base_url, the proxy and the certificates on the way"

-- Bytes of libcurl's text to keep, so that the advice fits into the message.
local MAX_DETAIL = 110

-- message = tls.advise(detail)
function tls.advise(detail)
  for _, known in ipairs(ADVICE) do
    if detail:find(known[1]) then
      return text.cut(detail, MAX_DETAIL) .. "; " .. known[2]
    end
  end
  return text.cut(detail, MAX_DETAIL) .. "; " .. GENERAL
end

-- Whether the error is about a certificate, the client's or the server's: a repeat would not help.
function tls.is_certificate(detail)
  return detail:lower():find("certificat", 1, true) ~= nil
end

return tls
