#!/bin/sh
# headers.sh LUA NAME VERSION PACKAGE - one line for what is missing to build, in place of a page of
# compiler errors. CC and FLAGS are the compiler and its flags.
set -eu
lua=$1 name=$2 version=$3 package=$4

missing() {
  echo "$1" >&2
  exit 1
}

compiles() {
  printf "$1" | $CC -E $FLAGS -x c - >/dev/null 2>&1
}

test -n "$version" || missing "no Lua called $lua: name one that is there, as in make LUA=lua5.4"
command -v "${CC%% *}" >/dev/null || missing "no C compiler ($CC): install gcc, or run 'make setup'"
number=$(echo "$version" | tr . 0)
compiles "#include <lua.h>\n#if LUA_VERSION_NUM != $number\n#error\n#endif\n" ||
  missing "no headers of $name: install $package, run 'make setup LUA=$lua', or set LUA_INCDIR"
compiles '#include <curl/curl.h>\n' ||
  missing "no headers of libcurl: install libcurl4-openssl-dev (Debian) or libcurl-devel (Fedora), run 'make setup', or set CURL_DIR"
compiles '#include <zlib.h>\n' ||
  missing "no headers of zlib: install zlib1g-dev, run 'make setup', or set ZLIB_INCDIR"
