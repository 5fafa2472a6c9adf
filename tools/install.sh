#!/bin/sh
# install.sh PACKAGE... - installs packages of Debian, as root, and leaves its services alone: those
# that come along (nginx) are neither started now nor enabled for the next boot.
set -eu

# invoke-rc.d and deb-systemd-invoke ask it before they start anything. Who has one gets it back.
policy=/usr/sbin/policy-rc.d
theirs=$policy.before-stopmsg
mark='# of stopmsg, as long as it installs packages'

# One at a time, as the policy is one for all.
exec 9>/run/stopmsg-install.lock
flock 9

# What starts at boot, by systemd and by init.
links() {
  find /etc/systemd/system -path '*.wants/*.service' 2>/dev/null || true
  find /etc/rc[2-5].d -name 'S[0-9][0-9]*' 2>/dev/null || true
}

restore() {
  if test -e "$theirs"; then mv -f "$theirs" "$policy"; else rm -f "$policy"; fi
}

before=$(links)
if test -e "$policy" && ! grep -qs "^$mark" "$policy"; then mv -f "$policy" "$theirs"; fi
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"

install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -o Dpkg::Use-Pty=0 \
    -o DPkg::Lock::Timeout=300 --no-install-recommends "$@" </dev/null 9>&-
}
# Package lists may be old or empty; only then is an update worth its time.
install "$@" >/dev/null 2>&1 || { apt-get update -qq && install "$@" >/dev/null; }

for link in $(links); do
  if echo "$before" | grep -qxF "$link"; then continue; fi
  name=${link##*/}
  case $link in
  *.service)
    systemctl --quiet disable "$name" >/dev/null 2>&1 || rm -f "$link"
    echo "${name%.service} is installed, and neither started nor enabled"
    ;;
  *)
    test ! -L "$link" || update-rc.d "${name#S??}" disable >/dev/null 2>&1 || rm -f "$link"
    ;;
  esac
done
