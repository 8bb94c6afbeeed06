import { equalBytes } from '@alcove/bytes'
import {
  type Certification,
  INTEL_QE_VENDOR_ID,
  parseCertification,
  parseQuote,
  type Quote,
} from '@alcove/sgx'
import { chainRows, partRow } from './certificate-rows.ts'
import { reportBodyRows } from './report-rows.ts'
import { amount, group, type Row, row } from './row.ts'
import { tdReportBodyRows } from './td-report-rows.ts'

export function quoteRows(bytes: Uint8Array): Row[] {
  const quote = parseQuote(bytes)
  return [
    group('header', 'header', headerRows(quote)),
    quote.tee === 'SGX'
      ? group('body', 'body: the enclave', reportBodyRows(quote.body))
      : group('body', 'body: the TD', tdReportBodyRows(quote.body)),
    group('signatureData', 'signature data', [
      row('signature', 'signature', quote.signature),
      row('attestationKey', 'attestation key', quote.attestationKey),
      group('qeReport', 'QE report', reportBodyRows(quote.qeReport)),
      row('qeReportSignature', 'QE report signature', quote.qeReportSignature),
      row('qeAuthData', 'QE authentication data', quote.qeAuthData),
      partRow('certification', `certification data, type ${quote.certification.type}`, () =>
        certificationRows(quote.certification),
      ),
    ]),
    amount('byteLength', 'length', quote.byteLength, 'bytes'),
    amount('trailingBytes', 'after it', quote.trailing.byteLength, trailingUnit(quote)),
  ]
}

function headerRows({ header, tee }: Quote): Row[] {
  const isIntel = equalBytes(header.qeVendorId, INTEL_QE_VENDOR_ID)
  return [
    row('version', 'version', header.version),
    row('attestationKeyType', 'attestation key type', header.attestationKeyType, 'ECDSA, P-256'),
    row('tee', 'TEE', tee),
    ...(header.version === 3
      ? [row('qeSvn', 'QE SVN', header.qeSvn), row('pceSvn', 'PCE SVN', header.pceSvn)]
      : [row('reserved', 'reserved', header.reserved)]),
    row('qeVendorId', 'QE vendor', header.qeVendorId, isIntel ? 'Intel' : 'not Intel'),
    row('userData', 'user data', header.userData),
  ]
}

function certificationRows(certification: Certification): Row[] {
  const data = parseCertification(certification)
  const type = row('type', 'type', certification.type)
  switch (data.type) {
    case 4:
      return [type, ...chainRows(latin1(data.certificate), 'certificate')]
    case 5:
      return [type, ...chainRows(latin1(data.chain), 'chain')]
    case 7:
      return [type, row('platformManifest', 'platform manifest', data.platformManifest)]
    case 1:
    case 2:
    case 3:
      return [
        type,
        data.type === 1
          ? row('ppid', 'PPID', data.ppid)
          : row('encryptedPpid', 'encrypted PPID', data.encryptedPpid),
        row('cpuSvn', 'CPUSVN', data.cpuSvn),
        row('pceSvn', 'PCESVN', data.pceSvn),
        row('pceId', 'PCEID', data.pceId),
      ]
  }
}

/** As text, a character for each byte. */
export function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes)
}

/** What follows the quote, after its number of bytes. */
export function trailingUnit({ trailing }: Quote): string {
  const follow = trailing.byteLength === 1 ? 'byte follows' : 'bytes follow'
  const isZero = trailing.byteLength > 0 && trailing.every(byte => byte === 0)
  return `${follow} the quote${isZero ? ', all zero' : ''}`
}
