/** Who runs a node's containers. */
export interface NodeInfo {
  /** `containerd://2.4.2` */
  readonly containerRuntimeVersion: string
  /** `v1.37.2` */
  readonly kubeletVersion: string
}

/**
 * Whether kubelet and container runtime put a CDI device's `additionalGids` into a container, without being told to:
 * containerd from 2.0 on, which has CDI switched on (1.7 has it off, and knows the field from 1.7.16 on); CRI-O from 1.31 on;
 * kubelet from 1.31 on, where CDI devices of device plugins are no longer a matter of a feature gate.
 *
 * @see docs/formats/cdi.md
 */
export function addsGroups({ containerRuntimeVersion, kubeletVersion }: NodeInfo): boolean {
  const [name = '', version = ''] = containerRuntimeVersion.split('://')
  const first = firstVersions[name]
  return first !== undefined && atLeast(version, first) && atLeast(kubeletVersion, [1, 31])
}

const firstVersions: Readonly<Record<string, readonly [number, number]>> = {
  containerd: [2, 0],
  'cri-o': [1, 31],
}

/** `v1.37.2`, `2.4.2`, `1.31.0-rc.1+build`: only major and minor count. */
function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, first, second] = /^v?(\d{1,6})\.(\d{1,6})(?!\d)/.exec(version) ?? []
  if (first === undefined) return false
  return Number(first) > major || (Number(first) === major && Number(second) >= minor)
}
