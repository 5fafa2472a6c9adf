# Completion of stopmsg(1) for bash.

# The built-in providers: the command knows them, as each is a file of its own.
_stopmsg_providers() {
  stopmsg providers 2>/dev/null | sed -n 's/^\([a-z][a-z0-9_]*\) .*/\1/p'
}

_stopmsg() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local command=
  local word options

  # `--format=js` comes as three words, as `=` divides them.
  if [[ $cur == '=' ]]; then
    cur=
  elif [[ $prev == '=' ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi

  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word != -* ]]; then
      command=$word
      break
    fi
  done

  local asking='-p --provider --set --token-file --base-url --allow-http --application --xml
    --undocumented --ca-file --proxy --timeout --max-attempts --deadline -q --quiet'
  local input='-i --input --field --dispatch --max'
  local pace='--concurrency --rate --batch-size'
  local output='--format -o --output --progress'
  case $command in
  '') options='--version' ;;
  stop)
    options="$asking $input $pace $output --verify --journal --dry-run -y --yes"
    ;;
  status) options="$asking $input $pace $output" ;;
  check) options=$asking ;;
  providers) options=--check ;;
  sandbox) options='--port --delay --settle --log --log-bodies --until-eof' ;;
  *) return ;;
  esac

  COMPREPLY=()
  case $prev in
  -p | --provider)
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -W "$(_stopmsg_providers)" -- "$cur"; compgen -f -- "$cur")
    return
    ;;
  --format)
    COMPREPLY=($(compgen -W 'text ndjson json csv' -- "$cur"))
    return
    ;;
  --progress)
    COMPREPLY=($(compgen -W 'auto bar plain none' -- "$cur"))
    return
    ;;
  -i | --input | -o | --output | --journal | --token-file | --ca-file | --log | --check)
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    return
    ;;
  --field | --max | --base-url | --set | --application | --proxy | --timeout | --max-attempts | \
    --concurrency | --rate | --batch-size | --deadline | --port | --delay | --settle)
    return
    ;;
  esac

  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options -h --help" -- "$cur"))
  elif [[ -z $command ]]; then
    COMPREPLY=($(compgen -W 'stop status check providers sandbox' -- "$cur"))
  elif [[ $command == providers ]]; then
    COMPREPLY=($(compgen -W "$(_stopmsg_providers)" -- "$cur"))
  fi
}

complete -F _stopmsg stopmsg
