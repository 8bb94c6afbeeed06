import { parseCrl } from '@alcove/dcap'
import { type Row, row, table } from './row.ts'

export function crlRows(der: Uint8Array, name: string = 'crl'): Row[] {
  const crl = parseCrl(der, name)
  const { unknownCritical } = crl
  return [
    row('issuer', 'issuer', crl.issuer.commonName),
    row('crlNumber', 'CRL number', crl.crlNumber),
    row('thisUpdate', 'from', crl.thisUpdate),
    row('nextUpdate', 'to', crl.nextUpdate),
    row('authorityKeyId', 'authority key id', crl.authorityKeyId),
    row(
      'unknownCritical',
      'unknown critical extensions',
      unknownCritical.length === 0 ? undefined : unknownCritical,
    ),
    row('signature', 'signature', crl.signature),
    table(
      'revoked',
      'revoked certificates',
      Array.from(crl.revoked, ([serial, date]) => [
        row('serial', 'serial', serial),
        row('revocationDate', 'revoked', date),
      ]),
    ),
  ]
}
