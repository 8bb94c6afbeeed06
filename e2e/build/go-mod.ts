/** What a `go.mod` says that is needed here. The whole grammar is in the Go Modules Reference, "go.mod files". */
export interface GoMod {
  /** The oldest Go that may build it: `1.26.0`. */
  readonly go: string
  /** `godebug` settings, `key=value`; they hold only in the main module, so a module of ours repeats them. */
  readonly godebug: readonly string[]
  /** Versions required, by module path. */
  readonly requires: ReadonlyMap<string, string>
  /** Modules replaced by a directory: in Kubernetes, those of its own staging area. */
  readonly replacedByDirectory: readonly string[]
}

/** Reads a `go.mod` that the go command has written: one statement a line, blocks in parentheses. */
export function parseGoMod(text: string): GoMod {
  let go = ''
  const godebug: string[] = []
  const requires = new Map<string, string>()
  const replacedByDirectory: string[] = []
  for (const [verb, ...words] of statements(text)) {
    const [first = '', second = '', third = ''] = words
    if (verb === 'go') go = first
    else if (verb === 'godebug') godebug.push(first)
    else if (verb === 'require') requires.set(first, second)
    else if (verb === 'replace' && second === '=>' && third.startsWith('./'))
      replacedByDirectory.push(first)
  }
  return { go, godebug, requires, replacedByDirectory }
}

/** Each statement as words, those of a block with the block's verb before them. */
function* statements(text: string): Generator<readonly string[]> {
  let block: string | undefined
  for (const line of text.split('\n')) {
    const words = line
      .replace(/\/\/.*$/, '')
      .split(/\s+/)
      .filter(word => word !== '')
    if (words.length === 0) continue
    if (block === undefined && words[1] === '(') block = words[0]
    else if (words[0] === ')') block = undefined
    else yield block === undefined ? words : [block, ...words]
  }
}
