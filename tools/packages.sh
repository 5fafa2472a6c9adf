#!/bin/sh
# packages.sh SET... - installs what is missing of the named sets of packages.
#
# Sets: build, demo, specs, test, oracle, musl, bench, deb, picture, or a Lua (lua5.1 ... lua5.4, luajit).
# Silent when nothing is missing. "a|b" is satisfied by either; a is what is installed.
set -eu

packages() {
  case $1 in
  build)
    echo 'gcc make pkg-config|pkgconf libc6-dev lua-cjson lua-argparse'
    echo 'libcurl4-openssl-dev|libcurl4-gnutls-dev'
    ;;
  demo)
    packages build
    echo 'lua-luv lua-expat'
    ;;
  specs)
    packages demo
    for lua in lua5.1 lua5.2 lua5.3 lua5.4 luajit; do packages $lua; done
    echo 'lua-busted lua-check lua-socket luarocks procps time python3 openssl zsh mandoc'
    echo 'lua-copas lua-cqueues'
    echo 'nginx-light|nginx|nginx-core|nginx-full|nginx-extras libnginx-mod-http-lua'
    ;;
  test)
    packages specs
    echo 'clang libclang-rt-14-dev|libclang-rt-dev clang-format clang-tidy cppcheck valgrind strace'
    ;;
  oracle)
    packages demo
    packages npm
    echo lua-busted
    ;;
  npm)
    echo nodejs
    # Some builds of nodejs bring it along, and exclude the package.
    command -v npm >/dev/null || echo npm
    ;;
  musl)
    packages specs
    echo 'musl-tools linux-libc-dev perl bzip2 xz-utils'
    ;;
  bench)
    packages build
    for lua in lua5.1 lua5.4 luajit; do packages $lua; done
    echo 'nginx libnginx-mod-http-lua openssl time util-linux python3 gnuplot-nox'
    echo 'nghttp2-client wrk curl lua-http lua-socket lua-curl'
    echo 'python3-pycurl python3-aiohttp python3-httpx python3-h2'
    echo 'lua-luv golang-go'
    packages npm
    ;;
  deb)
    packages build
    echo 'liblua5.1-0-dev liblua5.4-dev build-essential debhelper lintian'
    ;;
  picture)
    packages demo
    echo 'tmux python3'
    ;;
  lua5.1)
    echo 'lua5.1 liblua5.1-0-dev'
    ;;
  lua5.[2-4])
    echo "$1 lib$1-dev"
    ;;
  luajit)
    # On Debian luajit and luajit2 exclude each other, and nginx's Lua module
    # goes with the second.
    echo 'luajit2|luajit libluajit2-5.1-dev|libluajit-5.1-dev'
    ;;
  esac
}

installed() {
  test "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed
}

for set in "$@"; do
  case $set in
  build | demo | specs | test | oracle | musl | bench | deb | picture | lua*) ;;
  *)
    echo "packages.sh: no set named $set" >&2
    exit 2
    ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "Not a Debian: make sure that these, or what they are called here, are installed:"
  for set in "$@"; do packages "$set"; done | tr ' ' '\n' | sort -u | sed 's/|.*//; s/^/  /'
  exit 0
fi

missing=
for choice in $(for set in "$@"; do packages "$set"; done | tr ' ' '\n' | sort -u); do
  found=
  for package in $(echo "$choice" | tr '|' ' '); do
    if installed "$package"; then found=1; fi
  done
  test -n "$found" || missing="$missing ${choice%%|*}"
done
test -n "$missing" || exit 0

if test "$(id -u)" = 0; then
  sudo=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || test -t 0; }; then
  sudo=sudo
else
  echo "missing packages:$missing" >&2
  echo "as root: apt-get update; apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

# A server that comes along, nginx, is not to be started: nobody asked for one.
install() {
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qq -y \
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 --no-install-recommends $missing
}

echo "installing$missing"
# Package lists may be old or empty; only then is an update worth its time.
install >/dev/null 2>&1 || { $sudo apt-get update -qq && install >/dev/null; }
