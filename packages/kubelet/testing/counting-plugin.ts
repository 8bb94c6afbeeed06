// For this package's tests: a plugin whose list can be changed, and a directory that goes away with the test.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { ContainerAllocation, Device, DevicePlugin } from '../src/device-plugin.ts'

export const RESOURCE = 'kubernetes.azure.com/sgx_epc_mem_in_MiB'

/** For tests that are not about the time before a kubelet admits. */
export const atOnce = { admitFromMs: 0 } as const

export const nothing: ContainerAllocation = {
  devices: [],
  mounts: [],
  envs: {},
  annotations: {},
  cdiDevices: [],
}

export interface CountingPlugin extends DevicePlugin {
  replace(devices: readonly Device[]): void
}

export function healthy(count: number): Device[] {
  return Array.from({ length: count }, (_, index) => ({ id: String(index), healthy: true }))
}

/** A plugin with `count` healthy devices, `0` to `count - 1`, that answers every Allocate with `allocation`. */
export function countingPlugin(
  count: number,
  allocation: ContainerAllocation = nothing,
  resourceName: string = RESOURCE,
): CountingPlugin {
  let devices: readonly Device[] = healthy(count)
  const listeners = new Set<() => void>()
  return {
    resourceName,
    devices: () => devices,
    onChange: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    allocate: () => allocation,
    replace: next => {
      devices = next
      for (const listener of listeners) listener()
    },
  }
}

export async function scratch(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kubelet-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

/** Collects events and lets a test wait for one. */
export class Events<E extends { readonly event: string }> {
  readonly seen: E[] = []
  readonly #looks = new Set<() => void>()

  readonly take = (event: E): void => {
    this.seen.push(event)
    for (const look of this.#looks) look()
  }

  count(name: E['event']): number {
    return this.seen.filter(({ event }) => event === name).length
  }

  /** Resolves once `name` was seen `times` times. */
  async until(name: E['event'], times = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = (): void => {
      if (this.count(name) >= times) resolve()
    }
    this.#looks.add(look)
    look()
    await promise
    this.#looks.delete(look)
  }
}
