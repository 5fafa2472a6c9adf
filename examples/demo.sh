#!/bin/sh
# Starts the sandbox, stops messages of all four providers through the public API, ends the sandbox.
set -eu

lua=${LUA:-lua5.4}
log=$(mktemp)
"$lua" bin/stopmsg sandbox --delay 0.02 >"$log" &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null; rm -f "$log"' EXIT

# The port is the kernel's choice; the sandbox says it in its first line.
tries=0
until url=$(grep -o 'http://[^ ]*' "$log"); do
  tries=$((tries + 1))
  if [ "$tries" -gt 100 ] || ! kill -0 "$sandbox" 2>/dev/null; then
    echo "the sandbox did not start" >&2
    exit 1
  fi
  sleep 0.1
done

"$lua" examples/demo.lua "$url"
