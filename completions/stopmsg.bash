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
    --undocumented --ca-file --cert-file --key-file --proxy --timeout --max-attempts --deadline -q --quiet'
  local input='-i --input --field --dispatch --max'
  local pace='--concurrency --rate --batch-size --patience'
  local output='--format -o --output --progress -v --verbose'
  case $command in
  '') options='-V --version' ;;
  stop)
    options="$asking $input $pace $output --shared --verify --journal --dry-run -y --yes"
    ;;
  status) options="$asking $input $pace $output" ;;
  report) options='--only --format -o --output' ;;
  check) options=$asking ;;
  providers) options=--check ;;
  help) options= ;;
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
    local formats='text ndjson json csv'
    [[ $command != report ]] || formats+=' html'
    COMPREPLY=($(compgen -W "$formats" -- "$cur"))
    return
    ;;
  --progress)
    COMPREPLY=($(compgen -W 'auto bar plain none' -- "$cur"))
    return
    ;;
  -i | --input | -o | --output | --journal | --token-file | --ca-file | --cert-file | --key-file | --log | --check)
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    return
    ;;
  --field | --only | --max | --base-url | --set | --application | --proxy | --timeout | --max-attempts | \
    --concurrency | --rate | --shared | --batch-size | --patience | --deadline | --port | --delay | --settle)
    return
    ;;
  esac

  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options -h --help" -- "$cur"))
  elif [[ -z $command ]]; then
    COMPREPLY=($(compgen -W 'stop status report check providers sandbox help' -- "$cur"))
  elif [[ $command == report ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  elif [[ $command == help ]]; then
    COMPREPLY=($(compgen -W 'stop status report check providers sandbox help' -- "$cur"))
  elif [[ $command == providers ]]; then
    COMPREPLY=($(compgen -W "$(_stopmsg_providers)" -- "$cur"))
  fi
}

complete -F _stopmsg stopmsg
