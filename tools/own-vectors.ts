import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'

/** One of the project's own vectors: a real quote with its collateral, when to judge it, and what must come out. */
export interface OwnVector {
  readonly name: string
  readonly quote: Uint8Array
  /** The text of a collateral file: docs/formats/collateral.md. */
  readonly collateral: string
  readonly at: Date
  /** Intel's name of the error, or a status with advisories. */
  readonly expect: Expectation
}

export type Expectation =
  | { readonly status: string; readonly advisories: readonly string[] }
  | { readonly error: string }

const expectation: z.ZodType<Expectation> = z.union([
  z.object({ status: z.string(), advisories: z.array(z.string()) }),
  z.object({ error: z.string() }),
])

const index = z.array(
  z.object({
    name: z.string(),
    quote: z.object({ file: z.string(), licence: z.string() }),
    collateral: z.object({ file: z.string() }),
    at: z.string(),
    expect: expectation,
  }),
)

const directory = join(import.meta.dirname, '../vectors')

/** In the order of `vectors/index.json`. */
export function readOwnVectors(): readonly OwnVector[] {
  const entries = index.parse(JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')))
  return entries.map(({ name, quote, collateral, at, expect }) => ({
    name,
    quote: Uint8Array.from(readFileSync(join(directory, quote.file))),
    collateral: readFileSync(join(directory, collateral.file), 'utf8'),
    at: new Date(at),
    expect,
  }))
}
