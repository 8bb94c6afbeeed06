import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto'
import {
  certificatesFromPem,
  parseCertificate,
  parseCollateral,
  parseCrl,
} from '../packages/dcap/src/index.ts'
import { parseQuote } from '../packages/sgx/src/index.ts'
import type { Evidence } from './evidence.ts'
import { splitSignedText } from './signed-text.ts'
import { perState, type StateName } from './verify-states.ts'

/** A P-256 verification, and nothing around it. */
interface Check {
  readonly data: Uint8Array
  /** DER. */
  readonly signature: Uint8Array
  /** A key that is held, or one that is imported each time. */
  readonly key: KeyObject | Spki
}

/** A public key as it goes into `verify` to be used once: in Node 26 that takes 6 % less than a KeyObject made of PEM text. */
interface Spki {
  readonly key: Buffer
  readonly format: 'der'
  readonly type: 'spki'
}

/** Whether all signatures of a state hold, verified anew at each call. */
export type BareWork = Readonly<Record<StateName, () => boolean>>

/**
 * The cryptography that is left to do in each state, in node:crypto's fastest form, on the very signatures of this evidence, taken
 * apart beforehand: the limit of any verifier that calls node:crypto. Intel's CAs and its TCB signing certificate are constants,
 * so their keys are held and their own certificates are not verified, even with nothing kept.
 */
export function bareWork({ quote: bytes, collateral: file }: Evidence): BareWork {
  const quote = parseQuote(bytes)
  const collateral = parseCollateral(file)
  const chain = certificatesFromPem(new TextDecoder().decode(quote.certification.data))
  const leaf = named(chain, 'PCK Certificate')
  const ca = keyOf(named(chain, ' CA', 'Root'))
  const root = keyOf(named(chain, 'Root CA'))
  const signing = keyOf(named(certificatesFromPem(collateral.tcbInfoIssuerChain), 'TCB Signing'))
  const leafKey = keyOf(leaf).export({ type: 'spki', format: 'der' })

  const pck = checkOf(parseCertificate(leaf), ca)
  const qeReport = rawCheck(quote.qeReportBytes, quote.qeReportSignature, spki(leafKey))
  const ownReport = rawCheck(quote.signedBytes, quote.signature, spkiOf(quote.attestationKey))
  const ofCollateral = [
    checkOf(parseCrl(collateral.rootCaCrl), root),
    checkOf(parseCrl(collateral.pckCrl), ca),
    jsonCheck(collateral.tcbInfo, signing),
    jsonCheck(collateral.qeIdentity, signing),
  ]
  const work = {
    'nothing kept': [pck, ...ofCollateral, qeReport, ownReport],
    'collateral kept': [pck, qeReport, ownReport],
    'chain kept': [{ ...qeReport, key: keyOf(leaf) }, ownReport],
    'platform known': [{ ...ownReport, key: createPublicKey(ownReport.key) }],
  }
  return perState(state => () => allHold(work[state]))
}

function allHold(checks: readonly Check[]): boolean {
  return checks.every(({ data, signature, key }) => verify('sha256', data, key, signature))
}

/** The certificate whose subject's common name has `part`, and not `without`: the order in a chain is not guaranteed. */
function named(chain: readonly Uint8Array[], part: string, without?: string): Uint8Array {
  const found = chain.find(der => {
    const { commonName } = parseCertificate(der).subject
    return commonName.includes(part) && (without === undefined || !commonName.includes(without))
  })
  if (found === undefined) throw new TypeError(`no certificate of a name with "${part}"`)
  return found
}

function keyOf(certificate: Uint8Array): KeyObject {
  return new X509Certificate(certificate).publicKey
}

interface Signed {
  readonly signed: Uint8Array
  /** DER. */
  readonly signature: Uint8Array
}

function checkOf({ signed, signature }: Signed, key: KeyObject): Check {
  return { data: signed, signature, key }
}

function rawCheck<K extends Check['key']>(
  data: Uint8Array,
  raw: Uint8Array,
  key: K,
): Check & { key: K } {
  return { data, signature: derOf(raw), key }
}

function jsonCheck(text: string, key: KeyObject): Check {
  const { signed, signature } = splitSignedText(text)
  return rawCheck(new TextEncoder().encode(signed), Uint8Array.fromHex(signature), key)
}

/** SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480, section 2). */
const spkiPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex')

function spkiOf(point: Uint8Array): Spki {
  return spki(Buffer.concat([spkiPrefix, point]))
}

function spki(key: Buffer): Spki {
  return { key, format: 'der', type: 'spki' }
}

/** r‖s as `SEQUENCE { INTEGER r, INTEGER s }`. */
function derOf(raw: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array): readonly number[] => {
    const first = bytes.findIndex(byte => byte !== 0)
    const digits = [...bytes.subarray(first)]
    const content = (digits[0] ?? 0) >= 0x80 ? [0, ...digits] : digits
    return [0x02, content.length, ...content]
  }
  const content = [...integer(raw.subarray(0, 32)), ...integer(raw.subarray(32))]
  return Uint8Array.from([0x30, content.length, ...content])
}
