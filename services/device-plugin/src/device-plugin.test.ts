import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { servePlugin, startStandInKubelet } from '@alcove/kubelet'
import { jsonLog } from '@alcove/process'
import { nodeSizes, simulatedFaults, writeSimulatedRoot } from '@alcove/simulator'
import { EPC_RESOURCE, epcPlugin, runDevicePlugin } from './index.ts'
import { readSettings } from './settings.ts'

const offer = {
  epcBytes: 56 * 2 ** 20,
  enclaveDevice: '/dev/sgx_enclave',
  aesmDirectory: undefined,
  simulatorDirectory: undefined,
}

test('every whole MiB of EPC is one device', () => {
  equal(epcPlugin(offer).devices().length, 56)
  equal(epcPlugin({ ...offer, epcBytes: 2 ** 20 - 1 }).devices().length, 0)
  equal(epcPlugin({ ...offer, epcBytes: 3 * 2 ** 20 + 4096 }).devices().length, 3)
})

for (const { name, epcMib: epcMiB } of nodeSizes) {
  const offered = epcMiB <= 192 * 1024
  test(`${name}: ${epcMiB} MiB are ${offered ? 'offered' : 'refused with the figure and the remedy'}`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
    const plugin = epcPlugin({ ...offer, epcBytes: epcMiB * 2 ** 20 })
    equal(plugin.devices().length, epcMiB)
    const serving = servePlugin({ plugin, directory, endpoint: 'alcove-epc' })
    try {
      if (offered) await (await serving)[Symbol.asyncDispose]()
      else
        await rejects(serving, {
          code: 'ERR_KUBELET_LIST_TOO_LARGE',
          limitBytes: 4_194_304,
          devices: epcMiB,
        })
    } finally {
      await rm(directory, { recursive: true })
    }
  })
}

test('a container gets the enclave device under both generations of paths, and nothing else', async () => {
  for (const enclaveDevice of ['/dev/sgx_enclave', '/dev/sgx/enclave']) {
    const allocation = await epcPlugin({ ...offer, enclaveDevice }).allocate(['e0', 'e7'])
    deepEqual(allocation.devices, [
      { hostPath: enclaveDevice, containerPath: '/dev/sgx_enclave', permissions: 'rw' },
      { hostPath: enclaveDevice, containerPath: '/dev/sgx/enclave', permissions: 'rw' },
    ])
    deepEqual([allocation.mounts, allocation.envs, allocation.annotations], [[], {}, {}])
  }
})

test('the AESM directory and the simulated platform are mounted read-only where the settings name them', async () => {
  const { mounts } = await epcPlugin({
    ...offer,
    aesmDirectory: '/var/run/aesmd',
    simulatorDirectory: '/sim/run/alcove-simulator',
  }).allocate(['e0'])
  deepEqual(mounts, [
    { hostPath: '/var/run/aesmd', containerPath: '/var/run/aesmd', readOnly: true },
    {
      hostPath: '/sim/run/alcove-simulator',
      containerPath: '/run/alcove-simulator',
      readOnly: true,
    },
  ])
})

test('wrong settings are named, all at once', () => {
  const defaults = readSettings({})
  equal(defaults.kubeletDirectory, '/var/lib/kubelet/device-plugins')
  equal(defaults.simulatedRoot, undefined)
  const wrong = { DEVICE_PLUGIN_HOSTROOT: '/host', DEVICE_PLUGIN_X: '1' }
  try {
    readSettings(wrong)
    throw new Error('accepted')
  } catch (error) {
    equal(error instanceof Error && 'code' in error && error.code, 'ERR_CONFIG')
  }
})

/** Runs the plugin's process in this one, against a stand-in kubelet, until `story` ends. */
async function withPlugin(
  os: 'in-kernel' | 'dcap-1.33',
  story: (parts: {
    kubelet: Awaited<ReturnType<typeof startStandInKubelet>>
    root: string
    lines: string[]
  }) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
  const root = join(directory, 'node')
  await writeSimulatedRoot(root, { size: 'DC2s_v2', os, enclaveToken: 'e', provisionToken: 'p' })
  const stop = new AbortController()
  const lines: string[] = []
  const kubeletDirectory = join(directory, 'device-plugins')
  try {
    await using kubelet = await startStandInKubelet({ directory: kubeletDirectory })
    const running = runDevicePlugin({
      environment: {
        DEVICE_PLUGIN_KUBELET_DIR: kubeletDirectory,
        DEVICE_PLUGIN_SIMULATED_ROOT: root,
      },
      log: jsonLog('device-plugin', { write: line => void lines.push(line) }),
      stop: stop.signal,
    })
    try {
      await story({ kubelet, root, lines })
    } finally {
      stop.abort()
      await running
    }
  } finally {
    await rm(directory, { recursive: true })
  }
}

for (const os of ['in-kernel', 'dcap-1.33'] as const) {
  test(`a simulated node with the ${os} driver offers 56 MiB, and an allocation names its device file`, async () => {
    await withPlugin(os, async ({ kubelet, root }) => {
      await kubelet.waitFor(EPC_RESOURCE, ({ allocatable }) => allocatable === 56)
      const held = await kubelet.allocate(EPC_RESOURCE, 10)
      equal(kubelet.resource(EPC_RESOURCE).allocated, 10)
      const device = join(root, os === 'in-kernel' ? '/dev/sgx_enclave' : '/dev/sgx/enclave')
      deepEqual(
        held.allocation.devices.map(({ hostPath, containerPath }) => [hostPath, containerPath]),
        [
          [device, '/dev/sgx_enclave'],
          [device, '/dev/sgx/enclave'],
        ],
      )
      deepEqual(
        held.allocation.mounts.map(({ containerPath }) => containerPath),
        ['/run/alcove-simulator'],
      )
      held.release()
      equal(kubelet.resource(EPC_RESOURCE).allocated, 0)
      await rejects(kubelet.allocate(EPC_RESOURCE, 57), { code: 'ERR_KUBELET_INSUFFICIENT' })
    })
  })
}

test('what the plugin logs says that its node is simulated', async () => {
  await withPlugin('in-kernel', async ({ kubelet, lines }) => {
    await kubelet.waitFor(EPC_RESOURCE, ({ allocatable }) => allocatable === 56)
    equal(
      lines.some(
        line => JSON.parse(line).event === 'serving' && JSON.parse(line).simulated === true,
      ),
      true,
    )
  })
})

/** The condition that each fault of a node does not meet first. */
const unmet: Readonly<Record<(typeof simulatedFaults)[number], string>> = {
  'no-sgx': 'cpu-sgx',
  'no-launch-control': 'cpu-launch-control',
  'no-epc': 'firmware',
  'no-driver': 'kernel-driver',
  'legacy-driver': 'kernel-driver',
  'no-provision': 'provision-device',
  'no-fsgsbase': 'fsgsbase',
  noexec: 'dev-exec',
}

for (const fault of simulatedFaults) {
  test(`a node with the fault ${fault} registers nothing, and its plugin says that ${unmet[fault]} is not met`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
    const root = join(directory, 'node')
    const tokens = { enclaveToken: 'e', provisionToken: 'p' }
    await writeSimulatedRoot(root, { size: 'DC2s_v2', os: 'in-kernel', fault, ...tokens })
    const lines: string[] = []
    const stop = new AbortController()
    const running = runDevicePlugin({
      environment: {
        DEVICE_PLUGIN_KUBELET_DIR: join(directory, 'device-plugins'),
        DEVICE_PLUGIN_SIMULATED_ROOT: root,
      },
      log: jsonLog('device-plugin', {
        write: line => {
          lines.push(line)
          stop.abort()
        },
      }),
      stop: stop.signal,
    })
    await running
    await rm(directory, { recursive: true })
    const [said] = lines.map((line): Record<string, unknown> => JSON.parse(line))
    equal(lines.length, 1)
    deepEqual([said?.['event'], said?.['condition']], ['nothing to offer', unmet[fault]])
  })
}
