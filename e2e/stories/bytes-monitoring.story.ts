// What an operator sees: Prometheus scrapes the plugins, the chart's alert rules hold their peace, and the dashboard has answers.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import {
  alertNames,
  alertsFile,
  alertTestsFile,
  dashboardExpressions,
  readDashboard,
} from '../../tools/monitoring-files.ts'
import { command } from '../cluster/command.ts'
import { isRunning, waitForPod } from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import {
  queryPath,
  readAlerts,
  readRules,
  readTargets,
  readVector,
  type Sample,
} from '../monitoring/answers.ts'
import type { Target } from '../monitoring/config.ts'
import { prometheusPrograms, startPrometheus } from '../monitoring/prometheus.ts'
import { openNamespace } from './namespace.ts'
import { OFFERED } from './offered.ts'
import { pluginPod } from './plugin-pods.ts'
import { startWitnesses } from './witnesses.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api, layout } = world
const SGX_NODES = ['sgx-a', 'sgx-b']
const PROBE_PORT = 8081
const MIB = 2 ** 20

const namespace = await openNamespace(api, 'monitoring')
after(() => namespace[Symbol.asyncDispose]())
await startWitnesses(world, namespace.name, SGX_NODES)
const targets = await Promise.all(SGX_NODES.map(targetOn))
const prometheus = await startPrometheus(layout, { targets, rules: alertsFile })
after(() => prometheus[Symbol.asyncDispose]())

test('the plugin of every SGX node is scraped', async context => {
  context.diagnostic(`Prometheus ${prometheus.version}`)
  await answers(
    '/api/v1/targets?state=active',
    readTargets,
    SGX_NODES.map(node => `${node} up`),
  )
})

/** Every metric of the plugin that a node in good order has, by the suffix that says most. */
const METRICS = [
  'alcove_epc_capacity_bytes',
  'alcove_epc_allocatable_bytes',
  'alcove_epc_allocated_bytes',
  'alcove_device_plugin_devices',
  'alcove_device_plugin_registered',
  'alcove_device_plugin_registrations_total',
  'alcove_device_plugin_allocate_seconds_bucket',
  'alcove_device_plugin_allocate_seconds_count',
  'alcove_device_plugin_allocations_refused_total',
  'alcove_node_condition',
  'alcove_epc_overwritten_total',
  'alcove_device_plugin_info',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
]

test('every metric is there for each SGX node', async () => {
  const wanted = METRICS.flatMap(name => SGX_NODES.map(node => `${name} ${node}`))
  await answers(
    queryPath('group by (__name__, node) ({__name__=~"alcove_.+|process_.+"})'),
    body => {
      const there = readVector(body).map(({ labels }) => `${labels['__name__']} ${labels['node']}`)
      return wanted.filter(one => !there.includes(one)).map(one => `not there: ${one}`)
    },
    [],
  )
})

test('EPC is that of the hardware, and who holds it is a pod of its own namespace', async () => {
  const capacity = await vector('sum by (node) (alcove_epc_capacity_bytes)')
  deepEqual(capacity.map(({ labels, value }) => [labels['node'], value]).toSorted(), [
    ['sgx-a', 56 * MIB],
    ['sgx-b', 168 * MIB],
  ])
  const query = `alcove_epc_allocated_bytes{namespace="${namespace.name}"}`
  const held = await vector(query)
  deepEqual(
    held
      .map(({ labels, value }) => [labels['node'], labels['pod'], labels['container'], value])
      .toSorted(),
    SGX_NODES.map(node => [node, `witness-${node}`, 'box', 8 * MIB]),
  )
  const offered = await vector('alcove_epc_allocatable_bytes')
  deepEqual(
    Object.fromEntries(offered.map(({ labels, value }) => [labels['node'], value])),
    OFFERED,
  )
})

test('every alert rule is loaded and can be evaluated', async () => {
  const rules = alertNames(await readFile(alertsFile, 'utf8'))
  await answers(
    '/api/v1/rules?type=alert',
    body => readRules(body).map(({ name, health, lastError }) => `${name} ${health}${lastError}`),
    rules.map(name => `${name} ok`),
  )
})

test('no alert is firing, nor about to, but that the platform is simulated', async () => {
  await answers(
    '/api/v1/alerts',
    readAlerts,
    SGX_NODES.map(node => `AlcoveSimulatedPlatform ${node} firing`),
  )
})

test('Prometheus evaluates every expression of the dashboard, and shows something in each panel', async context => {
  const expressions = dashboardExpressions(readDashboard())
  const bodies = await prometheus.ask(expressions.map(one => queryPath(one.expression)))
  const empty = expressions.filter((_, index) => readVector(bodies[index] ?? '').length === 0)
  const shown = new Set(expressions.filter(one => !empty.includes(one)).map(({ panel }) => panel))
  const dark = empty.map(({ panel }) => panel).filter(panel => !shown.has(panel))
  deepEqual(dark, [])
  context.diagnostic(`${expressions.length} expressions, ${empty.length} without a result`)
})

test('the alert rules pass the tests of their own', async () => {
  const said = await command(prometheusPrograms(layout).promtool, ['test', 'rules', alertTestsFile])
  ok(said.includes('SUCCESS'), said)
})

/** The plugin's pod on a node, as something to scrape. */
async function targetOn(node: string): Promise<Target> {
  const { metadata } = await pluginPod(world, node)
  const what = `the address of ${metadata.name}`
  const { status } = await waitForPod(
    api,
    metadata.namespace,
    metadata.name,
    pod => isRunning(pod) && pod.status.podIP !== undefined,
    { what },
  )
  const { name: pod, namespace: its } = metadata
  const container = status.containerStatuses[0]?.name ?? ''
  return { address: `${status.podIP}:${PROBE_PORT}`, node, namespace: its, pod, container }
}

/** Waits until the answer is as it should be: Prometheus needs a few rounds of a second each. Says how it is where it stays another. */
async function answers(
  path: string,
  read: (body: string) => readonly string[],
  wanted: readonly string[],
): Promise<void> {
  let last: readonly string[] = []
  const isWanted = async (): Promise<true | undefined> => {
    const [body = ''] = await prometheus.ask([path])
    last = read(body)
    return last.join('\n') === wanted.join('\n') || undefined
  }
  await waitUntil(isWanted, { what: path, everyMs: 500, timeoutMs: 30_000 }).catch(() =>
    deepEqual(last, wanted),
  )
}

async function vector(expression: string): Promise<readonly Sample[]> {
  const [body = ''] = await prometheus.ask([queryPath(expression)])
  const samples = readVector(body)
  equal(samples.length > 0, true, `${expression}: nothing`)
  return samples
}
