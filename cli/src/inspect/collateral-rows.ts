import { parseCollateral } from '@alcove/dcap'
import { chainRows, partRow } from './certificate-rows.ts'
import { crlRows } from './crl-rows.ts'
import { qeIdentityRows } from './qe-identity-rows.ts'
import type { Row } from './row.ts'
import { tcbInfoRows } from './tcb-info-rows.ts'

export function collateralRows(text: string): Row[] {
  const parts = parseCollateral(text)
  return [
    partRow('tcbInfo', 'TCB info', () => tcbInfoRows(parts.tcbInfo)),
    partRow('tcbInfoIssuerChain', 'TCB info issuer chain', () =>
      chainRows(parts.tcbInfoIssuerChain, 'tcbInfoIssuerChain'),
    ),
    partRow('qeIdentity', 'QE identity', () => qeIdentityRows(parts.qeIdentity)),
    partRow('qeIdentityIssuerChain', 'QE identity issuer chain', () =>
      chainRows(parts.qeIdentityIssuerChain, 'qeIdentityIssuerChain'),
    ),
    partRow('rootCaCrl', 'root CA CRL', () => crlRows(parts.rootCaCrl, 'rootCaCrl')),
    partRow('pckCrl', 'PCK CRL', () => crlRows(parts.pckCrl, 'pckCrl')),
    partRow('pckCrlIssuerChain', 'PCK CRL issuer chain', () =>
      chainRows(parts.pckCrlIssuerChain, 'pckCrlIssuerChain'),
    ),
  ]
}
