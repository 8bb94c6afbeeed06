import { CodedError } from '@alcove/bytes'
import {
  type Certificate,
  certificatesFromPem,
  parseCertificate,
  parsePckCertificate,
} from '@alcove/dcap'
import { group, list, type Row, row } from './row.ts'

const SGX_EXTENSION = '1.2.840.113741.1.13.1'

/** What the extensions that Intel's CAs use are called. */
const extensionNames: Readonly<Record<string, string>> = {
  '2.5.29.14': 'subjectKeyIdentifier',
  '2.5.29.15': 'keyUsage',
  '2.5.29.19': 'basicConstraints',
  '2.5.29.31': 'CRLDistributionPoints',
  '2.5.29.35': 'authorityKeyIdentifier',
  [SGX_EXTENSION]: 'SGX',
}

/** A certificate: of a PCK with what it says of its platform. */
export function certificateRows(der: Uint8Array, name: string = 'certificate'): Row[] {
  const certificate = parseCertificate(der, name)
  const isPck = certificate.extensions.has(SGX_EXTENSION)
  return [
    row('subject', 'subject', certificate.subject.commonName),
    row('issuer', 'issuer', certificate.issuer.commonName),
    row('serial', 'serial', certificate.serial),
    row('notBefore', 'from', certificate.notBefore),
    row('notAfter', 'to', certificate.notAfter),
    row('isCa', 'may issue', certificate.isCa),
    row('curve', 'curve', certificate.key.point.byteLength === 64 ? 'P-256' : 'P-384'),
    row('publicKey', 'public key', certificate.key.point),
    row('signature', 'signature', certificate.signature),
    row('extensions', 'extensions', extensionsOf(certificate)),
    ...(isPck ? [group('sgx', 'SGX extension', pckRows(der, name))] : []),
  ]
}

function extensionsOf({ extensions }: Certificate): string[] {
  return [...extensions.keys()].map(oid => extensionNames[oid] ?? oid)
}

function pckRows(der: Uint8Array, name: string): Row[] {
  const pck = parsePckCertificate(der, name)
  const { configuration } = pck
  return [
    row('fmspc', 'FMSPC', pck.fmspc),
    row('pceId', 'PCEID', pck.pceId),
    row('ppid', 'PPID', pck.ppid),
    row('cpuSvn', 'CPUSVN', pck.cpuSvn),
    row('pceSvn', 'PCESVN', pck.pceSvn),
    row('components', 'components', pck.components),
    row('sgxType', 'SGX type', pck.sgxType),
    row('platformInstanceId', 'platform instance', pck.platformInstanceId),
    row('dynamicPlatform', 'dynamic platform', configuration?.dynamicPlatform),
    row('cachedKeys', 'cached keys', configuration?.cachedKeys),
    row('smtEnabled', 'SMT enabled', configuration?.smtEnabled),
  ]
}

/** The certificates of a PEM text, in its order. */
export function chainRows(pem: string, name: string = 'chain'): Row[] {
  const chain = certificatesFromPem(pem, name)
  const items = chain.map((der, index) => certificateRows(der, `${name}[${index}]`))
  return [list('certificates', 'certificates', 'certificate', items)]
}

/** A part of something larger: where it cannot be read, the rest still is, and what is wrong is told in its place. */
export function partRow(key: string, name: string, read: () => readonly Row[]): Row {
  try {
    return group(key, name, read())
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return group(key, name, [row('error', 'not to be read', `${error.message} (${error.code})`)])
  }
}
