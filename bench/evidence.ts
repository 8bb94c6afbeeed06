import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

/** A quote with its collateral, when to judge it, under which root, and what must come out. */
export interface Evidence {
  readonly name: string
  readonly quote: Uint8Array
  /** The text of a collateral file: docs/formats/collateral.md. */
  readonly collateral: string
  readonly at: Date
  /** DER; Intel's where there is none. */
  readonly root?: Uint8Array
  readonly expected: Verdict
}

/** What a verifier says. Advisories are a set: verifiers list them in different orders. */
export type Verdict =
  | { readonly status: string; readonly advisories: readonly string[] }
  | { readonly refused: string }

const directory = join(import.meta.dirname, '../vectors')

const index = z.array(
  z.object({
    name: z.string(),
    quote: z.object({ file: z.string() }),
    collateral: z.object({ file: z.string() }),
    at: z.string(),
    expect: z.union([
      z.object({ status: z.string(), advisories: z.array(z.string()) }),
      z.object({ error: z.string() }),
    ]),
  }),
)

/** The project's own: real quotes, in the order of `vectors/index.json`. */
export async function readOwnEvidence(): Promise<readonly Evidence[]> {
  const entries = index.parse(JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')))
  return Promise.all(
    entries.map(async ({ name, quote, collateral, at, expect }) => ({
      name,
      quote: Uint8Array.from(await readFile(join(directory, quote.file))),
      collateral: await readFile(join(directory, collateral.file), 'utf8'),
      at: new Date(at),
      expected: verdictOf(expect),
    })),
  )
}

/** As the vectors write it: Intel's name of the error, or a status with advisories. */
export function verdictOf(
  expect: { error: string } | { status: string; advisories: readonly string[] },
): Verdict {
  if ('error' in expect) return { refused: expect.error }
  return { status: expect.status, advisories: expect.advisories }
}
