import { timingSafeEqual } from 'node:crypto'
import { parseReport, type ReportBody, reportKeyRequest } from '@alcove/sgx'
import { aesCmac } from '@alcove/simulator/client'
import { EnclaveError } from './enclave-error.ts'
import type { EnclavePlatform } from './platform.ts'

const bodyBytes = 384

/**
 * Believes a REPORT that another enclave on this machine made for this one: recomputes its MAC with this enclave's REPORT
 * key. What the peer is allowed to be (a debug enclave?) is for the caller to say.
 *
 * @param report 432 bytes
 * @throws {FormatError} for another length
 * @throws {EnclaveError} `ERR_ENCLAVE_REPORT_MAC`; `ERR_ENCLAVE_UNSUPPORTED` where the platform gives no REPORT key
 */
export async function verifyReport(
  platform: Pick<EnclavePlatform, 'getKey'>,
  report: Uint8Array,
): Promise<ReportBody> {
  const bytes = Uint8Array.from(report)
  const { body, keyId, mac } = parseReport(bytes)
  const key = await platform.getKey(reportKeyRequest(keyId))
  try {
    // Over the body as it came: reserved bytes are part of it, and parsing leaves them out.
    if (timingSafeEqual(aesCmac(key, bytes.subarray(0, bodyBytes)), mac)) return body
  } finally {
    key.fill(0)
  }
  throw new EnclaveError(
    'ERR_ENCLAVE_REPORT_MAC',
    'this REPORT was not made for this enclave on this machine, or was changed: have the peer make it for the TARGETINFO that this enclave sends',
  )
}
