import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Epc } from '@alcove/host'
import { type Device, servePlugin } from '@alcove/kubelet'
import { nodeSizes } from '@alcove/simulator'
import { epcDevices, withFormer } from './epc-devices.ts'
import { EPC_RESOURCE } from './index.ts'

const MIB = 2 ** 20

function epc(...sections: number[]): Epc {
  const nodes = sections.map((bytes, node) => ({ node, bytes, path: `node${node}` }))
  return { bytes: sections.reduce((sum, bytes) => sum + bytes, 0), source: 'sysfs', nodes }
}

/** Serves such a list, as far as seeing whether the kubelet can receive it. */
async function served(devices: readonly Device[]): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
  const plugin = {
    resourceName: EPC_RESOURCE,
    devices: () => devices,
    allocate: () => Promise.reject(new Error('not asked')),
  }
  try {
    const server = await servePlugin({ plugin, directory, endpoint: 'alcove-epc' })
    await server[Symbol.asyncDispose]()
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('every whole MiB of EPC is one device', () => {
  equal(epcDevices(epc(56 * MIB)).length, 56)
  equal(epcDevices(epc(MIB - 1)).length, 0)
  equal(epcDevices(epc(3 * MIB + 4096)).length, 3)
  deepEqual(
    epcDevices(epc(37 * MIB))
      .map(({ id }) => id)
      .slice(34),
    ['ey', 'ez', 'e10'],
  )
})

test('where one NUMA node has EPC, and where CPUID counted it, no device has one', () => {
  for (const one of [epc(4 * MIB), epc(4 * MIB, 0), { ...epc(4 * MIB), nodes: [] }]) {
    ok(epcDevices(one).every(device => !('numaNode' in device)))
  }
})

test('where several have, devices are apportioned by size, and none is lost between them', () => {
  const nodes = (...sections: number[]) => epcDevices(epc(...sections)).map(one => one.numaNode)
  deepEqual(nodes(3 * MIB, 1 * MIB), [0, 0, 0, 1])
  deepEqual(nodes(1 * MIB, 0, 2 * MIB), [0, 2, 2])
  deepEqual(nodes(1.5 * MIB, 1.5 * MIB), [0, 0, 1])
})

test('a list that fits only without NUMA nodes goes without', async () => {
  const devices = epcDevices(epc(98_304 * MIB, 98_304 * MIB))
  equal(devices.length, 196_608)
  ok(devices.every(device => device.numaNode === undefined))
  await served(devices)
})

test('the most devices that have NUMA nodes are a list that the kubelet can receive', async () => {
  const half = (count: number) => epcDevices(epc((count / 2) * MIB, (count / 2) * MIB))
  const hinted = (count: number) => half(count)[0]?.numaNode !== undefined
  let most = 0
  for (let step = 2 ** 18; step >= 2; step /= 2) if (hinted(most + step)) most += step
  ok(most > 150_000)
  await served(half(most))
})

for (const { name, epcMib } of nodeSizes) {
  const offered = epcMib <= 192 * 1024
  test(`${name}: ${epcMib} MiB are ${offered ? 'offered' : 'refused with the figure and the remedy'}`, async () => {
    const devices = epcDevices(epc(epcMib * MIB))
    equal(devices.length, epcMib)
    if (offered) await served(devices)
    else {
      await rejects(served(devices), {
        code: 'ERR_KUBELET_LIST_TOO_LARGE',
        limitBytes: 4_194_304,
        devices: epcMib,
      })
    }
  })
}

test('what was there and is not is unhealthy, and healthy again when it is back', () => {
  const all = epcDevices(epc(2 * MIB, 1 * MIB))
  const gone = withFormer([], all)
  deepEqual(
    gone,
    all.map(device => ({ ...device, healthy: false })),
  )
  deepEqual(withFormer(all, gone), all)
  const fewer = withFormer(epcDevices(epc(1 * MIB)), all)
  deepEqual(
    fewer.map(({ healthy }) => healthy),
    [true, false, false],
  )
})

test('a list that filled the message still fits when all of it is unhealthy', async () => {
  const full = epcDevices(epc(235_682 * MIB))
  await served(full)
  const gone = withFormer([], full)
  ok(gone.length > 200_000)
  await served(gone)
})
