import { parseSigstruct } from '@alcove/sgx'
import {
  attributesMaskRow,
  attributesRow,
  miscMaskRow,
  miscSelectRow,
  reservedRow,
} from './attribute-rows.ts'
import { group, type Row, row, word } from './row.ts'

const INTEL = 0x8086

export function sigstructRows(bytes: Uint8Array): Row[] {
  const sigstruct = parseSigstruct(bytes)
  const { key } = sigstruct
  return [
    row('type', 'type', word(sigstruct.type)),
    row('debug', 'debug only', sigstruct.debug),
    row(
      'vendor',
      'vendor',
      word(sigstruct.vendor),
      sigstruct.vendor === INTEL ? 'Intel' : undefined,
    ),
    row('date', 'date', sigstruct.date),
    row('swDefined', 'SWDEFINED', word(sigstruct.swDefined)),
    row('mrEnclave', 'MRENCLAVE', sigstruct.mrEnclave),
    row('mrSigner', 'MRSIGNER', sigstruct.mrSigner),
    row('isvProdId', 'ISVPRODID', sigstruct.isvProdId),
    row('isvSvn', 'ISVSVN', sigstruct.isvSvn),
    miscSelectRow('miscSelect', 'MISCSELECT', sigstruct.miscSelect),
    miscMaskRow('miscMask', 'MISCMASK', sigstruct.miscMask),
    attributesRow('attributes', 'ATTRIBUTES', sigstruct.attributes),
    attributesMaskRow('attributeMask', 'ATTRIBUTEMASK', sigstruct.attributeMask),
    row('isvFamilyId', 'ISVFAMILYID', sigstruct.isvFamilyId),
    row('isvExtProdId', 'ISVEXTPRODID', sigstruct.isvExtProdId),
    group('key', 'key, RSA-3072, little-endian', [
      row('exponent', 'exponent', key.exponent),
      row('modulus', 'modulus', key.modulus),
    ]),
    group('signature', 'signature, little-endian', [
      row('value', 'value', sigstruct.signature),
      row('q1', 'q1', sigstruct.q1),
      row('q2', 'q2', sigstruct.q2),
    ]),
    reservedRow(sigstruct.reserved),
  ]
}
