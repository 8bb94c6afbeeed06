import { deepEqual, doesNotMatch, equal } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  AttributeFlag,
  attributeNames,
  KeyName,
  KeyPolicy,
  keyNameOf,
  keyPolicyNames,
  miscSelectNames,
  TdAttribute,
  tdAttributeNames,
  xfrmNames,
} from './index.ts'

test('attributes of a debug enclave that asks for keys read as their names, lowest bit first', () => {
  deepEqual(attributeNames(0x4f7n), [
    'INIT',
    'DEBUG',
    'MODE64',
    'PROVISION_KEY',
    'EINITTOKEN_KEY',
    'CET',
    'KSS',
    'AEX_NOTIFY',
  ])
})

test('the usual values of XFRM read as the state that they name', () => {
  deepEqual(xfrmNames(0x3n), ['x87', 'SSE'])
  deepEqual(xfrmNames(0xe7n).slice(2), [
    'AVX',
    'AVX-512 opmask',
    'AVX-512 ZMM_Hi256',
    'AVX-512 Hi16_ZMM',
  ])
  deepEqual(xfrmNames(0x6_0200n), ['PKRU', 'AMX TILECFG', 'AMX TILEDATA'])
  deepEqual(xfrmNames(0x1_fd00n), ['PT', 'PASID', 'CET_U', 'CET_S', 'HDC', 'UINTR', 'LBR', 'HWP'])
})

test('attributes of a TD read as their names', () => {
  deepEqual(tdAttributeNames(0x1000_0000n), ['SEPT_VE_DISABLE'])
  deepEqual(tdAttributeNames(0x8000_0000_e800_0001n), [
    'DEBUG',
    'LASS',
    'MIGRATABLE',
    'PKS',
    'KL',
    'PERFMON',
  ])
})

test('MISCSELECT, key policies and key names read as their names', () => {
  deepEqual(miscSelectNames(3), ['EXINFO', 'CPINFO'])
  deepEqual(keyPolicyNames(KeyPolicy.mrSigner | KeyPolicy.noIsvProdId), ['MRSIGNER', 'NOISVPRODID'])
  const names = [
    'EINITTOKEN',
    'PROVISION',
    'PROVISION_SEAL',
    'REPORT',
    'SEAL',
    'key 5',
    'key 65535',
  ]
  deepEqual([0, 1, 2, 3, 4, 5, 0xffff].map(keyNameOf), names)
})

test('a bit without a name is its number', () => {
  deepEqual(attributeNames(0x2000_0000_000an), ['DEBUG', 'bit 3', 'bit 45'])
  deepEqual(xfrmNames(1n << 63n), ['bit 63'])
  deepEqual(miscSelectNames(0x8000_0000), ['bit 31'])
})

test('every flag that has a constant has a name', () => {
  for (const flag of Object.values(AttributeFlag)) doesNotMatch(attributeNames(flag).join(), /bit/)
  for (const flag of Object.values(TdAttribute)) doesNotMatch(tdAttributeNames(flag).join(), /bit/)
  for (const flag of Object.values(KeyPolicy)) doesNotMatch(keyPolicyNames(flag).join(), /bit/)
  for (const name of Object.values(KeyName)) doesNotMatch(keyNameOf(name), /key/)
})

test('a word has as many names as bits, none of them twice', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 0xffff_ffff_ffff_ffffn), word => {
      const bits = word.toString(2).replaceAll('0', '').length
      for (const names of [attributeNames(word), xfrmNames(word), tdAttributeNames(word)]) {
        equal(new Set(names).size, bits)
      }
    }),
  )
})
