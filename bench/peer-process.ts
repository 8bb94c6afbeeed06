import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import * as z from 'zod'
import type { Verdict } from './evidence.ts'

/**
 * Another verifier in a process of its own, which has read all cases and waits: so that its runs can be taken in turn with ours. It
 * answers each line of its input with lines of output. Disposing of it ends it.
 */
export class PeerProcess implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  readonly #cases: number

  /** @param cases how many cases it was given */
  constructor(command: string, args: readonly string[], cases: number) {
    this.#child = spawn(command, args, { stdio: 'pipe' })
    this.#child.stderr.pipe(process.stderr, { end: false })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    this.#cases = cases
  }

  /** Verifies a case so many times; the nanoseconds that it took. */
  async measure(index: number, times: number): Promise<number> {
    this.#child.stdin.write(`${index} ${times}\n`)
    return Number(await this.#line())
  }

  /** What it says of each case. */
  async verdicts(): Promise<readonly Verdict[]> {
    this.#child.stdin.write('verdicts\n')
    const verdicts: Verdict[] = []
    while (verdicts.length < this.#cases)
      verdicts.push(verdict.parse(JSON.parse(await this.#line())))
    return verdicts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.stdin.end()
    await once(this.#child, 'exit')
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next()
    if (done === true) throw new Error(`${this.#child.spawnfile} ended before it answered`)
    return value
  }
}

const verdict = z.union([
  z.object({ status: z.string(), advisories: z.array(z.string()) }),
  z.object({ refused: z.string() }),
])
