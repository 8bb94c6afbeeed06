import { equalBytes } from '@alcove/bytes'
import type { Quote } from '@alcove/sgx'
import type { Certificate } from './certificate.ts'
import { readCertificate, requireIssued } from './known-certificate.ts'
import type { Later } from './later.ts'
import { type PckCertificate, pckCertificateOf } from './pck-certificate.ts'
import { certificatesFromPem } from './pem.ts'
import { requireTrustedRoot } from './trusted-root.ts'
import { VerifyError } from './verify-error.ts'

/** Who vouches for the platform of a quote: from Intel's root to the platform's own key. */
export interface PckChain {
  readonly root: Certificate
  readonly intermediate: Certificate
  readonly pck: PckCertificate
}

const pckChainPem = 5

/**
 * The PCK chain that a quote carries: exactly three certificates, in whatever order.
 *
 * @throws {VerifyError} `ERR_VERIFY_CERTIFICATION_DATA_UNSUPPORTED`, `ERR_VERIFY_PCK_CERT_CHAIN_ERROR`
 * @throws {FormatError} for a chain that is not PEM, or certificates that are malformed
 */
export function readPckChain({ certification }: Quote): PckChain {
  const { type, data } = certification
  if (type !== pckChainPem) {
    const message = `the quote's certification data is of type ${type}; only type 5, a PCK chain, can be verified`
    throw new VerifyError('ERR_VERIFY_CERTIFICATION_DATA_UNSUPPORTED', message, { type })
  }
  const name = 'quote.pckChain'
  const chain = certificatesFromPem(latin1(data), name).map((der, index) =>
    readCertificate(der, `${name}[${index}]`),
  )
  const roots = chain.filter(isSelfIssued)
  const [first, second] = chain.filter(certificate => !isSelfIssued(certificate))
  const [root] = roots
  if (chain.length !== 3 || root === undefined || first === undefined || second === undefined) {
    const message = `the PCK chain has ${chain.length} certificates, ${roots.length} of them self-issued; want 3 and 1`
    const facts = { certificates: chain.length, selfIssued: roots.length }
    throw new VerifyError('ERR_VERIFY_PCK_CERT_CHAIN_ERROR', message, facts)
  }
  const swapped = equalBytes(first.subject.der, second.issuer.der)
  const [leaf, intermediate] = swapped ? [second, first] : [first, second]
  return { root, intermediate, pck: pckCertificateOf(leaf, `${name}.pckCertificate`) }
}

/**
 * @throws {VerifyError} `ERR_VERIFY_ROOT_CA_INVALID`, `ERR_VERIFY_UNTRUSTED_ROOT`,
 *   `ERR_VERIFY_INTERMEDIATE_CA_INVALID_ISSUER`, `ERR_VERIFY_PCK_INVALID_ISSUER`
 */
export function verifyPckChain(
  { root, intermediate, pck }: PckChain,
  trusted: readonly Certificate[],
  later: Later,
): void {
  requireTrustedRoot(root, { trusted, chain: 'PCK chain', later })
  const notCa = () => notIssued('ERR_VERIFY_INTERMEDIATE_CA_INVALID_ISSUER', intermediate, root)
  if (!intermediate.subject.commonName.includes('CA')) throw notCa()
  requireIssued(intermediate, root, { later, refusal: notCa })
  const notPck = () => notIssued('ERR_VERIFY_PCK_INVALID_ISSUER', pck, intermediate)
  if (!pck.subject.commonName.includes('SGX PCK Certificate')) throw notPck()
  requireIssued(pck, intermediate, { later, refusal: notPck })
}

function isSelfIssued({ issuer, subject }: Certificate): boolean {
  return equalBytes(issuer.der, subject.der)
}

function notIssued(
  code: 'ERR_VERIFY_INTERMEDIATE_CA_INVALID_ISSUER' | 'ERR_VERIFY_PCK_INVALID_ISSUER',
  certificate: Certificate,
  issuer: Certificate,
): VerifyError {
  const facts = {
    commonName: certificate.subject.commonName,
    serial: certificate.serial,
    issuer: issuer.subject.commonName,
  }
  const message = `"${facts.commonName}" does not have the name it needs, or was not issued and signed by "${facts.issuer}"`
  return new VerifyError(code, message, facts)
}

/** As text, a character for each byte; a TextDecoder takes ten times as long. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
