/** A node as the suite asks for it. */
export interface NodeSpec {
  readonly name: string
  /** Its place in the network: 172.31.0.NUMBER, 2 to 254. */
  readonly number: number
  readonly labels: Readonly<Record<string, string>>
  readonly hardware: Hardware
  /** Fields of its KubeletConfiguration that differ from the other nodes'. */
  readonly kubelet?: Readonly<Record<string, unknown>>
}

/** What the node is made to find on its machine. There is no SGX behind it. */
export interface Hardware {
  /** `PRETTY_NAME` of its operating system. */
  readonly system: string
  /** EPC of each NUMA node, in bytes; empty without SGX. */
  readonly epcBytes: readonly number[]
  /** Flags that /proc/cpuinfo lists beside those of the machine itself, where they are SGX's. */
  readonly cpuFlags: readonly string[]
  readonly devices: readonly StandInDevice[]
}

/** A device node that a program can open and do nothing else with. */
export interface StandInDevice {
  readonly path: string
  /** Permission bits: 0o660. */
  readonly mode: number
  readonly gid: number
}

const MIB = 2 ** 20

/** An Azure DC2s_v2 with Ubuntu 18.04: DCAP driver 1.33, whose device nodes are below /dev/sgx. */
export const dc2sV2: NodeSpec = {
  name: 'sgx-a',
  number: 11,
  labels: { 'node.kubernetes.io/instance-type': 'Standard_DC2s_v2', agentpool: 'acc' },
  hardware: {
    system: 'Ubuntu 18.04.5 LTS (simulated SGX)',
    epcBytes: [56 * MIB],
    cpuFlags: ['sgx', 'sgx_lc'],
    devices: [
      { path: '/dev/sgx/enclave', mode: 0o666, gid: 0 },
      { path: '/dev/sgx/provision', mode: 0o660, gid: 985 },
    ],
  },
}

/** An Azure DC8_v2 with the kernel's own driver, whose device nodes udev gives to groups. */
export const dc8V2: NodeSpec = {
  name: 'sgx-b',
  number: 12,
  labels: { 'node.kubernetes.io/instance-type': 'Standard_DC8_v2', agentpool: 'acc' },
  hardware: {
    system: 'Ubuntu 22.04.5 LTS (simulated SGX)',
    epcBytes: [168 * MIB],
    cpuFlags: ['sgx', 'sgx_lc'],
    devices: [
      { path: '/dev/sgx_enclave', mode: 0o660, gid: 984 },
      { path: '/dev/sgx_provision', mode: 0o660, gid: 985 },
    ],
  },
}

/** A machine without SGX. */
export const plain: NodeSpec = {
  name: 'plain',
  number: 13,
  labels: { 'node.kubernetes.io/instance-type': 'Standard_D2s_v3', agentpool: 'ordinary' },
  hardware: { system: 'Ubuntu 22.04.5 LTS', epcBytes: [], cpuFlags: [], devices: [] },
}
