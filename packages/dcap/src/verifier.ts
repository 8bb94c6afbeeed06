import { equalBytes } from '@alcove/bytes'
import type { Quote } from '@alcove/sgx'
import type { Certificate } from './certificate.ts'
import { claimsOf } from './claims.ts'
import type { Collateral } from './collateral.ts'
import { Endorser } from './endorser.ts'
import { readQuote } from './evidence.ts'
import { Kept } from './kept.ts'
import {
  isOfModule,
  isOfPlatform,
  type KnownChain,
  type KnownPlatform,
  knownPlatform,
} from './known-platform.ts'
import { atOnce, inTwoPasses, type Later } from './later.ts'
import { P256Key } from './p256.ts'
import { type PckChain, readPckChain, verifyPckChain } from './pck-chain.ts'
import { pckFacts } from './pck-facts.ts'
import {
  requireAttestationKey,
  requireQeOfIdentity,
  requireQeReportSignature,
  requireQuoteSignature,
  requireTcbInfoOfPlatform,
} from './quote-signatures.ts'
import { copyOfEvaluation, evaluateTcb, type TcbEvaluation } from './tcb-evaluation.ts'
import { requireTdxModule } from './tdx-module.ts'
import { parseRoots } from './trusted-root.ts'
import type { StepName, Verified, VerifyOptions } from './verify.ts'

export interface VerifierOptions extends Pick<VerifyOptions, 'roots'> {
  /** How many PCK chains are kept; 256 unless told. One takes some 14 kB. */
  readonly maxChains?: number
  /** How many platforms are kept, each with its attestation key; 1024 unless told. One takes some 5 kB, and holds its chain. */
  readonly maxPlatforms?: number
}

/** Verifies quotes with one collateral, and keeps what it has found to hold. */
export interface Verifier {
  /**
   * As `verify`. With `onStep`, every check is made anew, so that the steps tell of checks that were made.
   *
   * @throws {VerifyError} `ERR_VERIFY_*`
   * @throws {FormatError} `ERR_FORMAT_*`
   * @throws {RangeError} for an `at` that is no time
   */
  verify(quote: Uint8Array, options: Pick<VerifyOptions, 'at' | 'onStep'>): Verified
}

/**
 * Makes a verifier of this collateral. It belongs to its owner: what it keeps is in it alone, and ends with it. Collateral and roots
 * are copied; a verifier with newer collateral is a new verifier.
 *
 * Kept is, in this order, and only after it was found to hold: that the collateral is signed under the roots; that a PCK chain holds
 * under it and is not revoked; that a platform's QE, by the very bytes of its report, is the one that Intel describes and names the attestation
 * key. What is left of a quote of a known platform is its own signature. Dates are compared in every call.
 *
 * @throws {CollateralError} `ERR_COLLATERAL_*`: malformed collateral
 * @throws {FormatError} `ERR_FORMAT_*`: a malformed certificate in `roots`
 */
export function createVerifier(collateral: Collateral, options: VerifierOptions): Verifier {
  const rootCaCrl = collateral.rootCaCrl.slice()
  const pckCrl = collateral.pckCrl.slice()
  const roots = options.roots.map(root => root.slice())
  return new KeepingVerifier({ ...collateral, rootCaCrl, pckCrl }, { ...options, roots })
}

/** One that keeps nothing, for one quote: what it is made of is not copied. */
export function createOnce(
  collateral: Collateral,
  { roots }: Pick<VerifierOptions, 'roots'>,
): Verifier {
  return new KeepingVerifier(collateral, { roots, maxChains: 0, maxPlatforms: 0 })
}

interface KeptChain extends KnownChain {
  /** As it stands in quotes. */
  readonly certification: Quote['certification']
}

/** How a quote is gone through: the checks that are made of it, and who is told. */
interface Course {
  readonly later: Later
  readonly announce: (name: StepName, detail: () => string) => void
}

/** In bytes. A chain is of 4 kB, but PEM has room for blanks that nobody signs: what is larger is verified, and not kept. */
const MOST_KEPT = 16 * 1024

const silent = () => undefined

class KeepingVerifier implements Verifier {
  readonly #collateral: Collateral
  readonly #trusted: readonly Certificate[]
  readonly #endorser: Endorser
  readonly #chains: Kept<KeptChain>
  readonly #platforms: Kept<KnownPlatform>

  constructor(
    collateral: Collateral,
    { roots, maxChains = 256, maxPlatforms = 1024 }: VerifierOptions,
  ) {
    this.#collateral = collateral
    this.#trusted = parseRoots(roots)
    this.#endorser = new Endorser(this.#collateral, this.#trusted)
    this.#chains = new Kept(maxChains)
    this.#platforms = new Kept(maxPlatforms)
  }

  verify(bytes: Uint8Array, { at, onStep }: Pick<VerifyOptions, 'at' | 'onStep'>): Verified {
    if (onStep === undefined) {
      return inTwoPasses(later => this.#verify(bytes, at, { later, announce: silent }))
    }
    const roots = this.#trusted.map(({ der }) => der)
    const anew = new KeepingVerifier(this.#collateral, { roots, maxChains: 0, maxPlatforms: 0 })
    const announce: Course['announce'] = (name, detail) => onStep({ name, detail: detail() })
    return anew.#verify(bytes, at, { later: atOnce, announce })
  }

  #verify(bytes: Uint8Array, at: Date, course: Course): Verified {
    const quote = readQuote(bytes)
    const { known, tcb } = this.#judge(quote, course)
    const { tcbInfo, qeIdentity } = this.#endorser
    const { expired, notYetValid, earliestExpiry, earliestItem } = known.validity.at(at)
    return {
      ...copyOfEvaluation(tcb),
      expired,
      notYetValid,
      earliestExpiry,
      earliestItem,
      claims: claimsOf(quote),
      at,
      fmspc: known.facts.fmspc,
      pck: known.facts,
      rootName: known.chain.root.subject.commonName,
      tcbEvaluationDataNumber: tcbInfo.tcbEvaluationDataNumber,
      qeEvaluationDataNumber: qeIdentity.tcbEvaluationDataNumber,
    }
  }

  #judge(quote: Quote, course: Course): { known: KnownChain; tcb: TcbEvaluation } {
    const { later, announce } = course
    const platform = this.#platforms.get(quote.attestationKey, found => isOfPlatform(quote, found))
    const known = platform?.known ?? this.#knownChain(quote, course)
    const attestationKey = platform?.attestationKey ?? new P256Key(quote.attestationKey)
    const tcbKept = platform && isOfModule(quote, platform) ? platform.tcb : undefined
    if (platform === undefined) this.#requireTeeAndPlatform(quote, known.chain, course)
    if (tcbKept === undefined) this.#requireTdxModule(quote, course)
    if (platform === undefined) this.#requireQe(quote, known.chain, course)
    later(() => requireQuoteSignature(quote, attestationKey))
    announce('quote-signature', () => 'header and body are signed by the attestation key')
    const tcb = tcbKept ?? this.#evaluate(quote, known.chain)
    announce('tcb-status', () => statusText(tcb))
    if (platform === undefined && quote.signatureData.byteLength <= MOST_KEPT) {
      later(() => this.#platforms.set(quote.attestationKey, () => knownPlatform(quote, known, tcb)))
    }
    return { known, tcb }
  }

  /** The quote's PCK chain, which holds, and under whose root the collateral is signed. */
  #knownChain(quote: Quote, course: Course): KnownChain {
    const { type, data } = quote.certification
    const kept = this.#chains.get(
      data,
      ({ certification }) => certification.type === type && equalBytes(certification.data, data),
    )
    if (kept !== undefined) return kept
    const chain = readPckChain(quote)
    this.#verifyChains(chain, course)
    const known = {
      chain,
      facts: pckFacts(chain.pck),
      validity: this.#endorser.validityWith(chain),
    }
    if (data.byteLength <= MOST_KEPT) {
      course.later(() => {
        this.#chains.set(data, () => ({ ...known, certification: { type, data: data.slice() } }))
      })
    }
    return known
  }

  /** Who signed what: the PCK chain, the CRLs over it, and Intel's two JSON objects. */
  #verifyChains(chain: PckChain, { later, announce }: Course): void {
    const endorser = this.#endorser
    const { root, intermediate } = chain
    const [rootName, caName] = [root.subject.commonName, intermediate.subject.commonName]
    verifyPckChain(chain, this.#trusted, later)
    announce('pck-chain', () => `${rootName} → ${caName} → PCK`)
    endorser.revocation.require(chain, later)
    announce('root-ca-crl', () => `signed by ${rootName}; the intermediate CA is not on it`)
    announce('pck-crl', () => `signed by ${caName}; the PCK is not on it`)
    endorser.requireTcbInfo(root, later)
    const { fmspc, tcbEvaluationDataNumber: number, issueDate } = endorser.tcbInfo
    const issued = (date: Date) => `issued ${date.toISOString()}`
    announce('tcb-info', () => `of FMSPC ${fmspc}, evaluation ${number}, ${issued(issueDate)}`)
    endorser.requireQeIdentity(root, later)
  }

  #requireTeeAndPlatform(quote: Quote, { pck }: PckChain, { announce }: Course): void {
    const { tcbInfo, qeIdentity } = this.#endorser
    this.#endorser.requireQeOf(quote.tee)
    const issued = () => `of ${qeIdentity.id}, issued ${qeIdentity.issueDate.toISOString()}`
    announce('qe-identity', issued)
    requireTcbInfoOfPlatform(tcbInfo, { quote, pck })
    const { fmspc, pceId } = pck
    announce('platform', () => `the PCK and the TCB info are of FMSPC ${fmspc}, PCEID ${pceId}`)
  }

  #requireTdxModule(quote: Quote, { announce }: Course): void {
    if (quote.tee === 'SGX') return
    const { body } = quote
    requireTdxModule(body, this.#endorser.tcbInfo)
    const version = () => `${body.teeTcbSvn[1] ?? 0}.${body.teeTcbSvn[0] ?? 0}`
    announce('tdx-module', () => `version ${version()}, by the signer that the TCB info names`)
  }

  #requireQe(quote: Quote, { pck }: PckChain, { later, announce }: Course): void {
    const { qeIdentity } = this.#endorser
    later(() => requireQeReportSignature(quote, pck))
    announce('qe-report', () => 'signed by the PCK')
    requireAttestationKey(quote)
    announce('attestation-key', () => 'named in the QE report')
    requireQeOfIdentity(quote, qeIdentity)
    const fields = 'MISCSELECT, attributes, MRSIGNER and ISVPRODID'
    announce('qe-matches-identity', () => `${fields} are those of ${qeIdentity.id}`)
  }

  #evaluate(quote: Quote, { pck }: PckChain): TcbEvaluation {
    const { tcbInfo, qeIdentity } = this.#endorser
    return evaluateTcb(quote, { pck, tcbInfo, qeIdentity })
  }
}

function statusText({ status, platform, qe, tdxModule, current }: TcbEvaluation): string {
  const parts = [
    `platform ${platform.status}`,
    `QE ${qe.status}`,
    ...(tdxModule === undefined ? [] : [`TDX module ${tdxModule.status}`]),
    ...(current === undefined ? [] : [`launched anew it would be ${current.status}`]),
  ]
  return `${status} (${parts.join(', ')})`
}
