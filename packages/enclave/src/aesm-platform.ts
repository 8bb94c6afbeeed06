import type { AesmClient } from '@alcove/aesm'
import { encodeKeyRequest } from '@alcove/sgx'
import { EnclaveError } from './enclave-error.ts'
import { type EnclavePlatform, identityFrom } from './platform.ts'

/** An enclave that somebody else entered: this program only carries its REPORTs to the quote helper. */
export interface EnclaveElsewhere {
  /** EREPORT in that enclave: 432 bytes, for a TARGETINFO of 512 bytes and report data of 64. */
  makeReport(targetInfo: Uint8Array, reportData: Uint8Array): Promise<Uint8Array>
  /** EGETKEY in that enclave: 16 bytes for a KEYREQUEST of 512; where it is absent nothing is sealed and no REPORT checked. */
  getKey?(keyRequest: Uint8Array): Promise<Uint8Array>
}

/** Quotes over AESM for an enclave whose REPORTs are made elsewhere. */
export async function openAesmPlatform(
  aesm: AesmClient,
  enclave: EnclaveElsewhere,
): Promise<EnclavePlatform> {
  return {
    kind: 'aesm',
    keySource: 'egetkey',
    identity: await identityFrom((target, data) => enclave.makeReport(target, data)),
    report: (target, data) => enclave.makeReport(target, data),
    quote: data => aesm.quoteWith(target => enclave.makeReport(target, data)),
    getKey: async request => {
      if (enclave.getKey !== undefined) return enclave.getKey(encodeKeyRequest(request))
      throw new EnclaveError(
        'ERR_ENCLAVE_UNSUPPORTED',
        'no keys: this enclave was opened with makeReport alone; give getKey too, which executes EGETKEY inside the enclave, or seal and check REPORTs in there',
      )
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}
