import { equalBytes, FormatError } from '@alcove/bytes'
import { INTEL_QE_VENDOR_ID, parseQuote, type Quote } from '@alcove/sgx'
import type { Certificate } from './certificate.ts'
import type { Collateral } from './collateral.ts'
import { CollateralError, inCollateral } from './collateral-error.ts'
import { type Crl, parseCrl } from './crl.ts'
import { type PckChain, readPckChain } from './pck-chain.ts'
import { parseQeIdentity, type QeIdentity } from './qe-identity.ts'
import type { SignedObject } from './signed-json.ts'
import { readCollateralChain, readSigningChain, type SigningChain } from './signing-chain.ts'
import { parseTcbInfo, type TcbInfo } from './tcb-info.ts'
import { certificateItems, type ValidityFinding } from './validity.ts'
import { VerifyError } from './verify-error.ts'

type SgxQuote = Extract<Quote, { readonly tee: 'SGX' }>

/** A quote and the chain in it, read, nothing verified. */
export interface Evidence {
  readonly quote: SgxQuote
  readonly chain: PckChain
}

/** Collateral, read, nothing verified. */
export interface Endorsements {
  readonly tcbInfo: SignedObject<TcbInfo>
  readonly tcbInfoChain: SigningChain
  readonly qeIdentity: SignedObject<QeIdentity>
  readonly qeIdentityChain: SigningChain
  readonly rootCaCrl: Crl
  readonly pckCrl: Crl
  readonly pckCrlChain: readonly Certificate[]
}

const largestQuote = 1024 * 1024
const largestCrl = 1024 * 1024

/**
 * @throws {FormatError} for a malformed quote, or one over 1 MiB
 * @throws {VerifyError} `ERR_VERIFY_UNSUPPORTED_QUOTE_FORMAT`, and as `readPckChain`
 */
export function readEvidence(bytes: Uint8Array): Evidence {
  if (bytes.byteLength > largestQuote) {
    const detail = `${bytes.byteLength} bytes; at most ${largestQuote} are read`
    throw new FormatError('ERR_FORMAT_VALUE', 'quote', 0, detail)
  }
  const quote = parseQuote(bytes)
  if (!equalBytes(quote.header.qeVendorId, INTEL_QE_VENDOR_ID)) {
    const vendorId = quote.header.qeVendorId.toHex()
    const message = `the quote is by a QE of vendor ${vendorId}, not Intel's`
    throw new VerifyError('ERR_VERIFY_UNSUPPORTED_QUOTE_FORMAT', message, { vendorId })
  }
  if (quote.header.version !== 3 || quote.tee !== 'SGX') {
    const detail = `quotes of ${quote.tee} and version ${quote.header.version} are read, and not verified yet; want version 3`
    throw new FormatError('ERR_FORMAT_VALUE', 'quote.header.version', 0, detail)
  }
  return { quote, chain: readPckChain(quote) }
}

/** @throws {CollateralError} for the first part that is malformed or too large */
export function readEndorsements(collateral: Collateral): Endorsements {
  return {
    rootCaCrl: readCrl(collateral.rootCaCrl, 'rootCaCrl'),
    pckCrl: readCrl(collateral.pckCrl, 'pckCrl'),
    pckCrlChain: readCollateralChain(collateral.pckCrlIssuerChain, 'pckCrlIssuerChain'),
    tcbInfoChain: readSigningChain(collateral.tcbInfoIssuerChain, 'tcbInfoIssuerChain'),
    tcbInfo: parseTcbInfo(collateral.tcbInfo),
    qeIdentityChain: readSigningChain(collateral.qeIdentityIssuerChain, 'qeIdentityIssuerChain'),
    qeIdentity: parseQeIdentity(collateral.qeIdentity),
  }
}

function readCrl(der: Uint8Array, name: string): Crl {
  if (der.byteLength > largestCrl) {
    const detail = `${der.byteLength} bytes; at most ${largestCrl} are read`
    throw new CollateralError('ERR_COLLATERAL_TOO_LARGE', name, detail)
  }
  return inCollateral(() => parseCrl(der, name))
}

/** Everything that is good for a time, chains included. */
export function validityItems(
  { root, intermediate, pck }: PckChain,
  parts: Endorsements,
): ValidityFinding[] {
  const pckChain = [root, intermediate, pck]
  const known = (certificate: Certificate) =>
    pckChain.some(({ der }) => equalBytes(der, certificate.der))
  const updates = (
    item: string,
    from: { issueDate: Date; nextUpdate: Date } | { thisUpdate: Date; nextUpdate: Date },
  ) => ({
    item,
    notBefore: 'issueDate' in from ? from.issueDate : from.thisUpdate,
    notAfter: from.nextUpdate,
  })
  return [
    ...certificateItems('pck-chain', pckChain),
    updates('root-ca-crl', parts.rootCaCrl),
    updates('pck-crl', parts.pckCrl),
    ...certificateItems(
      'pck-crl-chain',
      parts.pckCrlChain.filter(certificate => !known(certificate)),
    ),
    ...certificateItems('tcb-info-chain', Object.values(parts.tcbInfoChain)),
    updates('tcb-info', parts.tcbInfo.value),
    ...certificateItems('qe-identity-chain', Object.values(parts.qeIdentityChain)),
    updates('qe-identity', parts.qeIdentity.value),
  ]
}
