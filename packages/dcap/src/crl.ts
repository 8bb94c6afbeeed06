import { expectEcdsaWithSha256, type Name, parseName } from './certificate.ts'
import { DerReader } from './der.ts'
import { type Extension, parseExtensions } from './extension.ts'

/** A certificate revocation list as Intel's CAs issue it: version 2, ECDSA with SHA-256, complete (no deltas). */
export interface Crl {
  /** The bytes that the issuer signed. */
  readonly signed: Uint8Array
  readonly issuer: Name
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  /** Serial numbers, lower-case hex, no leading zero byte, with the date of revocation. */
  readonly revoked: ReadonlyMap<string, Date>
  readonly crlNumber: number | undefined
  readonly authorityKeyId: Uint8Array | undefined
  /** Critical extensions, of the list or of an entry, that change what the list means: such a list is not to be used. */
  readonly unknownCritical: readonly string[]
  /** DER. */
  readonly signature: Uint8Array
}

const crlNumberOid = '2.5.29.20'
const authorityKeyIdOid = '2.5.29.35'
const utcTimeTag = 0x17
const generalizedTimeTag = 0x18
const sequenceTag = 0x30

/**
 * Reads a CRL. Extensions that verification requires may be absent here.
 *
 * @throws {FormatError} for anything that is not strict DER of this shape
 * @see docs/formats/crl.md
 */
export function parseCrl(der: Uint8Array, name = 'crl'): Crl {
  const outer = new DerReader(der, name)
  const list = outer.sequence('sequence')
  outer.end()
  const { whole: signed, inside: tbs } = list.wholeSequence('tbsCertList')
  expectEcdsaWithSha256(list, 'signatureAlgorithm')
  const signature = list.bitString('signature')
  list.end()

  if (tbs.unsigned('version', 1) !== 1) throw tbs.refuse('version', 'not a version 2 CRL')
  expectEcdsaWithSha256(tbs, 'signature')
  const issuer = parseName(tbs, 'issuer')
  const thisUpdate = tbs.time('thisUpdate')
  if (tbs.nextTag !== utcTimeTag && tbs.nextTag !== generalizedTimeTag) {
    throw tbs.refuse('nextUpdate', 'missing')
  }
  const nextUpdate = tbs.time('nextUpdate')
  const { revoked, critical: entryCritical } = parseRevoked(tbs)
  const wrapper = tbs.optionalExplicit('crlExtensions', 0)
  const extensions = wrapper === undefined ? [] : parseExtensions(wrapper)
  wrapper?.end()
  tbs.end()
  return {
    ...{ signed, issuer, thisUpdate, nextUpdate, revoked, signature },
    ...parseCrlExtensions(extensions, name),
    unknownCritical: [...criticalOf(extensions), ...entryCritical],
  }
}

function parseRevoked(tbs: DerReader): { revoked: Map<string, Date>; critical: string[] } {
  const revoked = new Map<string, Date>()
  const critical: string[] = []
  if (tbs.nextTag !== sequenceTag) return { revoked, critical }
  const entries = tbs.sequence('revokedCertificates')
  while (!entries.done) {
    const entry = entries.sequence('entry')
    const serial = entry.unsignedBytes('userCertificate').toHex()
    revoked.set(serial, entry.time('revocationDate'))
    if (!entry.done) for (const oid of criticalOf(parseExtensions(entry))) critical.push(oid)
    entry.end()
  }
  return { revoked, critical }
}

function criticalOf(extensions: readonly Extension[]): string[] {
  return extensions
    .filter(({ oid, critical }) => critical && oid !== crlNumberOid && oid !== authorityKeyIdOid)
    .map(({ oid }) => oid)
}

function parseCrlExtensions(
  extensions: readonly Extension[],
  name: string,
): Pick<Crl, 'crlNumber' | 'authorityKeyId'> {
  const reader = (oid: string, field: string) => {
    const value = extensions.find(extension => extension.oid === oid)?.value
    return value && new DerReader(value, `${name}.${field}`)
  }
  const number = reader(crlNumberOid, 'crlNumber')
  const crlNumber = number?.unsigned('crlNumber', Number.MAX_SAFE_INTEGER)
  number?.end()
  const keyId = reader(authorityKeyIdOid, 'authorityKeyIdentifier')
  const sequence = keyId?.sequence('authorityKeyIdentifier')
  const authorityKeyId = sequence?.optionalImplicitBytes('keyIdentifier', 0)
  keyId?.end()
  return { crlNumber, authorityKeyId }
}
