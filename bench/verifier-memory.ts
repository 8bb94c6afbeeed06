import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as z from 'zod'
import { createVerifier } from './verify-states.ts'

/** What a process grows by. */
export interface Growth {
  readonly what: string
  readonly count: number
  /** The heap and what it holds outside of it, for each. */
  readonly javaScriptBytes: number
  /** With what OpenSSL has allocated, and with what the allocators keep. */
  readonly rssBytes: number
}

/** What verifiers, and what one of them keeps, take of a process's memory. */
export interface VerifierMemory {
  readonly growths: readonly Growth[]
}

const memory: z.ZodType<VerifierMemory> = z.object({
  growths: z.array(
    z.object({
      what: z.string(),
      count: z.number(),
      javaScriptBytes: z.number(),
      rssBytes: z.number(),
    }),
  ),
})

/** Measures in a process of its own, which can collect its garbage; nothing where no verifier keeps anything. */
export async function measureMemory(quick: boolean): Promise<VerifierMemory | undefined> {
  if (createVerifier === undefined) return undefined
  const program = join(import.meta.dirname, 'verifier-memory-main.ts')
  const counts = quick ? ['20', '20'] : ['200', '1000']
  // little room for garbage, so that RSS follows what is kept
  const args = ['--expose-gc', '--max-semi-space-size=1', program, ...counts]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return memory.parse(JSON.parse(stdout))
}
