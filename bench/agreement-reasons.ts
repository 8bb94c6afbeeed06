import { ByteReader } from '../packages/bytes/src/index.ts'
import type { Verdict } from './evidence.ts'
import type { PeerName } from './peers.ts'

/** Ours among the others: what must come out is from elsewhere, so it can differ, too. */
export type VerifierName = '@alcove/dcap' | PeerName

/** A case of which a verifier says something else than what must come out. */
export interface Difference {
  readonly quote: Uint8Array
  readonly expected: Verdict
  readonly found: Verdict
}

export const unexplained = 'not explained'

interface Reason {
  readonly reason: string
  readonly by: readonly VerifierName[]
  readonly explains: (difference: Difference) => boolean
}

const rust = 'dcap-qvl 0.7.1, Rust'
const javaScript = '@phala/dcap-qvl 0.3.9'
const alcove = '@alcove/dcap'
const both = [rust, javaScript] as const

/**
 * Why verifiers differ, as their sources say: docs/verification-peers.md names the functions. The first that explains a difference is
 * counted; each is of the verifiers named only, so that another one's same message stays unexplained.
 */
const reasons: readonly Reason[] = [
  refusal('a version of quotes or TCB info that is not read', [alcove], /\.version\b/),
  refusal('TCB info of version 2 is not read', both, /sgxtcbcomponents|reading 'map'/),
  refusal('SGX quotes of version 4 and 5 are not read', both, /SGX TEE quote must have version 3/),
  refusal('the TDX 1.5 extended body is not read', [javaScript], /Unsupported body type/),
  refusal('policy: a debug enclave or TD is refused', both, /Debug mode is enabled/),
  refusal('policy: SEPT_VE_DISABLE is required', both, /SEPT_VE_DISABLE/),
  refusal('policy: a TD with service TDs is refused', both, /MR service TD/i),
  refusal('policy: Revoked is refused, not stated', both, /TCB status is invalid: Revoked/),
  refusal('policy: what is out of its time is refused', both, /expired|not yet valid|NotValidYet/i),
  acceptance('the PCE-ID is not compared with the TCB info', both, /^TCB_INFO_MISMATCH/),
  acceptance('CRLs are read, their issuers and signatures not checked', [javaScript], /^CRL_/),
  {
    reason: 'statuses after a TD relaunch are not evaluated',
    by: [javaScript],
    explains: ({ expected, found }) =>
      'status' in expected && expected.status.startsWith('TDRelaunch') && 'status' in found,
  },
  {
    reason: 'TDX module identities are not looked at',
    by: [javaScript],
    explains: ({ quote, found }) =>
      isTdx(quote) && ('status' in found || /No matching TCB level/.test(found.refused)),
  },
  {
    reason: 'the worst of two statuses by rank, not converged',
    by: [javaScript],
    explains: ({ quote, expected, found }) =>
      !isTdx(quote) && 'status' in expected && 'status' in found,
  },
]

export function reasonOf(verifier: VerifierName, difference: Difference): string {
  const reason = reasons.find(({ by, explains }) => by.includes(verifier) && explains(difference))
  return reason?.reason ?? unexplained
}

/** Refused, with a message like this, where a status must come out. */
function refusal(reason: string, by: readonly VerifierName[], message: RegExp): Reason {
  return {
    reason,
    by,
    explains: ({ expected, found }) =>
      'status' in expected && 'refused' in found && message.test(found.refused),
  }
}

/** A status, where it must be refused for this. */
function acceptance(reason: string, by: readonly VerifierName[], error: RegExp): Reason {
  return {
    reason,
    by,
    explains: ({ expected, found }) =>
      'refused' in expected && error.test(expected.refused) && 'status' in found,
  }
}

/** TEE type of a quote of version 4 or 5; version 3 has zero there. */
function isTdx(quote: Uint8Array): boolean {
  const reader = new ByteReader(quote, 'quote')
  reader.u32le('versionAndKeyType')
  return reader.u32le('teeType') === 0x81
}
