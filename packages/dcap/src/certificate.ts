import { DerReader } from './der.ts'
import { parseExtensions } from './extension.ts'
import { P256Key } from './p256.ts'

/** An X.509 certificate as Intel's provisioning CAs issue it: version 3, an elliptic-curve key, ECDSA with SHA-256. */
export interface Certificate {
  readonly der: Uint8Array
  /** The bytes that the issuer signed. */
  readonly signed: Uint8Array
  /** Lower-case hex, no leading zero byte. */
  readonly serial: string
  readonly issuer: Name
  readonly subject: Name
  readonly notBefore: Date
  readonly notAfter: Date
  /** Sample certificates have P-384 keys, 96 bytes: they are read, and verify nothing. */
  readonly key: P256Key
  /** basicConstraints says that it may issue certificates. */
  readonly isCa: boolean
  /** Extension values by dotted OID. */
  readonly extensions: ReadonlyMap<string, Uint8Array>
  /** DER. */
  readonly signature: Uint8Array
}

export interface Name {
  readonly der: Uint8Array
  /** Empty when there is none. */
  readonly commonName: string
}

/** AlgorithmIdentifier { ecdsa-with-SHA256 } (RFC 5758, section 3.2). */
const ecdsaWithSha256 = Uint8Array.fromHex('300a06082a8648ce3d040302')
/** By algorithm (id-ecPublicKey) and curve. */
const coordinateBytes: Readonly<Record<string, number>> = {
  '1.2.840.10045.2.1,1.2.840.10045.3.1.7': 32,
  '1.2.840.10045.2.1,1.3.132.0.34': 48,
}
const commonName = '2.5.4.3'
const utf8 = new TextDecoder()
/** ub-common-name (RFC 5280, appendix A). */
const LONGEST_NAME = 64
const basicConstraints = '2.5.29.19'
/** Extensions that may be critical: keyUsage, basicConstraints (RFC 5280, section 4.2), and the SGX extension of a PCK. */
const understood = new Set(['2.5.29.15', basicConstraints, '1.2.840.113741.1.13.1'])

/**
 * Reads a certificate.
 *
 * @throws {FormatError} for anything that is not strict DER of this shape, or that uses another algorithm
 * @see docs/formats/pck-certificate.md
 */
export function parseCertificate(der: Uint8Array, name = 'certificate'): Certificate {
  const outer = new DerReader(der, name)
  const certificate = outer.sequence('sequence')
  outer.end()
  const { whole: signed, inside: tbs } = certificate.wholeSequence('tbsCertificate')
  expectEcdsaWithSha256(certificate, 'signatureAlgorithm')
  const signature = certificate.bitString('signature')
  certificate.end()

  const version = tbs.optionalExplicit('version', 0)?.unsigned('version', 2)
  if (version !== 2) throw tbs.refuse('version', 'not an X.509 version 3 certificate')
  const serial = tbs.unsignedBytes('serialNumber').toHex()
  expectEcdsaWithSha256(tbs, 'signature')
  const issuer = parseName(tbs, 'issuer')
  const validity = tbs.sequence('validity')
  const notBefore = validity.time('notBefore')
  const notAfter = validity.time('notAfter')
  validity.end()
  const subject = parseName(tbs, 'subject')
  const key = new P256Key(parsePublicKey(tbs))
  const list = tbs.optionalExplicit('extensions', 3)
  const extensions = new Map<string, Uint8Array>()
  if (list !== undefined) {
    for (const { oid, critical, value } of parseExtensions(list)) {
      if (critical && !understood.has(oid)) {
        throw list.refuse('extensions', `${oid} is critical and not understood`)
      }
      extensions.set(oid, value)
    }
    list.end()
  }
  tbs.end()
  const isCa = parseIsCa(extensions.get(basicConstraints), name)
  return {
    ...{ der, signed, serial, issuer, subject, notBefore, notAfter },
    ...{ key, isCa, extensions, signature },
  }
}

/** A Name with its DER, which is what issuers and subjects are compared by. */
export function parseName(reader: DerReader, field: string): Name {
  const { whole: der, inside } = reader.wholeSequence(field)
  let common = ''
  while (!inside.done) {
    const set = inside.set('relativeDistinguishedName')
    const attribute = set.sequence('attribute')
    const type = attribute.oid('type')
    const value = attribute.anyContent('value')
    attribute.end()
    set.end()
    if (type === commonName) common = utf8.decode(value)
    if (common.length > LONGEST_NAME) throw inside.refuse(field, 'a common name of more than 64')
  }
  return { der, commonName: common }
}

export function expectEcdsaWithSha256(reader: DerReader, field: string): void {
  if (reader.skips(ecdsaWithSha256)) return
  throw reader.refuse(field, 'not ECDSA with SHA-256 without parameters')
}

function parsePublicKey(tbs: DerReader): Uint8Array {
  const info = tbs.sequence('subjectPublicKeyInfo')
  const algorithm = info.sequence('algorithm')
  const oids = [algorithm.oid('algorithm'), algorithm.oid('curve')]
  algorithm.end()
  const size = coordinateBytes[oids.join()]
  if (size === undefined) throw algorithm.refuse('curve', 'not a P-256 or P-384 key')
  const point = info.bitString('subjectPublicKey')
  info.end()
  if (point.byteLength !== 1 + 2 * size || point[0] !== 4) {
    throw info.refuse('subjectPublicKey', 'not an uncompressed point of its curve')
  }
  return point.subarray(1)
}

function parseIsCa(value: Uint8Array | undefined, name: string): boolean {
  if (value === undefined) return false
  const reader = new DerReader(value, `${name}.basicConstraints`)
  const sequence = reader.sequence('sequence')
  reader.end()
  return !sequence.done && sequence.boolean('cA')
}
