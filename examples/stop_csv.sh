#!/bin/sh
# Stops the messages of a CSV export, and writes what became of each beside it:
#
#   sh examples/stop_csv.sh export.csv message_code -p pushwoosh
#
# The second argument is the column with the ids, the others are options of `stopmsg stop`. Shows the
# lines of those that were not stopped, and exits as the command does.
set -eu

if [ $# -lt 2 ]; then
  echo "usage: sh $0 EXPORT.csv COLUMN -p PROVIDER [OPTION...]" >&2
  exit 2
fi
export=$1 column=$2
shift 2
results=${export%.csv}.stopped.csv

code=0
stopmsg stop "$@" -i "$export" --field "$column" --yes --format csv -o "$results" || code=$?
test "$code" -ne 1 && test "$code" -ne 2 || exit "$code"

sed 1d "$results" | grep -v '^[^,]*,stopped,' || true
exit "$code"
