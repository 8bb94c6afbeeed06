import { type Collateral, parseCollateral } from '../packages/dcap/src/index.ts'
import { readOwnVectors } from '../tools/own-vectors.ts'

/** Evidence that Intel has signed, and that is accepted as it is. */
export interface Sample {
  readonly name: string
  readonly quote: Uint8Array
  /** The file of the collateral, as text. */
  readonly bundle: string
  readonly collateral: Collateral
  readonly at: Date
}

/** Of the project's vectors those that verify. */
export function readSamples(): readonly Sample[] {
  return readOwnVectors()
    .filter(({ expect }) => !('error' in expect))
    .map(({ name, quote, collateral: bundle, at }) => ({
      ...{ name, quote, bundle, collateral: parseCollateral(bundle), at },
    }))
}
