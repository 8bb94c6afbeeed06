/** What a shell needs to know of a command to complete it. */
export interface CompletedCommand {
  readonly name: string
  readonly description: string
  readonly options: readonly CompletedOption[]
  /** Words that its argument can be; none where it is a file or a folder. */
  readonly words: readonly string[]
}

export interface CompletedOption {
  /** With its dashes: `--output`. */
  readonly flag: string
  readonly description: string
  readonly takesValue: boolean
  /** Values to offer; none where it is a file, or anything. */
  readonly values: readonly string[]
}

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A script that completes `alcove` in a shell, for the commands as they are. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands)
}

/** Words of commands, flags and values are letters, digits, `-` and `_`: no quoting is needed for them. */
function bashScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ name, options, words }) => {
    const values = options
      .filter(({ values }) => values.length > 0)
      .map(({ flag, values }) => `        ${name}:${flag}) words='${values.join(' ')}' ;;`)
    const files = options
      .filter(({ takesValue, values }) => takesValue && values.length === 0)
      .map(({ flag }) => `        ${name}:${flag}) files=1 ;;`)
    const flags = options.map(({ flag }) => flag)
    const rest = `        ${name}:*) words='${[...flags, ...words].join(' ')}'; files=1 ;;`
    return [...values, ...files, rest].join('\n')
  })
  return `# bash completion for alcove: source <(alcove completion bash)
_alcove() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words= files=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='${commands.map(({ name }) => name).join(' ')} --help --version --verbose'
  else
    case "\${COMP_WORDS[1]}:$previous" in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ -n "$files" ] && [ "\${#COMPREPLY[@]}" -eq 0 ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _alcove alcove
`
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const list = commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`)
  const cases = commands.map(({ name, options, words }) => {
    const specs = options.map(({ flag, description, takesValue, values }) => {
      const value = values.length > 0 ? `:value:(${values.join(' ')})` : ':file:_files'
      return `        ${quoted(`${flag}[${description.replaceAll(/[[\]:]/g, ' ')}]${takesValue ? value : ''}`)}`
    })
    const argument = words.length > 0 ? `'*:word:(${words.join(' ')})'` : "'*:file:_files'"
    return `      ${name}) _arguments \\\n${[...specs, `        ${argument}`].join(' \\\n')} ;;`
  })
  return `#compdef alcove
# zsh completion for alcove: alcove completion zsh > a folder of $fpath, as _alcove
_alcove() {
  local -a commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
  else
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
${cases.join('\n')}
    esac
  fi
}
compdef _alcove alcove
`
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, description, options, words }) => {
    const within = `-n '__fish_seen_subcommand_from ${name}'`
    return [
      `complete -c alcove -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`,
      ...options.map(({ flag, description: about, takesValue, values }) => {
        const value =
          values.length > 0 ? ` -x -a ${quoted(values.join(' '))}` : takesValue ? ' -r' : ''
        return `complete -c alcove ${within} -l ${flag.slice(2)}${value} -d ${quoted(about)}`
      }),
      ...(words.length > 0
        ? [`complete -c alcove ${within} -f -a ${quoted(words.join(' '))}`]
        : []),
    ]
  })
  return `# fish completion for alcove: alcove completion fish | source\n${lines.join('\n')}\n`
}

/** A word in single quotes, for all three shells; an apostrophe becomes a typographic one. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`
}
