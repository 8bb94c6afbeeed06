import { equalBytes } from '@alcove/bytes'
import type { Certificate } from './certificate.ts'
import { readCertificate, requireIssued } from './known-certificate.ts'
import type { Later } from './later.ts'
import { VerifyError } from './verify-error.ts'

/** @throws {FormatError} for a root that is not a certificate: the caller's own configuration is wrong */
export function parseRoots(roots: readonly Uint8Array[]): Certificate[] {
  return roots.map((der, index) => readCertificate(der, `roots[${index}]`))
}

/**
 * Accepts a chain's root. One that is byte for byte a trusted root needs no more; another certificate of a trusted root's
 * key (Intel's root was reissued with a later end) has to be self-signed; everything else is refused.
 *
 * @param chain whose root it is, for the message
 * @throws {VerifyError} `ERR_VERIFY_ROOT_CA_INVALID`, `ERR_VERIFY_UNTRUSTED_ROOT`
 */
export function requireTrustedRoot(
  root: Certificate,
  {
    trusted,
    chain,
    later,
  }: {
    readonly trusted: readonly Certificate[]
    readonly chain: string
    readonly later: Later
  },
): void {
  const facts = { chain, commonName: root.subject.commonName }
  if (!root.subject.commonName.includes('SGX Root CA')) {
    const message = `the ${chain} does not end in an SGX Root CA`
    throw new VerifyError('ERR_VERIFY_ROOT_CA_INVALID', message, facts)
  }
  if (trusted.some(({ der }) => equalBytes(der, root.der))) return
  if (!trusted.some(({ key }) => equalBytes(key.point, root.key.point))) {
    const message = `the ${chain} ends in "${root.subject.commonName}", whose key is not that of a trusted root`
    throw new VerifyError('ERR_VERIFY_UNTRUSTED_ROOT', message, facts)
  }
  const message = `the root of the ${chain} has a trusted key but did not sign itself`
  const refusal = () => new VerifyError('ERR_VERIFY_ROOT_CA_INVALID', message, facts)
  requireIssued(root, root, { later, refusal })
}
