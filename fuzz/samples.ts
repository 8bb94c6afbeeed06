import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Collateral, parseCollateral } from '../packages/dcap/src/index.ts'

const directory = join(import.meta.dirname, '../vectors')

/** Evidence that Intel has signed, and that is accepted as it is. */
export interface Sample {
  readonly name: string
  readonly quote: Uint8Array
  /** The file of the collateral, as text. */
  readonly bundle: string
  readonly collateral: Collateral
  readonly at: Date
}

interface Entry {
  readonly name: string
  readonly quote: { readonly file: string }
  readonly collateral: { readonly file: string }
  readonly at: string
  readonly expect: object
}

/** Of the project's vectors those that verify. */
export function readSamples(): readonly Sample[] {
  const index = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')) as Entry[]
  return index
    .filter(({ expect }) => !('error' in expect))
    .map(({ name, quote, collateral, at }) => {
      const bundle = readFileSync(join(directory, collateral.file), 'utf8')
      return {
        name,
        quote: Uint8Array.from(readFileSync(join(directory, quote.file))),
        bundle,
        collateral: parseCollateral(bundle),
        at: new Date(at),
      }
    })
}
