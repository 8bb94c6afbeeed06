import { equalBytes, FormatError } from '@alcove/bytes'
import { INTEL_QE_VENDOR_ID, parseQuote, type Quote } from '@alcove/sgx'
import type { Certificate } from './certificate.ts'
import { type Collateral, crlDer } from './collateral.ts'
import { CollateralError, inCollateral } from './collateral-error.ts'
import { type Crl, parseCrl } from './crl.ts'
import { parseQeIdentity, type QeIdentity } from './qe-identity.ts'
import type { SignedObject } from './signed-json.ts'
import { readCollateralChain, readSigningChain, type SigningChain } from './signing-chain.ts'
import { parseTcbInfo, type TcbInfo } from './tcb-info.ts'
import { VerifyError } from './verify-error.ts'

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
 * A quote by one of Intel's QEs, nothing verified.
 *
 * @throws {FormatError} for a malformed quote, or one over 1 MiB
 * @throws {VerifyError} `ERR_VERIFY_UNSUPPORTED_QUOTE_FORMAT`
 */
export function readQuote(bytes: Uint8Array): Quote {
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
  return quote
}

/** @throws {CollateralError} for the first part that is malformed or too large */
export function readEndorsements(collateral: Collateral): Endorsements {
  const { tcbInfoIssuerChain, qeIdentityIssuerChain } = collateral
  const tcbInfoChain = readSigningChain(tcbInfoIssuerChain, 'tcbInfoIssuerChain')
  return {
    rootCaCrl: readCrl(collateral.rootCaCrl, 'rootCaCrl'),
    pckCrl: readCrl(collateral.pckCrl, 'pckCrl'),
    pckCrlChain: readCollateralChain(collateral.pckCrlIssuerChain, 'pckCrlIssuerChain'),
    tcbInfoChain,
    tcbInfo: parseTcbInfo(collateral.tcbInfo),
    qeIdentityChain:
      // Both are signed by the same: the text is, too.
      qeIdentityIssuerChain === tcbInfoIssuerChain
        ? tcbInfoChain
        : readSigningChain(qeIdentityIssuerChain, 'qeIdentityIssuerChain'),
    qeIdentity: parseQeIdentity(collateral.qeIdentity),
  }
}

function readCrl(der: Uint8Array, name: string): Crl {
  if (der.byteLength > largestCrl) {
    const detail = `${der.byteLength} bytes; at most ${largestCrl} are read`
    throw new CollateralError('ERR_COLLATERAL_TOO_LARGE', name, detail)
  }
  return inCollateral(() => parseCrl(crlDer(der, name), name))
}
