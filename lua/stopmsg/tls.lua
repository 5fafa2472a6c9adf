-- Advice for TLS errors. Matches the texts of OpenSSL and libcurl; an unknown text gets general
-- advice.

local text = require("stopmsg.text")

local tls = {}

local UNREAD = "check that ca_file and ca_path exist and can be read"

local ADVICE = {
  -- Alerts of the server about the client certificate.
  { "alert certificate required", "the server requires one: set cert_file and key_file" },
  { "alert handshake failure", "no common cipher, or the server requires a cert_file" },
  { "alert .*certificate", "the server rejected your certificate: check cert_file" },
  { "alert unknown ca", "the server does not trust the CA of your certificate: check cert_file" },
  -- libcurl's own text for the alert about an expired certificate.
  { "certificate verification failed", "the server says it has expired: check cert_file" },
  { "closed the connection after the TLS", "it may require cert_file and key_file" },
  { "client certificate", "cert_file and key_file must be a matching PEM pair without a password" },
  { "private key", "cert_file and key_file must be a matching PEM pair without a password" },
  { "expired", "the server's certificate must be renewed, or this machine's clock is wrong" },
  { "not yet valid", "check this machine's clock" },
  { "[Ss]elf.signed", "if you trust it, set ca_file to it" },
  { "local issuer", "install ca-certificates, or set ca_file to the CA" },
  { "subject name", "the certificate is for another host: check base_url" },
  { "does not match target host", "the certificate is for another host: check base_url" },
  { "setting certificate", UNREAD },
  { "adding trust anchors", UNREAD }, -- since libcurl 8.17
  { "SSL CA cert", UNREAD }, -- with GnuTLS
  { "wrong version number", "that port does not use TLS: check base_url and its port" },
  { "protocol", "the server must offer TLS 1.2 or newer" },
}

local GENERAL = "check base_url, the proxy and their certificates"

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
