#!/bin/sh
# Stops what others put into a folder, from cron. A line of a crontab:
#
#   * * * * *  cron.sh /var/spool/stop -p revicom --token-file /etc/stopmsg.token
#
# The first argument is the folder, the others are options of `stopmsg stop`. Lists of ids are files
# NAME.txt, moved there when they are complete. What became of them is in NAME.ndjson. A list is done
# when nothing of it is left to find out; until then each run goes on from its journal. What a provider
# only accepts is found out with --verify.
set -eu
umask 077

if [ $# -lt 2 ]; then
  echo "usage: sh $0 FOLDER -p PROVIDER [OPTION...]" >&2
  exit 2
fi

folder=$1
shift
mkdir -p "$folder/done"
exec 9>"$folder/lock"
flock -n 9 || exit 0 # the last run is still at it

for list in "$folder"/*.txt; do
  test -f "$list" || continue
  name=${list%.txt}
  code=0
  stopmsg stop "$@" -i "$list" --journal "$name.journal" --yes --quiet \
    --format ndjson -o "$name.ndjson" || code=$?
  case $code in
  0 | 3) # all stopped, or the provider said why not
    mv "$list" "$name.journal" "$name.ndjson" "$folder/done"
    ;;
  4 | 5 | 129 | 130 | 143) # unsure, undone or interrupted: the next run goes on
    echo "$list: exit code $code, tried again" >&2
    ;;
  *) # a fault, wrong input or a refused token: somebody has to look
    echo "$list: exit code $code" >&2
    exit "$code"
    ;;
  esac
done
