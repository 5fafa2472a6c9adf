#!/bin/sh
# A fleet in small: redis-server, the sandbox as the provider, three workers, one of which is killed
# in the middle. Every id is counted once. `make demo-fleet` runs it.
set -eu

lua=${LUA:-lua5.4}
ids=3000
folder=$(mktemp -d)
pids=
clean() {
  # shellcheck disable=SC2086
  test -z "$pids" || kill $pids 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap clean EXIT
trap 'exit 130' INT TERM

stopmsg() {
  "$lua" bin/stopmsg "$@"
}

# until_line FILE PATTERN: waits for a line of it, and prints the match.
until_line() {
  tries=0
  until grep -o "$2" "$1" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 600 ]; then
      echo "waited in vain for $2" >&2
      exit 1
    fi
    sleep 0.1
  done
}

# Both ports are the kernel's choice.
"$lua" bin/stopmsg sandbox --delay 0.3 --log "$folder/requests" >"$folder/sandbox" &
pids=$!
port=$("$lua" -e 'local uv = require("luv"); local s = uv.new_tcp(); s:bind("127.0.0.1", 0)
  print(s:getsockname().port)')
redis-server --bind 127.0.0.1 --port "$port" --dir "$folder" --save "" --appendonly yes \
  --maxmemory-policy noeviction >"$folder/redis" &
pids="$pids $!"
STOPMSG_BASE_URL=$(until_line "$folder/sandbox" 'http://[^ ]*' | head -n 1)
until_line "$folder/redis" 'Ready to accept connections' >/dev/null
STOPMSG_REDIS=redis://127.0.0.1:$port
STOPMSG_TOKEN=sandbox
export STOPMSG_BASE_URL STOPMSG_REDIS STOPMSG_TOKEN
echo "Redis at $STOPMSG_REDIS, the provider at $STOPMSG_BASE_URL"

i=0
while [ "$i" -lt "$ids" ]; do
  i=$((i + 1))
  printf '2a28d557-22a1-4be6-8908-%08x8000\n' "$i"
done >"$folder/ids.txt"

stopmsg feed demo -p revicom -i "$folder/ids.txt" --batch-size 20 2>"$folder/feed"
echo "Fed $ids ids into the job 'demo', in entries of 20."

for worker in 1 2 3; do
  "$lua" bin/stopmsg work demo --lease 3 --once 2>"$folder/worker$worker" &
  pids="$pids $!"
  last=$!
done
echo "Started three workers."
until_line "$folder/requests" '"path":"/api/v1/message/stop"' >/dev/null
kill -9 "$last"
echo "Killed worker 3 (SIGKILL) while it had requests on their way."
