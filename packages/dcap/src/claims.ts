import {
  AttributeFlag,
  type Attributes,
  type Quote,
  type ReportBody,
  TD_UNDER_DEBUG,
  type TdReportBody,
} from '@alcove/sgx'

/** What a verified quote says of whom it is about. Byte strings are lower-case hex, but for REPORTDATA. */
export type Claims = EnclaveClaims | TdClaims

interface AnyClaims {
  /** Its memory can be read from outside: it protects nothing. */
  readonly debug: boolean
  /** 64 bytes of its own choice. */
  readonly reportData: Uint8Array
}

/** Of an SGX enclave. */
export interface EnclaveClaims extends AnyClaims {
  readonly tee: 'SGX'
  readonly mrEnclave: string
  readonly mrSigner: string
  readonly isvProdId: number
  readonly isvSvn: number
  readonly attributes: Attributes
  readonly miscSelect: number
  readonly cpuSvn: string
  readonly configId: string
  readonly configSvn: number
  readonly isvExtProdId: string
  readonly isvFamilyId: string
}

/** Of a TD, a TDX virtual machine. */
export interface TdClaims extends AnyClaims {
  readonly tee: 'TDX'
  readonly version: TdReportBody['version']
  readonly mrTd: string
  readonly rtmrs: readonly [string, string, string, string]
  readonly mrConfigId: string
  readonly mrOwner: string
  readonly mrOwnerConfig: string
  /** From version 1.5 on. */
  readonly mrServiceTd: string | undefined
  readonly tdAttributes: bigint
  readonly xfam: bigint
  readonly mrSeam: string
  readonly mrSignerSeam: string
  readonly seamAttributes: bigint
  /** As of the TD's launch. */
  readonly teeTcbSvn: string
  /** As of now; from version 1.5 on. */
  readonly teeTcbSvn2: string | undefined
  /** In version `1.5-extended` only. */
  readonly extension: TdExtensionClaims | undefined
}

export interface TdExtensionClaims {
  readonly vmId: number
  readonly tdId: string
  readonly devInfo: string
  readonly initServiceTdHash: string
  readonly initAttributes: bigint
  readonly initCpuSvn: string
  readonly initTeeTcbSvn: string
  readonly initFmspc: string
  readonly serviceTdHash: string
  readonly serviceTdAttributes: bigint
}

export function claimsOf(quote: Quote): Claims {
  return quote.tee === 'SGX' ? enclaveClaims(quote.body) : tdClaims(quote.body)
}

function enclaveClaims(body: ReportBody): EnclaveClaims {
  return {
    tee: 'SGX',
    mrEnclave: body.mrEnclave.toHex(),
    mrSigner: body.mrSigner.toHex(),
    isvProdId: body.isvProdId,
    isvSvn: body.isvSvn,
    debug: (body.attributes.flags & AttributeFlag.debug) !== 0n,
    attributes: body.attributes,
    miscSelect: body.miscSelect,
    cpuSvn: body.cpuSvn.toHex(),
    reportData: body.reportData.slice(),
    configId: body.configId.toHex(),
    configSvn: body.configSvn,
    isvExtProdId: body.isvExtProdId.toHex(),
    isvFamilyId: body.isvFamilyId.toHex(),
  }
}

function tdClaims(body: TdReportBody): TdClaims {
  const [rtmr0, rtmr1, rtmr2, rtmr3] = body.rtmrs
  const is10 = body.version === '1.0'
  return {
    tee: 'TDX',
    version: body.version,
    mrTd: body.mrTd.toHex(),
    rtmrs: [rtmr0.toHex(), rtmr1.toHex(), rtmr2.toHex(), rtmr3.toHex()],
    mrConfigId: body.mrConfigId.toHex(),
    mrOwner: body.mrOwner.toHex(),
    mrOwnerConfig: body.mrOwnerConfig.toHex(),
    mrServiceTd: is10 ? undefined : body.mrServiceTd.toHex(),
    debug: (body.tdAttributes & TD_UNDER_DEBUG) !== 0n,
    tdAttributes: body.tdAttributes,
    xfam: body.xfam,
    reportData: body.reportData.slice(),
    mrSeam: body.mrSeam.toHex(),
    mrSignerSeam: body.mrSignerSeam.toHex(),
    seamAttributes: body.seamAttributes,
    teeTcbSvn: body.teeTcbSvn.toHex(),
    teeTcbSvn2: is10 ? undefined : body.teeTcbSvn2.toHex(),
    extension: body.version === '1.5-extended' ? extensionClaims(body) : undefined,
  }
}

function extensionClaims(
  body: Extract<TdReportBody, { version: '1.5-extended' }>,
): TdExtensionClaims {
  return {
    vmId: body.vmId,
    tdId: body.tdId.toHex(),
    devInfo: body.devInfo.toHex(),
    initServiceTdHash: body.initServiceTdHash.toHex(),
    initAttributes: body.initAttributes,
    initCpuSvn: body.initCpuSvn.toHex(),
    initTeeTcbSvn: body.initTeeTcbSvn.toHex(),
    initFmspc: body.initFmspc.toHex(),
    serviceTdHash: body.serviceTdHash.toHex(),
    serviceTdAttributes: body.serviceTdAttributes,
  }
}
