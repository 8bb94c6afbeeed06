import { FormatError } from '@alcove/bytes'
import { certificatesFromPem, crlDer, DerReader } from '@alcove/dcap'
import { parseKeyRequest } from '@alcove/sgx'
import type { Decoded } from '../encoding.ts'
import { certificateRows, chainRows } from './certificate-rows.ts'
import { collateralRows } from './collateral-rows.ts'
import { crlRows } from './crl-rows.ts'
import type { KindName } from './kind-names.ts'
import { qeIdentityRows } from './qe-identity-rows.ts'
import { latin1, quoteRows } from './quote-rows.ts'
import { keyRequestRows, reportRows, targetInfoRows } from './report-rows.ts'
import type { Row } from './row.ts'
import { sgxsRows } from './sgxs-rows.ts'
import { sigstructRows } from './sigstruct-rows.ts'
import { tcbInfoRows } from './tcb-info-rows.ts'
import { tdReportRows } from './td-report-rows.ts'

/** A kind of thing that can be read. */
export interface Kind {
  /** For people: `SIGSTRUCT`. */
  readonly title: string
  /** How it is told from others, for people. */
  readonly mark: string
  /** What else such bytes may be, where their length alone does not say. */
  readonly doubt?: string
  /** Whether an input is meant to be one; it may still be malformed. */
  readonly looks: (input: Decoded) => boolean
  /** @throws {CodedError} for a malformed one */
  readonly rows: (input: Decoded) => Row[]
}

export const kinds: Readonly<Record<KindName, Kind>> = {
  quote: {
    title: 'quote',
    mark: 'begins with version 3, 4 or 5 and key type 2',
    looks: ({ bytes }) => /^0[345]000200/.test(bytes.subarray(0, 4).toHex()),
    rows: ({ bytes }) => quoteRows(bytes),
  },
  certificate: {
    title: 'certificate',
    mark: 'X.509, DER or PEM',
    looks: input => pemLabels(input).join() === 'CERTIFICATE' || isDer(input, CERTIFICATE_TAG),
    rows: ({ bytes, text }) =>
      certificateRows(text === undefined ? bytes : singleCertificate(text)),
  },
  chain: {
    title: 'certificate chain',
    mark: 'certificates in PEM',
    looks: input => pemLabels(input)[0] === 'CERTIFICATE',
    rows: ({ bytes, text }) => chainRows(text ?? latin1(bytes)),
  },
  crl: {
    title: 'certificate revocation list',
    mark: 'X.509 CRL, DER or PEM',
    looks: input => pemLabels(input)[0] === 'X509 CRL' || isDer(input, CRL_TAG),
    rows: ({ bytes }) => crlRows(crlDer(bytes, 'crl')),
  },
  'tcb-info': json('TCB info', 'tcbInfo', tcbInfoRows),
  'qe-identity': json('QE identity', 'enclaveIdentity', qeIdentityRows),
  collateral: json('collateral', 'tcb_info', collateralRows),
  sgxs: {
    title: 'SGXS',
    mark: 'begins with ECREATE or UNSIZED',
    looks: ({ bytes }) => ['ECREATE\0', 'UNSIZED\0'].includes(latin1(bytes.subarray(0, 8))),
    rows: ({ bytes }) => sgxsRows(bytes),
  },
  sigstruct: {
    title: 'SIGSTRUCT',
    mark: '1808 bytes',
    looks: ({ bytes }) => bytes.byteLength === 1808,
    rows: ({ bytes }) => sigstructRows(bytes),
  },
  'td-report': {
    title: 'TDREPORT',
    mark: '1024 bytes',
    looks: ({ bytes }) => bytes.byteLength === 1024,
    rows: ({ bytes }) => tdReportRows(bytes),
  },
  report: {
    title: 'REPORT',
    mark: '432 bytes',
    looks: ({ bytes }) => bytes.byteLength === 432,
    rows: ({ bytes }) => reportRows(bytes),
  },
  'key-request': {
    title: 'KEYREQUEST',
    mark: '512 bytes that name a known key and known policy bits, all reserved bytes zero',
    doubt:
      'They name a known key and known policy bits, and all reserved bytes are zero: so it is no TARGETINFO, unless --as target-info says so.',
    looks: ({ bytes }) => bytes.byteLength === 512 && isKeyRequest(bytes),
    rows: ({ bytes }) => keyRequestRows(bytes),
  },
  'target-info': {
    title: 'TARGETINFO',
    mark: 'other 512 bytes',
    doubt:
      'They are no KEYREQUEST with a known key, known policy bits and zeros where they belong; --as key-request reads them as one all the same.',
    looks: ({ bytes }) => bytes.byteLength === 512,
    rows: ({ bytes }) => targetInfoRows(bytes),
  },
}

const CERTIFICATE_TAG = 0xa0
const CRL_TAG = 0x02

/** What a signed list or certificate begins with, inside: a certificate's version is tagged, a list's is not. */
function isDer({ bytes, text }: Decoded, firstTag: number): boolean {
  if (text !== undefined || bytes[0] !== 0x30) return false
  try {
    return new DerReader(bytes, 'der').sequence('outer').sequence('inner').nextTag === firstTag
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

function pemLabels({ text }: Decoded): string[] {
  if (!/^\s*-----BEGIN /.test(text ?? '')) return []
  return Array.from(
    (text ?? '').matchAll(/^-----BEGIN ([A-Z0-9 ]+)-----/gm),
    ([, label = '']) => label,
  )
}

function singleCertificate(pem: string): Uint8Array {
  const [first, ...others] = certificatesFromPem(pem, 'certificate')
  if (first !== undefined && others.length === 0) return first
  const detail = `${others.length + 1} certificates: they are a chain`
  throw new FormatError('ERR_FORMAT_TRAILING', 'certificate', 0, detail)
}

function json(title: string, member: string, rows: (text: string) => Row[]): Kind {
  return {
    title,
    mark: `JSON with "${member}"`,
    looks: ({ text }) => hasMember(text, member),
    rows: ({ bytes, text }) => rows(text ?? latin1(bytes)),
  }
}

function hasMember(text: string | undefined, member: string): boolean {
  if (!/^\s*\{/.test(text ?? '')) return false
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null && Object.hasOwn(value, member)
  } catch {
    return false
  }
}

function isKeyRequest(bytes: Uint8Array): boolean {
  const { keyName, keyPolicy, reserved } = parseKeyRequest(bytes)
  return keyName <= 4 && keyPolicy < 0x40 && reserved === undefined
}
