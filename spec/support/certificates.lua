-- Certificates for specs, made by the openssl command into a folder of their own: ca.pem, and
-- NAME.pem with NAME.key for each of the names below. `make test` makes them once, and says where
-- they are; each spec has a copy of its own.

local certificates = {}

local READY = os.getenv("SPEC_CERTIFICATES") or ""

local SCRIPT = [[
set -e
cd '%s'
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
ca() {
  key "$1"
  openssl req -new -x509 -key "$1.key" -subj "/CN=stopmsg $1" -days 2 -out "$1.pem" \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign
}
# NAME CA SUBJECT-ALT-NAMES END
leaf() {
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=stopmsg $1" -out "$1.csr"
  echo "subjectAltName=$3" >"$1.ext"
  : >index.txt
  openssl ca -batch -notext -config ca.cnf -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" \
    -out "$1.pem" -extfile "$1.ext" -startdate 20200101000000Z -enddate "$4"
}
cat >ca.cnf <<END
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
END
ca ca
ca other
leaf good ca IP:127.0.0.1,DNS:localhost,DNS:provider.test 20490101000000Z
leaf wrong_host ca DNS:elsewhere.test 20490101000000Z
leaf expired ca IP:127.0.0.1 20210101000000Z
leaf unknown_ca other IP:127.0.0.1 20490101000000Z
leaf client ca DNS:client.test 20490101000000Z
leaf old_client ca DNS:client.test 20210101000000Z
cat client.pem client.key >client_both.pem
openssl ec -in client.key -aes256 -passout pass:secret -out client_locked.key
key self_signed
openssl req -new -x509 -key self_signed.key -subj /CN=127.0.0.1 -days 2 -out self_signed.pem \
  -addext subjectAltName=IP:127.0.0.1
]]

-- folder = certificates.make(); give it to certificates.remove afterwards.
function certificates.make()
  local folder = os.tmpname()
  os.remove(folder)
  if READY ~= "" then
    assert(os.execute(("cp -r '%s' '%s'"):format(READY, folder)))
    return folder
  end
  assert(os.execute("mkdir -m 700 '" .. folder .. "'"))
  local script = folder .. "/make.sh"
  local file = assert(io.open(script, "w"))
  file:write(SCRIPT:format(folder))
  file:close()
  local done = os.execute("sh '" .. script .. "' >'" .. folder .. "/log' 2>&1")
  if done ~= true and done ~= 0 then
    local log = assert(io.open(folder .. "/log")):read("*a")
    certificates.remove(folder)
    error("openssl: " .. log, 2)
  end
  return folder
end

function certificates.remove(folder)
  os.execute("rm -rf '" .. folder .. "'")
end

return certificates
