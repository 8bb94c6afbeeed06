// What pods ask for when EPC is counted in bytes, and what they get.
import { deepEqual, equal, match } from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { hasEnded, podLog, podsPath, unschedulable, waitForPod } from '../kube/pods.ts'
import { ENCLAVE, EPC_BYTES, PROVISION } from './names.ts'
import { openNamespace } from './namespace.ts'
import { boxPod, HAS_DEVICE, RESTRICTED } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const { api } = openWorld()
const namespace = await openNamespace(api, 'bytes-pods')
after(() => namespace[Symbol.asyncDispose]())
const pods = podsPath(namespace.name)
const Status = z.object({ message: z.string() })

const LIST =
  'for name in sgx_enclave sgx/enclave sgx_provision sgx/provision; do [ -c /dev/$name ] && echo $name; done; true'

/** Runs a pod to its end; answers what it printed. */
async function run(name: string, limits: Record<string, string>, script: string): Promise<string> {
  await api.create(pods, boxPod({ name, limits, script, securityContext: RESTRICTED }))
  const { status } = await waitForPod(api, namespace.name, name, hasEnded, {
    what: `${name} to end`,
  })
  equal(status.phase, 'Succeeded', JSON.stringify(status))
  return podLog(api, namespace.name, name)
}

test('10Mi of EPC and an enclave device, as today’s samples write it: a container without a capability, not root, opens its device', async () => {
  await run('sample', { [EPC_BYTES]: '10Mi', [ENCLAVE]: '1' }, HAS_DEVICE)
  const listed = await run('listing', { [EPC_BYTES]: '10Mi', [ENCLAVE]: '1' }, LIST)
  deepEqual(listed.split('\n').filter(Boolean), ['sgx_enclave', 'sgx/enclave'])
})

test('with the provision device asked for by name there are both', async () => {
  const limits = { [EPC_BYTES]: '10Mi', [ENCLAVE]: '1', [PROVISION]: '1' }
  const listed = await run('quoting', limits, LIST)
  const both = ['sgx_enclave', 'sgx/enclave', 'sgx_provision', 'sgx/provision']
  deepEqual(listed.split('\n').filter(Boolean), both)
})

const refusals: readonly [what: string, change: (spec: PodSpec) => void, container: string][] = [
  ['a container', () => undefined, 'box'],
  [
    'an init container',
    spec => {
      spec.initContainers = spec.containers.map(one => ({ ...one, name: 'first' }))
      spec.containers = [{ ...spec.containers[0], resources: {} }]
    },
    'first',
  ],
]

interface PodSpec {
  containers: Record<string, unknown>[]
  initContainers?: Record<string, unknown>[]
}

for (const [what, change, container] of refusals) {
  test(`EPC without the enclave device in ${what} is refused, with the line to add`, async () => {
    const pod = structuredClone(
      boxPod({ name: 'without', limits: { [EPC_BYTES]: '10Mi' }, script: 'true' }),
    ) as { spec: PodSpec }
    change(pod.spec)
    const { status, body } = await api.raw('POST', pods, pod)
    equal(status, 422)
    match(Status.parse(JSON.parse(body)).message, new RegExp(`container "${container}"`))
    match(body, /add {2}sgx\.intel\.com\/enclave: 1 {2}to its resources\.limits/)
  })
}

test('a pod that asks for no EPC is not looked at', async () => {
  await run('ordinary', {}, 'true')
})

test('EPC that no node has left is waited for, and the scheduler says so', async () => {
  const limits = { [EPC_BYTES]: '165Mi', [ENCLAVE]: '1' }
  await api.create(pods, boxPod({ name: 'large', limits, script: 'true' }))
  const waiting = await waitForPod(
    api,
    namespace.name,
    'large',
    one => unschedulable(one) !== undefined,
    {
      what: 'large to be unschedulable',
    },
  )
  match(unschedulable(waiting) ?? '', /Insufficient sgx\.intel\.com\/epc/)
})
