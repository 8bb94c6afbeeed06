import {
  type Attributes,
  attributeNames,
  miscSelectNames,
  tdAttributeNames,
  xfrmNames,
} from '@alcove/sgx'
import { group, type Row, row, word } from './row.ts'

export function attributesRow(key: string, name: string, { flags, xfrm }: Attributes): Row {
  return group(key, name, [
    row('flags', 'flags', word(flags, attributeNames(flags))),
    row('xfrm', 'XFRM', word(xfrm, xfrmNames(xfrm))),
  ])
}

export function miscSelectRow(key: string, name: string, miscSelect: number): Row {
  return row(key, name, word(miscSelect, miscSelectNames(miscSelect)))
}

export function tdAttributesRow(key: string, name: string, attributes: bigint): Row {
  return row(key, name, word(attributes, tdAttributeNames(attributes)))
}

export function xfamRow(xfam: bigint): Row {
  return row('xfam', 'XFAM', word(xfam, xfrmNames(xfam)))
}

/** Reserved bytes, where not all of them are zero. */
export function reservedRow(reserved: Uint8Array | undefined): Row {
  return row('reserved', 'reserved', reserved)
}

/** Which bits a mask looks at: of one that looks at nearly all, those that it does not. */
function maskNote(
  mask: bigint,
  bits: number,
  namesOf: (word: bigint) => readonly string[],
): string {
  const others = namesOf(BigInt.asUintN(bits, ~mask))
  if (others.length === 0) return 'every bit'
  if (others.length < bits / 2) return `every bit but ${others.join(', ')}`
  const names = namesOf(mask)
  return names.length === 0 ? 'no bit' : names.join(', ')
}

export function attributesMaskRow(key: string, name: string, { flags, xfrm }: Attributes): Row {
  return group(key, name, [
    row('flags', 'flags', word(flags), maskNote(flags, 64, attributeNames)),
    row('xfrm', 'XFRM', word(xfrm), maskNote(xfrm, 64, xfrmNames)),
  ])
}

export function miscMaskRow(key: string, name: string, mask: number): Row {
  const note = maskNote(BigInt(mask), 32, bits => miscSelectNames(Number(bits)))
  return row(key, name, word(mask), note)
}
