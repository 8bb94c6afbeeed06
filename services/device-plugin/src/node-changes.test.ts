// Over 300 lines: what follows a node's changes without a restart, against a stand-in kubelet on real sockets.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { servePlugin } from '@alcove/kubelet'
import { cannotMakeNodes, logged, type MountedNode, mountedNode } from '../testing/mounted-node.ts'
import { CDI_FILE, parseCdiSpec } from './cdi-spec.ts'
import { EPC_RESOURCE, PROVISION_RESOURCE } from './index.ts'

const skip = cannotMakeNodes
const enclave = '/dev/sgx_enclave'
const provision = '/dev/sgx_provision'

/** A node with both devices of Linux’s own driver and 56 MiB, and the plugin on it. */
async function serving(t: TestContext, environment?: Record<string, string>): Promise<MountedNode> {
  const node = await mountedNode(t)
  await node.device(enclave)
  await node.device(provision)
  await node.epc(56)
  node.start(environment)
  await allocatable(node, 56)
  await node.kubelet.waitFor(PROVISION_RESOURCE, one => one.allocatable === 110)
  return node
}

const count = (node: MountedNode, event: string) =>
  node.events.filter(one => one['event'] === event).length

const allocatable = (node: MountedNode, count: number) =>
  node.kubelet.waitFor(EPC_RESOURCE, one => one.allocatable === count)

test('a container gets what its resource stands for, under both generations of paths', {
  skip,
}, async t => {
  const node = await serving(t, { DEVICE_PLUGIN_AESM_DIR: '/var/run/aesmd' })
  const epc = await node.kubelet.allocate(EPC_RESOURCE, 10)
  deepEqual(epc.allocation, {
    devices: [
      { hostPath: enclave, containerPath: '/dev/sgx_enclave', permissions: 'rw' },
      { hostPath: enclave, containerPath: '/dev/sgx/enclave', permissions: 'rw' },
    ],
    mounts: [
      { hostPath: '/var/run/aesmd', containerPath: '/var/run/aesmd', readOnly: true },
      {
        hostPath: '/run/alcove-simulator/enclave',
        containerPath: '/run/alcove-simulator',
        readOnly: true,
      },
    ],
    envs: {},
    annotations: {},
    cdiDevices: [],
  })
  const quoting = await node.kubelet.allocate(PROVISION_RESOURCE, 1)
  deepEqual(quoting.allocation, {
    devices: [
      { hostPath: provision, containerPath: '/dev/sgx_provision', permissions: 'rw' },
      { hostPath: provision, containerPath: '/dev/sgx/provision', permissions: 'rw' },
    ],
    mounts: [
      {
        hostPath: '/run/alcove-simulator/provision',
        containerPath: '/run/alcove-simulator-provision',
        readOnly: true,
      },
    ],
    envs: {},
    annotations: {},
    cdiDevices: [],
  })
  const paths = [epc, quoting].flatMap(({ allocation: { devices, mounts } }) =>
    [...devices, ...mounts].map(one => one.containerPath),
  )
  equal(
    new Set(paths).size,
    paths.length,
    'of two answers with the same path the kubelet takes one',
  )
})

const losses: readonly (readonly [
  what: string,
  lose: (node: MountedNode) => Promise<unknown>,
  restore: (node: MountedNode) => Promise<unknown>,
  condition: string,
])[] = [
  [
    'the enclave device is gone',
    node => node.remove(enclave),
    node => node.device(enclave),
    'enclave-device',
  ],
  [
    'a plain file is in its place',
    async node => {
      await node.remove(enclave)
      await node.write(enclave, '')
    },
    node => node.device(enclave),
    'enclave-device',
  ],
  [
    'a directory is in its place',
    async node => {
      await node.remove(enclave)
      await mkdir(join(node.root, enclave))
    },
    node => node.device(enclave),
    'enclave-device',
  ],
  [
    'the provision device is gone, without which no quote can be made',
    node => node.remove(provision),
    node => node.device(provision),
    'provision-device',
  ],
  ['EPC is 0', node => node.epc(0), node => node.epc(56), 'epc'],
]

for (const [what, lose, restore, condition] of losses) {
  test(`while ${what}, capacity stays and nothing is allocatable; afterwards all is as before`, {
    skip,
  }, async t => {
    const node = await serving(t)
    const { pid } = process
    await lose(node)
    equal((await allocatable(node, 0)).capacity, 56)
    const unhealthy = await node.kubelet.waitFor(PROVISION_RESOURCE, one => one.allocatable === 0)
    equal(unhealthy.capacity, 110)
    const said = await logged(node, 'devices unhealthy')
    // without EPC, firmware is what to look at first
    ok([condition, 'firmware'].includes(String(said['condition'])), String(said['condition']))
    await restore(node)
    equal((await allocatable(node, 56)).capacity, 56)
    equal(process.pid, pid)
  })
}

test('a node that has nothing registers nothing, and offers what appears later', {
  skip,
}, async t => {
  const node = await mountedNode(t)
  node.start()
  await logged(node, 'nothing to offer')
  await node.device(provision)
  await node.epc(56)
  await node.device(enclave)
  await allocatable(node, 56)
  await node.kubelet.waitFor(PROVISION_RESOURCE, one => one.allocatable === 110)
})

// The cases that Intel's plugin tests its scan with: both device nodes, or nothing at all.
for (const [what, paths] of [
  ['no device', []],
  ['only an enclave device', [enclave]],
  ['only a provision device', [provision]],
] as const) {
  test(`a node with ${what} offers nothing`, { skip }, async t => {
    const node = await mountedNode(t)
    await node.epc(56)
    for (const path of paths) await node.device(path)
    node.start()
    await logged(node, 'nothing to offer')
    deepEqual(node.kubelet.resources(), [])
  })
}

test('EPC that grows is offered, and what is lost of it is unhealthy', { skip }, async t => {
  const node = await serving(t)
  await node.epc(64)
  await allocatable(node, 64)
  await node.epc(16)
  equal((await allocatable(node, 16)).capacity, 64)
})

test('the driver’s device may move to the other generation’s path', { skip }, async t => {
  const node = await serving(t)
  await node.remove(enclave)
  await node.remove(provision)
  await allocatable(node, 0)
  await node.device('/dev/sgx/enclave')
  await node.device('/dev/sgx/provision')
  await allocatable(node, 56)
  const { allocation } = await node.kubelet.allocate(EPC_RESOURCE, 1)
  deepEqual(
    allocation.devices.map(({ hostPath, containerPath }) => [hostPath, containerPath]),
    [
      ['/dev/sgx/enclave', '/dev/sgx_enclave'],
      ['/dev/sgx/enclave', '/dev/sgx/enclave'],
    ],
  )
})

const epcFile = '/sys/devices/system/node/node0/x86/sgx_total_bytes'

for (const [what, spoil] of [
  [
    'cannot be read',
    async (node: MountedNode) => {
      const loop = join(node.root, 'loop')
      await symlink('sgx_total_bytes', loop)
      await rename(loop, join(node.root, epcFile))
    },
  ],
  ['does not hold a number', (node: MountedNode) => node.write(epcFile, 'nonsense\n')],
] as const) {
  test(`EPC that ${what} is what it was, and the log says so once`, { skip }, async t => {
    const node = await serving(t)
    await spoil(node)
    await logged(node, 'node cannot be read')
    await node.kubelet.allocate(EPC_RESOURCE, 1)
    await node.epc(64)
    await allocatable(node, 64)
    await logged(node, 'node can be read again')
    equal(count(node, 'node cannot be read'), 1)
    equal(
      node.events.some(({ event }) => event === 'devices unhealthy'),
      false,
    )
  })
}

test('a device that goes while EPC cannot be read is gone all the same', { skip }, async t => {
  const node = await serving(t)
  await writeFile(join(node.root, 'sys/devices/system/node/node0/x86/sgx_total_bytes'), 'much\n')
  await logged(node, 'node cannot be read')
  await rm(join(node.root, enclave))
  await allocatable(node, 0)
})

test('a list that is too large is refused with the figure and the remedy, and EPC is looked at again', {
  skip,
}, async t => {
  const node = await mountedNode(t)
  await node.device(enclave)
  await node.device(provision)
  await node.epc(262_144)
  node.start()
  const { condition, reason } = await logged(node, 'nothing to offer')
  equal(condition, 'list-size')
  match(String(reason), /262144 devices.*4194304.*235682 MiB/)
  await node.epc(56)
  await allocatable(node, 56)
  equal(count(node, 'nothing to offer'), 1)
})

test('devices of two EPC sections are allocatable, and sections may change', { skip }, async t => {
  const node = await mountedNode(t)
  await node.device(enclave)
  await node.device(provision)
  await node.epc(32, 16)
  node.start()
  await allocatable(node, 48)
  await node.epc(32, 32)
  await allocatable(node, 64)
})

test('a container that asks for more devices than one may hold is refused with figure and remedy', {
  skip,
}, async t => {
  const node = await serving(t, { DEVICE_PLUGIN_MAX_DEVICES_PER_CONTAINER: '40' })
  await rejects(node.kubelet.allocate(EPC_RESOURCE, 41), {
    message: /41 MiB of EPC, and gets 40 at most.*DEVICE_PLUGIN_MAX_DEVICES_PER_CONTAINER/,
  })
  const held = await node.kubelet.allocate(EPC_RESOURCE, 40)
  equal(held.allocation.devices.length, 2)
})

test('the group of a device reaches containers through CDI, and follows the device', {
  skip,
}, async t => {
  const node = await mountedNode(t)
  await node.device(enclave, { mode: 0o660, gid: 984 })
  await node.device(provision, { mode: 0o660, gid: 985 })
  await node.epc(56)
  const file = join(node.cdiDirectory, CDI_FILE)
  node.start({ DEVICE_PLUGIN_CDI: 'on' })
  await allocatable(node, 56)
  deepEqual(parseCdiSpec(await readFile(file)), { enclave: 984, provision: 985 })
  const names = async (resource: string) =>
    (await node.kubelet.allocate(resource, 1)).allocation.cdiDevices
  deepEqual(await names(EPC_RESOURCE), ['alcove.dev/sgx=enclave'])
  await node.kubelet.waitFor(PROVISION_RESOURCE, one => one.allocatable > 0)
  deepEqual(await names(PROVISION_RESOURCE), ['alcove.dev/sgx=provision'])

  await node.device(enclave, { mode: 0o660, gid: 1000 })
  await logged(node, 'cdi spec written', ({ groups }) => JSON.stringify(groups).includes('1000'))
  deepEqual(parseCdiSpec(await readFile(file)), { enclave: 1000, provision: 985 })

  await node.device(enclave, { mode: 0o666, gid: 1000 })
  await logged(node, 'node changed', () => count(node, 'node changed') === 2)
  await rm(file)
  await logged(
    node,
    'cdi spec written',
    ({ groups }) => !JSON.stringify(groups).includes('enclave'),
  )
  deepEqual(await names(EPC_RESOURCE), [])
})

test('outside a cluster there is nobody to ask about CDI: a reserved device comes without, and the log says so', {
  skip,
}, async t => {
  const node = await mountedNode(t)
  await node.device(enclave, { mode: 0o660, gid: 984 })
  await node.device(provision, { mode: 0o660, gid: 985 })
  await node.epc(56)
  node.start()
  await allocatable(node, 56)
  deepEqual((await node.kubelet.allocate(EPC_RESOURCE, 1)).allocation.cdiDevices, [])
  match(
    String((await logged(node, 'no groups for containers'))['remedy']),
    /DEVICE_PLUGIN_CDI=on.*supplementalGroups/,
  )
})

test('where another plugin has the resource, this one stands back, says who it is, and what to do', {
  skip,
}, async t => {
  const node = await mountedNode(t)
  await node.device(enclave)
  await node.device(provision)
  await node.epc(56)
  const other = await servePlugin({
    plugin: {
      resourceName: EPC_RESOURCE,
      devices: () => [{ id: 'other', healthy: true }],
      allocate: () => Promise.reject(new Error('not asked')),
    },
    directory: node.kubeletDirectory,
    endpoint: 'other-epc',
  })
  try {
    await allocatable(node, 1)
    node.start()
    await node.kubelet.waitFor(PROVISION_RESOURCE, one => one.allocatable === 110)
    const said = await logged(node, 'taken-over')
    match(String(said['sockets']), /^other-epc/)
    match(String(said['reason']), /other-epc.*remove that plugin/)
    equal(node.kubelet.resource(EPC_RESOURCE).allocatable, 1)
  } finally {
    await other[Symbol.asyncDispose]()
  }
  await allocatable(node, 56)
})

test('when it is told to end, its sockets are gone and it does not come back', {
  skip,
}, async t => {
  const node = await serving(t)
  await node.stop()
  equal((await allocatable(node, 0)).capacity, 56)
  const registered = count(node, 'registered')
  await node.device(enclave)
  equal(count(node, 'registered'), registered)
})

test('every line says whether the node is simulated where that matters, and none is long', {
  skip,
}, async t => {
  const node = await serving(t)
  const held = await node.kubelet.allocate(EPC_RESOURCE, 10)
  equal(held.allocation.devices.length, 2)
  equal((await logged(node, 'serving', one => 'epcMiB' in one))['simulated'], true)
  const allocate = await logged(node, 'allocate')
  deepEqual([allocate['count'], allocate['resource']], [10, EPC_RESOURCE])
  for (const event of node.events) ok(JSON.stringify(event).length < 400, JSON.stringify(event))
})
