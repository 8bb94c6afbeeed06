import { equalBytes } from '@alcove/bytes'
import type { Certificate } from './certificate.ts'
import type { Crl } from './crl.ts'
import type { Later } from './later.ts'
import type { PckChain } from './pck-chain.ts'
import { VerifyError } from './verify-error.ts'

/** The two lists that say whether a PCK chain still holds. */
export interface RevocationLists {
  readonly rootCaCrl: Crl
  readonly pckCrl: Crl
}

/** Asks the lists about chains. Which key has signed a list is kept: the next chain of that CA is not asked for it again. */
export class Revocation {
  readonly rootCaCrl: Crl
  readonly #pckCrl: Crl
  #rootKey: Uint8Array | undefined
  #caKey: Uint8Array | undefined

  constructor({ rootCaCrl, pckCrl }: RevocationLists) {
    this.rootCaCrl = rootCaCrl
    this.#pckCrl = pckCrl
  }

  /**
   * Both lists are issued by the chain's own CAs and signed by them, and neither names a certificate of the chain.
   *
   * @throws {VerifyError} `ERR_VERIFY_CRL_UNKNOWN_ISSUER`, `ERR_VERIFY_CRL_INVALID_EXTENSIONS`,
   *   `ERR_VERIFY_CRL_INVALID_SIGNATURE`, `ERR_VERIFY_INTERMEDIATE_CA_REVOKED`, `ERR_VERIFY_PCK_REVOKED`
   */
  require({ root, intermediate, pck }: PckChain, later: Later): void {
    const rootList = { name: 'root CA CRL', crl: this.rootCaCrl, issuer: root }
    const pckList = { name: 'PCK CRL', crl: this.#pckCrl, issuer: intermediate }
    requireIssuer(rootList)
    requireIssuer(pckList)
    requireExtensions(rootList)
    requireExtensions(pckList)
    later(() => {
      this.#rootKey = requireSignature(rootList, this.#rootKey)
      this.#caKey = requireSignature(pckList, this.#caKey)
    })
    requireNotRevoked(intermediate, this.rootCaCrl, 'ERR_VERIFY_INTERMEDIATE_CA_REVOKED')
    requireNotRevoked(pck, this.#pckCrl, 'ERR_VERIFY_PCK_REVOKED')
  }
}

/** @throws {VerifyError} `code` when the list names the certificate's serial number */
export function requireNotRevoked(
  certificate: Certificate,
  crl: Crl,
  code:
    | 'ERR_VERIFY_INTERMEDIATE_CA_REVOKED'
    | 'ERR_VERIFY_PCK_REVOKED'
    | 'ERR_VERIFY_TCB_SIGNING_CERT_REVOKED',
): void {
  const { serial, subject } = certificate
  const date = crl.revoked.get(serial)
  if (date === undefined) return
  const message = `"${subject.commonName}", serial ${serial}, was revoked by "${crl.issuer.commonName}" on ${date.toISOString()}`
  throw new VerifyError(code, message, { serial, commonName: subject.commonName })
}

/** Nobody has signed the list yet: it says what its writer likes. */
const MOST_TOLD = 3

interface List {
  readonly name: string
  readonly crl: Crl
  readonly issuer: Certificate
}

function requireIssuer({ name, crl, issuer }: List): void {
  if (equalBytes(crl.issuer.der, issuer.subject.der)) return
  const facts = { crl: name, found: crl.issuer.commonName, wanted: issuer.subject.commonName }
  const message = `the ${name} is issued by "${facts.found}", not by "${facts.wanted}"`
  throw new VerifyError('ERR_VERIFY_CRL_UNKNOWN_ISSUER', message, facts)
}

function requireExtensions({ name, crl }: List): void {
  const problems = [
    ...(crl.crlNumber === undefined ? ['no crlNumber'] : []),
    ...(crl.authorityKeyId === undefined ? ['no authorityKeyIdentifier'] : []),
    ...crl.unknownCritical
      .slice(0, MOST_TOLD)
      .map(oid => `critical extension ${oid.slice(0, 64)} is not understood`),
    ...(crl.unknownCritical.length > MOST_TOLD ? ['and others'] : []),
  ]
  if (problems.length === 0) return
  const message = `the ${name} cannot be used: ${problems.join('; ')}`
  throw new VerifyError('ERR_VERIFY_CRL_INVALID_EXTENSIONS', message, { crl: name })
}

/** Answers the key that has signed the list: `known`, or the issuer's. */
function requireSignature({ name, crl, issuer }: List, known: Uint8Array | undefined): Uint8Array {
  if (known !== undefined && equalBytes(known, issuer.key.point)) return known
  if (issuer.key.verifies(crl.signed, crl.signature)) return issuer.key.point
  const facts = { crl: name, issuer: issuer.subject.commonName }
  const message = `the signature of the ${name} is not by "${facts.issuer}"`
  throw new VerifyError('ERR_VERIFY_CRL_INVALID_SIGNATURE', message, facts)
}
