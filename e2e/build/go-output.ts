/** How far a go command has come, and what it said that was not progress. */
export interface GoOutput {
  /** Modules whose download has begun. */
  readonly modules: number
  /** Packages compiled; those in Go's own cache are not named and not counted. */
  readonly packages: number
  /** The module or package that was named last. */
  readonly latest: string
  /** The last lines that are neither: what went wrong, if something did. */
  readonly messages: readonly string[]
}

export const emptyOutput: GoOutput = { modules: 0, packages: 0, latest: '', messages: [] }

const MESSAGES_KEPT = 20

/** Adds one line that `go build -v`, `go mod tidy` or `go mod download` wrote to standard error. */
export function addLine(output: GoOutput, line: string): GoOutput {
  const [, module] = /^go: downloading (.+)$/.exec(line) ?? []
  if (module !== undefined) return { ...output, modules: output.modules + 1, latest: module }
  // A package is named alone on its line; words, and `# package` before a compiler's errors, are messages.
  if (/^[\w.~/-]+$/.test(line)) return { ...output, packages: output.packages + 1, latest: line }
  if (line.trim() === '') return output
  return { ...output, messages: [...output.messages, line].slice(-MESSAGES_KEPT) }
}
