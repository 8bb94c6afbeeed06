import { deepEqual, match, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { cpuidKey, HostError, MARKER_MAX_BYTES, parseSimulatedNodeMarker } from './index.ts'

const path = '/root/alcove-simulated-node.json'
const zero = { eax: 0, ebx: 0, ecx: 0, edx: 0 }
const good = {
  alcoveSimulatedNode: 1,
  size: 'DC2s_v2',
  os: 'in-kernel',
  devices: ['/dev/sgx_enclave', '/dev/sgx/provision'],
  cpuid: { [cpuidKey(0x12, 2)]: { ...zero, eax: 0xffff_ffff } },
}
const parse = (value: unknown) =>
  parseSimulatedNodeMarker(path, new TextEncoder().encode(JSON.stringify(value)))

const access = { '/dev/sgx_enclave': { gid: 105, mode: 0o660 } }

test('a marker is read as it stands', () => {
  deepEqual(parse(good), good)
  deepEqual(parse({ ...good, access }), { ...good, access })
})

const refused: readonly (readonly [what: string, value: unknown, says: RegExp])[] = [
  ['another version', { ...good, alcoveSimulatedNode: 2 }, /alcoveSimulatedNode: /],
  ['an unknown key', { ...good, epc: 1 }, /"epc"/],
  ['a missing key', { ...good, size: undefined }, /size: /],
  ['a device outside /dev', { ...good, devices: ['/etc/passwd'] }, /devices\.0: /],
  ['a device that climbs', { ...good, devices: ['/dev/../etc/passwd'] }, /devices\.0: /],
  ['65 devices', { ...good, devices: Array(65).fill('/dev/x') }, /devices: /],
  ['a mode too large', { ...good, access: { '/dev/x': { gid: 0, mode: 0o10000 } } }, /mode: /],
  ['a negative group', { ...good, access: { '/dev/x': { gid: -1, mode: 0 } } }, /gid: /],
  ['access of no device', { ...good, access: { '/etc/x': { gid: 0, mode: 0 } } }, /access/],
  ['a leaf in decimal', { ...good, cpuid: { '18.2': zero } }, /18\.2/],
  ['a leaf with a leading zero', { ...good, cpuid: { '0x012.2': zero } }, /0x012\.2/],
  ['a register too large', { ...good, cpuid: { '0x7.0': { ...zero, ecx: 2 ** 32 } } }, /ecx: /],
  ['a negative register', { ...good, cpuid: { '0x7.0': { ...zero, ecx: -1 } } }, /ecx: /],
  ['a register missing', { ...good, cpuid: { '0x7.0': { eax: 0, ebx: 0, ecx: 0 } } }, /edx: /],
  ['a register too many', { ...good, cpuid: { '0x7.0': { ...zero, esi: 0 } } }, /"esi"/],
  [
    '65 leaves',
    {
      ...good,
      cpuid: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`0x7.${n}`, zero])),
    },
    /cpuid: too many leaves/,
  ],
  ['a list', [], /expected object/],
]

for (const [what, value, says] of refused) {
  test(`a marker with ${what} is refused, naming the field`, () => {
    throws(
      () => parse(value),
      error => {
        match((error as HostError).message, says)
        return error instanceof HostError && error.code === 'ERR_HOST_MARKER' && error.path === path
      },
    )
  })
}

test('what is not JSON, not UTF-8, or too long is refused', () => {
  for (const bytes of [
    new Uint8Array(),
    new TextEncoder().encode('{'),
    Uint8Array.of(0x22, 0xff, 0x22),
    new Uint8Array(MARKER_MAX_BYTES + 1).fill(0x20),
  ]) {
    throws(() => parseSimulatedNodeMarker(path, bytes), { code: 'ERR_HOST_MARKER', path })
  }
})
