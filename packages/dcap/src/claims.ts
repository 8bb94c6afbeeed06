import { AttributeFlag, type Attributes, type ReportBody } from '@alcove/sgx'

/** What a verified quote says of its enclave. Byte strings are lower-case hex, but for REPORTDATA. */
export interface Claims {
  readonly mrEnclave: string
  readonly mrSigner: string
  readonly isvProdId: number
  readonly isvSvn: number
  /** The enclave's memory can be read from outside: it protects nothing. */
  readonly debug: boolean
  readonly attributes: Attributes
  readonly miscSelect: number
  readonly cpuSvn: string
  /** 64 bytes that the enclave chose. */
  readonly reportData: Uint8Array
  readonly configId: string
  readonly configSvn: number
  readonly isvExtProdId: string
  readonly isvFamilyId: string
}

export function claimsOf(body: ReportBody): Claims {
  return {
    mrEnclave: body.mrEnclave.toHex(),
    mrSigner: body.mrSigner.toHex(),
    isvProdId: body.isvProdId,
    isvSvn: body.isvSvn,
    debug: (body.attributes.flags & AttributeFlag.debug) !== 0n,
    attributes: body.attributes,
    miscSelect: body.miscSelect,
    cpuSvn: body.cpuSvn.toHex(),
    reportData: Uint8Array.from(body.reportData),
    configId: body.configId.toHex(),
    configSvn: body.configSvn,
    isvExtProdId: body.isvExtProdId.toHex(),
    isvFamilyId: body.isvFamilyId.toHex(),
  }
}
