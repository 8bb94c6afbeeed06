// A small cluster as its API server tells it, and a kubectl that serves it.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  ClusterCondition,
  ClusterContainer,
  ClusterNode,
  ClusterPod,
} from '../src/cluster/cluster-objects.ts'

type Amounts = Readonly<Record<string, string>>

const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is ready' }

export const EPC = 'sgx.intel.com/epc'
export const MIB_EPC = 'kubernetes.azure.com/sgx_epc_mem_in_MiB'
export const ENCLAVE = 'sgx.intel.com/enclave'
export const PROVISION = 'sgx.intel.com/provision'

export interface NodeOptions {
  readonly allocatable?: Amounts
  readonly conditions?: readonly ClusterCondition[]
  readonly labels?: Amounts
  readonly taints?: readonly { readonly key: string; readonly effect: string }[]
  readonly ready?: boolean
}

export function node(name: string, capacity: Amounts, options: NodeOptions = {}): ClusterNode {
  const { allocatable = capacity, conditions = [], labels = {}, taints } = options
  const common = { cpu: '4', memory: '16378208Ki', pods: '110' }
  const is = { ...ready, status: (options.ready ?? true) ? 'True' : 'False' }
  const told = {
    metadata: { name, uid: `uid-${name}`, labels: { 'kubernetes.io/arch': 'amd64', ...labels } },
    spec: { podCIDR: '10.1.0.0/24', ...(taints === undefined ? {} : { taints }) },
    status: {
      capacity: { ...common, ...capacity },
      allocatable: { ...common, ...allocatable },
      conditions: [is, ...conditions],
      nodeInfo: { kernelVersion: '6.8.0' },
    },
  }
  return told
}

export interface PodOptions {
  readonly nodeName?: string
  readonly phase?: string
  readonly labels?: Amounts
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly conditions?: readonly ClusterCondition[]
  readonly initContainers?: readonly ClusterContainer[]
  readonly namespace?: string
}

export function pod(name: string, limits: Amounts, options: PodOptions = {}): ClusterPod {
  const { nodeName, labels = {}, env = [], initContainers = [], namespace = 'shop' } = options
  const running = [{ type: 'Ready', status: 'True' }]
  const told = {
    metadata: { name, namespace, labels, managedFields: [{ manager: 'kubectl' }] },
    spec: {
      ...(nodeName === undefined ? {} : { nodeName }),
      containers: [{ name: 'main', env, resources: { limits, requests: limits } }],
      initContainers,
    },
    status: {
      phase: options.phase ?? (nodeName === undefined ? 'Pending' : 'Running'),
      conditions: options.conditions ?? (nodeName === undefined ? [] : running),
    },
  }
  return told
}

export function alcovePod(name: string, nodeName: string, options: PodOptions = {}): ClusterPod {
  return pod(
    name,
    {},
    {
      namespace: 'alcove-system',
      nodeName,
      labels: { 'app.kubernetes.io/part-of': 'alcove' },
      ...options,
    },
  )
}

export function failing(type: string, reason: string, message: string): ClusterCondition {
  return { type: `alcove.dev/${type}`, status: 'False', reason, message }
}

export function unscheduled(message: string): readonly ClusterCondition[] {
  return [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }]
}

export interface FakeKubectl extends AsyncDisposable {
  readonly path: string
  /** Command lines so far. */
  calls(): Promise<readonly (readonly string[])[]>
}

/** A kubectl that answers `get --raw PATH` from a table; for another path it fails as kubectl does. */
export async function fakeKubectl(
  answers: Readonly<Record<string, unknown>>,
  otherwise = 'Error from server (NotFound): the server could not find the requested resource',
): Promise<FakeKubectl> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-kubectl-'))
  const path = join(directory, 'kubectl')
  const log = join(directory, 'calls')
  await writeFile(log, '')
  const program = `#!${process.execPath}
const { appendFileSync } = require('node:fs')
const words = process.argv.slice(2)
appendFileSync(${JSON.stringify(log)}, JSON.stringify(words) + '\\n')
const answers = ${JSON.stringify(answers)}
const answer = answers[words.at(-1)]
if (words.at(-2) !== '--raw' || answer === undefined) {
  process.stderr.write('E1125 memcache.go: a warning\\n' + ${JSON.stringify(otherwise)} + '\\n\\n')
  process.exit(1)
}
process.stdout.write(typeof answer === 'string' ? answer : JSON.stringify(answer))
`
  await writeFile(path, program)
  await chmod(path, 0o755)
  return {
    path,
    calls: async () => {
      const lines = (await readFile(log, 'utf8')).trim().split('\n')
      return lines.map((line): readonly string[] => JSON.parse(line))
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}
