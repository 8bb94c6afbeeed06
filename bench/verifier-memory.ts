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

const growth: z.ZodType<Omit<Growth, 'what'>> = z.object({
  count: z.number(),
  javaScriptBytes: z.number(),
  rssBytes: z.number(),
})

const measured = [
  { what: 'a verifier with its collateral', kind: 'verifiers', count: 200 },
  { what: 'a kept chain', kind: 'chains', count: 1000 },
  { what: 'a kept chain with its platform', kind: 'platforms', count: 1000 },
] as const

/** Measures each in a process of its own, which can collect its garbage; nothing where no verifier keeps anything. */
export async function measureMemory(quick: boolean): Promise<VerifierMemory | undefined> {
  if (createVerifier === undefined) return undefined
  const growths: Growth[] = []
  for (const { what, kind, count } of measured) {
    const program = join(import.meta.dirname, 'verifier-memory-main.ts')
    // little room for garbage, so that RSS follows what is kept
    const args = [
      '--expose-gc',
      '--max-semi-space-size=1',
      program,
      kind,
      quick ? '20' : `${count}`,
    ]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    growths.push({ what, ...growth.parse(JSON.parse(stdout)) })
  }
  return { growths }
}
