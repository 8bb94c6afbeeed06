import {
  ENCLAVE_RESOURCE,
  EPC_BYTES_RESOURCE,
  EPC_RESOURCE,
  PROVISION_RESOURCE,
} from '@alcove/device-plugin'
import { parseQuantity } from '@alcove/kube-api'
import type { ClusterContainer, ClusterPod } from './cluster-objects.ts'

export const resourceNames: readonly string[] = [
  EPC_BYTES_RESOURCE,
  EPC_RESOURCE,
  ENCLAVE_RESOURCE,
  PROVISION_RESOURCE,
]

/** How EPC is counted: `bytes` under Intel’s name, `devices` of a MiB under AKS’s. */
export type EpcMode = 'bytes' | 'devices'
export const epcModes: readonly EpcMode[] = ['bytes', 'devices']
export const epcResource: Readonly<Record<EpcMode, string>> = {
  bytes: EPC_BYTES_RESOURCE,
  devices: EPC_RESOURCE,
}

/** What a node has, or a pod asks for; `undefined` where it is not named at all. */
export interface SgxAmounts {
  /** EPC in bytes, whatever it is counted in. */
  readonly epc: Readonly<Record<EpcMode, bigint | undefined>>
  readonly enclave: bigint | undefined
  readonly provision: bigint | undefined
}

type Amounts = Readonly<Record<string, string>> | null | undefined

/** @throws {KubeApiError} `ERR_KUBE_QUANTITY` */
export function amountsOf(amounts: Amounts): SgxAmounts {
  return sgxAmounts(name => {
    const text = amounts?.[name]
    return text === undefined ? undefined : parseQuantity(text)
  })
}

/**
 * What the scheduler counts of a pod: its containers and restartable init containers together, or what its init
 * containers need at one time, whichever is more.
 *
 * @throws {KubeApiError} `ERR_KUBE_QUANTITY`
 * @see k8s.io/component-helpers/resource/helpers.go, `PodRequests`
 */
export function podAmounts({ spec }: ClusterPod): SgxAmounts {
  return sgxAmounts(name => {
    const asked = (container: ClusterContainer): bigint | undefined => {
      const { requests, limits } = container.resources ?? {}
      const text = requests?.[name] ?? limits?.[name]
      return text === undefined ? undefined : parseQuantity(text)
    }
    const containers = [...(spec.initContainers ?? []), ...spec.containers]
    if (containers.every(container => asked(container) === undefined)) return undefined
    let staying = 0n
    let most = 0n
    for (const container of spec.initContainers ?? []) {
      const amount = asked(container) ?? 0n
      most = max(most, staying + amount)
      if (container.restartPolicy === 'Always') staying += amount
    }
    for (const container of spec.containers) staying += asked(container) ?? 0n
    return max(most, staying)
  })
}

function sgxAmounts(amountOf: (resource: string) => bigint | undefined): SgxAmounts {
  const mib = amountOf(EPC_RESOURCE)
  return {
    epc: {
      bytes: amountOf(EPC_BYTES_RESOURCE),
      devices: mib === undefined ? undefined : mib * MIB,
    },
    enclave: amountOf(ENCLAVE_RESOURCE),
    provision: amountOf(PROVISION_RESOURCE),
  }
}

const MIB = 1_048_576n

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}

/** `10 MiB`, `1.5 MiB`, `10 bytes`. */
export function epcText(bytes: bigint): string {
  if (bytes % MIB === 0n) return `${bytes / MIB} MiB`
  if (bytes < MIB / 10n) return `${bytes} bytes`
  const tenths = (bytes * 10n) / MIB
  return `${tenths / 10n}.${tenths % 10n} MiB`
}
