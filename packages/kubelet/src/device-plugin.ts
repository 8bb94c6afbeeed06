/** One unit that the kubelet hands out. */
export interface Device {
  /** At most 63 characters, unique within the resource, the same after every restart of the plugin. */
  readonly id: string
  readonly healthy: boolean
  /** The NUMA node that it is on, where the plugin knows it and a container gains by being on the same one. */
  readonly numaNode?: number | undefined
}

/** What a container gets along with its devices. Paths are absolute. */
export interface ContainerAllocation {
  readonly devices: readonly {
    readonly hostPath: string
    readonly containerPath: string
    /** Of `r`, `w` and `m` (mknod), each at most once. */
    readonly permissions: string
  }[]
  readonly mounts: readonly {
    readonly hostPath: string
    readonly containerPath: string
    readonly readOnly: boolean
  }[]
  readonly envs: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Fully qualified names of CDI devices, `vendor/class=name`, that the container runtime adds. */
  readonly cdiDevices: readonly string[]
}

/** A resource of this node, as its owner describes it; `servePlugin` speaks to the kubelet for it. */
export interface DevicePlugin {
  readonly resourceName: string
  /** The whole list, which may be empty: a device that is not in it does not exist. */
  devices(): readonly Device[]
  /** Calls `listener` when the list has changed, a device's health included; returns how to stop that. */
  onChange?(listener: () => void): () => void
  /**
   * Called with ids that are in the list and healthy. What it throws or rejects with is the kubelet's answer: the message is
   * in the rejected pod's status.
   */
  allocate(deviceIds: readonly string[]): ContainerAllocation | Promise<ContainerAllocation>
}
