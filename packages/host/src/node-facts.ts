import { type CpuFacts, cpuidPath, cpuidSource, readCpu } from './cpu-facts.ts'
import { devicePaths, findDevices, type SgxDeviceNode, type SgxDriver } from './device-nodes.ts'
import { type Epc, noEpc, readCpuidEpc, readSysfsEpc } from './epc.ts'
import { absent, type Fact, fileFact, known, permitted, text } from './fact.ts'
import type { FileAccess, Host } from './host.ts'
import { atLeast, type KernelFacts, readKernel } from './kernel-facts.ts'
import { readDevExec } from './mounts.ts'

/** All that is to be known of a node before it may be called confidential, each with where it was read. */
export interface NodeFacts {
  readonly os: Fact<string>
  readonly cpu: CpuFacts
  readonly kernel: KernelFacts
  readonly driver: Fact<SgxDriver>
  /** Of the out-of-tree drivers; the in-kernel one has the kernel's. */
  readonly driverVersion: Fact<string>
  /** Of the newest driver generation whose enclave device is there. */
  readonly enclaveDevice: Fact<DeviceNode>
  /** Of the same driver. */
  readonly provisionDevice: Fact<DeviceNode>
  /** Every SGX device node that is there, of all driver generations. */
  readonly deviceNodes: readonly DeviceNode[]
  readonly epc: Fact<Epc>
  readonly devExec: Fact<boolean>
}

/** A device node, and who may open it. */
export interface DeviceNode extends SgxDeviceNode, FileAccess {}

/**
 * Reads a node. What is not there, does not say, or may not be read by this process is an absence that says so.
 *
 * @param sameBoot facts of the same boot, from which CPU, kernel and system are taken over: only a reboot changes them
 * @throws {HostError} `ERR_HOST_READ` where reading fails for another reason; `ERR_HOST_SYSFS` for a count of EPC that
 *   is none; `ERR_HOST_PATH`
 */
export async function readNode(host: Host, sameBoot?: NodeFacts): Promise<NodeFacts> {
  const kernel = sameBoot?.kernel ?? (await readKernel(host))
  const cpu = sameBoot?.cpu ?? (await readCpu(host, knowsSgx(kernel)))
  const deviceNodes = await readDeviceNodes(host)
  const enclaveDevice = chosen(deviceNodes, 'enclave', undefined)
  const driver = enclaveDevice.value?.driver
  return {
    os: sameBoot?.os ?? (await fileFact(host, '/etc/os-release', prettyName)),
    cpu,
    kernel,
    driver:
      driver === undefined
        ? absent('no-such-file', enclaveDevice.source)
        : known(driver, enclaveDevice.source),
    driverVersion: await readDriverVersion(host, driver),
    enclaveDevice,
    provisionDevice: chosen(deviceNodes, 'provision', driver),
    deviceNodes,
    epc: await readEpc(host, cpu),
    devExec: await readDevExec(host),
  }
}

/** The kernel would list `sgx` among the flags of a CPU that has it: 5.11, and not built without SGX. */
function knowsSgx({ release, builtWithSgx }: KernelFacts): boolean {
  if (builtWithSgx.value === false || release.value === undefined) return false
  return atLeast(release.value, 5, 11) === true
}

async function readDeviceNodes(host: Host): Promise<readonly DeviceNode[]> {
  const nodes: DeviceNode[] = []
  for (const found of await findDevices(host)) {
    const access = await host.access(found.path)
    if (access !== undefined) nodes.push({ ...found, ...access })
  }
  return nodes
}

function chosen(
  nodes: readonly DeviceNode[],
  role: SgxDeviceNode['role'],
  driver: SgxDriver | undefined,
): Fact<DeviceNode> {
  const node = nodes.find(
    one => one.role === role && (driver === undefined || one.driver === driver),
  )
  return node === undefined
    ? absent('no-such-file', devicePaths(role).join(', '))
    : known(node, node.path)
}

/** Intel's drivers are the kernel modules `intel_sgx` (DCAP; 1.41 makes the same device nodes as Linux) and `isgx`. */
function readDriverVersion(host: Host, driver: SgxDriver | undefined): Promise<Fact<string>> {
  const module = driver === 'legacy' ? 'isgx' : 'intel_sgx'
  const path = `/sys/module/${module}/version`
  if (driver === undefined) return Promise.resolve(absent('not-asked', path))
  return fileFact(host, path, bytes => text(bytes) || undefined)
}

/** Sysfs, or else CPUID: leaf 0x12 lists the sections of a CPU whose leaf 0x7 says that it has SGX. */
async function readEpc(host: Host, cpu: CpuFacts): Promise<Fact<Epc>> {
  const counted = await readSysfsEpc(host)
  if (counted.source !== 'none') {
    return known(counted, counted.nodes.map(node => node.path).join(', '))
  }
  const features = await permitted(cpuidPath, () => host.cpuid(0x7, 0))
  if (features.value === undefined) return features
  return cpu.sgx.value === false
    ? known(noEpc, cpu.sgx.source)
    : known(await readCpuidEpc(host), cpuidSource('CPUID leaf 0x12', features.value))
}

function prettyName(bytes: Uint8Array): string | undefined {
  return /^PRETTY_NAME=(["']?)(.+)\1$/m.exec(text(bytes))?.[2]
}
