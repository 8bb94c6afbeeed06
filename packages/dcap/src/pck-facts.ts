import type { PckCertificate, PlatformConfiguration, SgxType } from './pck-certificate.ts'

/** What a PCK certificate says of its platform, in the SGX extension. Byte strings are lower-case hex. */
export interface PckFacts {
  readonly serial: string
  readonly issuer: string
  readonly fmspc: string
  readonly pceId: string
  /** The platform's own id, which stays the same for as long as the platform does. */
  readonly ppid: string
  readonly cpuSvn: string
  readonly pceSvn: number
  readonly components: readonly number[]
  readonly sgxType: SgxType
  /** Of the Platform CA only, as is the next. */
  readonly platformInstanceId: string | undefined
  readonly configuration: PlatformConfiguration | undefined
}

export function pckFacts(pck: PckCertificate): PckFacts {
  return Object.freeze({
    serial: pck.serial,
    issuer: pck.issuer.commonName,
    fmspc: pck.fmspc,
    pceId: pck.pceId,
    ppid: pck.ppid.toHex(),
    cpuSvn: pck.cpuSvn.toHex(),
    pceSvn: pck.pceSvn,
    components: Object.freeze([...pck.components]),
    sgxType: pck.sgxType,
    platformInstanceId: pck.platformInstanceId?.toHex(),
    configuration: pck.configuration && Object.freeze({ ...pck.configuration }),
  })
}
