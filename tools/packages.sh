#!/bin/sh
# packages.sh [-n] SET... - installs what is missing of the named sets of packages.
#
# -n only names them.
# Sets: build, demo, fleet, specs, test, oracle, musl, bench, deb, page, picture, or a Lua (lua5.1 ...
# lua5.5, luajit).
# Silent when nothing is missing. "a|b" is satisfied by either; what is installed is the first one
# that this release has.
set -eu

packages() {
  case $1 in
  build)
    echo 'gcc make pkg-config|pkgconf libc6-dev lua-cjson lua-argparse'
    echo 'libcurl4-openssl-dev|libcurl4-gnutls-dev zlib1g-dev'
    ;;
  demo)
    packages build
    echo 'lua-luv lua-expat'
    ;;
  fleet)
    echo redis-server
    ;;
  specs)
    packages demo
    for lua in lua5.1 lua5.2 lua5.3 lua5.4 luajit; do packages $lua; done
    echo 'lua-busted lua-check lua-socket luarocks procps time python3 openssl zsh mandoc'
    echo 'lua-copas lua-cqueues redis-server'
    echo 'nginx-light|nginx|nginx-core|nginx-full|nginx-extras libnginx-mod-http-lua'
    ;;
  test)
    packages specs
    echo "clang $(clang_runtime) clang-format clang-tidy cppcheck valgrind strace"
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
    echo 'liblua5.1-0-dev liblua5.4-dev lua5.4 build-essential debhelper lintian'
    ;;
  page)
    packages build
    echo 'chromium python3'
    ;;
  picture)
    packages demo
    echo 'tmux python3'
    ;;
  lua5.1)
    echo 'lua5.1 liblua5.1-0-dev'
    ;;
  lua5.[2-5])
    echo "$1 lib$1-dev"
    ;;
  luajit)
    # On Debian 12 luajit and luajit2 exclude each other, and nginx's Lua module
    # goes with the second. Later releases have one, called luajit.
    echo 'luajit2|luajit libluajit2-5.1-dev|libluajit-5.1-dev'
    ;;
  esac
}

# It has the version of the release's own clang in its name.
clang_runtime() {
  version=$(apt-cache depends clang 2>/dev/null | sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p')
  echo "libclang-rt-${version:-14}-dev"
}

is_known() {
  apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

# The first of a|b that apt knows, or else a.
pick() {
  for package in $(echo "$1" | tr '|' ' '); do
    if is_known "$package"; then
      echo "$package"
      return
    fi
  done
  echo "${1%%|*}"
}

installed() {
  test "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed
}

names_only=
if test "${1-}" = -n; then
  names_only=1
  shift
fi

for set in "$@"; do
  case $set in
  build | demo | fleet | specs | test | oracle | musl | bench | deb | page | picture | lua*) ;;
  *)
    echo "packages.sh: no set named $set" >&2
    exit 2
    ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  test -z "$names_only" || exit 0
  echo "Not a Debian: make sure that these, or what they are called here, are installed:"
  for set in "$@"; do packages "$set"; done | tr ' ' '\n' | sort -u | sed 's/|.*//; s/^/  /'
  exit 0
fi

find_missing() {
  missing=
  for choice in $(for set in "$@"; do packages "$set"; done | tr ' ' '\n' | sort -u); do
    found=
    for package in $(echo "$choice" | tr '|' ' '); do
      if installed "$package"; then found=1; fi
    done
    test -n "$found" || missing="$missing $(pick "$choice")"
  done
}
find_missing "$@"
test -n "$missing" || exit 0
if test -n "$names_only"; then
  echo "$missing"
  exit 0
fi

if test "$(id -u)" = 0; then
  sudo=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || test -t 0; }; then
  sudo=sudo
else
  echo "missing packages:$missing" >&2
  echo "as root: apt-get update; apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

# Lists that are old or empty know no names, either.
for package in $missing; do
  if ! is_known "$package"; then
    $sudo apt-get update -qq
    find_missing "$@"
    break
  fi
done

echo "installing$missing"
# shellcheck disable=SC2086
$sudo sh "$(dirname "$0")/install.sh" $missing
