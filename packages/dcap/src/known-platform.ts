import { equalBytes } from '@alcove/bytes'
import type { Quote, TdReportBody } from '@alcove/sgx'
import { P256Key } from './p256.ts'
import type { PckChain } from './pck-chain.ts'
import type { PckFacts } from './pck-facts.ts'
import type { TcbEvaluation } from './tcb-evaluation.ts'
import type { Validity } from './validity.ts'

/** A PCK chain that holds under the verifier's collateral. */
export interface KnownChain {
  readonly chain: PckChain
  readonly facts: PckFacts
  readonly validity: Validity
}

/** A QE that holds, on a platform of a known chain, with its attestation key. */
export interface KnownPlatform {
  /** What quotes of this platform have in common: how they are laid out, and what follows the signature in their signature data. */
  readonly common: CommonPart
  readonly known: KnownChain
  readonly attestationKey: P256Key
  readonly tcb: TcbEvaluation
  /** What else `tcb` was found from: of a TD, what its report says of the TDX module. */
  readonly module: ModuleReport | undefined
}

interface CommonPart {
  readonly version: number
  readonly tee: Quote['tee']
  /** Attestation key, QE report and its signature, authentication data, certification data. */
  readonly certified: Uint8Array
}

interface ModuleReport {
  readonly teeTcbSvn: Uint8Array
  readonly teeTcbSvn2: Uint8Array | undefined
  readonly mrSignerSeam: Uint8Array
  readonly seamAttributes: bigint
}

const SIGNATURE_BYTES = 64

/** Copies of what stands in the quote: its bytes are the caller's. */
export function knownPlatform(quote: Quote, known: KnownChain, tcb: TcbEvaluation): KnownPlatform {
  const common = commonPartOf(quote)
  return {
    common: { ...common, certified: common.certified.slice() },
    known,
    attestationKey: new P256Key(quote.attestationKey.slice()),
    tcb,
    module: quote.tee === 'TDX' ? copyOf(moduleOf(quote.body)) : undefined,
  }
}

/** Whether all that was found to hold of the platform, but for the TDX module, was found from what this quote says too. */
export function isOfPlatform(quote: Quote, { common }: KnownPlatform): boolean {
  const { version, tee, certified } = commonPartOf(quote)
  // The version decides how the rest is read: the same bytes may be another QE's in another version.
  return version === common.version && tee === common.tee && equalBytes(certified, common.certified)
}

/** Whether a quote says the same of its TDX module as one before: of an enclave's there is none to differ. */
export function isOfModule(quote: Quote, { module }: KnownPlatform): boolean {
  if (quote.tee === 'SGX' || module === undefined) return quote.tee === 'SGX'
  const found = moduleOf(quote.body)
  return (
    equalBytes(found.teeTcbSvn, module.teeTcbSvn) &&
    equalOrAbsent(found.teeTcbSvn2, module.teeTcbSvn2) &&
    equalBytes(found.mrSignerSeam, module.mrSignerSeam) &&
    found.seamAttributes === module.seamAttributes
  )
}

function commonPartOf({ header, tee, signatureData }: Quote): CommonPart {
  return { version: header.version, tee, certified: signatureData.subarray(SIGNATURE_BYTES) }
}

function moduleOf(body: TdReportBody): ModuleReport {
  const { teeTcbSvn, mrSignerSeam, seamAttributes } = body
  const teeTcbSvn2 = body.version === '1.0' ? undefined : body.teeTcbSvn2
  return { teeTcbSvn, teeTcbSvn2, mrSignerSeam, seamAttributes }
}

function copyOf(module: ModuleReport): ModuleReport {
  return {
    teeTcbSvn: module.teeTcbSvn.slice(),
    teeTcbSvn2: module.teeTcbSvn2?.slice(),
    mrSignerSeam: module.mrSignerSeam.slice(),
    seamAttributes: module.seamAttributes,
  }
}

function equalOrAbsent(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b)
}
