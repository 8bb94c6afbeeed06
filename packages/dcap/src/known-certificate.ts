import { equalBytes } from '@alcove/bytes'
import { type Certificate, parseCertificate } from './certificate.ts'
import { intelCertificates } from './intel-certificates.ts'
import { intelRootTexts } from './intel-roots.ts'
import type { Later } from './later.ts'
import type { P256Key } from './p256.ts'

interface Known {
  readonly certificate: Certificate
  /** Whether Intel's root has been found to have signed it; `undefined` before anybody has asked. */
  isSigned: boolean | undefined
}

/** By their length, in which they all differ. Read when they are first looked for. */
let known: ReadonlyMap<number, Known> | undefined
let intelKey: P256Key | undefined

function readKnown(): ReadonlyMap<number, Known> {
  // Not from the bytes of `intelRoots`, which are exported: others can write to them.
  const texts = [...intelRootTexts, ...intelCertificates.map(({ base64 }) => base64)]
  const certificates = texts.map(base64 =>
    parseCertificate(Uint8Array.fromBase64(base64), 'known certificate'),
  )
  intelKey = certificates[0]?.key
  return new Map(
    certificates.map(certificate => [
      certificate.der.byteLength,
      { certificate, isSigned: undefined },
    ]),
  )
}

/**
 * Reads a certificate; one of those that ship with this package is not read again.
 *
 * @throws {FormatError} as `parseCertificate`
 */
export function readCertificate(der: Uint8Array, name: string): Certificate {
  return knownCertificate(der) ?? parseCertificate(der, name)
}

/**
 * One of the certificates that ship with this package, recognised by its whole bytes: read once, its key imported once. Nothing follows
 * from being known but that: who is trusted, what is revoked and what is in its time is asked of it as of any other.
 */
export function knownCertificate(der: Uint8Array): Certificate | undefined {
  known ??= readKnown()
  const certificate = known.get(der.byteLength)?.certificate
  return certificate !== undefined && equalBytes(certificate.der, der) ? certificate : undefined
}

/** Whether `certificate` is a known one, and `key`, which is Intel's root's, has signed it: verified once, when it is first asked. */
export function isKnownToBeSignedBy(certificate: Certificate, key: P256Key): boolean {
  const found = known?.get(certificate.der.byteLength)
  if (found?.certificate !== certificate || intelKey === undefined) return false
  if (!equalBytes(intelKey.point, key.point)) return false
  found.isSigned ??= intelKey.verifies(certificate.signed, certificate.signature)
  return found.isSigned
}

/**
 * `issuer` is named as the issuer of `certificate`, may issue, and signed it.
 *
 * @param refusal the error to throw otherwise
 */
export function requireIssued(
  certificate: Certificate,
  issuer: Certificate,
  { later, refusal }: { readonly later: Later; readonly refusal: () => Error },
): void {
  const isNamed = equalBytes(certificate.issuer.der, issuer.subject.der)
  if (!issuer.isCa || !isNamed) throw refusal()
  later(() => {
    if (!isSignedBy(certificate, issuer.key)) throw refusal()
  })
}

function isSignedBy(certificate: Certificate, key: P256Key): boolean {
  if (isKnownToBeSignedBy(certificate, key)) return true
  return key.verifies(certificate.signed, certificate.signature)
}
