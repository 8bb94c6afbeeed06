import { readOwnVectors } from '../tools/own-vectors.ts'

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

/** The project's own: real quotes. */
export function readOwnEvidence(): readonly Evidence[] {
  return readOwnVectors().map(({ expect, ...evidence }) => ({
    ...{ ...evidence, expected: verdictOf(expect) },
  }))
}

/** As the vectors write it: Intel's name of the error, or a status with advisories. */
export function verdictOf(
  expect: { error: string } | { status: string; advisories: readonly string[] },
): Verdict {
  if ('error' in expect) return { refused: expect.error }
  return { status: expect.status, advisories: expect.advisories }
}
