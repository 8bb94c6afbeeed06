import { normalize } from 'node:path/posix'
import { create } from '@bufbuild/protobuf'
import type { ContainerAllocation } from './device-plugin.ts'
import {
  type AllocateResponse,
  type ContainerAllocateResponse,
  ContainerAllocateResponseSchema,
} from './gen/device_plugin_pb.ts'
import { KubeletError } from './kubelet-error.ts'

/** `vendor/class=name`. @see docs/formats/device-plugin.md, which names the CDI specification */
const CDI_NAME =
  /^[A-Za-z]([-A-Za-z0-9_.]*[A-Za-z0-9])?\/[A-Za-z]([-A-Za-z0-9_.]*[A-Za-z0-9])?=[A-Za-z0-9]([-A-Za-z0-9_.:]*[A-Za-z0-9])?$/

/** A plugin's answer for one container, as a message. */
export function encodeAllocation(allocation: ContainerAllocation): ContainerAllocateResponse {
  return create(ContainerAllocateResponseSchema, {
    devices: allocation.devices.map(device => ({ ...device })),
    mounts: allocation.mounts.map(mount => ({ ...mount })),
    envs: { ...allocation.envs },
    annotations: { ...allocation.annotations },
    cdiDevices: allocation.cdiDevices.map(name => ({ name })),
  })
}

/**
 * A plugin's answer to an Allocate call for one container, checked.
 *
 * @throws {KubeletError} `ERR_KUBELET_ALLOCATION` naming the field
 */
export function parseAllocation(
  resource: string,
  { containerResponses }: AllocateResponse,
): ContainerAllocation {
  const [answer] = containerResponses
  const fail = (field: string, detail: string): never => {
    const where = `${resource}: the plugin's Allocate answer, ${field}: ${detail}`
    throw new KubeletError('ERR_KUBELET_ALLOCATION', where)
  }
  if (answer === undefined || containerResponses.length !== 1) {
    return fail('container_responses', `want one, got ${containerResponses.length}`)
  }
  const taken = new Set<string>()
  const path = (field: string, value: string): string =>
    isPlainAbsolute(value) ? value : fail(field, `"${value}" is not a plain absolute path`)
  const containerPath = (field: string, value: string): string => {
    if (taken.has(value)) fail(field, `"${value}" is there twice`)
    taken.add(value)
    return path(field, value)
  }
  return {
    devices: answer.devices.map((device, index) => ({
      hostPath: path(`devices[${index}].host_path`, device.hostPath),
      containerPath: containerPath(`devices[${index}].container_path`, device.containerPath),
      permissions: isPermissions(device.permissions)
        ? device.permissions
        : fail(`devices[${index}].permissions`, `want of r, w, m, got "${device.permissions}"`),
    })),
    mounts: answer.mounts.map((mount, index) => ({
      hostPath: path(`mounts[${index}].host_path`, mount.hostPath),
      containerPath: containerPath(`mounts[${index}].container_path`, mount.containerPath),
      readOnly: mount.readOnly,
    })),
    envs: checkEnvs(answer.envs, fail),
    annotations: { ...answer.annotations },
    cdiDevices: checkCdiNames(answer.cdiDevices, fail),
  }
}

/** The answers of several resources for one container as one; of two that set the same key, the first wins, as in the kubelet. */
export function mergeAllocations(allocations: readonly ContainerAllocation[]): ContainerAllocation {
  const lastFirst = allocations.toReversed()
  return {
    devices: firstByContainerPath(allocations.flatMap(({ devices }) => devices)),
    mounts: firstByContainerPath(allocations.flatMap(({ mounts }) => mounts)),
    envs: Object.assign({}, ...lastFirst.map(({ envs }) => envs)),
    annotations: Object.assign({}, ...lastFirst.map(({ annotations }) => annotations)),
    cdiDevices: [...new Set(allocations.flatMap(({ cdiDevices }) => cdiDevices))],
  }
}

function firstByContainerPath<T extends { readonly containerPath: string }>(
  all: readonly T[],
): T[] {
  return [...new Map(all.toReversed().map(one => [one.containerPath, one])).values()].toReversed()
}

function isPlainAbsolute(path: string): boolean {
  return /^\/[^\0]*[^/\0]$/.test(path) && normalize(path) === path
}

function isPermissions(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length
}

function checkEnvs(
  envs: Readonly<Record<string, string>>,
  fail: (field: string, detail: string) => never,
): Record<string, string> {
  for (const [name, value] of Object.entries(envs)) {
    if (!/^[^=\0]+$/.test(name)) fail('envs', `"${name}" is no variable's name`)
    if (value.includes('\0')) fail('envs', `${name} has a zero byte`)
  }
  return { ...envs }
}

function checkCdiNames(
  cdiDevices: readonly { readonly name: string }[],
  fail: (field: string, detail: string) => never,
): string[] {
  const names = new Set<string>()
  for (const [index, { name }] of cdiDevices.entries()) {
    const field = `cdi_devices[${index}].name`
    if (!CDI_NAME.test(name)) fail(field, `"${name}" is not vendor/class=name`)
    if (names.has(name)) fail(field, `"${name}" is there twice`)
    names.add(name)
  }
  return [...names]
}
