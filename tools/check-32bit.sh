#!/bin/sh
# check-32bit.sh ROOT LUA... - builds and runs the specs on a 32-bit Debian.
#
# It is made in the directory ROOT, by debootstrap, where it is not there yet;
# nothing is installed outside of it. For root, on a 64-bit Intel machine.
set -eu

root=$1
shift

if ! test -e "$root/usr/bin/apt-get"; then
  echo "making a 32-bit Debian in $root"
  mkdir -p "$root"
  debootstrap --arch=i386 --variant=minbase bookworm "$root" >"$root.log"
  cp /etc/resolv.conf "$root/etc/"
  # No package starts a server.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
fi
rm -rf "$root/src"
mkdir "$root/src"
git ls-files -z | tar -c --null -T - | tar -x -C "$root/src"

# The mounts are this process's own, and end with it.
unshare --mount linux32 chroot "$root" sh -eu -c '
  mount -t proc proc /proc
  mkdir -p /dev/pts
  mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts
  ln -sfn pts/ptmx /dev/ptmx
  cd /src
  sh tools/packages.sh specs
  status=0
  for lua in "$@"; do
    make spec LUA="$lua" SPECS="${SPECS:-}" || status=1
  done
  exit $status' sh "$@"
