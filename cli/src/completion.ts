/** What a shell needs to know of a command to complete it. */
export interface CompletedCommand {
  readonly name: string
  readonly description: string
  readonly options: readonly CompletedOption[]
  /** Its one argument, if it has one. */
  readonly argument: CompletedValue | undefined
  /** Its argument may stand several times. */
  readonly repeats?: boolean
}

export interface CompletedOption {
  /** With its dashes: `--output`. */
  readonly flag: string
  readonly description: string
  /** `undefined` where it takes none. */
  readonly value: CompletedValue | undefined
}

/** A file or folder, one of some words, or anything, of which nothing can be offered. */
export type CompletedValue = 'file' | 'free' | readonly string[]

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A script that completes `alcove` in a shell, for the commands as they are; `--help` and `help` are added. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  const described = commands.map(command => ({ ...command, options: [...command.options, help] }))
  const helpCommand: CompletedCommand = {
    name: 'help',
    description: 'say what a command does',
    options: [],
    argument: commands.map(({ name }) => name),
  }
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell]([...described, helpCommand])
}

const help: CompletedOption = { flag: '--help', description: 'say how', value: undefined }
/** What may stand before the command. */
const programOptions: readonly CompletedOption[] = [
  { flag: '--verbose', description: 'print the whole error with its stack', value: undefined },
  { flag: '--version', description: 'print the version', value: undefined },
  help,
]

/** Words of commands, flags and values are letters, digits, `-`, `.` and `_`: no quoting is needed for them. */
function bashScript(commands: readonly CompletedCommand[]): string {
  const offer = (value: CompletedValue | undefined): string => {
    if (value === 'file') return 'files=1'
    return typeof value === 'object' ? `words+=' ${value.join(' ')}'` : ':'
  }
  const values = commands.flatMap(({ name, options }) =>
    options.flatMap(({ flag, value }) =>
      value === undefined ? [] : [`    ${name}:${flag}) ${offer(value)} ;;`],
    ),
  )
  const flags = commands.map(
    ({ name, options }) => `      ${name}) words='${options.map(({ flag }) => flag).join(' ')}' ;;`,
  )
  const first = [...commands.map(({ name }) => name), ...programOptions.map(({ flag }) => flag)]
  const args = commands.map(
    ({ name, argument, repeats }) =>
      `      ${name}:${repeats === true ? '*' : '0'}) ${offer(argument)} ;;`,
  )
  const taking = values.map(line => line.trim().split(')')[0]).join('|')
  return `# bash completion for alcove: source <(alcove completion bash)
_alcove() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local command= given=0 words= files= before= index word
  # --output=te is one word, or three where bash breaks words at =
  if [ "$current" = = ]; then
    current=
  elif [ "$previous" = = ]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $current == --*=* ]]; then
    previous=\${current%%=*} before=$previous= current=\${current#*=}
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    case "$command:$word" in
      ${taking})
        [ "\${COMP_WORDS[index+1]}" != = ] || ((index++))
        ((index++)) ;;
      *:-* | *:=) ;;
      :*) command=$word ;;
      *) ((given++)) ;;
    esac
  done
  COMPREPLY=()
  case "$command:$previous" in
${values.join('\n')}
    :*) words='${first.join(' ')}' ;;
    *)
      case $command in
${flags.join('\n')}
      esac
      case $command:$given in
${args.join('\n')}
      esac ;;
  esac
  COMPREPLY=($(compgen -P "$before" -W "$words" -- "$current"))
  if [ -n "$files" ] && [ "\${#COMPREPLY[@]}" -eq 0 ]; then
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY=($(compgen -P "$before" -f -- "$current"))
  fi
}
complete -F _alcove alcove
`
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const list = commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`)
  const action = (value: CompletedValue): string => {
    if (value === 'file') return ':file:_files'
    return value === 'free' ? ':value: ' : `:value:(${value.join(' ')})`
  }
  const spec = ({ flag, description, value }: CompletedOption): string => {
    const about = `[${description.replaceAll(/[[\]:]/g, ' ')}]`
    return quoted(value === undefined ? `${flag}${about}` : `${flag}=${about}${action(value)}`)
  }
  const cases = commands.map(({ name, options, argument, repeats }) => {
    const specs = options.map(spec)
    if (argument !== undefined)
      specs.push(quoted(`${repeats === true ? '*' : '1'}${action(argument)}`))
    return `        ${name}) _arguments ${specs.map(one => `\\\n          ${one}`).join(' ')} ;;`
  })
  return `#compdef alcove
# zsh completion for alcove: alcove completion zsh > a folder of $fpath, as _alcove
_alcove() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a commands=(
${list.join('\n')}
  )
  _arguments -C ${programOptions.map(spec).join(' ')} '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}
if [ "$funcstack[1]" = _alcove ]; then _alcove "$@"; else compdef _alcove alcove; fi
`
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const value = (of: CompletedValue): string => {
    if (of === 'file') return ' -r -F'
    return of === 'free' ? ' -x' : ` -x -a ${quoted(of.join(' '))}`
  }
  const option = (when: string, { flag, description, value: of }: CompletedOption): string =>
    `complete -c alcove -n ${when} -l ${flag.slice(2)}${of === undefined ? '' : value(of)} -d ${quoted(description)}`
  const lines = commands.flatMap(({ name, description, options, argument }) => {
    const within = `__fish_seen_subcommand_from ${name}`
    const words = typeof argument === 'object' ? argument.join(' ') : ''
    return [
      `complete -c alcove -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
      ...options.map(one => option(quoted(within), one)),
      ...(argument === 'file' ? [`complete -c alcove -n '${within}' -F`] : []),
      ...(words === ''
        ? []
        : [
            `complete -c alcove -n '${within}; and not __fish_seen_subcommand_from ${words}' -a ${quoted(words)}`,
          ]),
    ]
  })
  const first = programOptions.map(one => option('__fish_use_subcommand', one))
  return `# fish completion for alcove: alcove completion fish | source\ncomplete -c alcove -f\n${[...first, ...lines].join('\n')}\n`
}

/** A word in single quotes, for all three shells; an apostrophe becomes a typographic one. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`
}
