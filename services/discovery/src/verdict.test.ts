import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { type Condition, capability, readNode } from '@alcove/host'
import { auxv, fakeHost } from '../../../packages/host/testing/fake-host.ts'
import { verdictOf } from './verdict.ts'

const met = (name: Condition['name']): Condition => ({ name, met: true, found: 'f', source: 's' })
const unmet = (name: Condition['name'], remedy = 'mend it'): Condition => ({
  ...{ name, met: false, found: 'gone', source: 's', remedy },
})
const untold = (name: Condition['name']): Condition => ({
  ...{ name, met: 'unknown', found: 'not stated', source: 's', remedy: 'ask' },
})
const verdict = (conditions: readonly Condition[], mode: 'bytes' | 'devices' = 'bytes') =>
  verdictOf({ capable: false, conditions }, mode)

test('a node serves while nothing is known to be missing', () => {
  const { capable, causes, reason, message } = verdict([met('cpu-sgx'), untold('firmware')])
  equal(capable, true)
  deepEqual(causes, [])
  equal(reason, 'Capable')
  equal(message, 'can run enclaves and make quotes; could not be told: firmware')
})

for (const name of ['enclave-device', 'provision-device', 'epc'] as const) {
  test(`where ${name} is unknown, so is whether the node can serve`, () => {
    const { capable, causes, reason, message } = verdict([untold('firmware'), untold(name)])
    equal(capable, 'unknown')
    deepEqual(causes, [])
    equal(reason, 'CannotTell')
    equal(message, `cannot tell: ${name}: not stated; ask`)
  })
}

test('causes are told, and what follows from them is not', () => {
  const { capable, causes, reason, message } = verdict([
    unmet('kernel-driver'),
    unmet('enclave-device', 'first see kernel-driver'),
    unmet('fsgsbase'),
    untold('epc'),
  ])
  equal(capable, false)
  deepEqual(causes, [
    { name: 'kernel-driver', reason: 'NoDriver', message: 'gone; mend it' },
    { name: 'fsgsbase', reason: 'NoFsgsbase', message: 'gone; mend it' },
  ])
  equal(reason, 'NoDriver')
  equal(message, 'cannot serve: kernel-driver: gone; mend it; 1 more to put right after it')
})

test('how many devices a list holds counts only where EPC is devices', () => {
  const large = [met('epc'), unmet('list-size')]
  equal(verdict(large, 'bytes').capable, true)
  equal(verdict(large, 'devices').capable, false)
})

test('a real reading without a device has one cause', async () => {
  const host = fakeHost({
    files: {
      '/proc/cpuinfo': 'vendor_id\t: GenuineIntel\nflags\t\t: sgx sgx_lc fsgsbase\n',
      '/proc/sys/kernel/osrelease': '5.4.0\n',
      '/proc/self/auxv': auxv([26n, 2n]),
    },
  })
  const { causes } = verdictOf(capability(await readNode(host)), 'bytes')
  deepEqual(
    causes.map(({ reason }) => reason),
    ['NoDriver'],
  )
})
