import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { jsonLog } from '@alcove/process'
import { auxv } from '../../../packages/host/testing/fake-host.ts'
import { failure, StandInNodes } from '../../../packages/kube-api/testing/stand-in-nodes.ts'
import { LABELS_ANNOTATION, runDiscovery, SGX_CAPABLE, SGX_LABELS } from './index.ts'
import { NodeObject } from './node-object.ts'

const skip = process.getuid?.() !== 0 && 'needs root, to make device nodes'
const ENCLAVE = '/dev/sgx_enclave'
const EPC = '/sys/devices/system/node/node0/x86/sgx_total_bytes'

/** A cluster whose node `n` has EPC, but no driver yet; and discovery on it, which ends with the test. */
async function cluster(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'alcove-discovery-'))
  t.after(() => rm(root, { recursive: true }))
  const nodes = new StandInNodes()
  nodes.change('n', {
    metadata: { labels: { arch: 'amd64' } },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  })
  const events: Record<string, unknown>[] = []
  const log = jsonLog('discovery', { write: line => void events.push(JSON.parse(line)) })
  let stopping = new AbortController()
  let running: Promise<void> = Promise.resolve()
  const here = {
    nodes,
    root,
    events,
    node: () => NodeObject.parse(nodes.node('n')),
    condition: (type: string) =>
      here.node().status.conditions.find(one => one.type === `alcove.dev/${type}`),
    write: async (path: string, content: string | Uint8Array) => {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), content)
    },
    device: async (path: string) => {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await promisify(execFile)('mknod', [join(root, path), 'c', '240', '0'])
    },
    start: (graceMs = 100) => {
      stopping = new AbortController()
      running = runDiscovery({
        environment: {
          DISCOVERY_NODE_NAME: 'n',
          DISCOVERY_HOST_ROOT: root,
          DISCOVERY_PLATFORM: 'simulated',
        },
        log,
        stop: stopping.signal,
        api: nodes.api,
        lookMs: 10,
        graceMs,
        firstPauseMs: 5,
      })
    },
    stop: async () => {
      stopping.abort()
      await running
    },
    count: (event: string) => events.filter(one => one['event'] === event).length,
  }
  await here.write('/proc/cpuinfo', 'vendor_id\t: GenuineIntel\nflags\t\t: sgx sgx_lc fsgsbase\n')
  await here.write('/proc/sys/kernel/osrelease', '6.8.0\n')
  await here.write('/proc/self/auxv', auxv([26n, 2n]))
  await here.write('/proc/self/mountinfo', '22 21 0:5 / /dev rw - devtmpfs udev rw\n')
  await here.write('/sys/devices/system/node/online', '0\n')
  await here.write(EPC, `${56 * 2 ** 20}\n`)
  t.after(() => here.stop())
  return here
}

type Cluster = Awaited<ReturnType<typeof cluster>>

async function until(here: Cluster, what: string, isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 5_000; performance.now() < end; ) {
    if (isSo()) return
    await delay(5)
  }
  ok(false, `${what}: ${JSON.stringify([here.node(), here.events], undefined, 1)}`)
}

const isLabelled = (here: Cluster) => () => here.node().metadata.labels['alcove.dev/sgx'] === 'true'

async function capable(t: TestContext): Promise<Cluster> {
  const here = await cluster(t)
  await here.device(ENCLAVE)
  await here.device('/dev/sgx_provision')
  here.start()
  await until(here, 'labelled', isLabelled(here))
  return here
}

test('a node without a device is told why, once, and changes when the device comes and goes', {
  skip,
}, async t => {
  const here = await cluster(t)
  here.start()
  await until(here, 'told', () => here.nodes.writes.includes('event NoEnclaveDevice'))
  equal(here.condition('enclave-device')?.reason, 'NoEnclaveDevice')
  match(here.condition('enclave-device')?.message ?? '', /load the driver/)
  deepEqual(here.node().metadata.labels, { arch: 'amd64' })
  await here.device('/dev/sgx_provision')
  await here.device(ENCLAVE)
  await until(here, 'labelled', isLabelled(here))
  deepEqual(here.node().metadata.labels, { arch: 'amd64', ...SGX_LABELS })
  deepEqual(
    here.node().status.conditions.map(({ type, status }) => [type, status]),
    [
      ['Ready', 'True'],
      [SGX_CAPABLE, 'True'],
    ],
  )
  ok(here.nodes.writes.includes('event SgxCapable'))
  await rm(join(here.root, ENCLAVE))
  await until(here, 'told', () => here.condition('SgxCapable')?.status === 'False')
  ok(isLabelled(here)(), 'its labels stay for a while')
  await until(here, 'labels gone', () => !isLabelled(here)())
  deepEqual(here.node().metadata.labels, { arch: 'amd64' })
  equal(LABELS_ANNOTATION in here.node().metadata.annotations, false)
})

test('a device that is gone for a moment takes no label', { skip }, async t => {
  const here = await capable(t)
  await here.stop()
  here.start(60_000)
  await rm(join(here.root, ENCLAVE))
  await until(here, 'told', () => here.condition('enclave-device') !== undefined)
  await here.device(ENCLAVE)
  await until(here, 'capable again', () => here.condition('SgxCapable')?.status === 'True')
  ok(isLabelled(here)())
  equal(here.count('labels written'), 1)
})

test('nothing is written while nothing changes, nor after a restart', { skip }, async t => {
  const here = await capable(t)
  await delay(60)
  const { length } = here.nodes.writes
  await here.stop()
  here.start()
  await delay(100)
  equal(here.nodes.writes.length, length)
})

test('what somebody else changes is put right, on a Node that was made anew too', {
  skip,
}, async t => {
  const here = await capable(t)
  here.nodes.change('n', { metadata: { labels: { 'alcove.dev/sgx': null } } })
  await until(here, 'labelled again', isLabelled(here))
  here.nodes.change('n', { status: { conditions: [{ type: 'Ready', status: 'False' }] } })
  await until(here, 'told again', () => here.condition('SgxCapable') !== undefined)
  here.nodes.remove('n')
  here.nodes.change('n', { metadata: {} })
  await until(here, 'labelled anew', isLabelled(here))
})

test('a node that cannot be read keeps all it has, and its reason is logged once', {
  skip,
}, async t => {
  const here = await capable(t)
  await rm(join(here.root, EPC))
  await mkdir(join(here.root, EPC))
  await until(here, 'logged', () => here.count('node cannot be read') > 0)
  const { length } = here.nodes.writes
  await delay(200)
  ok(isLabelled(here)())
  equal(here.nodes.writes.length, length)
  equal(here.count('node cannot be read'), 1)
})

test('a refusal is logged once, and tried again', { skip }, async t => {
  const here = await cluster(t)
  let asked = 0
  here.nodes.refuse = request => {
    if (!request.startsWith('PATCH')) return undefined
    asked++
    return failure(403, 'ValidatingAdmissionPolicy alcove denied request')
  }
  here.start()
  await until(here, 'asked again', () => asked >= 3)
  equal(here.count('Node not written'), 1)
  here.nodes.refuse = () => undefined
  await until(here, 'written', () => here.condition('SgxCapable') !== undefined)
})

test('an event that is refused holds nothing up', { skip }, async t => {
  const here = await cluster(t)
  here.nodes.refuse = request => (request.includes('/events') ? failure(403, 'no') : undefined)
  here.start()
  await until(here, 'written', () => here.condition('SgxCapable') !== undefined)
  await until(here, 'logged', () => here.count('event not recorded') === 1)
})

test('a conflict is tried again without a word', { skip }, async t => {
  const here = await cluster(t)
  await here.device(ENCLAVE)
  await here.device('/dev/sgx_provision')
  let conflicts = 0
  here.nodes.refuse = request =>
    request === 'PATCH /api/v1/nodes/n' && conflicts++ < 2 ? failure(409, 'modified') : undefined
  here.start()
  await until(here, 'labelled', isLabelled(here))
  equal(here.count('Node not written'), 0)
})

test('outside a cluster it ends, and says where to run it', async () => {
  const options = { log: jsonLog('x', { write: () => undefined }), stop: AbortSignal.abort() }
  await rejects(runDiscovery({ environment: { DISCOVERY_NODE_NAME: 'n' }, ...options }), {
    code: 'ERR_KUBE_CREDENTIALS',
  })
})
