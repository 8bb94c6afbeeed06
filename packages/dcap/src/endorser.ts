import { equalBytes } from '@alcove/bytes'
import type { Tee } from '@alcove/sgx'
import type { Certificate } from './certificate.ts'
import type { Collateral } from './collateral.ts'
import { type Endorsements, readEndorsements } from './evidence.ts'
import type { Later } from './later.ts'
import type { PckChain } from './pck-chain.ts'
import type { QeIdentity } from './qe-identity.ts'
import { Revocation } from './revocation.ts'
import type { SignedObject } from './signed-json.ts'
import { requireSameRoot, type SigningChain, verifySigningChain } from './signing-chain.ts'
import type { TcbInfo } from './tcb-info.ts'
import { certificateItems, Validity, type ValidityFinding } from './validity.ts'
import { VerifyError } from './verify-error.ts'

const tcbInfoChain = 'TCB info issuer chain'
const qeIdentityChain = 'QE identity issuer chain'

/**
 * Collateral, read once, under roots that are trusted. What has been found to hold, and depends on nothing but the collateral and
 * the roots, is not checked again; what depends on a chain is.
 */
export class Endorser {
  readonly tcbInfo: TcbInfo
  readonly qeIdentity: QeIdentity
  readonly revocation: Revocation
  readonly #parts: Endorsements
  readonly #trusted: readonly Certificate[]
  #isTcbInfoVerified = false
  #isQeIdentityVerified = false

  /** @throws {CollateralError} for the first part that is malformed or too large */
  constructor(collateral: Collateral, trusted: readonly Certificate[]) {
    this.#parts = readEndorsements(collateral)
    this.#trusted = trusted
    this.tcbInfo = this.#parts.tcbInfo.value
    this.qeIdentity = this.#parts.qeIdentity.value
    this.revocation = new Revocation(this.#parts)
  }

  /** @throws {VerifyError} as `verifySigningChain`, `requireSameRoot`; `ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE` */
  requireTcbInfo(quoteRoot: Certificate, later: Later): void {
    const { tcbInfo, tcbInfoChain: chain } = this.#parts
    if (!this.#isTcbInfoVerified) this.#verify(chain, tcbInfoChain, later)
    requireSameRoot(chain, quoteRoot, tcbInfoChain)
    if (this.#isTcbInfoVerified) return
    later(() => {
      requireSigned(tcbInfo, chain, 'ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE')
      this.#isTcbInfoVerified = true
    })
  }

  /** @throws {VerifyError} as `verifySigningChain`, `requireSameRoot`; `ERR_VERIFY_ENCLAVE_IDENTITY_INVALID_SIGNATURE` */
  requireQeIdentity(quoteRoot: Certificate, later: Later): void {
    const { qeIdentity, qeIdentityChain: chain } = this.#parts
    if (!this.#isQeIdentityVerified) this.#verify(chain, qeIdentityChain, later)
    requireSameRoot(chain, quoteRoot, qeIdentityChain)
    if (this.#isQeIdentityVerified) return
    later(() => {
      requireSigned(qeIdentity, chain, 'ERR_VERIFY_ENCLAVE_IDENTITY_INVALID_SIGNATURE')
      this.#isQeIdentityVerified = true
    })
  }

  /** @throws {VerifyError} `ERR_VERIFY_QE_IDENTITY_MISMATCH` unless it is of the QE that quotes for this TEE */
  requireQeOf(tee: Tee): void {
    const { id } = this.qeIdentity
    const wanted = tee === 'SGX' ? 'QE' : 'TD_QE'
    if (id === wanted) return
    const message = `the enclave identity is of ${id}, not of the ${tee} quoting enclave, ${wanted}`
    throw new VerifyError('ERR_VERIFY_QE_IDENTITY_MISMATCH', message, { field: 'id', found: id })
  }

  /** Everything that is good for a time, the chain included. */
  validityWith({ root, intermediate, pck }: PckChain): Validity {
    const parts = this.#parts
    const pckChain = [root, intermediate, pck]
    const isOther = (certificate: Certificate) =>
      !pckChain.some(({ der }) => equalBytes(der, certificate.der))
    return new Validity([
      ...certificateItems('pck-chain', pckChain),
      { item: 'root-ca-crl', ...listDates(parts.rootCaCrl) },
      { item: 'pck-crl', ...listDates(parts.pckCrl) },
      ...certificateItems('pck-crl-chain', parts.pckCrlChain.filter(isOther)),
      ...certificateItems('tcb-info-chain', Object.values(parts.tcbInfoChain)),
      { item: 'tcb-info', ...issueDates(this.tcbInfo) },
      ...certificateItems('qe-identity-chain', Object.values(parts.qeIdentityChain)),
      { item: 'qe-identity', ...issueDates(this.qeIdentity) },
    ])
  }

  #verify(chain: SigningChain, name: string, later: Later): void {
    const { rootCaCrl } = this.revocation
    verifySigningChain(chain, { name, trusted: this.#trusted, rootCaCrl, later })
  }
}

type Dates = Pick<ValidityFinding, 'notBefore' | 'notAfter'>

function listDates({ thisUpdate, nextUpdate }: { thisUpdate: Date; nextUpdate: Date }): Dates {
  return { notBefore: thisUpdate, notAfter: nextUpdate }
}

function issueDates({ issueDate, nextUpdate }: { issueDate: Date; nextUpdate: Date }): Dates {
  return { notBefore: issueDate, notAfter: nextUpdate }
}

function requireSigned(
  object: SignedObject<unknown>,
  { signing }: SigningChain,
  code: 'ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE' | 'ERR_VERIFY_ENCLAVE_IDENTITY_INVALID_SIGNATURE',
): void {
  if (signing.key.verifiesRaw(object.signed, object.signature)) return
  const facts = { commonName: signing.subject.commonName, serial: signing.serial }
  const what = code === 'ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE' ? 'TCB info' : 'QE identity'
  const message = `the ${what} is not what "${facts.commonName}" signed: it was changed, or written anew`
  throw new VerifyError(code, message, facts)
}
