import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { certificatesFromPem } from '../packages/dcap/src/index.ts'
import { type Evidence, readOwnEvidence, verdictOf } from './evidence.ts'

/** The larger set of cases, which is kept beside the project, not in it: see tools/vectors.ts. */
const directory = join(import.meta.dirname, '../../shared/vectors')

/** How many cases there are, as last counted: said where they are not run. */
const sharedCases = 170

const cases = z.array(
  z.object({
    id: z.string(),
    quote: z.string(),
    collateral: z.string(),
    trust: z.string(),
    at: z.number(),
    expect: z.union([
      z.object({ error: z.string() }),
      z.object({ status: z.string(), advisories: z.array(z.string()) }),
    ]),
  }),
)

export interface Cases {
  readonly cases: readonly Evidence[]
  /** How many were not run, because they are not here. */
  readonly notRun: number
}

/** The shared cases, real and synthetic; the project's own elsewhere. */
export async function readCases(): Promise<Cases> {
  if (!existsSync(directory)) return { cases: readOwnEvidence(), notRun: sharedCases }
  const read = async (path: string): Promise<Buffer> => readFile(join(directory, path))
  const listed = cases.parse(JSON.parse((await read('cases.json')).toString()))
  const evidence = listed.map(async ({ id, quote, collateral, trust, at, expect }) => {
    const [root] =
      trust === 'intel-root-pubkey' ? [] : certificatesFromPem((await read(trust)).toString())
    return {
      name: id,
      quote: Uint8Array.from(await read(quote)),
      collateral: (await read(collateral)).toString(),
      at: new Date(at * 1000),
      ...(root && { root }),
      expected: verdictOf(expect),
    }
  })
  return { cases: await Promise.all(evidence), notRun: 0 }
}
