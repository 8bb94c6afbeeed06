import type { Certificate } from './certificate.ts'
import { type Claims, claimsOf } from './claims.ts'
import type { Collateral } from './collateral.ts'
import {
  type Endorsements,
  type Evidence,
  readEndorsements,
  readEvidence,
  validityItems,
} from './evidence.ts'
import { verifyPckChain } from './pck-chain.ts'
import {
  requireAttestationKey,
  requireQeOfIdentity,
  requireQeReportSignature,
  requireQuoteSignature,
  requireTcbInfoOfPlatform,
} from './quote-signatures.ts'
import { verifyRevocation } from './revocation.ts'
import type { SignedObject } from './signed-json.ts'
import { type SigningChain, verifySigningChain } from './signing-chain.ts'
import { evaluateTcb, type TcbEvaluation } from './tcb-evaluation.ts'
import { parseRoots } from './trusted-root.ts'
import { type Freshness, freshnessAt } from './validity.ts'
import { VerifyError } from './verify-error.ts'

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
  /** Common name of the root that the quote's chain ends in. */
  readonly rootName: string
  readonly tcbEvaluationDataNumber: number
}

/**
 * Verifies an SGX quote of version 3 with TCB info of version 2 or 3, in the order of Intel's verification library; the first check
 * that fails decides. Time never makes it fail: what is out of its time is listed in the result.
 *
 * @throws {VerifyError} `ERR_VERIFY_*`: well-formed, but not to be believed
 * @throws {FormatError} `ERR_FORMAT_*`: a malformed quote, or a certificate in it or in `roots`
 * @throws {CollateralError} `ERR_COLLATERAL_*`: malformed collateral
 * @throws {RangeError} for an `at` that is no time
 * @see docs/formats/collateral.md
 */
export function verify(
  quoteBytes: Uint8Array,
  collateral: Collateral,
  { at, roots, onStep }: VerifyOptions,
): Verified {
  const evidence = readEvidence(quoteBytes)
  const endorsements = readEndorsements(collateral)
  const step = (name: StepName, detail: string) => onStep?.({ name, detail })

  verifyChains(evidence, endorsements, parseRoots(roots), step)
  verifyQuote(evidence, endorsements, step)
  const tcb = evaluateTcb(evidence, endorsements)
  step('tcb-status', `${tcb.status} (platform ${tcb.platformStatus}, QE ${tcb.qeStatus})`)
  const { chain, quote } = evidence
  return {
    ...tcb,
    ...freshnessAt(validityItems(chain, endorsements), at),
    claims: claimsOf(quote.body),
    at,
    fmspc: chain.pck.fmspc,
    rootName: chain.root.subject.commonName,
    tcbEvaluationDataNumber: endorsements.tcbInfo.value.tcbEvaluationDataNumber,
  }
}

type Announce = (name: StepName, detail: string) => void

/** Who signed what: the PCK chain, the CRLs over it, and Intel's two JSON objects. */
function verifyChains(
  { chain }: Evidence,
  endorsements: Endorsements,
  trusted: readonly Certificate[],
  step: Announce,
): void {
  const { rootCaCrl, pckCrl, tcbInfo, qeIdentity } = endorsements
  const { intermediate, root } = chain
  verifyPckChain(chain, trusted)
  step('pck-chain', `${root.subject.commonName} → ${intermediate.subject.commonName} → PCK`)

  verifyRevocation(chain, { rootCaCrl, pckCrl })
  step('root-ca-crl', `signed by ${rootCaCrl.issuer.commonName}; the intermediate CA is not on it`)
  step('pck-crl', `signed by ${pckCrl.issuer.commonName}; the PCK is not on it`)

  const context = { trusted, quoteRoot: root, rootCaCrl }
  verifySigningChain(endorsements.tcbInfoChain, { ...context, name: 'TCB info issuer chain' })
  requireSigned(tcbInfo, endorsements.tcbInfoChain, 'ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE')
  const { fmspc, tcbEvaluationDataNumber, issueDate } = tcbInfo.value
  step(
    'tcb-info',
    `of FMSPC ${fmspc}, evaluation ${tcbEvaluationDataNumber}, issued ${issueDate.toISOString()}`,
  )

  verifySigningChain(endorsements.qeIdentityChain, { ...context, name: 'QE identity issuer chain' })
  const code = 'ERR_VERIFY_ENCLAVE_IDENTITY_INVALID_SIGNATURE'
  requireSigned(qeIdentity, endorsements.qeIdentityChain, code)
  const { id } = qeIdentity.value
  if (id !== 'QE') {
    const message = `the enclave identity is of ${id}, not of the SGX quoting enclave, QE`
    throw new VerifyError('ERR_VERIFY_QE_IDENTITY_MISMATCH', message, { field: 'id', found: id })
  }
  step('qe-identity', `of ${id}, issued ${qeIdentity.value.issueDate.toISOString()}`)
}

function verifyQuote(
  { quote, chain: { pck } }: Evidence,
  { tcbInfo, qeIdentity }: Endorsements,
  step: Announce,
): void {
  requireTcbInfoOfPlatform(tcbInfo.value, pck)
  step('platform', `the PCK and the TCB info are of FMSPC ${pck.fmspc}, PCEID ${pck.pceId}`)
  requireQeReportSignature(quote, pck)
  step('qe-report', 'signed by the PCK')
  requireAttestationKey(quote)
  step('attestation-key', 'named in the QE report')
  requireQeOfIdentity(quote, qeIdentity.value)
  step(
    'qe-matches-identity',
    `MRSIGNER, ISVPRODID and attributes are those of ${qeIdentity.value.id}`,
  )
  requireQuoteSignature(quote)
  step('quote-signature', 'header and report body are signed by the attestation key')
}

function requireSigned(
  object: SignedObject<unknown>,
  { signing }: SigningChain,
  code: 'ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE' | 'ERR_VERIFY_ENCLAVE_IDENTITY_INVALID_SIGNATURE',
): void {
  if (signing.key.verifiesRaw(object.signed, object.signature)) return
  const facts = { commonName: signing.subject.commonName, serial: signing.serial }
  const what = code === 'ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE' ? 'TCB info' : 'QE identity'
  const message = `the ${what} is not what "${facts.commonName}" signed: it was changed, or written anew`
  throw new VerifyError(code, message, facts)
}
