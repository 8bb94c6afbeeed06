import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { type PodSpec, podEpc, podSpec } from './pod-epc.ts'

const MIB = 1n << 20n

function pod(spec: object, phase = 'Running'): PodSpec {
  const read = podSpec.parse({ metadata: { name: 'p', namespace: 'ns' }, spec, status: { phase } })
  ok(read !== undefined)
  return read
}

function container(name: string, epc?: string, more: object = {}) {
  const requests = { cpu: '100m', ...(epc === undefined ? {} : { 'sgx.intel.com/epc': epc }) }
  return { name, resources: { requests }, ...more }
}

test('containers of a pod hold EPC together', () => {
  const spec = { containers: [container('a', '10Mi'), container('b'), container('c', '1048576')] }
  deepEqual(podEpc(pod(spec), 'bytes'), {
    namespace: 'ns',
    pod: 'p',
    bytes: 11n * MIB,
    containers: [
      { name: 'a', bytes: 10n * MIB },
      { name: 'c', bytes: MIB },
    ],
  })
})

test('an init container counts where it asks for more; a sidecar counts with the containers', () => {
  const always = { restartPolicy: 'Always' }
  const containers = [container('a', '10Mi')]
  const held = (...initContainers: object[]) =>
    podEpc(pod({ containers, initContainers }), 'bytes')?.bytes
  equal(held(container('i', '5Mi')), 10n * MIB)
  equal(held(container('i', '20Mi')), 20n * MIB)
  equal(held(container('s', '5Mi', always)), 15n * MIB)
  equal(held(container('s', '5Mi', always), container('i', '20Mi')), 25n * MIB)
})

test('a pod that has ended holds nothing, nor does one that asks for none', () => {
  const spec = { containers: [container('a', '10Mi')] }
  for (const phase of ['Succeeded', 'Failed']) equal(podEpc(pod(spec, phase), 'bytes'), undefined)
  equal(podEpc(pod({ containers: [{ name: 'a' }] }), 'bytes'), undefined)
})

test('a pod that the kubelet has not admitted holds nothing, whatever it asks for', () => {
  const spec = { containers: [container('a', '200Gi')] }
  equal(podEpc(pod(spec, 'Pending'), 'bytes'), undefined)
  const metadata = { name: 'p', namespace: 'ns' }
  const status = { phase: 'Pending', containerStatuses: [{ name: 'a' }] }
  const admitted = podSpec.parse({ metadata, spec, status })
  ok(admitted !== undefined)
  equal(podEpc(admitted, 'bytes')?.bytes, 200n << 30n)
})

test('devices of the other mode are MiB', () => {
  const requests = { 'kubernetes.azure.com/sgx_epc_mem_in_MiB': '10' }
  const spec = { containers: [{ name: 'a', resources: { requests } }] }
  equal(podEpc(pod(spec), 'devices')?.bytes, 10n * MIB)
  equal(podEpc(pod(spec), 'bytes'), undefined)
})

test('a pod that is not understood is told apart from one that holds nothing', () => {
  const spec = { containers: [container('a', 'ten')] }
  for (const wrong of [{ metadata: { name: 'p', namespace: 'ns' }, spec }, {}, null]) {
    equal(podSpec.parse(wrong), undefined)
  }
})
