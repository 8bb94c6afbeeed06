import { ByteReader } from '@alcove/bytes'

/**
 * AT_HWCAP2 of an auxiliary vector, as /proc/self/auxv holds it: pairs until the pair of type 0 (getauxval(3), proc(5)).
 * `undefined` where it has none, or is cut short.
 *
 * | offset | size | field |
 * | -----: | ---: | ----- |
 * |   0x00 |    8 | type  |
 * |   0x08 |    8 | value |
 */
export function readHwcap2(bytes: Uint8Array): bigint | undefined {
  const reader = new ByteReader(bytes, 'auxv')
  for (let left = bytes.byteLength; left >= pairBytes; left -= pairBytes) {
    const type = reader.u64le('type')
    const value = reader.u64le('value')
    if (type === hwcap2) return value
    if (type === end) return undefined
  }
  return undefined
}

const pairBytes = 16
const end = 0n
const hwcap2 = 26n
