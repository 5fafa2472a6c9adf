#!/bin/sh
# check-debian.sh ROOT SUITE ARCHITECTURE LUA... - builds and runs the specs on another Debian.
#
# It is made in the directory ROOT, by debootstrap, where it is not there yet; nothing is installed
# outside of it. For root, on a machine that runs programs of that architecture. DO=TARGET makes that
# in place of the specs on each Lua.
set -eu

root=$1 suite=$2 architecture=$3
shift 3

# Where this machine gets its own packages from; without an answer, debootstrap knows.
mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' \
    2>/dev/null | head -n 1
}

if ! test -e "$root/usr/sbin/policy-rc.d"; then
  echo "making a Debian $suite ($architecture) in $root"
  rm -rf "$root"
  mkdir -p "$root"
  # Some releases leave mounts behind: they end with this process.
  unshare --mount debootstrap --arch="$architecture" --variant=minbase "$suite" "$root" \
    $(mirror) >"$root.log"
  cp /etc/resolv.conf "$root/etc/"
  # And how: a proxy, or a mirror that stands still.
  apt-config dump | grep -E '^Acquire::(Check-|http|Retries)' >"$root/etc/apt/apt.conf.d/00machine" || true
  # No package starts a server.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
fi
rm -rf "$root/src"
mkdir "$root/src"
git ls-files -z | tar -c --null -T - | tar -x -C "$root/src"

case $architecture in
i386) personality=linux32 ;;
*) personality= ;;
esac

# The mounts are this process's own, and end with it.
# shellcheck disable=SC2086
unshare --mount $personality chroot "$root" sh -eu -c '
  mount -t proc proc /proc
  mkdir -p /dev/pts /dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts
  mount -t tmpfs tmpfs /dev/shm
  ln -sfn pts/ptmx /dev/ptmx
  cd /src
  status=0
  if test -n "${DO:-}"; then
    apt-get install -qq -y --no-install-recommends make >/dev/null
    make $DO || status=1
    set --
  fi
  for lua in "$@"; do
    sh tools/packages.sh specs "$lua"
    for module in busted cjson luv; do
      if ! "$lua" -e "require(\"$module\")" 2>/dev/null; then
        echo "$lua: not run, as this release has no $module for it"
        continue 2
      fi
    done
    make spec LUA="$lua" SPECS="${SPECS:-}" || status=1
  done
  exit $status' sh "$@"
