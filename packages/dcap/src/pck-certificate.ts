import { type Certificate, parseCertificate } from './certificate.ts'
import { DerReader } from './der.ts'

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
const sgxTypes = ['standard', 'scalable', 'scalable-with-integrity'] as const

/**
 * Reads a PCK certificate with its SGX extension.
 *
 * @throws {FormatError} for malformed DER, a missing SGX extension, or an element of it that is missing or doubled
 * @see docs/formats/pck-certificate.md
 */
export function parsePckCertificate(der: Uint8Array, name = 'pckCertificate'): PckCertificate {
  const certificate = parseCertificate(der, name)
  const value = certificate.extensions.get(sgxOid)
  const reader = new DerReader(value ?? new Uint8Array(), `${name}.sgxExtension`)
  if (value === undefined) throw reader.refuse('extnId', `no extension ${sgxOid}`)
  const elements = readElements(reader, sgxOid)
  reader.end()
  return { ...certificate, ...parseTcb(elements), ...parsePlatform(elements) }
}

function parseTcb(elements: Elements): Pick<PckCertificate, 'components' | 'pceSvn' | 'cpuSvn'> {
  const tcb = elements.required('2', 'tcb', value => readElements(value, `${sgxOid}.2`))
  return {
    components: Array.from({ length: 16 }, (_, index) =>
      tcb.required(`${index + 1}`, `component${index + 1}`, (value, field) =>
        value.unsigned(field, 0xff),
      ),
    ),
    pceSvn: tcb.required('17', 'pceSvn', (value, field) => value.unsigned(field, 0xffff)),
    cpuSvn: tcb.required('18', 'cpuSvn', (value, field) => value.octets(field, 16)),
  }
}

function parsePlatform(
  elements: Elements,
): Omit<PckCertificate, keyof Certificate | 'components' | 'pceSvn' | 'cpuSvn'> {
  const octets = (length: number) => (value: DerReader, field: string) =>
    value.octets(field, length)
  return {
    ppid: elements.required('1', 'ppid', octets(16)),
    pceId: elements.required('3', 'pceId', octets(2)).toHex(),
    fmspc: elements.required('4', 'fmspc', octets(6)).toHex(),
    sgxType: elements.required('5', 'sgxType', readSgxType),
    platformInstanceId: elements.optional('6', 'platformInstanceId', octets(16)),
    configuration: elements.optional('7', 'configuration', readConfiguration),
  }
}

function readSgxType(reader: DerReader, field: string): SgxType {
  const type = sgxTypes[reader.enumerated(field, sgxTypes.length - 1)]
  if (type === undefined) throw reader.refuse(field, 'unknown')
  return type
}

function readConfiguration(reader: DerReader): PlatformConfiguration {
  const flags = readElements(reader, `${sgxOid}.7`)
  const flag = (suffix: string, name: string) =>
    flags.optional(suffix, name, (value, field) => value.boolean(field)) ?? false
  return {
    dynamicPlatform: flag('1', 'dynamicPlatform'),
    cachedKeys: flag('2', 'cachedKeys'),
    smtEnabled: flag('3', 'smtEnabled'),
  }
}

type Read<T> = (reader: DerReader, field: string) => T

interface Elements {
  required<T>(suffix: string, field: string, read: Read<T>): T
  optional<T>(suffix: string, field: string, read: Read<T>): T | undefined
}

/** `SEQUENCE OF SEQUENCE { OID, value }`, in any order. Values that nobody asks for stay unread. */
function readElements(reader: DerReader, prefix: string): Elements {
  const bySuffix = new Map<string, DerReader>()
  const list = reader.sequence('sequence')
  while (!list.done) {
    const element = list.sequence('element')
    const oid = element.oid('oid')
    const suffix = oid.slice(prefix.length + 1)
    if (oid !== `${prefix}.${suffix}`) throw element.refuse('oid', `${oid} is not below ${prefix}`)
    if (bySuffix.has(suffix)) throw element.refuse('oid', `${oid} occurs twice`)
    bySuffix.set(suffix, element)
  }
  const optional = <T>(suffix: string, field: string, read: Read<T>): T | undefined => {
    const element = bySuffix.get(suffix)
    const value = element && read(element, field)
    element?.end()
    return value
  }
  return {
    optional,
    required: (suffix, field, read) => {
      const value = optional(suffix, field, read)
      if (value === undefined) throw reader.refuse(field, `element ${prefix}.${suffix} is missing`)
      return value
    },
  }
}
