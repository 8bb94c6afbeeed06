import { type Certificate, parseCertificate } from './certificate.ts'
import { DerReader } from './der.ts'
import { SgxElements } from './sgx-elements.ts'

export type SgxType = 'standard' | 'scalable' | 'scalable-with-integrity'

/** A provisioning certification key's certificate: what it says of the platform whose quotes the key vouches for. */
export interface PckCertificate extends Certificate {
  readonly ppid: Uint8Array
  /** The 16 component SVNs that TCB levels are compared with, not the quote's CPUSVN. */
  readonly components: readonly number[]
  readonly pceSvn: number
  readonly cpuSvn: Uint8Array
  /** Lower-case hex, 2 bytes. */
  readonly pceId: string
  /** Lower-case hex, 6 bytes. */
  readonly fmspc: string
  readonly sgxType: SgxType
  /** Platform CA only. */
  readonly platformInstanceId: Uint8Array | undefined
  /** Platform CA only. */
  readonly configuration: PlatformConfiguration | undefined
}

export interface PlatformConfiguration {
  readonly dynamicPlatform: boolean
  readonly cachedKeys: boolean
  readonly smtEnabled: boolean
}

const sgxOid = '1.2.840.113741.1.13.1'
/** The same, and those of its TCB and of its configuration, as DER content. */
const sgxOidContent = Uint8Array.fromHex('2a864886f84d010d01')
const tcbOidContent = Uint8Array.of(...sgxOidContent, 2)
const configurationOidContent = Uint8Array.of(...sgxOidContent, 7)
const sgxTypes = ['standard', 'scalable', 'scalable-with-integrity'] as const

/**
 * Reads a PCK certificate with its SGX extension.
 *
 * @throws {FormatError} for malformed DER, a missing SGX extension, or an element of it that is missing or doubled
 * @see docs/formats/pck-certificate.md
 */
export function parsePckCertificate(der: Uint8Array, name = 'pckCertificate'): PckCertificate {
  return pckCertificateOf(parseCertificate(der, name), name)
}

/** The same, of a certificate that has been read. */
export function pckCertificateOf(certificate: Certificate, name: string): PckCertificate {
  const value = certificate.extensions.get(sgxOid)
  const reader = new DerReader(value ?? new Uint8Array(), `${name}.sgxExtension`)
  if (value === undefined) throw reader.refuse('extnId', `no extension ${sgxOid}`)
  const elements = new SgxElements(reader, sgxOidContent)
  reader.end()
  return {
    ...certificate,
    ...elements.required(2, 'tcb', parseTcb),
    ppid: elements.required(1, 'ppid', reader => reader.octets('ppid', 16)),
    pceId: elements.required(3, 'pceId', reader => reader.octets('pceId', 2).toHex()),
    fmspc: elements.required(4, 'fmspc', reader => reader.octets('fmspc', 6).toHex()),
    sgxType: elements.required(5, 'sgxType', parseSgxType),
    platformInstanceId: elements.optional(6, reader => reader.octets('platformInstanceId', 16)),
    configuration: elements.optional(7, parseConfiguration),
  }
}

function parseTcb(reader: DerReader): Pick<PckCertificate, 'components' | 'pceSvn' | 'cpuSvn'> {
  const tcb = new SgxElements(reader, tcbOidContent)
  const components: number[] = []
  for (const [index, field] of componentNames.entries()) {
    components.push(tcb.required(index + 1, field, value => value.unsigned(field, 0xff)))
  }
  return {
    components,
    pceSvn: tcb.required(17, 'pceSvn', value => value.unsigned('pceSvn', 0xffff)),
    cpuSvn: tcb.required(18, 'cpuSvn', value => value.octets('cpuSvn', 16)),
  }
}

const componentNames: readonly string[] = Array.from({ length: 16 }, (_, n) => `component${n + 1}`)

function parseSgxType(reader: DerReader): SgxType {
  const type = sgxTypes[reader.enumerated('sgxType', sgxTypes.length - 1)]
  if (type === undefined) throw reader.refuse('sgxType', 'unknown')
  return type
}

function parseConfiguration(reader: DerReader): PlatformConfiguration {
  const flags = new SgxElements(reader, configurationOidContent)
  return {
    dynamicPlatform: flags.optional(1, value => value.boolean('dynamicPlatform')) ?? false,
    cachedKeys: flags.optional(2, value => value.boolean('cachedKeys')) ?? false,
    smtEnabled: flags.optional(3, value => value.boolean('smtEnabled')) ?? false,
  }
}
