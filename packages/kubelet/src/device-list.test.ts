import { deepEqual, equal, notEqual, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { toBinary } from '@bufbuild/protobuf'
import { countingPlugin, healthy, RESOURCE } from '../testing/counting-plugin.ts'
import { CurrentList, encodeDeviceList, readDeviceList } from './device-list.ts'
import { ListAndWatchResponseSchema } from './gen/device_plugin_pb.ts'
import { ListTooLargeError } from './kubelet-error.ts'

test('a device is its id and its health, and has no topology', () => {
  const list = encodeDeviceList([
    { id: '7', healthy: true },
    { id: '8', healthy: false },
  ])
  const text = (value: string): string => new TextEncoder().encode(value).toHex()
  equal(
    toBinary(ListAndWatchResponseSchema, list).toHex(),
    `0a0c0a01${text('7')}1207${text('Healthy')}` + `0a0e0a01${text('8')}1209${text('Unhealthy')}`,
  )
})

test('a device whose NUMA node is known names that one', () => {
  const list = encodeDeviceList([
    { id: '7', healthy: true, numaNode: 0 },
    { id: '8', healthy: true, numaNode: 1 },
    { id: '9', healthy: true, numaNode: undefined },
  ])
  deepEqual(
    list.devices.map(({ topology }) => topology?.nodes.map(({ ID }) => ID)),
    [[0n], [1n], undefined],
  )
})

for (const numaNode of [-1, 0.5, Number.NaN]) {
  test(`a device on NUMA node ${numaNode} is refused`, () => {
    const plugin = countingPlugin(0)
    plugin.replace([{ id: '0', healthy: true, numaNode }])
    throws(() => readDeviceList(plugin), { code: 'ERR_KUBELET_PLUGIN' })
  })
}

test('the bytes of the topology count', () => {
  const plugin = countingPlugin(226_600)
  readDeviceList(plugin)
  plugin.replace(plugin.devices().map(device => ({ ...device, numaNode: 1 })))
  throws(() => readDeviceList(plugin), {
    code: 'ERR_KUBELET_LIST_TOO_LARGE',
    devices: 226_600,
    message: /is a message of \d+ bytes, and the kubelet receives 4194304 at most; let one device/,
  })
})

// The number was measured with another protobuf implementation on the API's own .proto file.
test('226,600 devices with decimal ids are the most that the kubelet can receive', () => {
  const bytesOfOne = toBinary(
    ListAndWatchResponseSchema,
    encodeDeviceList([{ id: '226600', healthy: true }]),
  ).byteLength
  throws(
    () => readDeviceList(countingPlugin(226_601)),
    (error: unknown) => {
      ok(error instanceof ListTooLargeError)
      const { code, resource, devices, bytes, limitBytes } = error
      deepEqual([code, resource], ['ERR_KUBELET_LIST_TOO_LARGE', RESOURCE])
      deepEqual([devices, limitBytes], [226_601, 4_194_304])
      ok(bytes > limitBytes)
      ok(bytes - bytesOfOne <= limitBytes)
      return true
    },
  )
})

for (const [what, devices] of [
  ['there twice', [...healthy(2), ...healthy(1)]],
  ['empty', [{ id: '', healthy: true }]],
  ['64 characters long', [{ id: 'e'.repeat(64), healthy: true }]],
] as const) {
  test(`an id that is ${what} is refused`, () => {
    const plugin = countingPlugin(0)
    plugin.replace(devices)
    throws(() => readDeviceList(plugin), { code: 'ERR_KUBELET_PLUGIN' })
  })
}

test('no devices are an empty message', () => {
  deepEqual(toBinary(ListAndWatchResponseSchema, encodeDeviceList([])), new Uint8Array())
})

test('a list is encoded again only when it differs', () => {
  const plugin = countingPlugin(2)
  const list = new CurrentList(plugin)
  const first = list.read()
  plugin.replace(healthy(2))
  equal(list.read(), first)
  const changes = [
    [
      { id: '0', healthy: true },
      { id: '1', healthy: false },
    ],
    [
      { id: '0', healthy: true },
      { id: '1', healthy: false, numaNode: 1 },
    ],
    [
      { id: '1', healthy: false, numaNode: 1 },
      { id: '0', healthy: true },
    ],
    [{ id: '1', healthy: false, numaNode: 1 }],
    [],
  ]
  for (const devices of changes) {
    const before = list.read()
    plugin.replace(devices)
    notEqual(list.read(), before)
    deepEqual(list.read().bytes.toString('hex'), readDeviceList(plugin).bytes.toString('hex'))
  }
})

test('while a list is wrong, the last that was not stands', () => {
  const plugin = countingPlugin(2)
  const list = new CurrentList(plugin)
  const before = list.read()
  plugin.replace([...healthy(1), ...healthy(1)])
  throws(() => list.read(), { code: 'ERR_KUBELET_PLUGIN' })
  equal(list.latest(), before)
  throws(() => new CurrentList(plugin).latest(), { code: 'ERR_KUBELET_PLUGIN' })
})
