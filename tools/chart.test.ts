// Over 300 lines: one table of what a rendered chart must hold to.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import {
  chartFolder,
  goldenNames,
  NAMESPACE,
  RELEASE,
  readGolden,
  render,
  runHelm,
} from './chart-renderings.ts'
import { withHelm } from './chart-with-helm.ts'

const Resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
})
type Resource = z.infer<typeof Resource>

const Container = z.looseObject({
  name: z.string(),
  image: z.string(),
  resources: z.looseObject({ requests: z.looseObject({}), limits: z.looseObject({}) }),
  securityContext: z.looseObject({}),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
})
const PodSpec = z.looseObject({
  containers: z.array(Container).min(1),
  initContainers: z.array(Container).default([]),
  securityContext: z.looseObject({ runAsUser: z.number(), runAsNonRoot: z.boolean().optional() }),
  serviceAccountName: z.string().optional(),
  automountServiceAccountToken: z.boolean().optional(),
  volumes: z.array(z.looseObject({ name: z.string() })).default([]),
})
const Workload = z.object({
  spec: z.looseObject({
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }).optional(),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: PodSpec,
    }),
  }),
})
const Rules = z.object({
  rules: z.array(
    z.object({
      apiGroups: z.array(z.string()),
      resources: z.array(z.string()),
      resourceNames: z.array(z.string()).optional(),
      verbs: z.array(z.string()),
    }),
  ),
})

function resourcesOf(text: string): readonly Resource[] {
  return parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter(value => value !== null)
    .map(value => Resource.parse(value))
}

/** Kind and name, which are one's own in a release. */
const keyOf = ({ kind, metadata: { namespace = '', name } }: Resource): string =>
  `${kind} ${namespace}/${name}`

const byKey = (text: string) => Object.fromEntries(resourcesOf(text).map(one => [keyOf(one), one]))

const names = await goldenNames()
const goldens = new Map<string, readonly Resource[]>()
for (const name of names) goldens.set(name, resourcesOf(await readGolden(name)))

const all = Array.from(goldens, ([name, resources]) =>
  resources.map(resource => ({ where: `${name}: ${keyOf(resource)}`, resource })),
).flat()
const workloads = all
  .filter(({ resource: { kind } }) => kind === 'DaemonSet' || kind === 'Job')
  .map(({ where, resource }) => ({ where, resource, ...Workload.parse(resource) }))

withHelm('the golden renderings are what the chart renders: else npm run chart', async bin => {
  for (const name of names) {
    deepEqual(byKey(await render(bin, name)), byKey(await readGolden(name)), name)
  }
})

withHelm('helm lint finds nothing wrong with any of them', async bin => {
  for (const name of names) {
    const values = join(chartFolder, 'golden/values', `${name}.yaml`)
    match(
      await runHelm(bin, ['lint', '--strict', chartFolder, '-f', values]),
      / 0 chart\(s\) failed/,
    )
  }
})

test('the goldens have every part in every mode', () => {
  const parts = new Set(all.map(({ resource }) => keyOf(resource)))
  for (const part of ['device-plugin', 'quote-helper', 'discovery', 'simulator']) {
    ok(parts.has(`DaemonSet ${NAMESPACE}/alcove-${part}`), part)
  }
  const settings = new Set(
    workloads.flatMap(({ spec }) =>
      spec.template.spec.containers.flatMap(({ env }) => env.map(one => one.value)),
    ),
  )
  for (const word of ['bytes', 'devices', 'hardware', 'simulated']) ok(settings.has(word), word)
})

test('no container has a right that its work does not need', () => {
  ok(workloads.length > 10)
  for (const { where, spec } of workloads) {
    const pod = spec.template.spec
    deepEqual(pod.securityContext['seccompProfile'], { type: 'RuntimeDefault' }, where)
    equal(pod['enableServiceLinks'], false, where)
    for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) equal(name in pod, false, where)
    for (const { name, securityContext, resources } of [...pod.containers, ...pod.initContainers]) {
      const container = `${where}, ${name}`
      equal(securityContext['privileged'], false, container)
      equal(securityContext['allowPrivilegeEscalation'], false, container)
      equal(securityContext['readOnlyRootFilesystem'], true, container)
      deepEqual(securityContext['capabilities'], { drop: ['ALL'] }, container)
      for (const key of ['cpu', 'memory']) ok(key in resources.requests, container)
      ok('memory' in resources.limits, container)
    }
  }
})

test('only the device plugin is root, and what hands a directory over', () => {
  for (const { where, resource, spec } of workloads) {
    const { securityContext, containers, initContainers } = spec.template.spec
    const isRoot = resource.metadata.name === 'alcove-device-plugin'
    equal(securityContext.runAsUser, isRoot ? 0 : 65_531, where)
    if (!isRoot) equal(securityContext.runAsNonRoot, true, where)
    for (const one of containers) equal('runAsUser' in one.securityContext, false, where)
    for (const one of initContainers) equal(one.name, 'prepare-directory', where)
  }
})

test('a part has a token of the API server only where it has a ServiceAccount of its own', () => {
  for (const { where, resource, spec } of workloads) {
    const { serviceAccountName, automountServiceAccountToken } = spec.template.spec
    if (automountServiceAccountToken === false) equal(serviceAccountName, undefined, where)
    else equal(serviceAccountName, resource.metadata.name, where)
  }
})

test('a part writes to the node only where its work is', () => {
  const writable = {
    'alcove-device-plugin': ['cdi', 'kubelet'],
    'alcove-quote-helper': ['aesmd'],
    'alcove-simulator': ['simulator'],
    'alcove-discovery': [],
    'alcove-sweep': [],
  }
  const Mounts = z.array(z.object({ name: z.string(), readOnly: z.boolean().default(false) }))
  for (const { where, resource, spec } of workloads) {
    const found = spec.template.spec.containers.flatMap(one =>
      Mounts.parse(one['volumeMounts'] ?? []).flatMap(mount =>
        mount.readOnly ? [] : [mount.name],
      ),
    )
    const known = new Map<string, readonly string[]>(Object.entries(writable))
    deepEqual(found.toSorted(), known.get(resource.metadata.name), where)
  }
})

test('each role allows what its part does, and nothing more', () => {
  const node = { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch', 'patch'] }
  const status = { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] }
  const pods = { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] }
  const events = [{ apiGroups: [''], resources: ['events'], verbs: ['get', 'create', 'patch'] }]
  const rbac = { apiGroups: ['rbac.authorization.k8s.io'], resourceNames: ['alcove-sweep'] }
  const own = [
    { ...rbac, resources: ['clusterroles'], verbs: ['get', 'delete'] },
    { ...rbac, resources: ['clusterrolebindings'], verbs: ['patch'] },
    { ...rbac, apiGroups: [''], resources: ['serviceaccounts'], verbs: ['patch'] },
  ]
  const allowed = new Map<string, unknown>([
    ['ClusterRole /alcove-device-plugin', [node, status, pods]],
    ['ClusterRole /alcove-discovery', [node, status]],
    ['ClusterRole /alcove-sweep', [{ ...node, verbs: ['get', 'list', 'patch'] }, status, ...own]],
    ['Role default/alcove-device-plugin', events],
    ['Role default/alcove-discovery', events],
  ])
  const roles = all.filter(({ resource }) => /^(Cluster)?Role$/.test(resource.kind))
  deepEqual(new Set(roles.map(({ resource }) => keyOf(resource))), new Set(allowed.keys()))
  for (const { where, resource } of roles) {
    deepEqual(Rules.parse(resource).rules, allowed.get(keyOf(resource)), where)
  }
})

test('Helm takes nothing from a sweep that runs on after its timeout, and the sweep’s end takes all', () => {
  const sweeps = all.filter(({ resource }) => resource.metadata.name === 'alcove-sweep')
  ok(sweeps.length > 0)
  for (const { where, resource } of sweeps) {
    const isJob = resource.kind === 'Job'
    const policy = isJob ? 'before-hook-creation,hook-succeeded' : 'before-hook-creation'
    equal(resource.metadata.annotations['helm.sh/hook-delete-policy'], policy, where)
    if (!isJob) continue
    const { spec } = Workload.parse(resource)
    equal(spec['ttlSecondsAfterFinished'], 60, where)
    const [container] = spec.template.spec.containers
    const args = ['sweep', '--remove-rights', 'alcove-sweep', '--namespace', NAMESPACE]
    deepEqual(container?.['args'], args, where)
  }
})

test('each policy is bound to deny, and asked of one client or of pods with EPC only', () => {
  const Policy = z.object({
    spec: z.object({
      failurePolicy: z.literal('Fail'),
      matchConditions: z.array(z.object({ name: z.string(), expression: z.string() })).length(1),
      validations: z.array(z.object({ message: z.string(), messageExpression: z.string() })).min(1),
    }),
  })
  const Binding = z.object({
    spec: z.object({ policyName: z.string(), validationActions: z.array(z.string()) }),
  })
  for (const [golden, resources] of goldens) {
    const ofKind = (kind: string) => resources.filter(one => one.kind === kind)
    const policies = ofKind('ValidatingAdmissionPolicy')
    const bindings = ofKind('ValidatingAdmissionPolicyBinding').map(one => Binding.parse(one).spec)
    deepEqual(
      bindings.toSorted((a, b) => a.policyName.localeCompare(b.policyName)),
      policies
        .map(({ metadata }) => ({ policyName: metadata.name, validationActions: ['Deny'] }))
        .toSorted((a, b) => a.policyName.localeCompare(b.policyName)),
      golden,
    )
    for (const one of policies) {
      const [condition] = Policy.parse(one).spec.matchConditions
      const account = `"system:serviceaccount:${NAMESPACE}:${one.metadata.name.replace('-writes', '')}"`
      const text = one.metadata.name === 'alcove-pods' ? '"sgx.intel.com/epc" in' : account
      ok(condition?.expression.includes(text), `${golden}: ${keyOf(one)}`)
    }
  }
})

test('a ServiceAccount that can write to nodes has a policy that confines it, but for the sweep', () => {
  for (const [golden, resources] of goldens) {
    const there = new Set(resources.map(keyOf))
    for (const { kind, metadata } of resources) {
      if (kind !== 'ClusterRole' || metadata.name === 'alcove-sweep') continue
      ok(
        there.has(`ValidatingAdmissionPolicy /${metadata.name}-writes`),
        `${golden}: ${metadata.name}`,
      )
    }
  }
})

test('no label of a pod follows from the version: an upgrade replaces what has changed only', () => {
  for (const { where, resource, spec } of workloads) {
    const { labels } = spec.template.metadata
    const { name } = resource.metadata
    deepEqual(
      labels,
      {
        'app.kubernetes.io/name': name,
        'app.kubernetes.io/part-of': 'alcove',
        'app.kubernetes.io/instance': RELEASE,
      },
      where,
    )
    if (resource.kind === 'DaemonSet') {
      deepEqual(spec.selector?.matchLabels, { 'app.kubernetes.io/name': name }, where)
    }
  }
})

test('the chart has the version of the program, which is the image’s', async () => {
  const Version = z.object({ version: z.string() })
  const Chart = z.object({ version: z.string(), appVersion: z.string() })
  const program: unknown = JSON.parse(
    await readFile(join(chartFolder, '../../../cli/package.json'), 'utf8'),
  )
  const { version } = Version.parse(program)
  const chart: unknown = parse(await readFile(join(chartFolder, 'Chart.yaml'), 'utf8'))
  deepEqual(Chart.parse(chart), { version, appVersion: version })
  for (const { where, resource } of all) {
    equal(resource.metadata.labels['app.kubernetes.io/version'], version, where)
  }
  const images = workloads.flatMap(({ spec }) => {
    const { containers, initContainers } = spec.template.spec
    return [...containers, ...initContainers].map(({ image }) => image)
  })
  ok(images.includes(`alcove.dev/alcove:${version}`))
  for (const image of images) match(image, /@sha256:[0-9a-f]{64}$|^alcove\.dev\/alcove:\d/)
})

test('alerts and dashboard are in the golden renderings as they are in the chart', async () => {
  const everything = new Map(
    (goldens.get('everything') ?? []).map(one => [keyOf(one), one] as const),
  )
  const alerts: unknown = parse(await readFile(join(chartFolder, 'alerts.yaml'), 'utf8'))
  deepEqual(everything.get(`PrometheusRule ${NAMESPACE}/alcove`)?.['spec'], alerts, 'npm run chart')
  const Data = z.object({ data: z.object({ 'alcove.json': z.string() }) })
  const { data } = Data.parse(everything.get(`ConfigMap ${NAMESPACE}/alcove-dashboard`))
  const dashboard: unknown = JSON.parse(await readFile(join(chartFolder, 'dashboard.json'), 'utf8'))
  deepEqual(JSON.parse(data['alcove.json']), dashboard, 'npm run chart')
})

interface Schema {
  readonly description?: string | undefined
  readonly additionalProperties?: unknown
  readonly properties?: Readonly<Record<string, Schema>> | undefined
}
const Schema: z.ZodType<Schema> = z.looseObject({
  description: z.string().optional(),
  additionalProperties: z.unknown().optional(),
  get properties() {
    return z.record(z.string(), Schema).optional()
  },
})

test('every value is described in the schema, which knows no other', async () => {
  const text: unknown = JSON.parse(await readFile(join(chartFolder, 'values.schema.json'), 'utf8'))
  const values: unknown = parse(await readFile(join(chartFolder, 'values.yaml'), 'utf8'))
  const Values = z.record(z.string(), z.unknown())
  const compare = (schema: Schema, value: unknown, path: string): void => {
    ok(path === 'values' || schema.description, `${path} has no description`)
    if (schema.properties === undefined) return
    equal(schema.additionalProperties, false, path)
    const given = Values.parse(value)
    const known = Object.keys(schema.properties).filter(key => key !== 'global')
    deepEqual(Object.keys(given).toSorted(), known.toSorted(), path)
    for (const key of known) {
      compare(schema.properties[key] ?? {}, given[key], `${path}.${key}`)
    }
  }
  compare(Schema.parse(text), values, 'values')
})
