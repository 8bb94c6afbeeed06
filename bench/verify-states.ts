import * as dcap from '../packages/dcap/src/index.ts'
import { type Collateral, intelRoots, parseCollateral, verify } from '../packages/dcap/src/index.ts'
import type { Evidence } from './evidence.ts'

/** What a verifier has kept when the next quote comes, from nothing to all that quotes of one platform have in common. */
export const stateNames = [
  'nothing kept',
  'collateral kept',
  'chain kept',
  'platform known',
] as const
export type StateName = (typeof stateNames)[number]

export function perState<T>(of: (state: StateName) => T): Record<StateName, T> {
  return {
    'nothing kept': of('nothing kept'),
    'collateral kept': of('collateral kept'),
    'chain kept': of('chain kept'),
    'platform known': of('platform known'),
  }
}

/** How many of each a verifier keeps; its own defaults where there is nothing. */
export interface Kept {
  readonly maxChains?: number
  readonly maxPlatforms?: number
}

const keptIn: Readonly<Record<Exclude<StateName, 'nothing kept'>, Kept>> = {
  'collateral kept': { maxChains: 0, maxPlatforms: 0 },
  'chain kept': { maxPlatforms: 0 },
  'platform known': {},
}

interface Verifier {
  verify(quote: Uint8Array, options: { readonly at: Date }): unknown
}
type CreateVerifier = (
  collateral: Collateral,
  options: Kept & { readonly roots: readonly Uint8Array[] },
) => Verifier

/** Of @alcove/dcap; nothing in a version that keeps nothing. */
export const createVerifier: CreateVerifier | undefined =
  'createVerifier' in dcap ? (dcap.createVerifier as CreateVerifier) : undefined

/**
 * Verifies the same quote in each state, as often as it is called. With nothing kept, the collateral is another object each time, its
 * texts and bytes the same: what the crate is given, too. In the other states the verifier has verified this quote once before.
 */
export function statesOf({
  quote,
  collateral: file,
  at,
}: Evidence): Record<StateName, (() => unknown) | undefined> {
  const collateral = parseCollateral(file)
  return perState(state => {
    if (state === 'nothing kept') {
      return () => verify(quote, { ...collateral }, { at, roots: intelRoots })
    }
    const verifier = createVerifier?.(collateral, { roots: intelRoots, ...keptIn[state] })
    if (verifier === undefined) return undefined
    verifier.verify(quote, { at })
    return () => verifier.verify(quote, { at })
  })
}
