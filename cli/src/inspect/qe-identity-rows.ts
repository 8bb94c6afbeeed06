import { type ModuleLevel, parseQeIdentity } from '@alcove/dcap'
import { attributesMaskRow, attributesRow, miscMaskRow, miscSelectRow } from './attribute-rows.ts'
import { list, type Row, row } from './row.ts'

export function qeIdentityRows(text: string): Row[] {
  const { value: identity, signature } = parseQeIdentity(text)
  return [
    row('id', 'of', identity.id),
    row('tcbEvaluationDataNumber', 'evaluation', identity.tcbEvaluationDataNumber),
    row('issueDate', 'from', identity.issueDate),
    row('nextUpdate', 'to', identity.nextUpdate),
    miscSelectRow('miscSelect', 'MISCSELECT', identity.miscSelect),
    miscMaskRow('miscSelectMask', 'its mask', identity.miscSelectMask),
    attributesRow('attributes', 'ATTRIBUTES', identity.attributes),
    attributesMaskRow('attributesMask', 'their mask', identity.attributesMask),
    row('mrSigner', 'MRSIGNER', Uint8Array.fromHex(identity.mrSigner)),
    row('isvProdId', 'ISVPRODID', identity.isvProdId),
    row('signature', 'signature', signature),
    moduleLevelsRow(identity.tcbLevels),
  ]
}

/** Levels of an enclave or of a TDX module. */
export function moduleLevelsRow(levels: readonly ModuleLevel[]): Row {
  return list(
    'tcbLevels',
    'TCB levels',
    'level',
    levels.map(level => [
      row('status', 'status', level.status),
      row('tcbDate', 'date', level.tcbDate),
      row('isvSvn', 'ISVSVN', level.isvSvn),
      row('advisories', 'advisories', level.advisories.length === 0 ? undefined : level.advisories),
    ]),
  )
}
