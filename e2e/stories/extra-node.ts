import type { NodeSpec } from '../cluster/node-spec.ts'

const MIB = 2 ** 20

/** A node with SGX that one story adds: the kernel's own driver, and as many EPC sections, each on a NUMA node, as are given. */
export function extraNode(node: {
  readonly name: string
  /** See NodeSpec; the cluster's own nodes are 11 to 13. */
  readonly number: number
  /** Of each section. */
  readonly epcMiB: readonly number[]
  readonly kubelet?: Readonly<Record<string, unknown>>
}): NodeSpec {
  const { name, number, epcMiB, kubelet = {} } = node
  return {
    name,
    number,
    labels: { 'alcove.dev/sgx': 'true', agentpool: 'story' },
    hardware: {
      system: 'Ubuntu 22.04.5 LTS (simulated SGX)',
      epcBytes: epcMiB.map(mib => mib * MIB),
      cpuFlags: ['sgx', 'sgx_lc'],
      devices: [
        { path: '/dev/sgx_enclave', mode: 0o666, gid: 0 },
        { path: '/dev/sgx_provision', mode: 0o660, gid: 985 },
      ],
    },
    kubelet,
  }
}
