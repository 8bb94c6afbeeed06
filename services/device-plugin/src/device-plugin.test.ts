import { deepEqual, equal, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startStandInKubelet } from '@alcove/kubelet'
import { jsonLog } from '@alcove/process'
import { simulatedFaults, writeSimulatedRoot } from '@alcove/simulator'
import { EPC_RESOURCE, PROVISION_RESOURCE, runDevicePlugin } from './index.ts'

/** Runs the plugin's process in this one, against a stand-in kubelet, until `story` ends. */
async function withPlugin(
  os: 'in-kernel' | 'dcap-1.33',
  story: (parts: {
    kubelet: Awaited<ReturnType<typeof startStandInKubelet>>
    root: string
    lines: string[]
  }) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
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
        DEVICE_PLUGIN_EPC_MODE: 'devices',
        DEVICE_PLUGIN_KUBELET_DIR: kubeletDirectory,
        DEVICE_PLUGIN_SIMULATED_ROOT: root,
        ...settings,
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
      deepEqual(held.allocation.cdiDevices, [])
      held.release()
      equal(kubelet.resource(EPC_RESOURCE).allocated, 0)
      await kubelet.waitFor(PROVISION_RESOURCE, ({ allocatable }) => allocatable === 110)
      const quoting = await kubelet.allocate(PROVISION_RESOURCE, 1)
      deepEqual(quoting.allocation.mounts, [], 'the device’s file holds what is needed')
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
        DEVICE_PLUGIN_EPC_MODE: 'devices',
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

test('a plugin is ready once the kubelet follows its lists, and on a node that has nothing to offer', async () => {
  const port = await freePort()
  const asks = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/readyz`)).status
  await withPlugin(
    'in-kernel',
    async ({ kubelet }) => {
      await kubelet.waitFor(EPC_RESOURCE, ({ allocatable }) => allocatable === 56)
      while ((await asks()) !== 200) await sleep(20)
      await kubelet[Symbol.asyncDispose]()
      while ((await asks()) !== 503) await sleep(20)
    },
    { DEVICE_PLUGIN_PROBE_PORT: String(port) },
  )
})

/** A port that nobody listened on a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
