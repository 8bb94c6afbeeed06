/** Where progress is told: a terminal, whose last line is written anew. */
export interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const AFTER_MS = 1000
const EVERY_MS = 100

/** Tells how many of several are done, once it takes long, and nothing once all are; nobody is told where there is no terminal. */
export function progressOn(
  terminal: Terminal,
  what: string,
  nowMs: () => number,
): (done: number, of: number) => void {
  const start = nowMs()
  let told = Number.NEGATIVE_INFINITY
  return (done, of) => {
    const now = nowMs()
    if (terminal.isTTY !== true || now - start < AFTER_MS) return
    if (done < of && now - told < EVERY_MS) return
    told = now
    terminal.write(done < of ? `\r${done} of ${of} ${what}\x1b[K` : '\r\x1b[K')
  }
}
