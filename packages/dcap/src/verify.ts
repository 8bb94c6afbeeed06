import type { Claims } from './claims.ts'
import type { Collateral } from './collateral.ts'
import type { PckFacts } from './pck-facts.ts'
import type { TcbEvaluation } from './tcb-evaluation.ts'
import type { Freshness } from './validity.ts'
import { createOnce } from './verifier.ts'

/** A check that held. */
export interface Step {
  readonly name: StepName
  /** For a person: what was found to hold. */
  readonly detail: string
}

/** In the order in which they are checked. */
export type StepName =
  | 'pck-chain'
  | 'root-ca-crl'
  | 'pck-crl'
  | 'tcb-info'
  | 'qe-identity'
  | 'platform'
  | 'tdx-module'
  | 'qe-report'
  | 'attestation-key'
  | 'qe-matches-identity'
  | 'quote-signature'
  | 'tcb-status'

export interface VerifyOptions {
  /** The time to judge validity at. */
  readonly at: Date
  /** DER of the root certificates that are trusted. None is trusted by default. */
  readonly roots: readonly Uint8Array[]
  /** Called for each check that holds, in order. */
  readonly onStep?: (step: Step) => void
}

/** What a quote says, believed as far as its signatures go. Whether it is good enough is for `appraise` to say. */
export interface Verified extends TcbEvaluation, Freshness {
  readonly claims: Claims
  readonly at: Date
  /** Lower-case hex. */
  readonly fmspc: string
  /** What the PCK certificate says of the platform. */
  readonly pck: PckFacts
  /** Common name of the root that the quote's chain ends in. */
  readonly rootName: string
  /** Of the TCB info. */
  readonly tcbEvaluationDataNumber: number
  /** Of the QE identity, which may be of another evaluation. */
  readonly qeEvaluationDataNumber: number
}

/**
 * Verifies a quote of an SGX enclave or a TD, of version 3, 4 or 5, with TCB info of version 2 or 3, in the order of Intel's
 * verification library; the first check that fails decides. Time never makes it fail: what is out of its time is listed in the
 * result. Nothing is kept: `createVerifier` does, for many quotes with the same collateral.
 *
 * @throws {VerifyError} `ERR_VERIFY_*`: well-formed, but not to be believed
 * @throws {FormatError} `ERR_FORMAT_*`: a malformed quote, or a certificate in it or in `roots`
 * @throws {CollateralError} `ERR_COLLATERAL_*`: malformed collateral
 * @throws {RangeError} for an `at` that is no time
 * @see docs/formats/collateral.md
 */
export function verify(
  quote: Uint8Array,
  collateral: Collateral,
  { at, roots, onStep }: VerifyOptions,
): Verified {
  const verifier = createOnce(collateral, { roots })
  return verifier.verify(quote, onStep === undefined ? { at } : { at, onStep })
}
