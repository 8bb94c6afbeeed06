// A pod that asks for more devices than one may hold.
import { equal, match, ok } from 'node:assert/strict'
import { after, test } from 'node:test'
import { hasEnded, podsPath, waitForPod } from '../kube/pods.ts'
import { freeEpcMiB } from './epc-accounts.ts'
import { EPC, SYSTEM_NAMESPACE } from './names.ts'
import { openNamespace } from './namespace.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api, kubectl } = world
const NODE = 'sgx-a'
const MOST = 10
const SETTING = 'DEVICE_PLUGIN_MAX_DEVICES_PER_CONTAINER'
const DAEMON_SET = 'daemonset/alcove-device-plugin'

async function set(setting: string): Promise<void> {
  await kubectl(['-n', SYSTEM_NAMESPACE, 'set', 'env', DAEMON_SET, setting])
  await kubectl(['-n', SYSTEM_NAMESPACE, 'rollout', 'status', DAEMON_SET, '--timeout=180s'])
}

after(() => set(`${SETTING}-`))

test('a pod that asks for more than one may hold is rejected with the figure and the remedy, in kubectl describe too', async context => {
  await using namespace = await openNamespace(api, 'limit')
  await set(`${SETTING}=${MOST}`)
  await freeEpcMiB(api, NODE)
  const ends = async (name: string, epcMiB: number) => {
    const pod = boxPod({ name, nodeName: NODE, epcMiB, script: HAS_DEVICE })
    await api.create(podsPath(namespace.name), pod)
    return waitForPod(api, namespace.name, name, hasEnded, { what: `${name} to end` })
  }
  const within = await ends('within', MOST)
  equal(within.status.phase, 'Succeeded', within.status.message)
  const above = await ends('above', MOST + 1)
  equal(above.status.phase, 'Failed')
  equal(above.status.reason, 'UnexpectedAdmissionError')
  const described = await kubectl(['-n', namespace.name, 'describe', 'pod', 'above'])
  for (const text of [above.status.message, described]) {
    match(text, /a container asks for 11 MiB of EPC, and gets 10 at most/)
    match(text, /ask for less, or raise DEVICE_PLUGIN_MAX_DEVICES_PER_CONTAINER/)
    ok(text.includes(EPC), text)
  }
  context.diagnostic(above.status.message)
})
