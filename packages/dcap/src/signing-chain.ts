import { equalBytes } from '@alcove/bytes'
import type { Certificate } from './certificate.ts'
import { CollateralError, inCollateral } from './collateral-error.ts'
import type { Crl } from './crl.ts'
import { readCertificate, requireIssued } from './known-certificate.ts'
import type { Later } from './later.ts'
import { certificatesFromPem } from './pem.ts'
import { requireNotRevoked } from './revocation.ts'
import { requireTrustedRoot } from './trusted-root.ts'
import { VerifyError } from './verify-error.ts'

/** Who signed TCB info or a QE identity. */
export interface SigningChain {
  readonly signing: Certificate
  readonly root: Certificate
}

/** @throws {CollateralError} for a chain of other than two certificates, or malformed ones */
export function readSigningChain(pem: string, name: string): SigningChain {
  const chain = readCollateralChain(pem, name)
  const root = chain.find(({ issuer, subject }) => equalBytes(issuer.der, subject.der))
  const signing = chain.find(certificate => certificate !== root)
  if (chain.length === 2 && root !== undefined && signing !== undefined) return { signing, root }
  const detail = `want a TCB signing certificate and its root, found ${chain.length} certificates`
  throw new CollateralError('ERR_COLLATERAL_VALUE', name, detail)
}

/** @throws {CollateralError} for what is not PEM certificates */
export function readCollateralChain(pem: string, name: string): Certificate[] {
  return inCollateral(() =>
    certificatesFromPem(pem, name).map((der, index) => readCertificate(der, `${name}[${index}]`)),
  )
}

/**
 * The chain is of a TCB signing certificate that is not revoked, under a trusted root.
 *
 * @throws {VerifyError} `ERR_VERIFY_TCB_SIGNING_CERT_INVALID_ISSUER`, `ERR_VERIFY_TCB_SIGNING_CERT_REVOKED`,
 *   `ERR_VERIFY_ROOT_CA_INVALID`, `ERR_VERIFY_UNTRUSTED_ROOT`
 */
export function verifySigningChain(
  { signing, root }: SigningChain,
  context: {
    readonly name: string
    readonly trusted: readonly Certificate[]
    readonly rootCaCrl: Crl
    readonly later: Later
  },
): void {
  const { name, later } = context
  const { commonName } = signing.subject
  const refusal = () => {
    const message = `the ${name} does not start with an SGX TCB Signing certificate that its root issued and signed`
    const facts = { chain: name, commonName, serial: signing.serial }
    return new VerifyError('ERR_VERIFY_TCB_SIGNING_CERT_INVALID_ISSUER', message, facts)
  }
  if (!commonName.includes('SGX TCB Signing')) throw refusal()
  requireIssued(signing, root, { later, refusal })
  requireNotRevoked(signing, context.rootCaCrl, 'ERR_VERIFY_TCB_SIGNING_CERT_REVOKED')
  requireTrustedRoot(root, { trusted: context.trusted, chain: name, later })
}

/**
 * The chain's root has the key of the root that the quote's own chain ends in: with several trusted roots, one platform's TCB is
 * never judged by another's authority.
 *
 * @throws {VerifyError} `ERR_VERIFY_UNTRUSTED_ROOT`
 */
export function requireSameRoot(
  { root }: SigningChain,
  quoteRoot: Certificate,
  name: string,
): void {
  if (equalBytes(root.key.point, quoteRoot.key.point)) return
  const message = `the ${name} ends in another root than the quote's PCK chain`
  throw new VerifyError('ERR_VERIFY_UNTRUSTED_ROOT', message, { chain: name })
}
