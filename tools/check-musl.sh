#!/bin/sh
# check-musl.sh ROOT - builds and runs the specs with musl, on Lua 5.4.
#
# Lua, libcurl with OpenSSL and nghttp2, lua-cjson and libuv are made of what
# Debian has as their sources, in the directory ROOT, where that is not done
# yet; nothing is installed outside of it. The modules that only specs need are
# Debian's own. For x86_64.
set -eu

mkdir -p "$1"
root=$(cd "$1" && pwd)
export CC="musl-gcc -idirafter $root/kernel"
jobs=$(nproc)
debian=/usr/lib/$(gcc -print-multiarch)

fetch() {
  mkdir -p "$root/apt/lists/partial" "$root/apt/cache/archives/partial" "$root/sources"
  apt-get indextargets --format "deb-src \$(SITE) \$(RELEASE) \$(COMPONENT)" \
    'Created-By: Packages' 'Origin: Debian' >"$root/apt/sources.list"
  cat >"$root/apt/conf" <<END
Dir::Etc::sourcelist "$root/apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$root/apt/lists";
Dir::Cache "$root/apt/cache";
APT::Sandbox::User "root";
END
  export APT_CONFIG="$root/apt/conf"
  apt-get -q update
  cd "$root/sources"
  # What the authors published is all that is used: Debian's changes may lack.
  for name in lua5.4 lua-cjson libuv1 zlib nghttp2 openssl curl; do
    apt-get -q source --download-only $name || test -n "$(ls ${name}_*.orig.tar.?z*)"
  done
  rm -f ./*.asc
  for archive in *.orig.tar.*; do
    name=${archive%%_*}
    mkdir -p "$root/build/$name"
    tar -xf "$archive" -C "$root/build/$name" --strip-components=1
  done
}

make_lua() {
  cd "$root/build/lua5.4/src"
  rm -f luac.c
  $CC -std=gnu99 -O2 -DLUA_USE_LINUX -DLUA_COMPAT_5_3 -rdynamic -o "$root/bin/lua5.4" \
    -DLUA_PATH_DEFAULT='"/usr/share/lua/5.4/?.lua;/usr/share/lua/5.4/?/init.lua"' \
    -DLUA_CPATH_DEFAULT="\"$root/modules/?.so\"" ./*.c \
    -lm -ldl -Wl,-rpath,"$root/lib" -L"$root/lib" -Wl,--no-as-needed -lglibc
  cp lua.h luaconf.h lualib.h lauxlib.h "$root/include/"
}

# musl takes the libc.so.6 that they ask for as a name of its own.
make_modules() {
  for name in luv lfs lxp system/core term/core socket/core socket/unix mime/core; do
    mkdir -p "$(dirname "$root/modules/$name")"
    cp -L "$debian/lua/5.4/$name.so" "$root/modules/$name.so"
  done
  cp -L "$debian/libexpat.so.1" "$root/lib/"
  cd "$root/build/lua-cjson"
  $CC -O2 -fPIC -shared -I"$root/include" -o "$root/modules/cjson.so" lua_cjson.c strbuf.c fpconv.c
}

make_libuv() {
  cd "$root/build/libuv1"
  files=
  for name in async core dl epoll fs getaddrinfo getnameinfo linux-core linux-inotify \
    linux-syscalls loop loop-watcher pipe poll process procfs-exepath proctitle random-devurandom \
    random-getrandom random-sysctl-linux signal stream tcp thread tty udp; do
    files="$files src/unix/$name.c"
  done
  # shellcheck disable=SC2086
  $CC -O2 -std=gnu99 -D_GNU_SOURCE -fPIC -shared -Iinclude -Isrc -Wl,-soname,libuv.so.1 \
    -o "$root/lib/libuv.so.1" src/*.c $files
}

# Not as a shared library: the compiler would take it for its own.
make_zlib() {
  cd "$root/build/zlib"
  CFLAGS='-O2 -fPIC' ./configure --static --prefix="$root"
  make -j "$jobs" install
}

make_nghttp2() {
  cd "$root/build/nghttp2"
  version=$(sed -n 's/^AC_INIT(\[nghttp2\], \[\([0-9.]*\).*/\1/p' configure.ac)
  sed -e "s/@PACKAGE_VERSION@/$version/; s/@PACKAGE_VERSION_NUM@/$(
    echo "$version" | awk -F. '{ printf "0x%02x%02x%02x", $1, $2, $3 }')/" \
    lib/includes/nghttp2/nghttp2ver.h.in >lib/includes/nghttp2/nghttp2ver.h
  $CC -O2 -fPIC -shared -Ilib/includes -DHAVE_ARPA_INET_H -DHAVE_NETINET_IN_H \
    -Wl,-soname,libnghttp2.so.14 -o "$root/lib/libnghttp2.so.14" lib/*.c
  ln -sf libnghttp2.so.14 "$root/lib/libnghttp2.so"
  cp -r lib/includes/nghttp2 "$root/include/"
}

make_openssl() {
  cd "$root/build/openssl"
  ./Configure linux-x86_64 --prefix="$root" --libdir=lib shared no-tests no-async no-engine no-legacy
  make -j "$jobs" build_libs
  make install_dev
}

make_curl() {
  cd "$root/build/curl"
  CPPFLAGS="-I$root/include" LDFLAGS="-L$root/lib -Wl,-rpath,$root/lib" \
    PKG_CONFIG_LIBDIR="$root/lib/pkgconfig" ./configure --prefix="$root" --disable-static \
    --with-openssl="$root" --with-zlib="$root" --with-nghttp2="$root" --without-brotli \
    --without-zstd --without-libidn2 --without-libpsl --without-librtmp --without-libssh2 \
    --disable-ldap --disable-manual
  make -j "$jobs" -C lib install
  make -C include install
}

# Once, and told in a file of its own.
step() {
  test -e "$root/done.$1" && return
  echo "musl: $1"
  # Not with ||, under which it would go on after a command that failed.
  set +e
  (set -e && "$1") >"$root/$1.log" 2>&1
  status=$?
  set -e
  if test $status != 0; then
    tail -n 20 "$root/$1.log" >&2
    exit 1
  fi
  touch "$root/done.$1"
}

mkdir -p "$root/bin" "$root/lib" "$root/include" "$root/modules" "$root/kernel"
for name in linux asm-generic mtd scsi; do ln -sfn "/usr/include/$name" "$root/kernel/$name"; done
ln -sfn "/usr/include/$(gcc -print-multiarch)/asm" "$root/kernel/asm"
$CC -D_GNU_SOURCE -O2 -fPIC -shared -o "$root/lib/libglibc.so" tools/musl.c

rm -rf "$root/src"
mkdir "$root/src"
git ls-files -z | tar -c --null -T - | tar -x -C "$root/src"

for name in fetch make_lua make_modules make_libuv make_zlib make_nghttp2 make_openssl make_curl; do
  step $name
done

# Not for it: what LuaRocks and Debian's Lua make of this tree, and cqueues,
# which has an OpenSSL of its own.
cd "$root/src"
make spec LUA="$root/bin/lua5.4" CC="$CC" WERROR=1 LUA_INCDIR="$root/include" CURL_DIR="$root" \
  LDFLAGS="-Wl,-rpath,$root/lib" \
  SPECS="${SPECS:-$(find spec -name '*_spec.lua' ! -path 'spec/packaging*' \
    ! -path 'spec/schedulers/*' | sort | tr '\n' ' ')}"
