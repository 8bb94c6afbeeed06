import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { z } from 'zod'
import { alcove } from '../../testing/alcove.ts'
import {
  alcovePod,
  ENCLAVE,
  EPC,
  failing,
  fakeKubectl,
  node,
  pod,
} from '../../testing/cluster-fixture.ts'
import { kubectlGet } from '../cluster/kubectl.ts'
import { clusterStatusCommand } from './cluster-status.ts'
import { type DoctorOptions, doctorCommand } from './doctor.ts'

const sgx = { [EPC]: '98566144', [ENCLAVE]: '110' }
const small = { [EPC]: '10Mi', [ENCLAVE]: '1' }
const environment = { PATH: process.env['PATH'] }
const firstNodes = '/api/v1/nodes?limit=500'
const firstPods = '/api/v1/pods?limit=500'

async function status(kubectl: string, output = 'text', context?: string) {
  const printed: string[] = []
  const print = (text: string): void => void printed.push(text)
  const code = await clusterStatusCommand(
    { kubectl, output, ...(context === undefined ? {} : { context }) },
    { print, environment },
  )
  return { code, text: printed.join('\n') }
}

test('all pages of nodes and pods are read, and only what concerns SGX is kept', async () => {
  await using kubectl = await fakeKubectl({
    [firstNodes]: { metadata: { continue: 'a+b/=' }, items: [node('sgx-a', sgx)] },
    [`${firstNodes}&continue=a%2Bb%2F%3D`]: { metadata: {}, items: [node('sgx-b', sgx)] },
    [firstPods]: { metadata: { continue: 'next' }, items: [pod('web', { cpu: '1' })] },
    [`${firstPods}&continue=next`]: { items: [pod('hello', small, { nodeName: 'sgx-b' })] },
  })
  const { code, text } = await status(kubectl.path, 'text', 'prod')
  equal(code, 0)
  match(text, /2 nodes, 2 with EPC/)
  match(text, /shop\/hello/)
  ok(!text.includes('shop/web'))
  deepEqual((await kubectl.calls())[0], ['--context=prod', 'get', '--raw', firstNodes])
})

test('something wrong is exit code 3, in text and as data', async () => {
  await using kubectl = await fakeKubectl({
    [firstNodes]: { items: [node('n', { [EPC]: '10Mi' })] },
    [firstPods]: { items: null },
  })
  const { code, text } = await status(kubectl.path)
  equal(code, 3)
  match(text, /✗ n\n {6}EPC is published, but no sgx\.intel\.com\/enclave device/)
  const data = await status(kubectl.path, 'json')
  equal(data.code, 3)
  equal(JSON.parse(data.text).wrong[0].code, 'epc-without-devices')
})

test('text of the cluster reaches the terminal without what would steer it', async () => {
  const hostile = 'red \u001b[31m\u009b2J\u202e\u0007\nnext\u2028line'
  await using kubectl = await fakeKubectl({
    [firstNodes]: {
      items: [node('n\u001b[2J', {}, { conditions: [failing('epc', 'No\u001bEpc', hostile)] })],
    },
    [firstPods]: { items: [] },
  })
  for (const output of ['text', 'json']) {
    const { code, text } = await status(kubectl.path, output)
    equal(code, 3)
    ok(!/[\p{Cf}\p{Zl}]|(?!\n)\p{Cc}/u.test(text), output)
  }
})

test('kubectl’s failure is told by its last line, without what would steer a terminal', async () => {
  const forbidden = 'Error from server (Forbidden): nodes is \u001b[31mforbidden'
  await using kubectl = await fakeKubectl({}, forbidden)
  await rejects(status(kubectl.path), {
    code: 'ERR_KUBECTL_FAILED',
    message: 'kubectl exited with 1: Error from server (Forbidden): nodes is  [31mforbidden',
  })
})

test('no kubectl is told with the remedy', async () => {
  await rejects(status('/no/such/kubectl'), {
    code: 'ERR_KUBECTL_ABSENT',
    message: /\/no\/such\/kubectl cannot be run .*: install kubectl .* --kubectl FILE/,
  })
})

test('an answer that is no list, no JSON, or too large is refused', async () => {
  await using kubectl = await fakeKubectl({
    '/text': '<html>',
    '/other': { items: 'none' },
    '/large': 'x'.repeat(2000),
  })
  const List = z.object({ items: z.array(z.string()) })
  const get = kubectlGet({ kubectl: kubectl.path }, { environment, maxBytes: 1000 })
  for (const path of ['/text', '/other', '/large']) {
    await rejects(get(path, List), {
      code: 'ERR_KUBECTL_ANSWER',
      message: new RegExp(`^${path}: `),
    })
  }
})

test('a kubectl that waits for somebody is ended, and the remedy told', async () => {
  await using kubectl = await fakeKubectl({})
  // what it started holds its output open after it
  await writeFile(kubectl.path, '#!/bin/sh\nsleep 5 &\nsleep 5\n')
  const get = kubectlGet({ kubectl: kubectl.path }, { environment, timeoutMs: 200 })
  await rejects(get('/x', z.unknown()), {
    code: 'ERR_KUBECTL_FAILED',
    message: /no answer in 0\.2 s; does `kubectl get nodes` work/,
  })
})

const nodePath = '/api/v1/nodes/n'
const podsPath =
  '/api/v1/pods?fieldSelector=spec.nodeName%3Dn&labelSelector=app.kubernetes.io%2Fpart-of%3Dalcove'
const eventsPath =
  '/api/v1/namespaces/default/events?fieldSelector=involvedObject.kind%3DNode%2CinvolvedObject.name%3Dn'

async function doctor(object: unknown, rest: { pods?: unknown; events?: unknown } = {}) {
  await using kubectl = await fakeKubectl({
    [nodePath]: object,
    [podsPath]: rest.pods ?? { items: [] },
    [eventsPath]: rest.events ?? { items: [] },
  })
  const run = async (output: string) => {
    const printed: string[] = []
    const print = (text: string): void => void printed.push(text)
    const options = { node: 'n', output, kubectl: kubectl.path }
    const code = await doctorCommand(options, { print, environment })
    for (const line of printed.join('\n').split('\n')) ok(output === 'json' || line.length <= 80)
    return { code, text: printed.join('\n') }
  }
  return { ...(await run('text')), data: JSON.parse((await run('json')).text) }
}

const capable = {
  type: 'alcove.dev/SgxCapable',
  status: 'True',
  reason: 'Capable',
  message: 'can run enclaves and make quotes',
}

test('doctor of a capable node: what discovery wrote, and what the node offers', async () => {
  const labels = { 'alcove.dev/sgx': 'true', 'sgx.intel.com/capable': 'true' }
  const { code, text, data } = await doctor(node('n', sgx, { conditions: [capable], labels }))
  equal(code, 0)
  equal(
    text,
    `NODE n

LABELS
  alcove.dev/sgx=true
  sgx.intel.com/capable=true

RESOURCES
  sgx.intel.com/epc                        94 MiB       allocatable 94 MiB
  sgx.intel.com/enclave                    110          allocatable 110

CONDITIONS
  ✓ SgxCapable          can run enclaves and make quotes

EVENTS
  none of late

CAPABLE: n can run enclaves and make quotes`,
  )
  equal(data.capable, true)
  deepEqual(data.epc, [{ mode: 'bytes', capacityBytes: 98566144, allocatableBytes: 98566144 }])
})

test('doctor of a node that cannot serve: why, since when, and where to begin', async () => {
  const message = 'Linux 5.4.0 has no SGX driver; install Intel’s DCAP driver'
  const conditions = [
    failing('SgxCapable', 'NoDriver', `cannot serve: kernel-driver: ${message}`),
    failing('kernel-driver', 'NoDriver', message),
  ]
  const event = (component: string, lastTimestamp: string, count: number) => ({
    metadata: { name: 'n.1' },
    type: 'Warning',
    reason: 'NoDriver',
    message,
    count,
    source: { component },
    lastTimestamp,
  })
  const events = {
    items: [
      event('alcove-discovery', '2026-11-25T10:00:00Z', 3),
      event('alcove-device-plugin', '2026-11-25T09:00:00Z', 1),
      event('kubelet', '2026-11-25T11:00:00Z', 1),
    ],
  }
  const { code, text, data } = await doctor(node('n', {}, { conditions }), { events })
  equal(code, 3)
  match(
    text,
    /✗ kernel-driver {7}Linux 5\.4\.0 has no SGX driver; install Intel’s DCAP\n {24}driver\n/,
  )
  match(
    text,
    /09:00:00Z alcove-device-plugin: NoDriver\n.*\n.*10:00:00Z alcove-discovery \(3 times\)/,
  )
  ok(!text.includes('kubelet'))
  match(text, /NOT CAPABLE: n cannot serve; begin with kernel-driver$/)
  equal(data.capable, false)
  equal(data.events.length, 2)
})

test('doctor of a node that nothing has looked at says how to have it looked at', async () => {
  const { code, text, data } = await doctor(node('n', sgx))
  equal(code, 3)
  match(text, /CANNOT TELL whether n can serve: nothing has looked at it/)
  match(text, /helm upgrade alcove .*\\\n +--set discovery\.enabled=true/)
  match(text, /kubectl debug node\/n -it --image=IMAGE/)
  equal(data.capable, 'unknown')
  equal(data.discovered, false)
})

test('doctor says that a node is simulated, and that its plugin is not ready', async () => {
  const env = [{ name: 'DEVICE_PLUGIN_PLATFORM', value: 'simulated' }]
  const conditions = [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }]
  const pods = { items: [alcovePod('alcove-device-plugin-x', 'n', { env, conditions })] }
  const { text, data } = await doctor(node('n', sgx, { conditions: [capable] }), { pods })
  match(text, /^SIMULATED NODE: n offers no real hardware\.\n/)
  match(text, /WHAT ELSE IS WRONG\n {2}✗ alcove-system\/alcove-device-plugin-x\n/)
  equal(data.simulated, true)
})

for (const options of [
  { node: '../secrets' },
  { node: 'a..b' },
  { node: '' },
  { node: 'A' },
  { node: 'n', hostRoot: '/' },
  { node: 'n', simulatedRoot: '/' },
  { context: 'prod' },
] satisfies Partial<DoctorOptions>[]) {
  test(`doctor ${JSON.stringify(options)} is a wrong call`, async () => {
    const deps = { print: () => undefined, environment }
    await rejects(doctorCommand({ output: 'text', ...options }, deps), { code: 'ERR_USAGE' })
  })
}

test('the program: a node that is not there, kubectl that is not, and options without --cluster', async () => {
  const missing = 'Error from server (NotFound): nodes "gone" not found'
  await using kubectl = await fakeKubectl({}, missing)
  const gone = await alcove('doctor', '--node', 'gone', '--kubectl', kubectl.path)
  equal(gone.code, 1)
  match(gone.stderr, /nodes "gone" not found \(ERR_KUBECTL_FAILED\)/)
  const absent = await alcove('status', '--cluster', '--kubectl', '/none', '--output', 'json')
  equal(absent.code, 1)
  equal(JSON.parse(absent.stdout).error.code, 'ERR_KUBECTL_ABSENT')
  const wrong = await alcove('status', '--kubectl', kubectl.path)
  equal(wrong.code, 2)
  match(wrong.stderr, /--kubectl goes with --cluster/)
})
