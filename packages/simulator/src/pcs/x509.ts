import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { concatBytes } from '@alcove/bytes'
import * as der from './der-writer.ts'

export interface CertificateFields {
  /** Big-endian, not zero. */
  readonly serial: Uint8Array
  readonly subject: DistinguishedName
  readonly publicKey: KeyObject
  readonly notBefore: Date
  readonly notAfter: Date
  readonly use: CertificateUse
  /** Whole `Extension` elements besides the four that every certificate of the chain has. */
  readonly extensions?: readonly Uint8Array[]
}

/** A CA may have this many CAs below it; a leaf signs data. */
export type CertificateUse = { readonly pathLength: number } | 'leaf'

export interface DistinguishedName {
  readonly commonName: string
  readonly organization: string
}

/** Who signs: its name as it stands in what it signs, and its key. */
export interface Issuer {
  readonly name: DistinguishedName
  readonly privateKey: KeyObject
}

/**
 * An X.509 v3 certificate in DER, signed with ECDSA P-256 and SHA-256, with the extensions that certificates of
 * Intel's SGX chains have: authority and subject key identifier, key usage, basic constraints. No CRL distribution
 * point, since there is nothing to fetch.
 */
export function issueCertificate(
  fields: CertificateFields,
  issuer: Issuer,
): Uint8Array<ArrayBuffer> {
  const issuerKey = createPublicKey(issuer.privateKey)
  return signed(
    der.sequence(
      der.explicit(0, der.integer(2)),
      der.unsignedInteger(fields.serial),
      ecdsaWithSha256,
      name(issuer.name),
      der.sequence(der.time(fields.notBefore), der.time(fields.notAfter)),
      name(fields.subject),
      subjectPublicKeyInfo(fields.publicKey),
      der.explicit(
        3,
        der.sequence(
          authorityKeyIdentifier(issuerKey),
          extension('2.5.29.14', der.octetString(keyIdentifier(fields.publicKey))),
          criticalExtension('2.5.29.15', keyUsage(fields.use)),
          criticalExtension('2.5.29.19', basicConstraints(fields.use)),
          ...(fields.extensions ?? []),
        ),
      ),
    ),
    issuer.privateKey,
  )
}

/** When something is valid, both ends included. */
export interface Period {
  readonly from: Date
  readonly until: Date
}

export interface CrlFields {
  readonly number: number
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  /** Serial numbers, big-endian, of what is revoked as of `thisUpdate`. */
  readonly revoked: readonly Uint8Array[]
}

/** An X.509 v2 CRL in DER, with CRL number and authority key identifier. */
export function issueCrl(fields: CrlFields, issuer: Issuer): Uint8Array<ArrayBuffer> {
  return signed(
    der.sequence(
      der.integer(1),
      ecdsaWithSha256,
      name(issuer.name),
      der.time(fields.thisUpdate),
      der.time(fields.nextUpdate),
      ...revokedCertificates(fields),
      der.explicit(
        0,
        der.sequence(
          extension('2.5.29.20', der.integer(fields.number)),
          authorityKeyIdentifier(createPublicKey(issuer.privateKey)),
        ),
      ),
    ),
    issuer.privateKey,
  )
}

/** Absent where nothing is revoked: RFC 5280, 5.1.2.6. */
function revokedCertificates({ revoked, thisUpdate }: CrlFields): Uint8Array[] {
  if (revoked.length === 0) return []
  const entries = revoked.map(serial =>
    der.sequence(der.unsignedInteger(serial), der.time(thisUpdate)),
  )
  return [der.sequence(...entries)]
}

/** A certificate extension that is not critical. */
export function extension(oid: string, value: Uint8Array): Uint8Array<ArrayBuffer> {
  return der.sequence(der.objectIdentifier(oid), der.octetString(value))
}

export function pemOf(certificate: Uint8Array): string {
  const lines = certificate.toBase64().match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

const ecdsaWithSha256 = der.sequence(der.objectIdentifier('1.2.840.10045.4.3.2'))

function signed(toBeSigned: Uint8Array, privateKey: KeyObject): Uint8Array<ArrayBuffer> {
  const signature = sign('sha256', toBeSigned, privateKey)
  return der.sequence(toBeSigned, ecdsaWithSha256, der.bitString(signature))
}

function name({ commonName, organization }: DistinguishedName): Uint8Array {
  const attribute = (oid: string, text: string) =>
    der.setOfOne(der.sequence(der.objectIdentifier(oid), der.utf8String(text)))
  return der.sequence(attribute('2.5.4.3', commonName), attribute('2.5.4.10', organization))
}

function criticalExtension(oid: string, value: Uint8Array): Uint8Array {
  return der.sequence(der.objectIdentifier(oid), der.boolean(true), der.octetString(value))
}

function authorityKeyIdentifier(issuerKey: KeyObject): Uint8Array {
  return extension('2.5.29.35', der.sequence(der.implicitPrimitive(0, keyIdentifier(issuerKey))))
}

/** keyCertSign and cRLSign for a CA; digitalSignature and nonRepudiation for a leaf, as Intel's have them. */
function keyUsage(use: CertificateUse): Uint8Array {
  return use === 'leaf' ? der.bitString(Uint8Array.of(0xc0), 6) : der.bitString(Uint8Array.of(6), 1)
}

function basicConstraints(use: CertificateUse): Uint8Array {
  return use === 'leaf'
    ? der.sequence()
    : der.sequence(der.boolean(true), der.integer(use.pathLength))
}

function subjectPublicKeyInfo(publicKey: KeyObject): Uint8Array {
  return Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
}

/** SHA-1 of the public key's bits: RFC 5280, 4.2.1.2, method (1). An identifier, not a protection. */
function keyIdentifier(publicKey: KeyObject): Uint8Array {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const coordinate = (text: string) => Uint8Array.fromBase64(text, { alphabet: 'base64url' })
  const point = concatBytes(Uint8Array.of(4), coordinate(x), coordinate(y))
  return Uint8Array.from(createHash('sha1').update(point).digest())
}
