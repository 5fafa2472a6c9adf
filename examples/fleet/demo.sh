#!/bin/sh
# A fleet in small: redis-server, the sandbox as the provider, three workers, one of which is killed
# in the middle. Every id is counted once. `make demo-fleet` runs it.
set -eu

lua=${LUA:-lua5.4}
ids=3000
folder=$(mktemp -d)
pids=
workers=
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

stopmsg feed demo -p revicom -i "$folder/ids.txt" --entry 50 -q >"$folder/feed" 2>&1
echo "Fed $ids ids into the job 'demo'."

for worker in 1 2 3; do
  "$lua" bin/stopmsg work demo --batch-size 25 --lease 3 >"$folder/worker$worker" 2>&1 &
  last=$!
  test "$worker" = 3 || workers="$workers $last"
done
pids="$pids $workers $last"
echo "Started three workers."

# Worker 3 has requests on their way by then: an answer takes 0.3 seconds.
tries=0
until test "$(wc -l <"$folder/requests")" -ge 20; do
  sleep 0.05
  tries=$((tries + 1))
  test "$tries" -lt 1200 || exit 1
done
kill -9 "$last"
echo "Killed worker 3 (kill -9) in the middle of its work."
stopmsg collect demo -o "$folder/results.ndjson" -q 2>"$folder/collect" || true
echo "Collected $(wc -l <"$folder/results.ndjson") results so far."

# The others take over what it had, once its lease of 3 seconds has ended.
for worker in $workers; do
  wait "$worker"
done
for worker in 1 2; do
  echo "Worker $worker: $(sed -n 's/^stopmsg work: //p' "$folder/worker$worker" | tail -n 1)"
done

echo
stopmsg job demo || true
stopmsg collect demo -o "$folder/results.ndjson" -q 2>"$folder/collect" || true
lines=$(wc -l <"$folder/results.ndjson")
different=$(grep -o '"id":"[^"]*"' "$folder/results.ndjson" | sort -u | wc -l)
echo
echo "Fed: $ids ids. Collected: $lines results of $different different ids."
grep -o '"outcome":"[a-z_]*"' "$folder/results.ndjson" | cut -d '"' -f 4 | sort | uniq -c |
  sed 's/^ */  /'
if [ "$lines" -ne "$ids" ] || [ "$different" -ne "$ids" ]; then
  echo "The sum is wrong." >&2
  exit 1
fi
echo "The sum is right: every id has one result, although a worker was killed."
stopmsg job demo --forget 2>"$folder/forget"
