// Who has which device in a container, and what becomes of one that a container makes itself.
import { equal, match, ok } from 'node:assert/strict'
import { after, test } from 'node:test'
import { hasEnded, podLog, podsPath, waitForPod } from '../kube/pods.ts'
import { PROVISION } from './names.ts'
import { openNamespace } from './namespace.ts'
import { type BoxPod, boxPod, HAS_DEVICE, RESTRICTED } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const { api } = openWorld()
const namespace = await openNamespace(api, 'devices')
after(() => namespace[Symbol.asyncDispose]())

/** Says what there is of SGX, who one is, and which capabilities one has. */
const LOOK = [
  'for path in /dev/sgx_enclave /dev/sgx/enclave /dev/sgx_provision /dev/sgx/provision; do',
  '  [ -e $path ] || { echo "$path absent"; continue; }',
  // Opening for reading and writing makes a plain file where there is none and one may: hence the look before.
  '  [ -c $path ] || { echo "$path no character device"; continue; }',
  '  (exec 3<>$path) 2>/dev/null && echo "$path opens" || echo "$path refused"',
  'done',
  'id',
  'grep CapEff /proc/self/status',
].join('\n')

/** Makes the node's enclave device by its numbers, and opens that. */
const MAKE_ONE = [
  'mknod /made c 10 229 && [ -c /made ] || exit 50',
  '(exec 3<>/made) && echo "/made opens" || echo "/made refused"',
].join('\n')

/** @param groups of the device that are not open to everybody there: see node-spec.ts */
const nodes = [
  { name: 'sgx-a', enclaveGid: undefined, provisionGid: 985 },
  { name: 'sgx-b', enclaveGid: 984, provisionGid: 985 },
]

async function logOf(pod: BoxPod): Promise<string> {
  await api.create(podsPath(namespace.name), boxPod(pod))
  const ended = await waitForPod(api, namespace.name, pod.name, hasEnded, {
    what: `${pod.name} to end`,
  })
  const log = await podLog(api, namespace.name, pod.name)
  equal(ended.status.phase, 'Succeeded', `${pod.name}: ${JSON.stringify(ended.status)}\n${log}`)
  return log
}

for (const { name: nodeName, enclaveGid } of nodes) {
  test(`${nodeName}: uid 1000 without any capability opens its device for reading and writing, under both paths`, async () => {
    const log = await logOf({
      name: `restricted-${nodeName}`,
      nodeName,
      epcMiB: 4,
      script: `${HAS_DEVICE}\n${LOOK}`,
      securityContext: RESTRICTED,
    })
    match(log, /^\/dev\/sgx_enclave opens$/m)
    match(log, /^\/dev\/sgx\/enclave opens$/m)
    match(log, /^uid=1000 gid=1000/m)
    match(log, /^CapEff:\t0{16}$/m)
    const groups = groupsIn(log)
    // The device is its group's: that comes with the device, not with the pod's specification.
    equal(groups.includes(984), enclaveGid !== undefined, log)
    equal(groups.includes(0), false, log)
    match(log, /^\/dev\/sgx_provision absent$/m)
    match(log, /^\/dev\/sgx\/provision absent$/m)
    equal(groups.includes(985), false, log)
  })
}

for (const nodeName of ['sgx-a', 'sgx-b', 'plain']) {
  test(`${nodeName}: a pod that asks for nothing has no SGX device, and the device cgroup refuses one that it makes itself`, async () => {
    const script = `${LOOK}\n${MAKE_ONE}`
    const log = await logOf({ name: `none-${nodeName}`, nodeName, script })
    equal(log.match(/^\/dev\/sgx\S+ absent$/gm)?.length, 4, log)
    match(log, /^uid=0/m)
    match(log, /\/made: Operation not permitted$/m)
    match(log, /^\/made refused$/m)
  })
}

test('the same made device opens in a container that was given it: it is the cgroup that refused', async () => {
  for (const { name: nodeName } of nodes) {
    const pod = { name: `given-${nodeName}`, nodeName, epcMiB: 1, script: MAKE_ONE }
    match(await logOf(pod), /^\/made opens$/m, nodeName)
  }
})

for (const { name: nodeName, provisionGid } of nodes) {
  test(`${nodeName}: the provision device is for who asks for it by name, and brings no enclave device`, async () => {
    const log = await logOf({
      name: `provision-${nodeName}`,
      nodeName,
      limits: { [PROVISION]: '1' },
      script: LOOK,
      securityContext: RESTRICTED,
    })
    match(log, /^\/dev\/sgx_provision opens$/m)
    match(log, /^\/dev\/sgx\/provision opens$/m)
    ok(groupsIn(log).includes(provisionGid), log)
    match(log, /^\/dev\/sgx_enclave absent$/m)
    match(log, /^\/dev\/sgx\/enclave absent$/m)
    equal(groupsIn(log).includes(984), false, log)
  })
}

/** `uid=1000 gid=1000 groups=1000,984(name)`: as numbers. */
function groupsIn(log: string): readonly number[] {
  const [, groups = ''] = /^uid=.* groups=(\S+)$/m.exec(log) ?? []
  return groups.split(',').map(group => Number.parseInt(group, 10))
}
