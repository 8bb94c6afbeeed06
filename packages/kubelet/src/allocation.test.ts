import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { nothing, RESOURCE } from '../testing/counting-plugin.ts'
import { encodeAllocation, mergeAllocations, parseAllocation } from './allocation.ts'
import type { ContainerAllocation } from './device-plugin.ts'
import {
  AllocateResponseSchema,
  type ContainerAllocateResponseSchema,
} from './gen/device_plugin_pb.ts'

const device = {
  hostPath: '/dev/sgx_enclave',
  containerPath: '/dev/sgx/enclave',
  permissions: 'rw',
}
const mount = { hostPath: '/run/aesmd', containerPath: '/var/run/aesmd', readOnly: true }
const whole: ContainerAllocation = {
  devices: [device],
  mounts: [mount],
  envs: { SGX: '1' },
  annotations: { a: 'b' },
  cdiDevices: ['alcove.dev/sgx=group'],
}

function parse(...containerResponses: MessageInitShape<typeof ContainerAllocateResponseSchema>[]) {
  return parseAllocation(RESOURCE, create(AllocateResponseSchema, { containerResponses }))
}

test('what a plugin answers reaches the container as it was', () => {
  deepEqual(parse(encodeAllocation(whole)), whole)
  deepEqual(parse(encodeAllocation(nothing)), nothing)
})

const refused: readonly [
  what: string,
  answers: MessageInitShape<typeof ContainerAllocateResponseSchema>[],
  field: RegExp,
][] = [
  ['no answer', [], /container_responses: want one, got 0/],
  ['two answers', [{}, {}], /container_responses: want one, got 2/],
  [
    'a relative host path',
    [{ devices: [{ ...device, hostPath: 'dev/x' }] }],
    /devices\[0\]\.host_path/,
  ],
  [
    'the root as container path',
    [{ mounts: [{ ...mount, containerPath: '/' }] }],
    /mounts\[0\]\.container_path/,
  ],
  [
    'a container path that climbs',
    [{ mounts: [{ ...mount, containerPath: '/a/../../etc' }] }],
    /container_path/,
  ],
  [
    'a container path twice',
    [{ devices: [device, device] }],
    /devices\[1\]\.container_path: .* twice/,
  ],
  ['a zero byte in a path', [{ mounts: [{ ...mount, hostPath: '/a\0b' }] }], /host_path/],
  ['no permissions', [{ devices: [{ ...device, permissions: '' }] }], /permissions/],
  [
    'a permission other than r, w, m',
    [{ devices: [{ ...device, permissions: 'rwx' }] }],
    /permissions/,
  ],
  ['a permission twice', [{ devices: [{ ...device, permissions: 'rr' }] }], /permissions/],
  ['a variable with "=" in its name', [{ envs: { 'A=B': '' } }], /envs/],
  ['a zero byte in a variable', [{ envs: { A: '\0' } }], /envs: A has/],
  ['a CDI device without a class', [{ cdiDevices: [{ name: 'vendor=c' }] }], /cdi_devices\[0\]/],
  ['a CDI device without a name', [{ cdiDevices: [{ name: 'a/b=' }] }], /cdi_devices\[0\]/],
  ['a CDI device of a path', [{ cdiDevices: [{ name: '../b=c' }] }], /cdi_devices\[0\]/],
  [
    'a CDI device twice',
    [{ cdiDevices: [{ name: 'a/b=c' }, { name: 'a/b=c' }] }],
    /cdi_devices\[1\]\.name: .* twice/,
  ],
]

for (const [what, answers, field] of refused) {
  test(`an Allocate answer with ${what} is refused`, () => {
    throws(() => parse(...answers), { code: 'ERR_KUBELET_ALLOCATION', message: field })
  })
}

test('of two resources that set the same key, the first wins', () => {
  const other: ContainerAllocation = {
    devices: [
      { ...device, hostPath: '/dev/other' },
      { ...device, containerPath: '/dev/more' },
    ],
    mounts: [{ ...mount, readOnly: false }],
    envs: { SGX: '2', MORE: '3' },
    annotations: { a: 'c' },
    cdiDevices: ['alcove.dev/sgx=group', 'alcove.dev/sgx=other'],
  }
  deepEqual(mergeAllocations([whole, other]), {
    ...whole,
    devices: [device, { ...device, containerPath: '/dev/more' }],
    envs: { SGX: '1', MORE: '3' },
    cdiDevices: ['alcove.dev/sgx=group', 'alcove.dev/sgx=other'],
  })
})

test('merging keeps one entry per key, in whatever number of allocations it was', () => {
  const envs = fc.dictionary(fc.constantFrom('A', 'B', 'C'), fc.string())
  fc.assert(
    fc.property(fc.array(envs), all => {
      const merged = mergeAllocations(all.map(one => ({ ...nothing, envs: one })))
      for (const name of ['A', 'B', 'C']) {
        const first = all.find(one => Object.hasOwn(one, name))
        deepEqual(merged.envs[name], first?.[name])
      }
    }),
  )
})
